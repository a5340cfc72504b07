"""What an auction came to, read from its result as it is settled.

The set-aside's cost to buyers is what the auction publishes: the price of each cell less what it
would have been without, times the lots bought there.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from suanli.market.auction.instance import Ints
from suanli.market.auction.records import Orders, Result, Sitting, from_bytes
from suanli.market.book import BUY
from suanli.simulation.week.stage import DECODE


@dataclass(slots=True)
class Cleared:
    """One settled auction: prices in milli-RMB a token, amounts in micro-RMB."""

    session: str
    start: int
    price_min: int
    price_mean: float  # by volume
    price_max: int
    lots: int
    welfare: int
    rejected: int
    cap: int
    cap_hours: int
    cap_wanted: int  # lots wanted at the cap, by curves, in those hours
    cap_filled: int
    decode_lots: int  # of the second grade, offered together with the first
    decode_mean: float
    start_cost: int  # of what was offered for one
    started_lots: int  # 0 where it was left out
    start_earned: int  # beyond its steps' prices; where left out, what it would have at the prices
    withheld_lots: int
    without_mean: float | None  # by the same volumes, had nothing been set aside; if known
    set_aside_cost: int | None


def cleared(rooms: Any, id: int, sitting: Sitting) -> Cleared:
    """Return what a settled auction came to."""
    result = rooms.market.tables["auction_results"][id]
    orders = rooms.market.auctions.orders(id)
    prices, volumes = from_bytes(result.prices), from_bytes(result.volumes)
    traded = volumes > 0
    at_cap = np.flatnonzero(traded & (prices == sitting.price_max))
    decode = volumes * _of_grade(sitting, DECODE)
    return Cleared(
        sitting.session, sitting.start, int(prices[traded].min(initial=2**40)) * bool(traded.any()),
        _mean(prices, volumes), int(prices[traded].max(initial=0)), int(volumes.sum()),
        result.welfare, result.rejected, sitting.price_max,
        len(set((at_cap % sitting.hours).tolist())),
        *_at_cap(orders, set(at_cap.tolist()), sitting.price_max),
        int(decode.sum()), _mean(prices, decode), *_started(orders, prices),
        sum(step.lots for step in sitting.withheld), *_without(result, prices, volumes))


def _mean(prices: Ints, volumes: Ints) -> float:
    return float((prices * volumes).sum() / volumes.sum()) if volumes.any() else 0.0


def _of_grade(sitting: Sitting, grade: str) -> Ints:
    """Return 1 for each cell of a grade, 0 for the others."""
    return np.repeat([int(name == grade) for _, _, name, _ in sitting.nodes], sitting.hours)


def _at_cap(orders: Orders, cells: set[int], cap: int) -> tuple[int, int]:
    """Return the lots that curves wanted at the cap in some cells, and what they got of them."""
    wanted = filled = 0
    for order in orders.values():
        curve = order.curve
        if curve and curve.side == BUY and curve.cell in cells and curve.steps[0][0] == cap:
            wanted += curve.steps[0][1]
            filled += sum(lots for _, lots in order.filled)
    return wanted, filled


def _started(orders: Orders, prices: Ints) -> tuple[int, int, int]:
    """Return start costs, the lots of offers, and what they earned or would have; a step a cell."""
    cost = taken = earned = 0
    for order in orders.values():
        if order.offer is None:
            continue
        steps = {cell: step for cell, (step,) in order.offer.hours}
        lots = dict(order.filled) or {cell: most for cell, (_, most) in steps.items()}
        cost += order.offer.fixed_cost
        taken += sum(lots for _, lots in order.filled)
        earned += sum(max(0, int(prices[cell]) - steps[cell][0]) * lots[cell] for cell in lots)
    return cost, taken, earned


def _without(result: Result, prices: Ints, volumes: Ints) -> tuple[float | None, int | None]:
    """Return the mean price had nothing been set aside, and what that cost the buyers."""
    if not result.prices_without:
        return None, None
    without = from_bytes(result.prices_without)
    return _mean(without, volumes), int(((prices - without) * volumes).sum())
