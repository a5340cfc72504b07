"""An enterprise that needs the same every hour: its bill by spot, a day ahead, by strip, collared.

Three equal members really buy: one on the spot book ten minutes before each hour, one in each
day-ahead auction at any price, one a strip of the week. The collar is computed, not traded: the
spot bill, with what lies above a cap (below a floor) around the strip's price settled in cash.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from suanli.ledger.row import account
from suanli.market.auction.records import BUY, SELL
from suanli.market.commands import Order
from suanli.market.product import Product
from suanli.simulation.week.bids import FIRM, STRIP_LOTS
from suanli.simulation.week.stage import BUYS_SPOT, GRADE, OPERATORS, Operator, Plan
from suanli.terms.instant import HOUR
from suanli.terms.quantity import LOT, RMB

COLLAR_PPM: Final = 100_000  # the cap and the floor lie so far from the strip's price
PPM: Final = 1_000_000
# By (member's name, delivery hour): (lots, micro-RMB)
Bought = dict[tuple[str, int], tuple[int, int]]


class Bill(NamedTuple):
    """What one way to buy came to: the daily bill, RMB, and the part of the need it served."""

    way: str
    mean_rmb: float
    deviation_rmb: float
    served: float
    price_mrmb: float


def spot_need(rooms: Any, members: dict[str, int], start: int, turn: int,
              at: int) -> Iterator[tuple[str, Order]]:
    """Yield the spot enterprise's order for what an hour still lacks.

    At its turn it asks the seller that is so many places from the cheapest, whatever it costs.
    """
    who = members[BUYS_SPOT]
    lacks = STRIP_LOTS - sum(_owned(rooms, who, members[o.name], o, start) for o in OPERATORS)
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


def bills(plan: Plan, bought: Bought, ways: dict[str, str]) -> list[Bill]:
    """Return the bills of the members by how they buy (name -> way), the collar's last.

    Hours that could not be bought cost nothing and are missing from `served`; the mean and the
    (sample) deviation are over days, of bills scaled to the whole need of the day.
    """
    found = [_bill(way, [_day(plan, bought, name, day) for day in _days(plan)])
             for name, way in ways.items()]
    strip = next(b.price_mrmb for b, name in zip(found, ways, strict=True) if name != BUYS_SPOT
                 and ways[name] == STRIP)
    low, high = strip * (PPM - COLLAR_PPM) / PPM, strip * (PPM + COLLAR_PPM) / PPM
    return [*found, _bill(COLLAR, [_day(plan, bought, BUYS_SPOT, day, (low, high))
                                   for day in _days(plan)])]


STRIP, COLLAR = "weekly strip", "spot with a collar (computed, not traded)"


def _days(plan: Plan) -> range:
    return range(1, plan.days + 1)


def _day(plan: Plan, bought: Bought, name: str, day: int,
         collar: tuple[float, float] | None = None) -> tuple[int, float]:
    """Return (lots, milli-RMB x lots) of a delivery day."""
    total: dict[str, float] = defaultdict(float)
    for hour in range(24):
        lots, cash = bought.get((name, plan.day(day) + hour * HOUR), (0, 0))
        price = cash / lots if lots else 0.0
        if collar is not None and lots:
            price = min(max(price, collar[0]), collar[1])
        total["lots"] += lots
        total["cash"] += price * lots
    return int(total["lots"]), total["cash"]


def _bill(way: str, days: list[tuple[int, float]]) -> Bill:
    need = STRIP_LOTS * 24
    whole = [cash * need / lots / RMB for lots, cash in days if lots]
    lots = sum(lots for lots, _ in days)
    return Bill(way, statistics.mean(whole) if whole else 0.0,
                statistics.stdev(whole) if len(whole) > 1 else 0.0,
                lots / (need * len(days)), sum(cash for _, cash in days) / lots if lots else 0.0)
