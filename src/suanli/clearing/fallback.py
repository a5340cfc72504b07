"""An answer without a solver: every cell for itself, in integers.

No block, no offer, no flow: each cell clears its own simple curves at the price where they cross.
The arcs count as withdrawn: such a clearing is right for the auction as `decoupled` returns it.
"""

import numpy as np

from suanli.clearing.rounding import pro_rata
from suanli.market.auction.instance import NONE, Auction, Clearing, Ints
from suanli.market.auction.verification import welfare_of
from suanli.market.book import BUY


def decoupled(auction: Auction) -> Auction:
    """Return an auction whose arcs carry nothing."""
    arcs = auction.arcs
    return Auction(auction.cells, auction.price_min, auction.price_max, auction.curves,
                   auction.blocks, auction.offers,
                   arcs._replace(capacity=np.zeros_like(arcs.capacity)))


def cleared_apart(auction: Auction) -> Clearing:
    """Return the clearing of each cell for itself.

    Cost: O(steps log steps).
    """
    curves = auction.curves
    simple = np.where(curves.offer == NONE, curves.lots, 0)
    least, greatest = crossing(auction, simple)
    prices = (least + greatest) // 2
    gain = np.where(curves.side == BUY, 1, -1) * (curves.price - prices[curves.cell])
    lots = np.where(gain > 0, simple, 0)
    sold = np.where(curves.side == BUY, -lots, lots)
    surplus = np.zeros(auction.cells, np.int64)
    np.add.at(surplus, curves.cell, sold)
    marginal = np.flatnonzero((gain == 0) & (simple > 0))
    shared = pro_rata(auction, surplus, marginal, np.arange(auction.cells))
    if shared is not None:
        lots[marginal] = shared
    clearing = Clearing(prices, lots, np.zeros(auction.blocks.side.size, np.int64),
                        np.zeros(auction.offers.fixed.size, np.int64),
                        np.zeros(auction.arcs.source.size, np.int64), 0)
    return clearing._replace(welfare=welfare_of(auction, clearing))


def crossing(auction: Auction, lots: Ints) -> tuple[Ints, Ints]:
    """Return the least and greatest price at which each cell's steps clear: (cells,) each.

    At a price p supply offers up to ``S(p)``, all sells at p or below, and demand takes at least
    ``D(p)``, all buys above p. The least price is the first with ``S(p) >= D(p)``; the greatest the
    last with sells *below* p no more than buys *at or above* it.
    """
    curves = auction.curves
    least, greatest = (np.full(auction.cells, bound) for bound in
                       (auction.price_min, auction.price_max))
    rank = np.lexsort((curves.price, curves.cell))
    bounds = np.searchsorted(curves.cell[rank], np.arange(auction.cells + 1))
    for cell in range(auction.cells):
        rows = rank[bounds[cell]:bounds[cell + 1]]
        rows = rows[lots[rows] > 0]
        if rows.size:
            least[cell], greatest[cell] = _crossing(
                curves.price[rows], np.where(curves.side[rows] == BUY, lots[rows], 0),
                np.where(curves.side[rows] == BUY, 0, lots[rows]), auction)
    return least, greatest


def _crossing(price: Ints, buys: Ints, sells: Ints, auction: Auction) -> tuple[int, int]:
    """Return the interval of one cell; steps in rising price."""
    demand = int(buys.sum())
    at_most = np.searchsorted(price, price, side="right")
    below = np.searchsorted(price, price)
    supply, given_up = (np.concatenate([[0], np.cumsum(part)]) for part in (sells, buys))
    enough = supply[at_most] >= demand - given_up[at_most]
    not_too_much = supply[below] <= demand - given_up[below]
    least = int(price[enough][0]) if enough.any() else auction.price_max
    greatest = int(price[not_too_much][-1]) if not_too_much.any() else auction.price_min
    if not (sells.any() and buys.any()):
        least, greatest = _one_sided(price, bool(sells.any()), auction)
    least = min(max(least, auction.price_min), auction.price_max)
    return least, max(least, min(greatest, auction.price_max))


def _one_sided(price: Ints, sells: bool, auction: Auction) -> tuple[int, int]:
    """Return the prices at which nothing is traded."""
    return (auction.price_min, int(price[0])) if sells else (int(price[-1]), auction.price_max)
