"""The tape: candles of every product's trades, rebuilt from blocks at every start.

What jobs buy at posted prices while they run is no trade of the market, and not on the tape; nor
is what somebody traded with an own order, which says nothing of a price.
"""

from typing import Any, Final

from suanli.market.commands import Modify, Order, Reopen
from suanli.market.index import Candle, with_trade
from suanli.market.product import Product
from suanli.terms.instant import MINUTE

INTERVAL_MS: Final = 5 * MINUTE
CANDLES_MAX: Final = 12 * 24 * 8  # eight days: as far ahead as hours are attested
PRODUCTS_MAX: Final = 10_000  # a delivery hour each; the one traded longest ago gives way


class Tape:
    """Candles by product, and of which product each token class is."""

    def __init__(self) -> None:
        self.candles: dict[Product, tuple[Candle, ...]] = {}  # the last to trade is at the end
        self._products: dict[int, Product] = {}

    def hear(self, command: list[Any], answer: dict[str, Any], at: int) -> None:
        """Take the trades of one command that was not refused; others are passed over."""
        kind, fields = command
        if kind in (Order.kind, Reopen.kind):
            self._products[answer["class"]] = Product(*fields[:5])
        if kind in (Order.kind, Modify.kind, Reopen.kind):
            for seller, buyer, price, lots in answer["trades"]:
                if seller != buyer:
                    self._add(self._products[answer["class"]], at, price, lots)

    def _add(self, product: Product, at: int, price: int, lots: int) -> None:
        candles = self.candles.pop(product, ())
        self.candles[product] = with_trade(candles, at, price, lots, INTERVAL_MS, CANDLES_MAX)
        if len(self.candles) > PRODUCTS_MAX:
            del self.candles[next(iter(self.candles))]
