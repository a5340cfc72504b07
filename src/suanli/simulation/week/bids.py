"""What tenants bid in the auctions: seeded, synthetic.

Half of the orders are blocks of some hours in a row, a third are curves hour by hour, the others
are flexible: so many hours in a row at any time of the day. Limits lie around the posted prices.
Some bidders pay whatever an hour costs, by curves; on the scarce day most do, and all want more.
Some want the second grade. Of the week whole standard blocks are wanted.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from suanli.market.auction.commands import EnterBlock, EnterCurve, EnterFlexible, Leg
from suanli.market.auction.instance import UNIT
from suanli.market.auction.records import Sitting
from suanli.market.book import BUY
from suanli.simulation.week.stage import (
    BUYS_AHEAD,
    BUYS_WEEK,
    DECODE,
    FIRM,
    GRADE,
    NEED_LOTS,
    OPERATORS,
    PEOPLE,
)
from suanli.terms.instant import HOUR

BIDDERS: Final = PEOPLE[:120]
LIMITS_MRMB: Final = (600, 2200)
LOTS: Final = (400, 3600)
BLOCK, CURVE = 0.5, 0.85  # draws below are blocks, up to the second curves
KEEN, KEEN_WHEN_SCARCE = 0.08, 0.6
SCARCE_FACTOR: Final = 3
WANTS_DECODE: Final = 0.25
WEEK_LIMIT_MRMB: Final = 2_000
WEEK_BLOCK_LOTS: Final = 2_000
WEEK_BIDDERS: Final = 10
HOME: Final = OPERATORS[0].area  # where the enterprises want their hours delivered


def bids(random: np.random.Generator, sitting: Sitting, auction: int, who: tuple[str, ...],
         is_scarce: bool) -> Iterator[tuple[str, Any]]:
    """Yield (bidder, order) of the bidders' orders in a day-ahead auction."""
    for bidder in who:
        lots = int(random.integers(*LOTS)) * (SCARCE_FACTOR if is_scarce else 1)
        price = min(int(random.integers(*LIMITS_MRMB)), sitting.price_max)
        kind = random.random()
        if random.random() < (KEEN_WHEN_SCARCE if is_scarce else KEEN):
            price, kind = sitting.price_max, CURVE
        area = OPERATORS[random.integers(len(OPERATORS))].area
        node = area, DECODE if random.random() < WANTS_DECODE else GRADE, FIRM
        for order in _order(random, sitting, auction, node, price, lots, kind):
            yield bidder, order


def _order(random: np.random.Generator, sitting: Sitting, auction: int,
           node: tuple[str, str, str], price: int, lots: int, kind: float) -> Iterator[Any]:
    length = int(random.integers(3, 10))
    first = int(np.clip(random.normal(13 - length / 2, 4), 0, 24 - length))
    starts = [sitting.start + (first + hour) * HOUR for hour in range(length)]
    if kind < BLOCK:
        legs = tuple(Leg(0, *node, start, lots) for start in starts)
        ratio = UNIT if random.random() < 0.7 else UNIT // 2
        yield EnterBlock(auction, BUY, price, ratio, legs, 0, "", 0)
    elif kind <= CURVE:
        for start in starts:
            steps = ((price, lots), (max(1, price * 3 // 4), lots // 2 + 1))
            yield EnterCurve(auction, 0, *node, start, BUY, steps, 0, 0)
    else:
        latest = min(sitting.start + 24 * HOUR, starts[0] + (length + 8) * HOUR)
        yield EnterFlexible(auction, 0, *node, price, lots, min(length, 6), starts[0], latest, 0)


def daily_need(sitting: Sitting, auction: int) -> Iterator[tuple[str, Any]]:
    """Yield the orders of the enterprise that buys each hour a day ahead, at any price."""
    for hour in range(sitting.hours):
        yield BUYS_AHEAD, EnterCurve(auction, 0, HOME, GRADE, FIRM, sitting.start_of(hour), BUY,
                                     ((sitting.price_max, NEED_LOTS),), 0, 0)


def weekly_need(sitting: Sitting, auction: int) -> tuple[str, EnterBlock]:
    """Return the block that an enterprise wants of the week: the same every hour, or nothing."""
    return BUYS_WEEK, _block(sitting, auction, WEEK_LIMIT_MRMB, NEED_LOTS)


def weekly_bids(random: np.random.Generator, sitting: Sitting,
                auction: int) -> Iterator[tuple[str, EnterBlock]]:
    """Yield the blocks that some tenants want of the week."""
    for who in BIDDERS[:WEEK_BIDDERS]:
        yield who, _block(sitting, auction, int(random.integers(800, 1600)), WEEK_BLOCK_LOTS)


def _block(sitting: Sitting, auction: int, price: int, lots: int) -> EnterBlock:
    legs = tuple(Leg(0, HOME, GRADE, FIRM, sitting.start_of(hour), lots)
                 for hour in range(sitting.hours))
    return EnterBlock(auction, BUY, price, UNIT, legs, 0, "", 0)
