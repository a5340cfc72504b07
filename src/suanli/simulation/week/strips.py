"""Strips of the week: each operator writes two, one at a fixed price and one between two prices.

The floor is the operator's base price, the cap a third more, the fixed price lies half-way. The
enterprises take those of the operator in their own area; tenants, who use the hours or sell them
again, take the others.
"""

from collections.abc import Iterator
from typing import Any, Final

from suanli.market.commands import TakeStrip, WriteStrip
from suanli.simulation.week.bids import HOME
from suanli.simulation.week.stage import (
    FIRM,
    GRADE,
    NEED_LOTS,
    PEOPLE,
    SUNDAY,
    TAKES_COLLAR,
    TAKES_FIXED,
    Operator,
    Plan,
)
from suanli.terms.instant import HOUR

UNTIL: Final = SUNDAY + 10 * HOUR  # before the auctions whose prices they have
TAKERS: Final = PEOPLE[184:188]


def written(plan: Plan, operator: Operator) -> Iterator[tuple[str, WriteStrip]]:
    """Yield an operator's strips: all hours of the week, one copy of each."""
    floor, cap = operator.price_mrmb, operator.price_mrmb * 4 // 3
    middle = (floor + cap) // 2
    for prices in ((middle, middle), (floor, cap)):
        yield operator.name, WriteStrip(operator.area, GRADE, FIRM, plan.day(1), plan.days * 24,
                                        NEED_LOTS, *prices, UNTIL, 1)


def taken(rooms: Any) -> Iterator[tuple[str, TakeStrip]]:
    """Yield who takes which of the strips that are written."""
    others = iter(TAKERS)
    for id, written in rooms.market.tables["strips"].items():
        if written.strip.area == HOME:
            yield TAKES_COLLAR if written.strip.spread else TAKES_FIXED, TakeStrip(id)
        else:
            yield next(others), TakeStrip(id)
