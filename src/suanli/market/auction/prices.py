"""What auctions have said of products: the prices by which others settle.

Theory of operation: where nothing changed hands an auction's price is only a bound, so of a settled
auction those cells count in which an order sold or bought lots. (A product that came about by
substitution alone, and was bought in other areas alone, is passed over: no order stood there.)
Each auction is read once; what was read is derived and no state: orders and result stay as they
are until the auction is forgotten, when its last hour is over.
"""

from typing import Any

from suanli.market.auction.records import SETTLED, Sitting, from_bytes
from suanli.market.product import Product
from suanli.terms.errors import present


class LastPrices:
    """The last auction price of every product."""

    def __init__(self, tables: Any) -> None:
        self.tables = tables  # the market's
        # Settled auction -> price by product; of a demand node as of the product of issuer 0.
        self._known: dict[int, dict[Product, int]] = {}

    def forget(self) -> None:
        """Forget what was read: the tables are others now."""
        self._known = {}

    def of(self, product: Product) -> int | None:
        """Return the price of the last settled auction that traded a product, milli-RMB a token.

        Of one auction the product's own price counts before that of the demand node of its area,
        grade and tier, where anybody's product is bought. None: no auction still kept traded it.
        """
        for id in self._settled():
            for place in (product, product._replace(issuer=0)):
                if place in self._known[id]:
                    return self._known[id][place]
        return None

    def _settled(self) -> list[int]:
        """Return the settled auctions, the last first, all of them read."""
        settled = {id: sitting for id, sitting in self.tables["auctions"].items()
                   if sitting.status == SETTLED}
        self._known = {id: self._known[id] if id in self._known else self._read(id, sitting)
                       for id, sitting in settled.items()}
        return sorted(settled, key=lambda id: (settled[id].deadline, id), reverse=True)

    def _read(self, id: int, sitting: Sitting) -> dict[Product, int]:
        """Return the prices of what an auction traded. Cost: O(orders of all auctions)."""
        result = present(self.tables["auction_results"].get(id), "what is settled has a result")
        prices = from_bytes(result.prices).tolist()
        traded = {cell for _, order in self.tables["auction_orders"].items()
                  if order.auction == id for cell, lots in order.filled if lots}
        found = {}
        for cell in traded:
            issuer, area, grade, tier = sitting.nodes[cell // sitting.hours]
            found[Product(issuer, area, grade, tier, sitting.start_of(cell))] = prices[cell]
        return found
