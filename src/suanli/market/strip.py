"""A strip: what is sold in each of its hours, and the ledger rows of its holds.

What an hour may cost above the floor is on hold from the buyer for the clearing account (owner 0),
so that neither side can resolve it; what it does cost goes on to the seller.

>>> strip = Strip(1, "area-1", "grade", "firm", 0, 2, 10, 800, 1100)
>>> [strip.fixed(price) for price in (700, 900, 1200, None)]
[800, 900, 1100, 950]
"""

from dataclasses import dataclass
from typing import Any, Final

from suanli.ledger.row import CASH, CLEARING, Row, RowCode, account
from suanli.market.product import Product
from suanli.terms.instant import HOUR


@dataclass(frozen=True, slots=True)
class Strip:
    """What each of its hours delivers, and between which prices, milli-RMB a token."""

    issuer: int
    area: str
    grade: str
    tier: str
    start: int
    hours: int
    lots: int
    floor_mrmb: int
    cap_mrmb: int

    def product(self, hour: int) -> Product:
        """Return what is delivered in the hour of a number, counted from 0."""
        return Product(self.issuer, self.area, self.grade, self.tier, self.start + hour * HOUR)

    @property
    def products(self) -> list[Product]:
        return [self.product(hour) for hour in range(self.hours)]

    @property
    def end(self) -> int:
        return self.start + self.hours * HOUR

    @property
    def spread(self) -> int:
        """Return what is held of an hour, micro-RMB."""
        return self.above_floor(self.cap_mrmb)

    @property
    def cost_max(self) -> int:
        """Return what all hours cost at the cap, micro-RMB."""
        return self.cap_mrmb * self.lots * self.hours

    def above_floor(self, price: int) -> int:
        """Return what an hour at a price costs beyond what was paid at once, micro-RMB."""
        return (price - self.floor_mrmb) * self.lots

    def fixed(self, price: int | None) -> int:
        """Return what an hour costs whose auction came to a price, or had none."""
        if price is None:
            return (self.floor_mrmb + self.cap_mrmb) // 2
        return max(self.floor_mrmb, min(price, self.cap_mrmb))


@dataclass(frozen=True, slots=True)
class Written:
    """A strip that may be taken `copies` times more, until an instant."""

    strip: Strip
    until: int
    copies: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A strip that somebody bought; `prices` by hour, 0 for one that is not fixed."""

    strip: Strip
    buyer: int
    prices: tuple[int, ...]


TABLES: Final[dict[str, tuple[Any, Any]]] = {
    "strips": (int, Written),  # numbers are shared with those taken
    "strips_taken": (int, Taken),
}


def hold_row(id: int, hour: int, taken: Taken) -> Row:
    """Hold what an hour may cost above its floor."""
    return Row(RowCode.HOLD, 0, CASH, account(taken.buyer, CASH), account(CLEARING, CASH),
               taken.strip.spread, id=_hold_id(id, hour))


def fixed_rows(id: int, hour: int, taken: Taken, price: int) -> list[Row]:
    """Return the rows that pay an hour's price, less its floor, out of its hold."""
    paid = taken.strip.above_floor(price)
    row = Row(RowCode.POST if paid else RowCode.VOID, 0, CASH, account(taken.buyer, CASH),
              account(CLEARING, CASH), paid, hold=_hold_id(id, hour))
    if not paid:
        return [row]
    return [row, Row(RowCode.TRANSFER, 0, CASH, account(CLEARING, CASH),
                     account(taken.strip.issuer, CASH), paid)]


def _hold_id(id: int, hour: int) -> bytes:
    return b"stp" + id.to_bytes(8, "big") + hour.to_bytes(5, "big")
