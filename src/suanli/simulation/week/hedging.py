"""An enterprise that needs the same every hour: its bill in each of five ways to buy it.

Five equal members really buy: one on the spot book ten minutes before each hour, one in each
day-ahead auction at any price, one a block of the week in its auction, one takes a strip at a fixed
price, one a strip between a floor and a cap. Bills are of what was paid for each hour.
"""

import statistics
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from suanli.ledger.row import account
from suanli.market.book import BUY, SELL
from suanli.market.commands import Order
from suanli.market.product import Product
from suanli.simulation.week.stage import (
    BUYS_AHEAD,
    BUYS_SPOT,
    BUYS_WEEK,
    FIRM,
    GRADE,
    NEED_LOTS,
    OPERATORS,
    TAKES_COLLAR,
    TAKES_FIXED,
    Operator,
    Plan,
)
from suanli.terms.instant import HOUR
from suanli.terms.quantity import LOT, RMB

WAYS: Final = {
    BUYS_SPOT: "spot, ten minutes ahead", BUYS_AHEAD: "day-ahead auction",
    TAKES_COLLAR: "strip with floor and cap", TAKES_FIXED: "strip at a fixed price",
    BUYS_WEEK: "weekly auction, one block"}
# Paid for all hours at once, at one price: what binds a block is the mean of its hours' prices.
AT_ONE_PRICE: Final = (BUYS_WEEK,)
# By (member's name, delivery hour): (lots, micro-RMB)
Bought = dict[tuple[str, int], tuple[int, int]]


class Bill(NamedTuple):
    """What one way to buy came to: the daily bill, RMB, and the part of the need it served."""

    way: str
    mean_rmb: float
    deviation_rmb: float
    price_mrmb: float
    served: float
    refunded_rmb: float  # in all, for hours that were not delivered


def spot_need(rooms: Any, members: dict[str, int], start: int, turn: int,
              at: int) -> Iterator[tuple[str, Order]]:
    """Yield the spot enterprise's order for what an hour still lacks.

    At its turn it asks the seller that is so many places from the cheapest, whatever it costs.
    """
    who = members[BUYS_SPOT]
    lacks = NEED_LOTS - sum(_owned(rooms, who, members[o.name], o, start) for o in OPERATORS)
    seller = sorted(OPERATORS, key=lambda o: _price(rooms, members[o.name], o, start))[turn]
    if lacks > 0:
        cap = int(rooms.members.parameter("price_mrmb_max", at))
        yield BUYS_SPOT, Order(members[seller.name], seller.area, GRADE, FIRM, start, BUY, cap,
                               lacks, True)


def _owned(rooms: Any, who: int, issuer: int, operator: Operator, start: int) -> int:
    klass = rooms.ledger.class_id(issuer, operator.area, GRADE, FIRM, start)
    return rooms.ledger.available(account(who, klass)) // LOT if klass else 0


def _price(rooms: Any, issuer: int, operator: Operator, start: int) -> int:
    book = rooms.market.books.get(Product(issuer, operator.area, GRADE, FIRM, start))
    asked = book.best(SELL) if book else None
    posted: int = rooms.market.offer(issuer, operator.area, GRADE, FIRM)
    return posted if asked is None else min(asked, posted)


def bills(plan: Plan, bought: Bought, refunded: dict[str, int]) -> list[Bill]:
    """Return the bill of each way to buy; `refunded`: micro-RMB by name.

    An hour that could not be bought costs nothing and is missing from `served`; mean and (sample)
    deviation are over days, of bills scaled to the whole need of the day.
    """
    return [_bill(way, _days(plan, bought, name), refunded.get(name, 0))
            for name, way in WAYS.items()]


def _days(plan: Plan, bought: Bought, name: str) -> list[tuple[int, float]]:
    """Return what was bought of each delivery day, and for how much: (lots, micro-RMB)."""
    days = []
    for day in range(1, plan.days + 1):
        hours = [bought.get((name, plan.day(day) + hour * HOUR), (0, 0)) for hour in range(24)]
        days.append((sum(lots for lots, _ in hours), float(sum(cash for _, cash in hours))))
    if name not in AT_ONE_PRICE:
        return days
    whole = [amounts for (buyer, _), amounts in bought.items() if buyer == name]
    price = sum(cash for _, cash in whole) / max(1, sum(lots for lots, _ in whole))
    return [(lots, lots * price) for lots, _ in days]


def _bill(way: str, days: list[tuple[int, float]], refunded: int) -> Bill:
    need = NEED_LOTS * 24
    whole = [cash * need / lots / RMB for lots, cash in days if lots]
    lots = sum(lots for lots, _ in days)
    return Bill(way, statistics.mean(whole) if whole else 0.0,
                statistics.stdev(whole) if len(whole) > 1 else 0.0,
                sum(cash for _, cash in days) / lots if lots else 0.0,
                lots / (need * len(days)), refunded / RMB)
