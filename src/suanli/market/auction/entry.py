"""What an order must be to enter an auction: its nodes, hours, quantities, prices and links.

Order of checks: nodes and hours, then quantities and prices, then ratio, links and group.
"""

from typing import Final, NamedTuple

from suanli.market.auction.commands import BlockOrder, CurveOrder, FlexibleOrder, Node
from suanli.market.auction.instance import UNIT
from suanli.market.auction.records import AuctionOrder, Sitting
from suanli.market.product import TIERS, Product, ProductGrid
from suanli.terms.instant import HOUR, is_on_the_hour
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import changed

BUY, SELL = 0, 1
LOTS_MAX: Final = 10**12
STEPS_MAX: Final = 50
LEGS_MAX: Final = 1000
GROUP_MAX: Final = 24
SPAN_MAX: Final = 48
DEPTH_MAX: Final = 3
NAME_MAX: Final = 64
NODES_MAX: Final = 4096
# What an auction's lots may be worth, all at the highest price: no sum of values can overflow.
VALUE_MAX: Final = 2**61

Orders = dict[int, AuctionOrder]


class Drafted(NamedTuple):
    """An order that is well-formed by itself, and the sitting with the nodes it names."""

    order: AuctionOrder
    sitting: Sitting


def draft(command: CurveOrder | BlockOrder | FlexibleOrder, sitting: Sitting, owner: int, at: int,
          grid: ProductGrid) -> Drafted | Refusal:
    """Return the order that a command asks for, or why there is none."""
    places = _places(command)
    if refusal := _place_refusal(places, command.side if not isinstance(command, FlexibleOrder)
                                 else BUY, sitting, at, grid):
        return refusal
    nodes = tuple(dict.fromkeys((*sitting.nodes, *(node for node, _ in places))))
    if len(nodes) > NODES_MAX:
        return _malformed(f"{len(nodes)} nodes in this auction; {NODES_MAX} are accepted")
    number = {node: n for n, node in enumerate(nodes)}
    cells = [number[node] * sitting.hours + (start - sitting.start) // HOUR
             for node, start in places]
    order = _order(command, cells, owner, at)
    refusal = shape_refusal(order, sitting)
    return refusal or Drafted(order, changed(sitting, nodes=nodes))


def _places(command: CurveOrder | BlockOrder | FlexibleOrder) -> list[tuple[Node, int]]:
    if isinstance(command, BlockOrder):
        return [((leg.issuer, leg.area, leg.grade, leg.tier), leg.start) for leg in command.legs]
    node = (command.issuer, command.area, command.grade, command.tier)
    if isinstance(command, CurveOrder):
        return [(node, command.start)]
    return [(node, command.earliest), (node, command.latest - HOUR)]


def _place_refusal(places: list[tuple[Node, int]], side: int, sitting: Sitting, at: int,
                   grid: ProductGrid) -> Refusal | None:
    if not 1 <= len(places) <= LEGS_MAX:
        return _malformed(f"{len(places)} legs; 1 to {LEGS_MAX} are accepted")
    known: dict[Node, Refusal | None] = {}
    for node, start in places:
        if not _is_within(sitting, start):
            return Refusal(Code.UNKNOWN_PRODUCT, f"hour {start}; full hours from {sitting.start}, "
                           f"{sitting.hours} of them, are accepted")
        if node not in known:
            known[node] = node_refusal(node, side, grid, sitting.start, at)
        if known[node]:
            return known[node]
    return None


def _is_within(sitting: Sitting, start: int) -> bool:
    return is_on_the_hour(start) and 0 <= start - sitting.start < sitting.hours * HOUR


def node_refusal(node: Node, side: int, grid: ProductGrid, start: int, at: int) -> Refusal | None:
    """Return why nothing can be bought (sold) at a node, or None."""
    issuer, area, grade, tier = node
    if issuer:
        return grid.refusal(Product(issuer, area, grade, tier, start), at)
    if side == SELL:
        return Refusal(Code.UNKNOWN_PRODUCT, "a sell names a product: its issuer too")
    if tier not in TIERS:
        return Refusal(Code.UNKNOWN_PRODUCT, f"tier {tier!r}; {', '.join(TIERS)}")
    issuers = [issuer for issuer, name in grid.units.tables["grades"] if name == grade]
    if not issuers:
        return Refusal(Code.UNKNOWN_GRADE, f"no operator has a grade {grade!r}")
    if not any(zone.area == area for zone in grid.chips.tables["zones"].values()):
        return Refusal(Code.UNKNOWN_AREA, f"no operator has a zone in area {area!r}")
    return None


def _order(command: CurveOrder | BlockOrder | FlexibleOrder, cells: list[int], owner: int,
           at: int) -> AuctionOrder:
    if isinstance(command, CurveOrder):
        return AuctionOrder(command.auction, owner, at, command.side, 0, UNIT, command.steps,
                            command.fixed_micro_rmb, ((cells[0], 0),), 0, "", 0, 0, ())
    if isinstance(command, BlockOrder):
        legs = tuple((cell, leg.lots) for cell, leg in zip(cells, command.legs, strict=True))
        return AuctionOrder(command.auction, owner, at, command.side, command.price_mrmb,
                            command.ratio_ppm, (), 0, tuple(sorted(legs)), command.parent,
                            command.group, 0, 0, ())
    return AuctionOrder(command.auction, owner, at, BUY, command.price_mrmb, UNIT, (), 0,
                        ((cells[0], command.lots),), 0, "", command.hours, cells[1], ())


# -- by itself -----------------------------------------------------------------------------


def shape_refusal(order: AuctionOrder, sitting: Sitting) -> Refusal | None:
    """Return what is wrong with an order's quantities, prices and ratio, or None."""
    if order.side not in (BUY, SELL):
        return Refusal(Code.QUANTITY_OUT_OF_RANGE, f"side {order.side}; 0 (buy), 1 (sell)")
    lots = [lots for _, lots in (order.steps or order.legs)]
    prices = [price for price, _ in order.steps] or [order.price_mrmb]
    for quantity in lots:
        if not 1 <= quantity <= LOTS_MAX:
            return Refusal(Code.QUANTITY_OUT_OF_RANGE, f"{quantity} lots; 1 to {LOTS_MAX} lots of "
                           "0.001 token are accepted")
    for price in prices:
        if not sitting.price_min <= price <= sitting.price_max:
            return Refusal(Code.PRICE_OUT_OF_RANGE, f"{price} milli-RMB a token; "
                           f"{sitting.price_min} to {sitting.price_max} is accepted")
    if order.is_curve:
        return _curve_refusal(order)
    return _flexible_refusal(order) if order.span else _block_refusal(order)


def _curve_refusal(order: AuctionOrder) -> Refusal | None:
    prices = [price for price, _ in order.steps]
    falling = [-price for price in prices] if order.side == BUY else prices
    if not 1 <= len(prices) <= STEPS_MAX or any(
            a >= b for a, b in zip(falling, falling[1:], strict=False)):
        return _malformed(f"{len(prices)} steps at {prices[:4]}…; 1 to {STEPS_MAX}, each at a "
                          "lower (of a sell: higher) price than the one before, are accepted")
    if not 0 <= order.fixed <= VALUE_MAX or (order.fixed and order.side == BUY):
        return _malformed(f"fixed cost {order.fixed}; 0, or of a sell up to {VALUE_MAX}")
    return None


def _block_refusal(order: AuctionOrder) -> Refusal | None:
    cells = [cell for cell, _ in order.legs]
    if len(set(cells)) != len(cells):
        return _malformed("two legs of one hour and node; one leg each is accepted")
    if not 1 <= order.ratio_ppm <= UNIT:
        return _malformed(f"ratio {order.ratio_ppm}; 1 to {UNIT} parts per million is accepted")
    if len(order.group) > NAME_MAX:
        return _malformed(f"group name of {len(order.group)} characters; {NAME_MAX} are accepted")
    return None


def _flexible_refusal(order: AuctionOrder) -> Refusal | None:
    there = order.latest - order.legs[0][0] + 1
    if 1 <= order.span <= min(SPAN_MAX, there):
        return None
    return _malformed(f"{order.span} hours in a row out of {there}; 1 to {SPAN_MAX} that fit "
                      "are accepted")


def worth(order: AuctionOrder) -> int:
    """Return what all of an order costs at its own prices, micro-RMB; fixed costs aside."""
    if order.is_curve:
        return sum(price * lots for price, lots in order.steps)
    return order.price_mrmb * sum(lots for _, lots in order.legs) * max(1, order.span)


def value_bound(order: AuctionOrder, price_max: int) -> int:
    """Return a bound on all that an order may be worth at any prices, micro-RMB."""
    lots = sum(lots for _, lots in (order.steps or order.legs))
    copies = order.span * GROUP_MAX if order.span else 1
    return 2 * price_max * lots * copies + order.fixed


# -- among its owner's others --------------------------------------------------------------


def family_refusal(id: int, order: AuctionOrder, others: Orders) -> Refusal | None:
    """Return what is wrong with an order's links and group, among its owner's others."""
    group = [n for n, other in others.items() if n != id and order.group
             and other.group == order.group]
    if len(group) >= GROUP_MAX:
        return _malformed(f"{len(group) + 1} members of group {order.group!r}; {GROUP_MAX} are "
                          "accepted")
    family = {**others, id: order}
    if order.parent and (parent := others.get(order.parent)) is not None:
        if parent.is_curve or parent.span or parent.side != order.side:
            return _malformed(f"order {order.parent} is no block of the same side; a parent is")
    elif order.parent:
        return Refusal(Code.UNKNOWN_ORDER, f"you have no order {order.parent} in this auction")
    children = [n for n, other in others.items() if other.parent == id]
    if children and (order.is_curve or order.span or order.side != others[children[0]].side):
        return _malformed(f"order {children[0]} is linked to it; a block of its side is accepted")
    return _depth_refusal(id, family)


def _depth_refusal(id: int, family: Orders) -> Refusal | None:
    """Return why the links above and below an order are cyclic or too deep."""
    above, seen = id, [id]
    while parent := family[above].parent:
        if parent in seen:
            return _malformed(f"cyclic links through orders {seen}; none are accepted")
        seen.append(parent)
        above = parent
    if len(seen) - 1 + _height(id, family, DEPTH_MAX + 1) > DEPTH_MAX - 1:
        return _malformed(f"a family deeper than {DEPTH_MAX}; {DEPTH_MAX} generations are accepted")
    return None


def _height(id: int, family: Orders, most: int) -> int:
    """Return the generations below an order, looking no further than `most`."""
    children = [n for n, other in family.items() if other.parent == id]
    if not children or not most:
        return 0
    return 1 + max(_height(child, family, most - 1) for child in children)


# -- improving -----------------------------------------------------------------------------


def improves(new: AuctionOrder, old: AuctionOrder) -> bool:
    """Say whether an order offers at least as much as before, at every price.

    A curve may change its steps; of the others only the price and the ratio may change.
    """
    sign = 1 if old.side == BUY else -1
    if new.is_curve and old.is_curve:
        return (new.side, new.legs) == (old.side, old.legs) and new.fixed <= old.fixed and all(
            _at(new, price) >= _at(old, price) for price, _ in (*old.steps, *new.steps))
    return (sign * new.price_mrmb >= sign * old.price_mrmb and new.ratio_ppm <= old.ratio_ppm
            and changed(new, price_mrmb=old.price_mrmb, ratio_ppm=old.ratio_ppm,
                        entered=old.entered) == old)


def _at(order: AuctionOrder, price: int) -> int:
    """Return the lots that a curve wants (offers) at a price."""
    sign = 1 if order.side == BUY else -1
    return sum(lots for limit, lots in order.steps if sign * limit >= sign * price)


def _malformed(reason: str) -> Refusal:
    return Refusal(Code.ORDER_MALFORMED, reason)
