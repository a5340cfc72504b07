"""The best welfare of a small auction, by trying every way to take its blocks and offers.

A block is rejected, taken at its least ratio, taken whole, or, where it may be curtailed, taken in
between. Each way leaves a linear program for the quantities and asks for whole prices that support
it (an integer program without an objective). Subtrees whose relaxed welfare is not above the best
found are skipped, which loses nothing: settling more can only lower the welfare.

Where a block is in between and no whole prices support the program's optimum, that way is solved
anew with quantities and prices at once (`complementarity`).
"""

from typing import NamedTuple

import numpy as np

from suanli.market.auction.instance import UNIT, Auction
from tests.oracles import complementarity
from tests.oracles.prices import supporting_prices
from tests.oracles.quantities import Program, Quantities

GRAIN = 1e-6  # of the welfare's own size: less is a tie


class Best(NamedTuple):
    """The best welfare, and one way to it."""

    welfare: float
    quantities: Quantities | None
    prices: np.ndarray | None
    offers: np.ndarray
    ways: int  # programs solved


class _Search:
    def __init__(self, auction: Auction) -> None:
        self.auction = auction
        self.program = Program(auction)
        self.best = Best(-np.inf, None, None, np.zeros(0, bool), 0)
        self.ways = 0

    def is_better(self, welfare: float) -> bool:
        return welfare > self.best.welfare + GRAIN * max(1.0, abs(welfare))

    def settle(self, place: int, low: np.ndarray, high: np.ndarray, free: np.ndarray,
               offers: np.ndarray) -> None:
        """Try every way from `place` on: the blocks first, then the offers."""
        blocks = self.auction.blocks.side.size
        found = self.program.best(low, high, offers)
        self.ways += 1
        taken = int(self.auction.offers.fixed[:max(place - blocks, 0)]
                    [offers[:max(place - blocks, 0)]].sum())
        if found is None or not self.is_better(found.welfare - taken):
            return
        if place == blocks + offers.size:
            self._judge(found, found.welfare - taken, low, high, free, offers)
        elif place >= blocks:
            for choice in (True, False):
                offers = offers.copy()
                offers[place - blocks] = choice
                self.settle(place + 1, low, high, free, offers)
        else:
            self._settle_block(place, low, high, free, offers)

    def _settle_block(self, block: int, low: np.ndarray, high: np.ndarray, free: np.ndarray,
                      offers: np.ndarray) -> None:
        least = self.auction.blocks.ratio_ppm[block] / UNIT
        ways = [(1.0, 1.0, False), (0.0, 0.0, False)]
        if least < 1:
            ways += [(least, least, False), (least, 1.0, True)]
        for lower, upper, between in ways:
            low, high, free = low.copy(), high.copy(), free.copy()
            low[block], high[block], free[block] = lower, upper, between
            self.settle(block + 1, low, high, free, offers)

    def _judge(self, found: Quantities, welfare: float, low: np.ndarray, high: np.ndarray,
               free: np.ndarray, offers: np.ndarray) -> None:
        prices = supporting_prices(self.auction, found, offers)
        if prices is not None:
            self.best = Best(welfare, found, prices, offers, 0)
        elif free.any() or self.uneven:
            best = complementarity.best(self.auction, low, high, free, offers)
            if best is not None and self.is_better(best):
                self.best = Best(best, None, None, offers, 0)

    @property
    def uneven(self) -> bool:
        """Say whether an arc's gain keeps whole prices from being a program's own."""
        return bool((self.auction.arcs.gain_ppm != UNIT).any())


def best(auction: Auction) -> Best:
    """Return the greatest welfare that a clearing of the auction may have."""
    blocks, offers = auction.blocks.side.size, auction.offers.fixed.size
    search = _Search(auction)
    search.settle(0, np.zeros(blocks), np.ones(blocks), np.zeros(blocks, bool),
                  np.ones(offers, bool))
    return search.best._replace(ways=search.ways)
