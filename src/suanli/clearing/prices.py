"""Integer prices that support a decision: the polyhedron of its duals, and a point in it.

Given one best dispatch, a price vector supports it if and only if (complementary slackness)

* each cell's price lies between its worst accepted and its best rejected step, and
* over each arc, with ``margin = gain * target - 1,000,000 * (source + fee)``: ``margin >= 0`` where
  something flows, ``margin <= 0`` where more could (with another gain: below a tick's worth,
  and where there is no other way, above minus one).

Each condition reads "one price is at least a rising function of another", so the integer points
are a lattice: a least and a greatest point exist, found by raising (lowering) prices until nothing
moves; and the least point above any vector below the greatest exists as well. The midpoint, rounded
down, of the least and greatest is itself a point if all gains are one (rounding down keeps
``a <= b + whole number``). Blocks add rows over several prices; where the midpoint breaks one, a
linear program finds the nearest point that does not, and rounding it at a common threshold keeps
all conditions of cells and arcs, so only the blocks' rows are tried again.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from suanli.clearing.dispatch import Dispatch
from suanli.market.auction.instance import NONE, UNIT, Arcs, Auction, Ints

Bools = NDArray[np.bool_]


class Support(NamedTuple):
    """The lattice of prices that support a dispatch."""

    least: Ints  # (cells,)
    greatest: Ints
    used: Ints  # arcs in which something flows
    open: Ints  # arcs in which more could flow
    loss: Ints  # (arcs,) millionths that one in use may lose


def support_of(auction: Auction, dispatch: Dispatch, offers: Ints) -> Support | None:
    """Return the prices that support a dispatch, or None where none does (a numerical failure).

    Arcs lose nothing where there are whole prices for that. Else those with another gain may lose
    less than a tick: real prices, rounded down, are then such prices.
    """
    found = _lattice(auction, dispatch, offers, np.zeros_like(auction.arcs.gain_ppm))
    loss = loss_of(auction.arcs.gain_ppm)
    return found if found or not loss.any() else _lattice(auction, dispatch, offers, loss)


def _lattice(auction: Auction, dispatch: Dispatch, offers: Ints, loss: Ints) -> Support | None:
    low, high = _interval(auction, dispatch, offers)
    arcs = auction.arcs
    used = np.flatnonzero(dispatch.flows > dispatch.grain)
    not_full = np.flatnonzero(dispatch.flows < arcs.capacity - dispatch.grain)
    support = Support(low, high, used, not_full, loss)
    least = raised(arcs, support, low)
    greatest = lowered(arcs, support, high)
    if least is None or greatest is None or (least > greatest).any():
        return None
    return Support(least, greatest, used, not_full, loss)


def midpoint(auction: Auction, support: Support) -> Ints:
    """Return the point at, or else next above, the middle of least and greatest, rounded down."""
    middle = (support.least + support.greatest) // 2
    found = raised(auction.arcs, support, middle)
    return support.greatest if found is None else found


def raised(arcs: Arcs, support: Support, prices: Ints) -> Ints | None:
    """Return the least point of the lattice at or above a vector, or None if it leaves it."""
    used, not_full = _parts(arcs, support.used), _parts(arcs, support.open)
    loss = support.loss[support.used]
    for _ in range(prices.size + 2):
        after = prices.copy()
        np.maximum.at(after, used.target, -((loss - UNIT * (prices[used.source] + used.fee))
                                            // used.gain_ppm))
        np.maximum.at(after, not_full.source, _least_source(not_full, prices))
        if np.array_equal(after, prices):
            return prices
        if (after > support.greatest).any():
            return None
        prices = after
    return None


def lowered(arcs: Arcs, support: Support, prices: Ints) -> Ints | None:
    """Return the greatest point of the lattice at or below a vector, or None if it leaves it."""
    used, not_full = _parts(arcs, support.used), _parts(arcs, support.open)
    loss = support.loss[support.used]
    for _ in range(prices.size + 2):
        after = prices.copy()
        np.minimum.at(after, used.source,
                      (used.gain_ppm * prices[used.target] + loss) // UNIT - used.fee)
        np.minimum.at(after, not_full.target, _greatest_target(not_full, prices))
        if np.array_equal(after, prices):
            return prices
        if (after < support.least).any():
            return None
        prices = after
    return None


def slack_of(gain_ppm: Ints) -> Ints:
    """Return the most that an arc which is not full may seem to gain, in millionths."""
    return np.where(gain_ppm == UNIT, 0, np.maximum(gain_ppm, UNIT) - 1)


def loss_of(gain_ppm: Ints) -> Ints:
    """Return the most that an arc in use may seem to lose, in millionths."""
    return np.where(gain_ppm == UNIT, 0, gain_ppm - 1)


def _least_source(arcs: Arcs, prices: Ints) -> Ints:
    margin = arcs.gain_ppm * prices[arcs.target] - slack_of(arcs.gain_ppm)
    return -(-margin // UNIT) - arcs.fee


def _greatest_target(arcs: Arcs, prices: Ints) -> Ints:
    return (UNIT * (prices[arcs.source] + arcs.fee) + slack_of(arcs.gain_ppm)) // arcs.gain_ppm


def _parts(arcs: Arcs, chosen: Ints) -> Arcs:
    return Arcs(*(field[chosen] for field in arcs))


def _interval(auction: Auction, dispatch: Dispatch, offers: Ints) -> tuple[Ints, Ints]:
    """Return what each cell's own steps allow its price to be, both ends inclusive."""
    columns, accepted = dispatch.columns, dispatch.accepted
    takes_part = columns.lots > 0
    if offers.size:
        takes_part &= (columns.offer == NONE) | (offers[columns.offer] == 1)
    some = takes_part & (accepted > dispatch.grain)
    rest = takes_part & (accepted < columns.lots - dispatch.grain)
    sells = columns.sign == 1
    low = np.full(auction.cells, auction.price_min)
    high = auction.highest
    for floor in (some & sells, rest & ~sells):
        np.maximum.at(low, columns.cell[floor], columns.price[floor])
    for ceiling in (rest & sells, some & ~sells):
        np.minimum.at(high, columns.cell[ceiling], columns.price[ceiling])
    return low, high
