"""Standing offers: an issuer's posted price for a grade in an area, good for every hour.

What they sell is issued as it is bought, out of the device time attested.
"""

from typing import Any

from suanli.market.commands import PostOffer
from suanli.market.product import TIERS, ProductGrid
from suanli.terms.change import Change, Write, one_part
from suanli.terms.refusals import Code, Refusal


class Offers:
    """Who sells at which posted price, on a table of the market's room."""

    def __init__(self, tables: Any) -> None:
        self.tables = tables  # the market's

    def price(self, issuer: int, area: str, grade: str, tier: str) -> int | None:
        """Return an issuer's posted price, milli-RMB a token."""
        found: int | None = self.tables["offers"].get((issuer, area, grade, tier))
        return found

    def post(self, command: PostOffer, at: int, sender: int,
             grid: ProductGrid) -> Change | Refusal:
        """Post a price, change it or, with 0, withdraw it.

        Order of checks: tier, grade, area, price.
        """
        if command.tier not in TIERS:
            return Refusal(Code.UNKNOWN_PRODUCT, f"tier {command.tier!r}; {', '.join(TIERS)}")
        if grid.units.grade(sender, command.grade) is None:
            return Refusal(Code.UNKNOWN_GRADE, f"you have no grade {command.grade!r}")
        if not grid.chips.has_area(command.area, sender):
            return Refusal(Code.UNKNOWN_AREA, f"you have no zone in area {command.area!r}")
        key = (sender, command.area, command.grade, command.tier)
        if command.price_mrmb == 0:
            return one_part(*([Write("market", "offers", key, None)]
                              if key in self.tables["offers"] else []))
        return (grid.price_refusal(command.price_mrmb, at)
                or one_part(Write("market", "offers", key, command.price_mrmb)))
