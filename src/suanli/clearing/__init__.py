"""Solves auctions: the program, its prices, cuts against losers, and an answer in any case."""
