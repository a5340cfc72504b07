"""What orders with a fixed cost earned, or would have, at the prices that an auction found.

A price is found where some order was filled. Sellers of a product have also the prices of the
demand nodes of its area, to which it flows freely; elsewhere an auction's price is only a bound.
"""

from typing import Any

from suanli.market.auction.frozen import way
from suanli.market.auction.orders import CurveOrder, OfferOrder
from suanli.market.auction.records import AuctionOrder, Result, Sitting, from_bytes
from suanli.market.book import SELL


class Found:
    """The prices of a settled auction."""

    def __init__(self, rooms: Any, id: int, sitting: Sitting, result: Result) -> None:
        self.sitting = sitting
        self.prices = from_bytes(result.prices).tolist()
        self.traded = {cell for order in rooms.market.auctions.orders(id).values()
                       for cell, _ in order.filled}

    def price(self, cell: int, side: int) -> int | None:
        """Return what a token was sold (bought) for in a cell; None: nothing was traded."""
        if cell in self.traded:
            return int(self.prices[cell])
        reached = self._reached(cell) if side == SELL else []
        return max((self.prices[n] for n in reached if n in self.traded), default=None)

    def _reached(self, cell: int) -> list[int]:
        """Return the demand cells that take from a product's cell without a limit."""
        nodes, (node, hour) = self.sitting.nodes, divmod(cell, self.sitting.hours)
        return [target * self.sitting.hours + hour for target, demand in enumerate(nodes)
                if way(nodes[node], demand, {})]


def fixed_cost(order: AuctionOrder) -> int:
    """Return the fixed cost that an order must earn, micro-RMB; 0: none."""
    terms = order.terms
    return terms.fixed_cost if isinstance(terms, (CurveOrder, OfferOrder)) else 0


def earned(order: AuctionOrder, found: Found) -> int | None:
    """Return what an offer's steps earn beyond their prices, micro-RMB; None: nothing was traded.

    The same whether it was taken or not: of one that is, all that is in the money is taken.
    """
    prices = [(found.price(curve.cell, SELL), curve) for curve in order.curves]
    if all(price is None for price, _ in prices):
        return None
    return sum(max(0, price - limit) * lots for price, curve in prices if price is not None
               for limit, lots in curve.steps)


def why_left(income: int, fixed: int) -> str:
    """Say why an order with a fixed cost was left out; both in micro-RMB."""
    would = f"it would have earned {income} of its fixed cost {fixed} micro-RMB at the prices found"
    if income < fixed:
        return f"its income was short: {would}"
    return f"{would}, and was left out: taking it would have moved the prices against it or another"


def left_out(rooms: Any, id: int) -> int:
    """Return how many orders with a fixed cost got nothing in a settled auction."""
    return sum(bool(fixed_cost(order)) and not order.filled
               for order in rooms.market.auctions.orders(id).values())
