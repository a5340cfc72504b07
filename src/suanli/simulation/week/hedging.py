"""An enterprise that needs the same every hour: its bill by spot, a day ahead, by strip, collared.

Three equal members really buy: one on the spot book ten minutes before each hour, one in each
day-ahead auction at any price, one a strip of the week at one fixed price. The collar is computed,
not traded: the spot bill, with what lies above a cap (below a floor) around the strip's price
settled in cash.
"""

import statistics
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from suanli.ledger.row import account
from suanli.market.book import BUY, SELL
from suanli.market.commands import Order
from suanli.market.product import Product
from suanli.simulation.week.bids import FIRM, STRIP_LOTS
from suanli.simulation.week.stage import (
    BUYS_AHEAD,
    BUYS_SPOT,
    BUYS_STRIP,
    GRADE,
    OPERATORS,
    Operator,
    Plan,
)
from suanli.terms.instant import HOUR
from suanli.terms.quantity import LOT, PPM, RMB

COLLAR_PPM: Final = 100_000  # the cap and the floor lie so far from the strip's price
WAYS: Final = {BUYS_SPOT: "spot, ten minutes ahead", BUYS_AHEAD: "day-ahead auction"}
STRIP: Final = "weekly strip (paid at once; a day is a seventh)"
COLLAR: Final = "spot with a collar (computed, not traded)"
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


def bills(plan: Plan, bought: Bought) -> list[Bill]:
    """Return the bill of each way to buy, the collar's last.

    An hour that could not be bought costs nothing and is missing from `served`; mean and (sample)
    deviation are over days, of bills scaled to the whole need of the day.
    """
    days = range(1, plan.days + 1)
    found = [_bill(way, [_day(plan, bought, name, day) for day in days])
             for name, way in WAYS.items()]
    strip = _strip_price(bought)
    if strip is None:
        return found
    served = _bill("", [_day(plan, bought, BUYS_STRIP, day) for day in days]).served
    collar = strip * (PPM - COLLAR_PPM) / PPM, strip * (PPM + COLLAR_PPM) / PPM
    return [*found, Bill(STRIP, strip * STRIP_LOTS * 24 / RMB, 0.0, served, strip),
            _bill(COLLAR, [_day(plan, bought, BUYS_SPOT, day, collar) for day in days])]


def _strip_price(bought: Bought) -> float | None:
    """Return the one price of the strip, milli-RMB a token: what was paid for all of it at once.

    Its hours have prices of their own, whose sum is all that a block's limit binds.
    """
    hours = [amounts for (name, _), amounts in bought.items() if name == BUYS_STRIP]
    lots = sum(lots for lots, _ in hours)
    return sum(cash for _, cash in hours) / lots if lots else None


def _day(plan: Plan, bought: Bought, name: str, day: int,
         collar: tuple[float, float] | None = None) -> tuple[int, float]:
    """Return what was bought of a delivery day, and for how much: (lots, micro-RMB)."""
    total_lots, total = 0, 0.0
    for hour in range(24):
        lots, cash = bought.get((name, plan.day(day) + hour * HOUR), (0, 0))
        if not lots:
            continue
        price = cash / lots
        if collar is not None:
            price = min(max(price, collar[0]), collar[1])
        total_lots += lots
        total += price * lots
    return total_lots, total


def _bill(way: str, days: list[tuple[int, float]]) -> Bill:
    need = STRIP_LOTS * 24
    whole = [cash * need / lots / RMB for lots, cash in days if lots]
    lots = sum(lots for lots, _ in days)
    return Bill(way, statistics.mean(whole) if whole else 0.0,
                statistics.stdev(whole) if len(whole) > 1 else 0.0,
                lots / (need * len(days)), sum(cash for _, cash in days) / lots if lots else 0.0)
