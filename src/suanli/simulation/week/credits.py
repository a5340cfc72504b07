"""What holders of prepaid credit do with it: a part of it for hours of each day, once auctioned.

After a day's auction every holder wants some hours of that day, by chance, and converts for each an
equal part of what it had at the start. At the end of the week some give back what is left.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from suanli.ledger.commands import Batch
from suanli.ledger.row import Row, RowCode, account
from suanli.market.auction.prices import last_price
from suanli.market.commands import Convert
from suanli.market.product import Product, credit_of
from suanli.simulation.week.stage import FIRM, GRADE, HOLDERS, OPERATORS, Plan
from suanli.terms.instant import HOUR

HOURS_A_DAY: Final = 3  # that a holder wants
GIVE_BACK: Final = 2  # of each operator's holders

Said = Iterator[tuple[str, Any]]


def conversions(random: np.random.Generator, rooms: Any, plan: Plan, members: dict[str, int],
                day: int) -> Said:
    """Yield what all holders convert into hours of a day; where an hour has a price."""
    for operator in OPERATORS:
        issuer, part = members[operator.name], operator.credit // (plan.days * HOURS_A_DAY)
        for holder in HOLDERS[operator]:
            left = rooms.market.credits.face(issuer, members[holder])
            for hour in sorted(random.choice(24, HOURS_A_DAY, replace=False).tolist()):
                product = Product(issuer, operator.area, GRADE, FIRM, plan.day(day) + hour * HOUR)
                price = last_price(rooms.market.tables, product)
                if price and (lots := min(part, left) // price):
                    left -= lots * price
                    yield holder, Convert(*product, lots)


def returned(rooms: Any, members: dict[str, int]) -> Said:
    """Yield what some holders give back: all that they have left."""
    for operator in OPERATORS:
        issuer = members[operator.name]
        credit = rooms.ledger.class_id(*credit_of(issuer))
        for holder in HOLDERS[operator][:GIVE_BACK]:
            if face := rooms.market.credits.face(issuer, members[holder]):
                yield holder, Batch(Row(RowCode.TRANSFER, 0, credit, account(
                    members[holder], credit), account(issuer, credit), face).pack())
