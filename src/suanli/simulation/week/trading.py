"""What people do on the spot book: buy ahead of need, sell again what they hold; seeded.

An operator's posted price follows what is sold of its next hour: the fuller, the dearer. The
beneficiary of the set-aside buys a little of each hour, some hours ahead, whatever it costs.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from suanli.ledger.row import account
from suanli.market.book import BUY, SELL
from suanli.market.commands import Order, PostOffer
from suanli.simulation.week.stage import (
    BENEFICIARY,
    FIRM,
    GRADE,
    OPERATORS,
    PEOPLE,
    TIERS,
    Operator,
)
from suanli.terms.instant import HOUR, hour_of
from suanli.terms.quantity import LOT

TRADERS: Final = PEOPLE[110:160]  # some of them bid in the auctions too
BUYS_AN_HOUR, SALES_AN_HOUR = 6, 4
AHEAD_HOURS: Final = 6
SURGE: Final = 1  # a fleet that is sold out asks so much of its base price more
DRAWN_LOTS: Final = 1_500  # what the beneficiary wants of each operator's hours
Said = Iterator[tuple[str, Any]]


def purchases(random: np.random.Generator, rooms: Any, members: dict[str, int], at: int) -> Said:
    """Yield some buy orders for coming hours, about the posted price; most of them rest."""
    for _ in range(BUYS_AN_HOUR):
        who = TRADERS[random.integers(len(TRADERS))]
        operator = OPERATORS[random.integers(len(OPERATORS))]
        issuer = members[operator.name]
        posted = rooms.market.offer(issuer, operator.area, GRADE, FIRM)
        price = int(posted * random.uniform(0.75, 1.2))
        start = hour_of(at).start + int(random.integers(1, AHEAD_HOURS + 1)) * HOUR
        yield who, Order(issuer, operator.area, GRADE, FIRM, start, BUY,
                         _capped(rooms, price, at), int(random.integers(200, 2000)),
                         bool(random.random() < 0.3))


def resales(random: np.random.Generator, rooms: Any, names: dict[int, str], at: int) -> Said:
    """Yield sales of firm hours to come by tenants who hold them."""
    held = [(owner, id) for owner, id in rooms.schedule.tables["reservations"]
            if names.get(owner) in PEOPLE and rooms.ledger.token_class(id).start > at]
    for index in random.permutation(len(held))[:SALES_AN_HOUR].tolist():
        owner, id = held[index]
        klass = rooms.ledger.token_class(id)
        lots = rooms.ledger.available(account(owner, id)) // LOT // 2
        posted = rooms.market.offer(klass.issuer, klass.area, klass.grade, FIRM)
        price = _capped(rooms, int(posted * random.uniform(0.85, 1.15)), at)
        if lots:
            yield names[owner], Order(klass.issuer, klass.area, klass.grade, FIRM, klass.start,
                                      SELL, price, lots, False)


def drawn(rooms: Any, members: dict[str, int], at: int) -> Said:
    """Yield what the beneficiary buys of the set-aside, before it is released."""
    start = hour_of(at).start + AHEAD_HOURS * HOUR
    for operator in OPERATORS:
        yield BENEFICIARY, Order(members[operator.name], operator.area, GRADE, FIRM, start, BUY,
                                 int(rooms.members.parameter("price_mrmb_max", at)), DRAWN_LOTS,
                                 True)


def reposted(rooms: Any, operator: Operator, issuer: int, at: int) -> Said:
    """Yield an operator's new posted prices, if what is sold of its next hour moved them."""
    start = hour_of(at).end
    id = rooms.ledger.attestation_id(issuer, operator.area, operator.chip, start)
    record = rooms.ledger.attestation(id) if id else None
    sold, there = (record.consumed_ms, record.device_ms) if record else (0, 0)
    more = operator.price_mrmb * SURGE * sold * sold // (there * there) if there else 0
    price = _capped(rooms, operator.price_mrmb + more, at)
    for grade in operator.grades:
        for tier in TIERS:
            if rooms.market.offer(issuer, operator.area, grade, tier) != price:
                yield operator.name, PostOffer(operator.area, grade, tier, price)


def _capped(rooms: Any, price: int, at: int) -> int:
    return min(price, int(rooms.members.parameter("price_mrmb_max", at)))
