"""What tenants bid in the auctions, and what operators offer of the week: seeded, synthetic.

Half of the orders are blocks of some hours in a row, a third are curves hour by hour, the others
are flexible: so many hours in a row at any time of the day. Limits lie around the posted prices.
Some bidders pay whatever an hour costs, by curves; on the scarce day most do, and all want more.
Strips of the week are traded in whole standard blocks.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from suanli.market.auction.commands import EnterBlock, EnterCurve, EnterFlexible, Leg
from suanli.market.auction.instance import UNIT
from suanli.market.auction.records import Sitting
from suanli.market.book import BUY, SELL
from suanli.simulation.week.stage import (
    BUYS_AHEAD,
    BUYS_STRIP,
    DEVICES,
    GRADE,
    OPERATORS,
    PEOPLE,
    Operator,
)
from suanli.terms.instant import HOUR

BIDDERS: Final = PEOPLE[:120]
LIMITS_MRMB: Final = (600, 2200)
LOTS: Final = (400, 3600)
BLOCK, CURVE = 0.5, 0.85  # draws below are blocks, up to the second curves
KEEN, KEEN_WHEN_SCARCE = 0.08, 0.6
SCARCE_FACTOR: Final = 3
STRIP_LOTS: Final = 4_000  # what each enterprise needs, every hour: 4 tokens
STRIP_LIMIT_MRMB: Final = 2_000
STRIP_BLOCK_LOTS: Final = 2_000
STRIP_OFFER_PPM: Final = 250_000  # part of an operator's fleet that it offers for the whole week
STRIP_BIDDERS: Final = 10
HOME: Final = OPERATORS[0].area  # where the enterprises want their hours delivered
FIRM: Final = "firm"


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
        for order in _order(random, sitting, auction, area, price, lots, kind):
            yield bidder, order


def _order(random: np.random.Generator, sitting: Sitting, auction: int, area: str, price: int,
           lots: int, kind: float) -> Iterator[Any]:
    length = int(random.integers(3, 10))
    first = int(np.clip(random.normal(13 - length / 2, 4), 0, 24 - length))
    starts = [sitting.start + (first + hour) * HOUR for hour in range(length)]
    if kind < BLOCK:
        legs = tuple(Leg(0, area, GRADE, FIRM, start, lots) for start in starts)
        ratio = UNIT if random.random() < 0.7 else UNIT // 2
        yield EnterBlock(auction, BUY, price, ratio, legs, 0, "", 0)
    elif kind <= CURVE:
        for start in starts:
            steps = ((price, lots), (max(1, price * 3 // 4), lots // 2 + 1))
            yield EnterCurve(auction, 0, area, GRADE, FIRM, start, BUY, steps, 0, 0)
    else:
        latest = min(sitting.start + 24 * HOUR, starts[0] + (length + 8) * HOUR)
        yield EnterFlexible(auction, 0, area, GRADE, FIRM, price, lots, min(length, 6),
                            starts[0], latest, 0)


def daily_need(sitting: Sitting, auction: int) -> Iterator[tuple[str, Any]]:
    """Yield the orders of the enterprise that buys each hour a day ahead, at any price."""
    for hour in range(sitting.hours):
        yield BUYS_AHEAD, EnterCurve(auction, 0, HOME, GRADE, FIRM, sitting.start_of(hour), BUY,
                                     ((sitting.price_max, STRIP_LOTS),), 0, 0)


def weekly_need(sitting: Sitting, auction: int) -> tuple[str, EnterBlock]:
    """Return the strip that the hedged enterprise wants: the same every hour, or nothing."""
    return BUYS_STRIP, _strip(sitting, auction, BUY, STRIP_LIMIT_MRMB, (0, HOME), STRIP_LOTS)


def weekly_bids(random: np.random.Generator, sitting: Sitting,
                auction: int) -> Iterator[tuple[str, EnterBlock]]:
    """Yield the strips that some tenants want of the week."""
    for who in BIDDERS[:STRIP_BIDDERS]:
        yield who, _strip(sitting, auction, BUY, int(random.integers(800, 1600)), (0, HOME),
                          STRIP_BLOCK_LOTS)


def weekly_offers(sitting: Sitting, auction: int, operator: Operator, issuer: int,
                  rating: int) -> Iterator[tuple[str, EnterBlock]]:
    """Yield the strips that an operator sells at its posted price."""
    lots = operator.hosts * DEVICES * rating // 1000 * STRIP_OFFER_PPM // UNIT
    for _ in range(lots // STRIP_BLOCK_LOTS):
        yield operator.name, _strip(sitting, auction, SELL, operator.price_mrmb,
                                    (issuer, operator.area), STRIP_BLOCK_LOTS)


def _strip(sitting: Sitting, auction: int, side: int, price: int, where: tuple[int, str],
           lots: int) -> EnterBlock:
    legs = tuple(Leg(*where, GRADE, FIRM, sitting.start_of(hour), lots)
                 for hour in range(sitting.hours))
    return EnterBlock(auction, side, price, UNIT, legs, 0, "", 0)
