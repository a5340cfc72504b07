"""What the last settled auction of an hour came to: the price that others are settled by.

A node where nothing was bought has no price. The demand node goes before the product's own: there
all issuers of the grade compete, while an issuer can make a price of its own product alone.
"""

from suanli.market.auction.records import Result, Sitting
from suanli.market.product import Product
from suanli.terms.instant import HOUR
from suanli.terms.table import Table


def last_price(tables: dict[str, Table], product: Product) -> int | None:  # type: ignore[type-arg]
    """Return a product's price in the last settled auction that has one, milli-RMB a token.

    Last is what could be solved longest. Cost: O(settled auctions that are not yet forgotten).
    """
    found: tuple[int, int] | None = None
    price = None
    for id, result in tables["auction_results"].items():
        sitting = tables["auctions"][id]
        here = _price(sitting, result, product)
        if here is not None and (found is None or (sitting.deadline, id) > found):
            found, price = (sitting.deadline, id), here
    return price


def _price(sitting: Sitting, result: Result, product: Product) -> int | None:
    hour = (product.start - sitting.start) // HOUR
    if not 0 <= hour < sitting.hours:
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
