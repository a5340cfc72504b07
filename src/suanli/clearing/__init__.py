"""Solves auctions: the program, its prices, cuts against losers, and an answer in any case."""

from suanli.clearing.solve import Outcome, solve

__all__ = ["Outcome", "solve"]
