"""What the last settled auction of an hour came to: the price that others are settled by.

A node where nothing was bought has no price. The demand node goes before the product's own: there
all issuers of the grade compete, while an issuer alone can make a price of its own product.
Sessions of blocks only are passed over: what binds a block is the mean of its hours' prices, so
that one hour's price says little.
"""

from typing import Any

from suanli.market.auction.calendar import SESSIONS
from suanli.market.auction.records import Result, Sitting
from suanli.market.product import Product
from suanli.terms.instant import HOUR
from suanli.terms.table import Table


def last_price(tables: dict[str, Table[Any, Any]], product: Product) -> int | None:
    """Return a product's price in the last settled auction that has one, milli-RMB a token.

    Last is whose deadline was. Cost: O(settled auctions that are not yet forgotten).
    """
    found = {}
    for id, result in tables["auction_results"].items():
        sitting = tables["auctions"][id]
        price = _price(sitting, result, product)
        if price is not None:
            found[sitting.deadline, id] = price
    return found[max(found)] if found else None


def _price(sitting: Sitting, result: Result, product: Product) -> int | None:
    hour = (product.start - sitting.start) // HOUR
    if not (0 <= hour < sitting.hours and SESSIONS[sitting.session].takes_curves):
        return None
    for node in ((0, *product[1:4]), product[:4]):
        if node in sitting.nodes:
            cell = sitting.nodes.index(node) * sitting.hours + hour
            if _int64(result.volumes, cell):
                return _int64(result.prices, cell)
    return None


def _int64(array: bytes, place: int) -> int:
    """Return one number of an array that is kept as bytes (`records.to_bytes`)."""
    return int.from_bytes(array[8 * place:8 * place + 8], "little", signed=True)
