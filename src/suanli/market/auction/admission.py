"""May an order enter an auction? Each refusal says what was found and what would be accepted.

Order of checks: cells and hours; quantities; prices; steps, ratio, span or fixed cost; links;
group. An order that takes the place of one of the same id is judged as if the old one were not
there.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from suanli.market.auction.instance import UNIT
from suanli.market.auction.orders import BlockOrder, CurveOrder, FlexibleOrder, OfferOrder, Order
from suanli.market.auction.wellformed import GENERATIONS_MAX, MEMBERS_MAX
from suanli.terms.quantity import LOTS_MAX
from suanli.terms.refusals import Code, Refusal

STEPS_MAX = 50
SPAN_MAX = 48  # hours of a flexible order
LEGS_MAX = 1000  # of a block, and steps of an offer over all its hours
# What one order may be worth at twice the highest price, and what its fixed cost may be: room for
# all of a large fleet for a week at a thousand times today's prices. A caller that admits many
# keeps their sum of `worth` below 2^62, as `wellformed` asks of an auction.
WORTH_MAX = 2**56


class Grid(NamedTuple):
    """What an auction is about: nodes by hours, and which prices it takes."""

    nodes: int
    hours: int
    price_min: int
    price_max: int
    tick: int = 1


def refusal(id: int, order: Order, others: Mapping[int, Order], grid: Grid) -> Refusal | None:
    """Return why an order cannot enter beside the others, or None.

    Refuses: UNKNOWN_PRODUCT (outside the horizon), QUANTITY_OUT_OF_RANGE, PRICE_OUT_OF_RANGE,
    UNKNOWN_ORDER (a parent that is not there), ORDER_MALFORMED (all else).
    Cost: O(steps or legs), and O(others) where it has links or a group.
    """
    alone = _cell_refusal(order, grid) or _lots_refusal(order) or _price_refusal(order, grid)
    if alone:
        return alone
    if isinstance(order, CurveOrder):
        return _steps_refusal(order)
    if isinstance(order, FlexibleOrder):
        return _span_refusal(order)
    if isinstance(order, OfferOrder):
        return _offer_refusal(order)
    return _block_refusal(order) or _family_refusal(id, order, others)


def worth(order: Order, grid: Grid) -> int:
    """Return the most cash an order may move: all its lots at twice the band, and its fixed cost.

    Twice, since a surplus is the difference of two prices.
    """
    bound = max(abs(grid.price_min), abs(grid.price_max))
    fixed = order.fixed_cost if isinstance(order, (CurveOrder, OfferOrder)) else 0
    return sum(_lots(order)) * 2 * bound + fixed


def _cell_refusal(order: Order, grid: Grid) -> Refusal | None:
    cells = grid.nodes * grid.hours
    if isinstance(order, FlexibleOrder):
        if 0 <= order.node < grid.nodes and 0 <= order.earliest < order.latest <= grid.hours:
            return None
        return Refusal(Code.UNKNOWN_PRODUCT, f"hours {order.earliest} to {order.latest} at node "
                       f"{order.node}; 0 to {grid.hours} at nodes 0 to {grid.nodes - 1} are "
                       "accepted")
    for cell in _cells(order):
        if not 0 <= cell < cells:
            return Refusal(Code.UNKNOWN_PRODUCT, f"cell {cell}; 0 to {cells - 1} are accepted")
    return None


def _lots_refusal(order: Order) -> Refusal | None:
    for lots in _each_lots(order):
        if not 1 <= lots <= LOTS_MAX:
            return Refusal(Code.QUANTITY_OUT_OF_RANGE, f"{lots} lots; 1 to {LOTS_MAX} are accepted")
    return None


def _price_refusal(order: Order, grid: Grid) -> Refusal | None:
    for price in prices_of(order):
        if not grid.price_min <= price <= grid.price_max or price % grid.tick:
            return Refusal(Code.PRICE_OUT_OF_RANGE, f"{price} milli-RMB a token; {grid.price_min} "
                           f"to {grid.price_max} in ticks of {grid.tick} are accepted")
    if worth(order, grid) > WORTH_MAX:
        return Refusal(Code.QUANTITY_OUT_OF_RANGE, f"an order that may move {worth(order, grid)} "
                       f"micro-RMB; {WORTH_MAX} are accepted")
    return None


def _steps_refusal(order: CurveOrder) -> Refusal | None:
    if order.side not in (0, 1):
        return _malformed(f"side {order.side}; 0 (buy) or 1 (sell) is accepted")
    prices = [price for price, _ in order.steps]
    if not 1 <= len(prices) <= STEPS_MAX:
        return _malformed(f"{len(prices)} steps; 1 to {STEPS_MAX} are accepted")
    ranked = sorted(set(prices), reverse=not order.side)
    if prices != ranked:
        return _malformed(f"steps at {prices}; falling prices of a buyer, rising ones of a seller "
                          "are accepted")
    if order.fixed_cost < 0 or (order.fixed_cost and not order.side):
        return _malformed(f"fixed cost {order.fixed_cost} on side {order.side}; 0, or a seller's "
                          "of more are accepted")
    return None


def _span_refusal(order: FlexibleOrder) -> Refusal | None:
    room = min(SPAN_MAX, order.latest - order.earliest)
    if 1 <= order.hours <= room:
        return None
    return _malformed(f"{order.hours} hours in a row; 1 to {room} fit and are accepted")


def _offer_refusal(order: OfferOrder) -> Refusal | None:
    cells, steps = _cells(order), len(list(_each_lots(order)))
    if not cells or len(set(cells)) < len(cells):
        return _malformed(f"{len(cells)} hours, {len(set(cells))} of them different; 1 or more, "
                          "each of them once, are accepted")
    if steps > LEGS_MAX:
        return _malformed(f"{steps} steps over all hours; {LEGS_MAX} are accepted")
    if order.fixed_cost <= 0:
        return _malformed(f"fixed cost {order.fixed_cost}; 1 or more micro-RMB is accepted")
    return next(filter(None, map(_steps_refusal, order.curves)), None)


def _block_refusal(order: BlockOrder) -> Refusal | None:
    if order.side not in (0, 1):
        return _malformed(f"side {order.side}; 0 (buy) or 1 (sell) is accepted")
    if not 1 <= order.ratio_ppm <= UNIT:
        return _malformed(f"ratio {order.ratio_ppm}; 1 to {UNIT} parts in a million are accepted")
    cells = [cell for cell, _ in order.legs]
    if not 1 <= len(cells) <= LEGS_MAX or len(set(cells)) < len(cells):
        return _malformed(f"{len(cells)} legs in {len(set(cells))} cells; 1 to {LEGS_MAX}, each "
                          "in a cell of its own, are accepted")
    return None


def _family_refusal(id: int, order: BlockOrder, others: Mapping[int, Order]) -> Refusal | None:
    family = {**others, id: order} if order.parent or id in others else {id: order}
    above = _generations(id, family)
    if isinstance(above, Refusal):
        return above
    generations = above + _below(id, family, GENERATIONS_MAX)
    if generations > GENERATIONS_MAX:
        return _malformed(f"links over {generations} generations or more; {GENERATIONS_MAX} are "
                          "accepted")
    return _group_refusal(id, order, others) if order.group else None


def _generations(id: int, family: Mapping[int, Order]) -> int | Refusal:
    """Return how many generations a block's ancestors and it are, or what is wrong with them."""
    seen = [id]
    while True:
        order = family.get(seen[-1])
        if not isinstance(order, BlockOrder):
            return Refusal(Code.UNKNOWN_ORDER, f"order {seen[-1]} is no block of this auction; one "
                           "that is is accepted as a parent")
        if not order.parent:
            return len(seen)
        if order.parent in seen:
            return _malformed(f"cyclic links through orders {seen}; links up to one first parent "
                              "are accepted")
        seen.append(order.parent)


def _below(id: int, family: Mapping[int, Order], most: int) -> int:
    """Return how many generations of descendants a block has, at most `most`."""
    level, depth = {id}, 0
    while depth < most:
        level = {child for child, order in family.items()
                 if isinstance(order, BlockOrder) and order.parent in level}
        if not level:
            break
        depth += 1
    return depth


def _group_refusal(id: int, order: BlockOrder, others: Mapping[int, Order]) -> Refusal | None:
    members = sum(isinstance(other, BlockOrder) and other.group == order.group
                  for known, other in others.items() if known != id)
    if members < MEMBERS_MAX:
        return None
    return _malformed(f"{members + 1} members in group {order.group!r}; {MEMBERS_MAX} are accepted")


def prices_of(order: Order) -> list[int]:
    """Return the limits of an order: one, or one a step."""
    if isinstance(order, OfferOrder):
        return [price for _, steps in order.hours for price, _ in steps]
    return [p for p, _ in order.steps] if isinstance(order, CurveOrder) else [order.price]


def _cells(order: CurveOrder | BlockOrder | OfferOrder) -> list[int]:
    if isinstance(order, CurveOrder):
        return [order.cell]
    return [cell for cell, _ in (order.hours if isinstance(order, OfferOrder) else order.legs)]


def _each_lots(order: Order) -> Iterable[int]:
    if isinstance(order, FlexibleOrder):
        return (order.lots,)
    if isinstance(order, OfferOrder):
        return [lots for _, steps in order.hours for _, lots in steps]
    return [lots for _, lots in (order.steps if isinstance(order, CurveOrder) else order.legs)]


def _lots(order: Order) -> Iterable[int]:
    """Return the lots of each hour or step that may be accepted together."""
    if isinstance(order, FlexibleOrder):
        # a span beyond the horizon is refused later, by its own rule
        return (order.lots * max(order.hours, 1),)
    return _each_lots(order)


def _malformed(reason: str) -> Refusal:
    return Refusal(Code.ORDER_MALFORMED, reason)
