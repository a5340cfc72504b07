"""Prices at which nobody accepted loses, for a decision: dispatch, lattice, and blocks' rows.

First the midpoint, which is right whenever no block minds. Otherwise a linear program looks for the
supporting prices nearest to it (least sum of distances) that give every accepted block, family and
offer what it is due; rounding at a common threshold keeps the lattice's conditions, and the rest is
checked exactly. If no threshold serves, a small integer program decides.
"""

import time
from typing import NamedTuple

import numpy as np

from suanli.clearing.decision import (
    GENERATIONS,
    Decision,
    Losers,
    Priced,
    Rejected,
    block_lots,
    block_of_leg,
    decided_value,
    dispatched_value,
    losers_at,
)
from suanli.clearing.dispatch import Dispatch, Dispatcher
from suanli.clearing.prices import Support, midpoint, raised, slack_of, support_of
from suanli.clearing.rounding import net_sales
from suanli.clearing.solver import (
    INFINITY,
    Bounds,
    Entries,
    Floats,
    Infeasible,
    Unsolved,
    joined,
    loaded,
    run,
)
from suanli.market.auction.instance import NONE, UNIT, Auction, Ints
from suanli.market.book import SELL

THRESHOLDS = (1e-6, 1 - 1e-6, 0.5, 0.25, 0.75)
REPAIR_SECONDS = 5.0


class Rows(NamedTuple):
    """What accepted blocks and offers are due: ``lower <= entries @ prices <= upper``."""

    entries: Entries
    bounds: Bounds


def priced(dispatcher: Dispatcher, decision: Decision, until: float,
           lost: int = 0) -> Priced | Rejected:
    """Return a decision with prices at which nobody loses, or why there are none.

    `lost`: lots that rounding is taken to lose over each arc with another gain than one.
    Raises: TimeoutError, Unsolved.
    """
    auction = dispatcher.auction
    nobody = Losers(*(np.zeros(0, np.int64),) * 3)
    try:
        net = net_sales(auction, decision.block_ppm) - lost * _uneven_into(auction)
        dispatch = dispatcher.solve(net, decision.offers, until)
    except Infeasible:
        return Rejected(decision, nobody, None)
    support = support_of(auction, dispatch, decision.offers)
    if support is None:
        return Rejected(decision, nobody, None)
    prices = midpoint(auction, support)
    losers = losers_at(auction, decision, prices)
    if losers:
        nearest = nearest_prices(auction, decision, dispatch, support, prices, until)
        if nearest is None:
            return Rejected(decision, losers, support)
        prices = nearest
    welfare = dispatched_value(auction, dispatch) + decided_value(auction, decision)
    return Priced(decision, dispatch, prices, welfare)


def _uneven_into(auction: Auction) -> Ints:
    """Return how many arcs with another gain than one lead into each cell: (cells,)."""
    return np.bincount(auction.arcs.target[auction.arcs.gain_ppm != UNIT],
                       minlength=auction.cells)


def nearest_prices(auction: Auction, decision: Decision, dispatch: Dispatch, support: Support,
                   middle: Ints, until: float) -> Ints | None:
    """Return supporting prices near the middle at which nobody loses, or None if none are found."""
    seconds = min(REPAIR_SECONDS, until - time.perf_counter())
    rows = _due(auction, decision, dispatch)
    for is_whole in (False, True):
        try:
            found = _nearest(auction, support, middle, rows, is_whole, seconds)
        except Unsolved:
            return None
        if found is None:
            return None
        for threshold in THRESHOLDS:
            prices = np.floor(found + threshold).astype(np.int64)
            lattice = raised(auction.arcs, support,
                             np.clip(prices, support.least, support.greatest))
            if lattice is not None and not losers_at(auction, decision, lattice):
                return lattice
    return None


def _nearest(auction: Auction, support: Support, middle: Ints, rows: Rows, is_whole: bool,
             seconds: float) -> Floats | None:
    """Return the point nearest to the middle, or None if the time is over first."""
    cells, arcs = auction.cells, auction.arcs
    scale = float(max(np.abs(support.greatest).max(), np.abs(support.least).max(), 1)) / 1e4
    if is_whole:
        scale = 1.0
    up = (support.greatest - middle) / scale
    down = (middle - support.least) / scale
    used, free = support.used, support.open
    conditions = joined([_over_arcs(auction, used, 0), _over_arcs(auction, free, used.size),
                         rows.entries._replace(row=rows.entries.row + used.size + free.size)])
    fee = arcs.fee * 1.0
    least = fee[used] - support.loss[used] / UNIT
    lower = np.concatenate([least, np.full(free.size, -INFINITY), rows.bounds.lower])
    most = fee[free] + slack_of(arcs.gain_ppm[free]) / UNIT
    upper = np.concatenate([np.full(used.size, INFINITY), most, rows.bounds.upper])
    at_middle = np.zeros(lower.size)
    np.add.at(at_middle, conditions.row, conditions.value * middle[conditions.column])
    both = joined([conditions, Entries(conditions.row, conditions.column + cells,
                                       -conditions.value)])
    solver = loaded(np.ones(2 * cells), Bounds(np.zeros(2 * cells), np.concatenate([up, down])),
                    Bounds((lower - at_middle) / scale, (upper - at_middle) / scale), both,
                    np.full(2 * cells, is_whole))
    if not run(solver, seconds, is_whole):
        return None
    value = np.asarray(solver.getSolution().col_value) * scale
    if is_whole:
        value = np.rint(value)
    return np.asarray(middle + value[:cells] - value[cells:])


def _over_arcs(auction: Auction, chosen: Ints, row: int) -> Entries:
    """Return the rows ``gain * target - source`` of chosen arcs."""
    arcs, number = auction.arcs, row + np.arange(chosen.size)
    return joined([Entries(number, arcs.target[chosen], arcs.gain_ppm[chosen] / UNIT),
                   Entries(number, arcs.source[chosen], np.full(chosen.size, -1.0))])


def _due(auction: Auction, decision: Decision, dispatch: Dispatch) -> Rows:
    """Return the rows of accepted blocks (with accepted descendants), partial ones, and offers.

    Each row is divided by its lots, so that its slack is in prices.
    """
    blocks, ppm = auction.blocks, decision.block_ppm
    accepted = np.flatnonzero(ppm > 0)
    partial = np.flatnonzero((ppm > blocks.ratio_ppm) & (ppm < UNIT))
    families, limit = _families(auction, decision, accepted)
    own, own_limit = _families(auction, decision, partial, alone=True)
    offers, fixed = _incomes(auction, decision, dispatch)
    row = own._replace(row=own.row + accepted.size)
    last = offers._replace(row=offers.row + accepted.size + partial.size)
    # a partial block's slack: half a tick a lot, so that rounding stays below a tick
    lower = np.concatenate([limit, own_limit - 0.5, fixed])
    upper = np.concatenate([np.full(limit.size, INFINITY), own_limit + 0.5,
                            np.full(fixed.size, INFINITY)])
    return Rows(joined([families, row, last]), Bounds(lower, upper))


def _families(auction: Auction, decision: Decision, heads: Ints,
              alone: bool = False) -> tuple[Entries, Floats]:
    """Return the rows "surplus of head and accepted descendants >= 0" as entries and limits."""
    blocks = auction.blocks
    owner, lots = block_of_leg(blocks), block_lots(blocks)
    place = np.full(blocks.side.size, NONE)
    place[heads] = np.arange(heads.size)
    sign = np.where(blocks.side == SELL, 1.0, -1.0)
    parts, limit = [], np.zeros(heads.size)
    above = np.arange(blocks.side.size)
    for _ in range(1 if alone else GENERATIONS):
        row = np.where(above == NONE, NONE, place[above])
        head = np.where(row == NONE, 0, above)
        weight = sign * decision.block_ppm / np.maximum(decision.block_ppm[head], 1) / lots[head]
        weight = np.where(row == NONE, 0.0, weight)
        legs = np.flatnonzero((row[owner] != NONE) & (weight[owner] != 0.0))
        parts.append(Entries(row[owner[legs]], blocks.leg_cell[legs],
                             weight[owner[legs]] * blocks.leg_lots[legs]))
        member = np.flatnonzero((row != NONE) & (weight != 0.0))
        np.add.at(limit, row[member], weight[member] * lots[member] * blocks.price[member])
        above = np.where(above == NONE, NONE, blocks.parent[above])
    return joined(parts), limit


def _incomes(auction: Auction, decision: Decision, dispatch: Dispatch) -> tuple[Entries, Floats]:
    """Return the rows "an accepted offer earns its fixed cost"."""
    columns = dispatch.columns
    chosen = np.flatnonzero(decision.offers == 1)
    place = np.full(decision.offers.size + 1, NONE)  # the last for steps of no offer
    place[chosen] = np.arange(chosen.size)
    used = np.flatnonzero((place[columns.offer] != NONE) & (dispatch.accepted > 0))
    row, lots = place[columns.offer[used]], dispatch.accepted[used]
    total, spent = np.zeros(chosen.size), np.zeros(chosen.size)
    np.add.at(total, row, lots)
    np.add.at(spent, row, lots * columns.price[used])
    total = np.maximum(total, 1.0)
    return (Entries(row, columns.cell[used], lots / total[row]),
            (auction.offers.fixed[chosen] + spent) / total)
