"""What auctions have said of a product: the price by which others settle.

Only where lots were bought is a price more than a bound, so only there is one returned.
"""

from typing import Any

from suanli.market.auction.records import SETTLED, Result, Sitting, from_bytes
from suanli.market.product import Product
from suanli.terms.instant import HOUR


def auction_price(tables: Any, product: Product) -> int | None:
    """Return the price of the last settled auction that traded a product, milli-RMB a token.

    `tables`: the market's. Of one auction the product's own price counts before that of the demand
    node of its area, grade and tier, where anybody's product is bought. None: no auction that is
    still kept traded it; they are kept until their last hour is over.
    """
    auctions = [(sitting.deadline, id) for id, sitting in tables["auctions"].items()
                if sitting.status == SETTLED]
    for _, id in sorted(auctions, reverse=True):
        for issuer in (product.issuer, 0):
            price = _price(tables["auctions"][id], tables["auction_results"].get(id),
                           product._replace(issuer=issuer))
            if price is not None:
                return price
    return None


def _price(sitting: Sitting, result: Result | None, product: Product) -> int | None:
    """Return an auction's price of what was bought of a product, or at a demand node."""
    hour, node = (product.start - sitting.start) // HOUR, product[:4]
    if result is None or not 0 <= hour < sitting.hours or node not in sitting.nodes:
        return None
    cell = sitting.nodes.index(node) * sitting.hours + hour
    return _at(result.prices, cell) if _at(result.volumes, cell) else None


def _at(array: bytes, cell: int) -> int:
    return int(from_bytes(array[8 * cell:8 * cell + 8])[0])
