"""From prices to whole lots, exactly: who gets how much at the margin, and over which arcs.

Given prices that support a best dispatch, the best dispatches are exactly those in which every step
better than the price is served, none worse, and likewise for arcs; what is free are the steps *at*
the price and the arcs without a margin (*tight*). Cells joined by tight arcs form a cluster. In a
cluster the traded volume is the greatest possible, which leaves one side fully served, and the
other side's steps share pro rata, rounded by largest remainder (ties: cell, lots, index). Where
the arcs cannot carry that, the least cut (by lots) is in every best solution full, so it is filled
and the cluster falls into two, each shared out in the same way: the decomposition algorithm for
separable convex resource allocation (Groenevelt 1991; Fujishige, Submodular Functions, ch. 8).

Where free arcs have other gains than one, `uneven` decides instead.
"""

from typing import NamedTuple

import numpy as np

from suanli.clearing.routing import route
from suanli.clearing.steps import labels
from suanli.clearing.uneven import balanced, full_and_free, lots_of_one
from suanli.market.auction.instance import NONE, UNIT, Auction, Ints
from suanli.market.auction.verification import arriving, leg_lots_accepted
from suanli.market.book import BUY


class Allocation(NamedTuple):
    """Accepted lots of each step, and of each arc."""

    lots: Ints
    flows: Ints


def net_sales(auction: Auction, block_ppm: Ints) -> Ints:
    """Return the lots that accepted blocks sell less those they buy, by cell: (cells,)."""
    blocks = auction.blocks
    legs = leg_lots_accepted(blocks, block_ppm)
    side = np.repeat(blocks.side, np.diff(blocks.leg_start))
    return summed(np.where(side == BUY, -legs, legs), blocks.leg_cell, auction.cells)


def summed(numbers: Ints, place: Ints, size: int) -> Ints:
    """Return sums by place: (size,)."""
    sums = np.zeros(size, np.int64)
    np.add.at(sums, place, numbers)
    return sums


def allocate(auction: Auction, prices: Ints, net: Ints, offers: Ints) -> Allocation | None:
    """Return whole lots that balance at these prices, or None where none do.

    `net`: the blocks' net sale by cell.
    """
    curves, arcs = auction.curves, auction.arcs
    gain = np.where(curves.side == BUY, 1, -1) * (curves.price - prices[curves.cell])
    if offers.size:
        gain = np.where((curves.offer == NONE) | (offers[curves.offer] == 1), gain, -1)
    lots = np.where(gain > 0, curves.lots, 0)
    full, free = full_and_free(arcs, prices)
    flows = np.where(full, arcs.capacity, 0)
    tight = np.flatnonzero(free)
    sold = np.where(curves.side == BUY, -lots, lots)
    surplus = (net + summed(sold, curves.cell, auction.cells)
               + summed(arriving(arcs, flows), arcs.target, auction.cells)
               - summed(flows, arcs.source, auction.cells))
    marginal = np.flatnonzero((gain == 0) & (curves.lots > 0))
    fixed = Allocation(lots, flows)
    if (arcs.gain_ppm[tight] == UNIT).all():
        return _shared(auction, surplus, marginal, tight, fixed)
    return _uneven(auction, prices, surplus, marginal, tight, fixed)


def _uneven(auction: Auction, prices: Ints, surplus: Ints, marginal: Ints, tight: Ints,
            fixed: Allocation) -> Allocation | None:
    """Share out what is free where free arcs have other gains than one."""
    curves, arcs = auction.curves, auction.arcs
    cell, lots = curves.cell[marginal], curves.lots[marginal]
    is_buy = curves.side[marginal] == BUY
    in_use = (arcs.gain_ppm != UNIT) & (fixed.flows > 0)
    spills = summed(np.where(in_use, lots_of_one(arcs.gain_ppm), 0), arcs.target, auction.cells)
    buys, sells = (summed(np.where(is_buy == side, lots, 0), cell, auction.cells)
                   for side in (True, False))
    found = balanced(surplus, buys, sells, prices, arcs, tight, spills)
    if found is None:
        return None
    bought, sold, fixed.flows[tight] = found
    fixed.lots[marginal] = largest_remainder(
        lots, np.where(is_buy, bought[cell], sold[cell]),
        np.where(is_buy, buys[cell], sells[cell]), cell * 2 + is_buy, _rank(auction, marginal))
    return fixed


def _rank(auction: Auction, marginal: Ints) -> Ints:
    """Return the rank of steps by cell, lots and index."""
    curves = auction.curves
    order = np.lexsort((marginal, curves.lots[marginal], curves.cell[marginal]))
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    return rank


def _shared(auction: Auction, surplus: Ints, marginal: Ints, tight: Ints,
            fixed: Allocation) -> Allocation | None:
    """Share out what is free; `surplus`: what each cell has too much without it."""
    curves, arcs = auction.curves, auction.arcs
    while True:
        label = labels(auction.cells, arcs.source[tight], arcs.target[tight])
        shared = pro_rata(auction, surplus, marginal, label)
        if shared is None:
            return None
        sold = np.where(curves.side[marginal] == BUY, -shared, shared)
        left = surplus + summed(sold, curves.cell[marginal], auction.cells)
        routed = route(left, arcs.source[tight], arcs.target[tight], arcs.capacity[tight])
        fixed.flows[tight] = routed.flows
        if routed.is_complete:
            fixed.lots[marginal] = shared
            return fixed
        # flows over the cut are final: full one way, nothing the other
        cut = routed.is_cut
        if not cut.any():
            return None
        crossing = tight[cut]
        surplus = (surplus - summed(fixed.flows[crossing], arcs.source[crossing], auction.cells)
                   + summed(fixed.flows[crossing], arcs.target[crossing], auction.cells))
        tight = tight[~cut]


def pro_rata(auction: Auction, surplus: Ints, marginal: Ints, label: Ints) -> Ints | None:
    """Return the lots of each marginal step: most volume, then pro rata within each cluster."""
    curves = auction.curves
    owner, lots = label[curves.cell[marginal]], curves.lots[marginal]
    is_buy = curves.side[marginal] == BUY
    over = summed(surplus, label, auction.cells)
    buys = summed(np.where(is_buy, lots, 0), owner, auction.cells)
    sells = summed(np.where(is_buy, 0, lots), owner, auction.cells)
    bought = np.minimum(buys, over + sells)
    sold = bought - over
    if (bought < 0).any() or (sold < 0).any() or (sold > sells).any():
        return None
    wanted = np.where(is_buy, bought[owner], sold[owner])
    whole = np.where(is_buy, buys[owner], sells[owner])
    return largest_remainder(lots, wanted, whole, owner * 2 + is_buy,
                             _rank(auction, marginal))


def largest_remainder(lots: Ints, wanted: Ints, whole: Ints, family: Ints, rank: Ints) -> Ints:
    """Return ``lots * wanted / whole`` in whole lots that sum to `wanted` in each family.

    The lots that rounding down leaves go to the largest remainders, ties to the lower rank.
    """
    # products of lots exceed 64 bits
    product = lots.astype(object) * wanted.astype(object)
    divisor = np.maximum(whole, 1).astype(object)
    shares = (product // divisor).astype(np.int64)
    rest = (product % divisor).astype(np.int64)
    numbers, place = np.unique(family, return_inverse=True)
    missing = _first_of(wanted, place, numbers.size) + summed(-shares, place, numbers.size)
    by_rest = np.lexsort((rank, -rest, place))
    start = np.searchsorted(place[by_rest], np.arange(numbers.size))
    position = np.arange(by_rest.size) - start[place[by_rest]]
    shares[by_rest] += position < missing[place[by_rest]]
    return np.asarray(shares)


def _first_of(values: Ints, place: Ints, size: int) -> Ints:
    found = np.zeros(size, np.int64)
    found[place] = values
    return found
