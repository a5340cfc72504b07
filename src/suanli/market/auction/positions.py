"""Position limits on what is bid for in an auction, as in the book (`limits`).

At a demand node the limit is a part of all that could be delivered there.
"""

from suanli.market.auction.collateral import Units, together
from suanli.market.auction.orders import BlockOrder, CurveOrder, FlexibleOrder, Order
from suanli.market.auction.records import Orders, Sitting
from suanli.market.book import BUY
from suanli.market.limits import Limits
from suanli.market.product import Product, ProductGrid
from suanli.terms.quantity import LOT, PPM
from suanli.terms.refusals import Code, Refusal


def refusal(limits: Limits, sitting: Sitting, owner: int, orders: Orders,
            grid: ProductGrid) -> Refusal | None:
    """Return why an owner's orders bid for too much of an hour, or None."""
    ppm = limits.ppm_of(owner)
    for cell, lots in bids(orders, sitting.hours).items() if ppm else ():
        products = [p for p in _products(sitting, cell, limits, grid) if p.issuer != owner]
        wanted = sum(limits.held(owner, product) for product in products) + lots * LOT
        most = sum(limits.attested(product, grid) for product in products) * ppm // PPM
        if products and wanted > most:
            return Refusal(Code.POSITION_LIMIT_EXCEEDED, f"with this order you would have or bid "
                           f"for {wanted} CU-us of the hour from {sitting.start_of(cell)}; {most} "
                           f"are accepted, {ppm} parts per million of what is attested")
    return None


def bids(orders: Orders, hours: int) -> Units:
    """Return the lots that orders of one owner may get in each cell; of a group, the most."""
    buys = {id: order for id, order in orders.items() if order.side == BUY}
    return together(buys, lambda order: _lots(order.terms, hours))


def _lots(terms: Order, hours: int) -> dict[int, int]:
    if isinstance(terms, CurveOrder):
        return {terms.cell: sum(lots for _, lots in terms.steps)}
    if isinstance(terms, FlexibleOrder):
        first = terms.node * hours
        return {first + hour: terms.lots for hour in range(terms.earliest, terms.latest)}
    return dict(terms.legs) if isinstance(terms, BlockOrder) else {}  # an offer buys nothing


def _products(sitting: Sitting, cell: int, limits: Limits, grid: ProductGrid) -> list[Product]:
    """Return the products that may be delivered in a cell."""
    issuer, area, grade, tier = sitting.nodes[cell // sitting.hours]
    start = sitting.start_of(cell)
    if issuer:
        return [Product(issuer, area, grade, tier, start)]
    areas = {area} | {source for source, target in limits.tables["links"] if target == area}
    return [Product(operator, where, grade, tier, start) for where in sorted(areas)
            for operator, name in grid.units.tables["grades"]
            if name == grade and grid.chips.has_area(where, operator)]
