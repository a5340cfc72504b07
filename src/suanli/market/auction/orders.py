"""Participants' orders as records, the auction they make, and who got what.

Laws
----
* `assemble` depends on the orders alone, not on the order in which they came: rows stand by id.
* Each row of an auction is one order's; `allocation` gives each order its lots, cell by cell.
* A flexible order is an exclusive group of blocks, one a start; a linked order whose parent is
  not there takes no part.

Orders are admitted one by one with `admission.refusal`, so that what is assembled is well formed.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from suanli.market.auction.instance import (
    NO_ARCS,
    NONE,
    UNIT,
    Arcs,
    Auction,
    Blocks,
    Clearing,
    Curves,
    Ints,
    Offers,
)
from suanli.market.auction.verification import leg_lots_accepted

STARTS_MAX = 24  # members of an exclusive group: the most starts that a flexible order can have


@dataclass(frozen=True, slots=True)
class CurveOrder:
    """Buy (side 0) or sell (1) in one cell, by steps of (milli-RMB a token, lots).

    A sell with a fixed cost, micro-RMB, is a minimum-income offer: its steps are taken only if
    they earn that cost beyond their own prices. `spare`: lots that it holds beside its steps',
    for rounding (`substitution`).
    """

    cell: int
    side: int
    steps: tuple[tuple[int, int], ...]
    fixed_cost: int = 0
    _: KW_ONLY
    spare: int = 0


@dataclass(frozen=True, slots=True)
class BlockOrder:
    """Buy or sell legs of (cell, lots) at one mean price, by a ratio of 0 or `ratio_ppm` up.

    Groups of one name are one group: the caller makes the name its participant's own.
    """

    side: int
    price: int
    ratio_ppm: int
    legs: tuple[tuple[int, int], ...]
    parent: int = 0  # the order it is linked to, or 0
    group: str = ""  # its exclusive group, or ""


@dataclass(frozen=True, slots=True)
class FlexibleOrder:
    """Buy `lots` in each of `hours` consecutive hours at a node, all or nothing.

    They start in hour `earliest` or later and are over before hour `latest`.
    """

    node: int
    hours: int
    lots: int
    price: int
    earliest: int
    latest: int


@dataclass(frozen=True, slots=True)
class OfferOrder:
    """Sell in several cells, each (cell, steps as a curve's), rising by cell.

    One minimum-income offer: the steps of all cells are taken only if together they earn the
    fixed cost, micro-RMB, beyond their own prices.
    """

    side: ClassVar[int] = 1
    hours: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    fixed_cost: int

    @property
    def curves(self) -> list[CurveOrder]:
        """What is offered in each cell, without the fixed cost."""
        return [CurveOrder(cell, self.side, steps) for cell, steps in self.hours]


Order = CurveOrder | BlockOrder | FlexibleOrder | OfferOrder


class Index(NamedTuple):
    """Whose row each is: order ids."""

    steps: Ints  # shape (steps,)
    blocks: Ints  # shape (blocks,)
    offers: Ints  # shape (offers,)


def starts_of(order: FlexibleOrder) -> list[int]:
    """Return the hours in which a flexible order may start, rising.

    Of more than 24 possible starts, 24 evenly spread ones, the first and the last among them.

    >>> starts_of(FlexibleOrder(0, 4, 10, 5, 2, 8))
    [2, 3, 4]
    """
    spare = order.latest - order.hours - order.earliest
    if spare < STARTS_MAX:
        return list(range(order.earliest, order.earliest + spare + 1))
    return [order.earliest + spare * n // (STARTS_MAX - 1) for n in range(STARTS_MAX)]


def assemble(orders: Mapping[int, Order], nodes: int, hours: int, arcs: Arcs = NO_ARCS,
             price_min: int = 0, price_max: int = 10**9) -> tuple[Auction, Index]:
    """Return the auction of some admitted orders (by id), and whose its rows are.

    Cost: O(orders log orders + steps + legs).
    """
    rows = _Rows(hours)
    for id in sorted(orders):
        order = orders[id]
        if isinstance(order, CurveOrder):
            rows.add_curve(id, order)
        elif isinstance(order, FlexibleOrder):
            rows.add_flexible(id, order)
        elif isinstance(order, OfferOrder):
            rows.add_offer(id, order)
        elif _has_ancestors(orders, order):
            rows.add_block(id, order)
    return rows.auction(nodes * hours, price_min, price_max, arcs), rows.index()


def allocation(index: Index, auction: Auction,
               clearing: Clearing) -> dict[int, list[tuple[int, int]]]:
    """Return the accepted lots of each order: id to (cell, lots), rising by cell.

    Orders of which nothing was accepted are absent, and so are their cells without lots.
    """
    blocks = auction.blocks
    leg_order = np.repeat(index.blocks, np.diff(blocks.leg_start))
    order = np.concatenate([index.steps, leg_order])
    cell = np.concatenate([auction.curves.cell, blocks.leg_cell])
    lots = np.concatenate([clearing.curve_lots, leg_lots_accepted(blocks, clearing.block_ppm)])
    taken = np.flatnonzero(lots)
    taken = taken[np.lexsort((cell[taken], order[taken]))]
    result: dict[int, list[tuple[int, int]]] = {}
    for id, at, some in zip(order[taken].tolist(), cell[taken].tolist(), lots[taken].tolist(),
                            strict=True):
        cells = result.setdefault(id, [])
        if cells and cells[-1][0] == at:
            some += cells.pop()[1]
        cells.append((at, some))
    return result


def _has_ancestors(orders: Mapping[int, Order], order: BlockOrder) -> bool:
    """Say whether the chain of parents above a block is there."""
    while order.parent:
        parent = orders.get(order.parent)
        if not isinstance(parent, BlockOrder):
            return False
        order = parent
    return True


class _Rows:
    """Rows of an auction as they are gathered, order by order."""

    def __init__(self, hours: int) -> None:
        self.hours = hours
        self.steps: list[tuple[int, ...]] = []  # order, cell, side, price, lots, offer
        self.blocks: list[tuple[int, ...]] = []  # order, side, price, ratio, parent, group
        self.legs: list[tuple[int, int]] = []
        self.leg_start = [0]
        self.offers: list[tuple[int, int]] = []  # order, fixed cost
        self.groups: dict[str | int, int] = {}  # name, or a flexible order's id, to number
        self.block_of: dict[int, int] = {}  # order to its row of `blocks`

    def add_curve(self, id: int, order: CurveOrder) -> None:
        self._add_steps(id, order, self._offer(id, order.fixed_cost) if order.fixed_cost else NONE)

    def add_offer(self, id: int, order: OfferOrder) -> None:
        offer = self._offer(id, order.fixed_cost)
        for curve in order.curves:
            self._add_steps(id, curve, offer)

    def add_block(self, id: int, order: BlockOrder) -> None:
        group = self._group(order.group) if order.group else NONE
        self.block_of[id] = len(self.blocks)
        self._add(id, order, group)

    def add_flexible(self, id: int, order: FlexibleOrder) -> None:
        group = self._group(id)
        for start in starts_of(order):
            first = order.node * self.hours + start
            legs = tuple((cell, order.lots) for cell in range(first, first + order.hours))
            self._add(id, BlockOrder(0, order.price, UNIT, legs), group)

    def _offer(self, id: int, fixed_cost: int) -> int:
        self.offers.append((id, fixed_cost))
        return len(self.offers) - 1

    def _add_steps(self, id: int, order: CurveOrder, offer: int) -> None:
        for price, lots in order.steps:
            self.steps.append((id, order.cell, order.side, price, lots, offer))

    def _group(self, name: str | int) -> int:
        return self.groups.setdefault(name, len(self.groups))

    def _add(self, id: int, order: BlockOrder, group: int) -> None:
        self.blocks.append((id, order.side, order.price, order.ratio_ppm, order.parent, group))
        self.legs += order.legs
        self.leg_start.append(len(self.legs))

    def auction(self, cells: int, price_min: int, price_max: int, arcs: Arcs) -> Auction:
        _, cell, side, price, lots, offer = _columns(self.steps, 6)
        curves = Curves(cell, side, price, lots, offer)
        # a parent may have come later than its child: its row is known only now
        parents = [self.block_of.get(row[4], NONE) for row in self.blocks]
        _, side, price, ratio, _, group = _columns(self.blocks, 6)
        leg_cell, leg_lots = _columns(self.legs, 2)
        blocks = Blocks(side, price, ratio, np.array(parents, np.int64), group,
                        np.array(self.leg_start, np.int64), leg_cell, leg_lots)
        offers = Offers(_columns(self.offers, 2)[1])
        return Auction(cells, price_min, price_max, curves, blocks, offers, arcs)

    def index(self) -> Index:
        return Index(_columns(self.steps, 6)[0], _columns(self.blocks, 6)[0],
                     _columns(self.offers, 2)[0])


def _columns(rows: list[tuple[int, ...]] | list[tuple[int, int]], width: int) -> list[Ints]:
    """Return rows as columns, each an array of shape (rows,)."""
    table = np.array(rows, np.int64).reshape(len(rows), width)
    return [np.ascontiguousarray(table[:, n]) for n in range(width)]
