"""How an order enters an auction: its products, its hours, its owner's other orders.

Order of checks: hours and nodes, then `admission`'s (quantities, prices, links, group), then what
is asked of an order that takes another's place.
"""

from typing import Final, NamedTuple

from suanli.market.auction import admission, substitution
from suanli.market.auction.commands import Enter, EnterBlock, EnterCurve, EnterOffer, Node
from suanli.market.auction.orders import (
    STARTS_MAX,
    BlockOrder,
    CurveOrder,
    FlexibleOrder,
    OfferOrder,
    Order,
)
from suanli.market.auction.records import AuctionOrder, Orders, Sitting
from suanli.market.book import BUY, SELL
from suanli.market.product import TIERS, Product, ProductGrid
from suanli.terms.instant import HOUR, is_on_the_hour
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import changed

NAME_MAX: Final = 64
NODES_MAX: Final = 4096
# What an auction's lots may be worth, all at the highest price: no sum of values can overflow.
VALUE_MAX: Final = 2**61


class Drafted(NamedTuple):
    """An order that is well-formed by itself, and the sitting with the nodes it names."""

    order: AuctionOrder
    sitting: Sitting


def draft(command: Enter, sitting: Sitting, owner: int, at: int,
          grid: ProductGrid) -> Drafted | Refusal:
    """Return the order that a command asks for, or why there is none."""
    places = _places(command)
    side = getattr(command, "side", BUY)
    if refusal := _place_refusal(places, side, sitting, at, grid):
        return refusal
    if isinstance(command, EnterCurve) and command.also:
        if refusal := substitution.refusal(command, owner, grid):
            return refusal
        substitution.opened(command, grid)
        places = [(substitution.node_of(command), command.start), *places]
    nodes = tuple(dict.fromkeys((*sitting.nodes, *(node for node, _ in places))))
    if len(nodes) > NODES_MAX:
        return _malformed(f"{len(nodes)} nodes in this auction; {NODES_MAX} are accepted")
    number = {node: n for n, node in enumerate(nodes)}
    cells = [number[node] * sitting.hours + (start - sitting.start) // HOUR
             for node, start in places]
    return Drafted(_order(command, cells, owner, at, sitting.hours),
                   changed(sitting, nodes=nodes))


def _places(command: Enter) -> list[tuple[Node, int]]:
    """Return the (node, hour) that each cell of an order is of."""
    if isinstance(command, EnterBlock):
        return [((leg.issuer, leg.area, leg.grade, leg.tier), leg.start) for leg in command.legs]
    node = (command.issuer, command.area, command.grade, command.tier)
    if isinstance(command, EnterCurve):
        others = [(command.issuer, command.area, grade, command.tier) for grade in command.also]
        return [(each, command.start) for each in (node, *others)]
    if isinstance(command, EnterOffer):
        return [(node, start) for start, _ in command.hours]
    return [(node, command.earliest), (node, command.latest - HOUR)]


def _place_refusal(places: list[tuple[Node, int]], side: int, sitting: Sitting, at: int,
                   grid: ProductGrid) -> Refusal | None:
    if not 1 <= len(places) <= admission.LEGS_MAX:
        return _malformed(f"{len(places)} legs; 1 to {admission.LEGS_MAX} are accepted")
    known: dict[Node, Refusal | None] = {}
    for node, start in places:
        if not (is_on_the_hour(start) and 0 <= start - sitting.start < sitting.hours * HOUR):
            return Refusal(Code.UNKNOWN_PRODUCT, f"hour {start}; full hours from {sitting.start}, "
                           f"{sitting.hours} of them, are accepted")
        if node not in known:
            known[node] = _node_refusal(node, side, grid, sitting.start, at)
        if known[node]:
            return known[node]
    return None


def _node_refusal(node: Node, side: int, grid: ProductGrid, start: int, at: int) -> Refusal | None:
    """Return why nothing can be bought (sold) at a node, or None."""
    issuer, area, grade, tier = node
    if issuer:
        return grid.refusal(Product(issuer, area, grade, tier, start), at)
    if side == SELL:
        return Refusal(Code.UNKNOWN_PRODUCT, "a sell names a product, with its issuer")
    if tier not in TIERS:
        return Refusal(Code.UNKNOWN_PRODUCT, f"tier {tier!r}; {', '.join(TIERS)} are accepted")
    if not any(name == grade for _, name in grid.units.tables["grades"]):
        return Refusal(Code.UNKNOWN_GRADE, f"no operator has a grade {grade!r}")
    if not any(zone.area == area for zone in grid.chips.tables["zones"].values()):
        return Refusal(Code.UNKNOWN_AREA, f"no operator has a zone in area {area!r}")
    return None


def _order(command: Enter, cells: list[int], owner: int, at: int, hours: int) -> AuctionOrder:
    curve = block = flexible = offer = None
    if isinstance(command, EnterCurve):
        curve = CurveOrder(cells[0], command.side, command.steps, command.fixed_micro_rmb,
                           spare=len(command.also))
    elif isinstance(command, EnterBlock):
        legs = sorted((cell, leg.lots) for cell, leg in zip(cells, command.legs, strict=True))
        block = BlockOrder(command.side, command.price_mrmb, command.ratio_ppm, tuple(legs),
                           command.parent, f"{owner}/{command.group}" if command.group else "")
    elif isinstance(command, EnterOffer):
        hours_of = sorted((cell, steps) for cell, (_, steps) in zip(cells, command.hours,
                                                                    strict=True))
        offer = OfferOrder(tuple(hours_of), command.fixed_micro_rmb)
    else:
        flexible = FlexibleOrder(cells[0] // hours, command.hours, command.lots,
                                 command.price_mrmb, cells[0] % hours, cells[1] % hours + 1)
    return AuctionOrder(command.auction, owner, at, curve, block, flexible, (), offer=offer)


def refusal(id: int, order: AuctionOrder, others: Orders, sitting: Sitting) -> Refusal | None:
    """Return what is wrong with an order, by itself or among its owner's others."""
    grid = admission.Grid(len(sitting.nodes), sitting.hours, sitting.price_min, sitting.price_max)
    terms = {n: other.terms for n, other in others.items()}
    if order.block and len(order.block.group) > NAME_MAX:
        return _malformed(f"a group name of more than {NAME_MAX - 10} characters")
    return admission.refusal(id, order.terms, terms, grid) or _side_refusal(id, order, others)


def _side_refusal(id: int, order: AuctionOrder, others: Orders) -> Refusal | None:
    """Say that a family is of one side: then what it holds at its limits always pays for it."""
    kin = [n for n, other in others.items()
           if n == order.parent or (other.parent == id and n != id)]
    if all(others[n].side == order.side and others[n].block and order.block for n in kin):
        return None
    return _malformed(f"linked with orders {kin}; linked are blocks of one side")


def value_bound(order: AuctionOrder, price_max: int) -> int:
    """Return a bound on all that an order's rows may be worth at any prices, micro-RMB."""
    terms = order.terms
    worth = admission.worth(terms, admission.Grid(0, 0, 0, price_max))
    return worth * STARTS_MAX if isinstance(terms, FlexibleOrder) else worth


def improves(new: AuctionOrder, old: AuctionOrder) -> bool:
    """Say whether an order offers at least as much as before, at every price.

    A curve may change its steps; an offer also add hours; of a block only the price and the
    ratio, of a flexible order only the price.
    """
    if new.curve and old.curve:
        return (new.curve.fixed_cost <= old.curve.fixed_cost
                and _is_as_much(new.curve, old.curve))
    if new.offer and old.offer:
        hours = {curve.cell: curve for curve in new.offer.curves}
        return new.offer.fixed_cost <= old.offer.fixed_cost and all(
            b.cell in hours and _is_as_much(hours[b.cell], b) for b in old.offer.curves)
    if not ((new.block and old.block) or (new.flexible and old.flexible)):
        return False
    sign = 1 if old.side == BUY else -1
    is_better: bool = sign * _price(new.terms) >= sign * _price(old.terms)
    if new.block and old.block:
        is_better = is_better and new.block.ratio_ppm <= old.block.ratio_ppm
        return is_better and bool(changed(new.block, price=0, ratio_ppm=1)
                                  == changed(old.block, price=0, ratio_ppm=1))
    return is_better and bool(changed(new.flexible, price=0) == changed(old.flexible, price=0))


def _price(terms: Order) -> int:
    return terms.price if isinstance(terms, (BlockOrder, FlexibleOrder)) else 0


def _is_as_much(a: CurveOrder, b: CurveOrder) -> bool:
    """Say whether a curve wants (offers) at least as much as another, at every price."""
    return (a.cell, a.side) == (b.cell, b.side) and all(
        _at(a, price) >= _at(b, price) for price, _ in (*a.steps, *b.steps))


def _at(curve: CurveOrder, price: int) -> int:
    """Return the lots that a curve wants (offers) at a price."""
    sign = 1 if curve.side == BUY else -1
    return sum(lots for limit, lots in curve.steps if sign * limit >= sign * price)


def _malformed(reason: str) -> Refusal:
    return Refusal(Code.ORDER_MALFORMED, reason)
