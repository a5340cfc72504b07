"""Orders of an auction as the arrays that are cleared, and a clearing as fills of the orders.

Rows stand in the order of the orders' numbers, so equal orders give equal arrays. A product flows
to the demand nodes of its grade: in its own area at no cost and without limit, in another area
along a governed link; firm also to buyers of spot. An order that came after the drawn end is not
there. A flexible order is one block a start, in a group of its own; of more than 24 starts, 24
that lie evenly between the first and the last.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from suanli.market.auction.commands import Node
from suanli.market.auction.entry import BUY, GROUP_MAX, SELL, Orders
from suanli.market.auction.instance import (
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
from suanli.market.auction.records import AuctionOrder, Sitting
from suanli.market.auction.settling import Fills
from suanli.market.auction.verification import block_surplus, leg_lots_accepted

GrantedLinks = tuple[tuple[str, str, int, int], ...]
FIRM, SPOT = "firm", "spot"
IN_GROUP_OF_ITS_OWN: Final = "\x00"  # no name that an owner can give


class Frozen(NamedTuple):
    """An auction as arrays, and which order each step and block is of."""

    auction: Auction
    step_order: tuple[int, ...]
    block_order: tuple[int, ...]

    def fills(self, clearing: Clearing) -> Fills:
        """Return what each order gets or gives: (cell, lots), in the order of the numbers."""
        curves, blocks = self.auction.curves, self.auction.blocks
        found: dict[int, dict[int, int]] = {}
        for step in np.flatnonzero(clearing.curve_lots).tolist():
            self._add(found, self.step_order[step], int(curves.cell[step]),
                      int(clearing.curve_lots[step]))
        lots = leg_lots_accepted(blocks, clearing.block_ppm)
        block = np.repeat(np.arange(blocks.side.size), np.diff(blocks.leg_start))
        for leg in np.flatnonzero(lots).tolist():
            self._add(found, self.block_order[block[leg]], int(blocks.leg_cell[leg]),
                      int(lots[leg]))
        return {id: sorted(cells.items()) for id, cells in sorted(found.items())}

    @staticmethod
    def _add(found: dict[int, dict[int, int]], id: int, cell: int, lots: int) -> None:
        cells = found.setdefault(id, {})
        cells[cell] = cells.get(cell, 0) + lots

    def volumes(self, fills: Fills, orders: Orders) -> Ints:
        """Return the lots bought in each cell: (cells,)."""
        volumes = np.zeros(self.auction.cells, np.int64)
        for id, filled in fills.items():
            if orders[id].side == BUY:
                for cell, lots in filled:
                    volumes[cell] += lots
        return volumes

    def rejected(self, clearing: Clearing) -> int:
        """Return how many blocks were left out though in the money and free to be taken."""
        blocks, taken = self.auction.blocks, clearing.block_ppm
        if not taken.size:
            return 0
        is_left_out = (taken == 0) & (block_surplus(blocks, clearing.prices) > 0)
        is_free = (blocks.parent == NONE) | (taken[blocks.parent] > 0)
        used = np.zeros(int(blocks.group.max(initial=0)) + 1, np.int64)
        np.add.at(used, blocks.group[blocks.group != NONE], taken[blocks.group != NONE])
        is_open = (blocks.group == NONE) | (used[blocks.group] == 0)
        return int((is_left_out & is_free & is_open).sum())


def froze(sitting: Sitting, orders: Orders, links: GrantedLinks) -> Frozen:
    """Return an auction's orders, less the late ones, as arrays."""
    in_time = {id: order for id, order in orders.items()
               if not sitting.ends or order.entered <= sitting.ends}
    curves, offers, step_order = _curves(in_time)
    blocks, block_order = _blocks(in_time)
    cells = len(sitting.nodes) * sitting.hours
    arcs = _arcs(sitting, links, *_wanted(cells, curves, blocks))
    return Frozen(Auction(cells, sitting.price_min, sitting.price_max, curves, blocks, offers,
                          arcs), tuple(step_order), tuple(block_order))


def _curves(orders: Orders) -> tuple[Curves, Offers, list[int]]:
    rows, fixed, of = [], [], []
    for id, order in orders.items():
        offer = NONE
        if order.fixed:
            offer = len(fixed)
            fixed.append(order.fixed)
        for price, lots in order.steps:
            rows.append((order.legs[0][0], order.side, price, lots, offer))
            of.append(id)
    return Curves(*_columns(rows, 5)), Offers(np.array(fixed, np.int64)), of


def _blocks(orders: Orders) -> tuple[Blocks, list[int]]:
    rows, legs, of = [], [], []
    starts, numbers, groups = [0], {}, {}  # type: ignore[var-annotated]
    for id, order in orders.items():
        if order.is_curve:
            continue
        name = (id, IN_GROUP_OF_ITS_OWN) if order.span else (order.owner, order.group)
        group = groups.setdefault(name, len(groups)) if name[1] else NONE
        for member in _members(order):
            numbers[id] = len(rows)
            parent = numbers.get(order.parent, NONE)
            rows.append((order.side, order.price_mrmb, order.ratio_ppm, parent, group))
            legs += member
            starts.append(len(legs))
            of.append(id)
    side, price, ratio, parent, group = _columns(rows, 5)
    # a parent may have a higher number than its child, where it was linked later
    parent = np.array([numbers.get(orders[id].parent, NONE) for id in of], np.int64)
    return Blocks(side, price, ratio, parent, group, np.array(starts, np.int64),
                  *_columns(legs, 2)), of


def _members(order: AuctionOrder) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield the legs of each block that an order stands for."""
    if not order.span:
        yield order.legs
        return
    (first, lots), = order.legs
    starts = order.latest - order.span + 2 - first
    count = min(starts, GROUP_MAX)
    for n in range(count):
        begin = first + (n * (starts - 1) // (count - 1) if count > 1 else 0)
        yield tuple((begin + hour, lots) for hour in range(order.span))


def _columns(rows: list[tuple[int, ...]], width: int) -> list[Ints]:
    table = np.array(rows, np.int64).reshape(-1, width)
    return [np.ascontiguousarray(table[:, column]) for column in range(width)]


def _wanted(cells: int, curves: Curves, blocks: Blocks) -> tuple[Ints, Ints]:
    """Return the lots that are wanted, and offered, in each cell at most."""
    leg_side = np.repeat(blocks.side, np.diff(blocks.leg_start))
    sums = []
    for side in (BUY, SELL):
        total = np.zeros(cells, np.int64)
        np.add.at(total, curves.cell[curves.side == side], curves.lots[curves.side == side])
        np.add.at(total, blocks.leg_cell[leg_side == side], blocks.leg_lots[leg_side == side])
        sums.append(total)
    return sums[0], sums[1]


def _arcs(sitting: Sitting, links: GrantedLinks, wanted: Ints, offered: Ints) -> Arcs:
    rows = []
    granted = {(source, target): (capacity, fee) for source, target, capacity, fee in links}
    hours = sitting.hours
    for source, product in enumerate(sitting.nodes):
        for target, demand in enumerate(sitting.nodes):
            limit = _limit(product, demand, granted)
            if limit is None:
                continue
            for hour in range(hours):
                here, there = source * hours + hour, target * hours + hour
                if offered[here] and wanted[there]:
                    # one lot above all that is offered: never full, so no rent without a link
                    most = int(offered[here]) + 1
                    capacity = most if limit[0] is None else min(most, limit[0])
                    rows.append((here, there, capacity, limit[1], UNIT))
    return Arcs(*_columns(rows, 5))


def _limit(product: Node, demand: Node,
           granted: dict[tuple[str, str], tuple[int, int]]) -> tuple[int | None, int] | None:
    """Return (capacity or None, fee) of what may flow from a product to a demand node."""
    issuer, area, grade, tier = product
    if not issuer or demand[0] or grade != demand[2]:
        return None
    if tier != demand[3] and (tier, demand[3]) != (FIRM, SPOT):
        return None
    if area == demand[1]:
        return None, 0
    return granted.get((area, demand[1]))
