"""The product grid: area x grade x tier x delivery hour, of one issuer; and its token class.

An issuer's prepaid credit is a token class too, but no product: nothing on the grid trades it.
"""

from typing import NamedTuple

from suanli.chips.state import Chips
from suanli.ledger.kernel import PREPAID_CREDIT
from suanli.ledger.state import Ledger, TokenClass
from suanli.members.state import Members
from suanli.terms.change import Write
from suanli.terms.errors import present
from suanli.terms.instant import HOUR, is_on_the_hour
from suanli.terms.quantity import INT64_MAX
from suanli.terms.refusals import Code, Refusal
from suanli.units.state import Units

TIERS = FIRM, SPOT = "firm", "spot"
STANDING = "physical-forward"
CREDIT = "credit"  # the tier of what is no product


class Product(NamedTuple):
    """What is traded; `start` is the delivery hour's first instant."""

    issuer: int
    area: str
    grade: str
    tier: str
    start: int


def credit_of(issuer: int) -> Product:
    """Return what an issuer's prepaid credit has in a product's place."""
    return Product(issuer, "", "", CREDIT, 0)


class ProductGrid:
    """Opens token classes for products, several in one change if need be."""

    def __init__(self, members: Members, chips: Chips, units: Units, ledger: Ledger) -> None:
        self.members = members
        self.chips = chips
        self.units = units
        self.ledger = ledger
        self.opened: dict[int, TokenClass] = {}
        self._ids: dict[Product, int] = {}

    def refusal(self, product: Product, at: int) -> Refusal | None:
        """Return why a product cannot be traded at an instant, or None."""
        if product.tier not in TIERS or not is_on_the_hour(product.start):
            return Refusal(Code.UNKNOWN_PRODUCT, f"tier {product.tier!r}, start {product.start}; "
                           f"tiers {', '.join(TIERS)} and full hours are accepted")
        if self.units.grade(product.issuer, product.grade) is None:
            return Refusal(Code.UNKNOWN_GRADE, f"operator {product.issuer} has no grade "
                           f"{product.grade!r}")
        if not self.chips.has_area(product.area, product.issuer):
            return Refusal(Code.UNKNOWN_AREA, f"operator {product.issuer} has no zone in area "
                           f"{product.area!r}")
        if product.start + HOUR <= at:
            return Refusal(Code.GATE_CLOSED, f"the hour from {product.start} is over at {at}")
        return None

    def price_refusal(self, price: int, at: int) -> Refusal | None:
        """Return why a price, milli-RMB a token, lies outside the governed range, or None."""
        least = self.members.parameter("price_mrmb_min", at)
        most = self.members.parameter("price_mrmb_max", at)
        if least <= price <= most:
            return None
        return Refusal(Code.PRICE_OUT_OF_RANGE,
                       f"{price} milli-RMB a token; {least} to {most} is accepted")

    def class_of(self, product: Product) -> int:
        """Return the token class of a product, or of a credit, opening it if it is new."""
        known = self.ledger.class_id(*product) or self._ids.get(product)
        if known:
            return known
        id = self.ledger.next_id("class") + len(self.opened)
        self._ids[product] = id
        self.opened[id] = self._record(product)
        return id

    def _record(self, product: Product) -> TokenClass:
        if product.tier == CREDIT:
            return TokenClass(*product, INT64_MAX, PREPAID_CREDIT, ())  # it never expires
        grade = self.units.grade(product.issuer, product.grade)
        expires = product.start + HOUR + self.members.parameter("token_grace_ms")
        return TokenClass(*product, expires, STANDING, grade.factors if grade else ())

    def token_class(self, klass: int) -> TokenClass:
        """Return a class's record, whether it stands in the ledger or is about to."""
        found = self.opened.get(klass) or self.ledger.token_class(klass)
        return present(found, "asked only for classes that class_of returned")

    def writes(self) -> tuple[Write, ...]:
        """Return what opening the new classes writes into the ledger's tables."""
        if not self.opened:
            return ()
        writes = [Write("ledger", "counters", "class", max(self.opened))]
        for product, id in self._ids.items():
            writes.append(Write("ledger", "class_ids", tuple(product), id))
            writes.append(Write("ledger", "classes", id, self.opened[id]))
        return tuple(writes)
