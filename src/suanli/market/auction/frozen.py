"""The orders of an auction as the arrays that are cleared, and a clearing as fills of the orders.

A product flows to the demand nodes of its grade: in its own area at no cost and without limit, in
another area along a governed link; firm also to buyers of spot. What is offered in several grades
flows to the product of each (`substitution`). An order that came after the drawn end is not there.

Where something is withheld for the set-aside, there is the auction without it beside: the same
orders, and behind the steps of all curves those that issuers could have added.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from suanli.ledger.state import Ledger
from suanli.market.auction import substitution
from suanli.market.auction.collateral import product_of
from suanli.market.auction.commands import Node
from suanli.market.auction.instance import NONE, UNIT, Arcs, Auction, Clearing, Curves, Ints
from suanli.market.auction.orders import Index, allocation, assemble
from suanli.market.auction.records import Orders, Sitting
from suanli.market.auction.verification import block_surplus
from suanli.market.book import BUY, SELL
from suanli.market.product import FIRM, SPOT

Links = tuple[tuple[str, str, int, int], ...]
Fills = dict[int, list[tuple[int, int]]]  # order -> (cell, lots)


@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """An auction as arrays, and which order each step and block is of."""

    auction: Auction
    index: Index
    without: Auction | None = None  # as it would be without the set-aside, if that keeps any out

    def fills(self, clearing: Clearing) -> Fills:
        """Return what each order gets or gives: (cell, lots), in the order of the numbers."""
        found = allocation(self.index, self.auction, clearing)
        return {id: found[id] for id in sorted(found)}

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
        grouped = blocks.group != NONE
        used = np.zeros(int(blocks.group.max(initial=0)) + 1, np.int64)
        np.add.at(used, blocks.group[grouped], taken[grouped])
        is_open = ~grouped | (used[blocks.group] == 0)
        return int((is_left_out & is_free & is_open).sum())


def froze(sitting: Sitting, orders: Orders, links: Links, ledger: Ledger) -> Frozen:
    """Return an auction's orders, less the late ones, as arrays."""
    in_time = {id: order.terms for id, order in orders.items()
               if not sitting.ends or order.entered <= sitting.ends}
    shape = len(sitting.nodes), sitting.hours
    bounds = sitting.price_min, sitting.price_max
    orders_alone, index = assemble(in_time, *shape, price_min=bounds[0], price_max=bounds[1])
    auction = _coupled(sitting, links, ledger, orders_alone)
    if not sitting.withheld:
        return Frozen(auction, index)
    more = replace(orders_alone, curves=_with_withheld(sitting, auction.curves))
    return Frozen(auction, index, _coupled(sitting, links, ledger, more))


def _with_withheld(sitting: Sitting, curves: Curves) -> Curves:
    """Return the steps of an auction's curves, and behind them those that are withheld."""
    cell, lots, price = (np.array(column, np.int64) for column in zip(*sitting.withheld,
                                                                      strict=True))
    more = Curves(cell, np.full_like(cell, SELL), price, lots, np.full_like(cell, NONE))
    return Curves(*(np.concatenate(both) for both in zip(curves, more, strict=True)))


def _coupled(sitting: Sitting, links: Links, ledger: Ledger, auction: Auction) -> Auction:
    """Return an auction with the arcs that its sellers and buyers can use."""
    arcs = _arcs(sitting, links, ledger, *(_lots(auction, side) for side in (BUY, SELL)))
    return replace(auction, arcs=arcs)


def _lots(auction: Auction, side: int) -> Ints:
    """Return the lots that are wanted (offered) in each cell at most: (cells,)."""
    curves, blocks = auction.curves, auction.blocks
    of_leg = np.repeat(blocks.side, np.diff(blocks.leg_start)) == side
    of_step = curves.side == side
    total = np.zeros(auction.cells, np.int64)
    np.add.at(total, curves.cell[of_step], curves.lots[of_step])
    np.add.at(total, blocks.leg_cell[of_leg], blocks.leg_lots[of_leg])
    return total


def _arcs(sitting: Sitting, links: Links, ledger: Ledger, wanted: Ints, offered: Ints) -> Arcs:
    granted = {(source, target): (capacity, fee) for source, target, capacity, fee in links}
    rows = _substitutions(sitting, ledger, offered)
    for _, target, capacity, _, gain in rows:
        offered[target] += capacity * gain // UNIT + 1
    by_hour = wanted.reshape(-1, sitting.hours), offered.reshape(-1, sitting.hours)
    demands = defaultdict(list)  # by grade: a product flows to no other
    for target, demand in enumerate(sitting.nodes):
        demands[demand[2]].append(target)
    for source, product in enumerate(sitting.nodes):
        for target in demands[product[2]]:
            limit = way(product, sitting.nodes[target], granted)
            if limit is None:
                continue
            there, here = by_hour[0][target], by_hour[1][source]
            for hour in np.flatnonzero((there > 0) & (here > 0)).tolist():
                # one lot above all that is offered: never full, so no rent without a link
                most = int(here[hour]) + 1
                capacity = most if limit[0] is None else min(most, limit[0])
                rows.append((source * sitting.hours + hour, target * sitting.hours + hour,
                             capacity, limit[1], UNIT))
    table = np.array(rows, np.int64).reshape(-1, 5)
    return Arcs(*(np.ascontiguousarray(table[:, column]) for column in range(5)))


def _substitutions(sitting: Sitting, ledger: Ledger, offered: Ints) -> list[tuple[int, ...]]:
    """Return the arcs from what is offered in several grades to the product of each."""
    number = {node: n for n, node in enumerate(sitting.nodes)}
    rows: list[tuple[int, ...]] = []
    for source, node in enumerate(sitting.nodes):
        products = substitution.products(node) if substitution.is_joint(node) else []
        for cell in range(source * sitting.hours, (source + 1) * sitting.hours):
            lots = int(offered[cell])
            for product in products if lots else []:
                target = number[product] * sitting.hours + cell % sitting.hours
                gain = substitution.gain(ledger, *(product_of(sitting, c) for c in (cell, target)))
                rows.append((cell, target, lots + 1, 0, gain))
    return rows


def way(product: Node, demand: Node,
        granted: dict[tuple[str, str], tuple[int, int]]) -> tuple[int | None, int] | None:
    """Return (capacity or None, fee) of what may flow from a product to a demand node."""
    issuer, area, grade, tier = product
    if not issuer or demand[0] or grade != demand[2]:
        return None
    if tier != demand[3] and (tier, demand[3]) != (FIRM, SPOT):
        return None
    return (None, 0) if area == demand[1] else granted.get((area, demand[1]))
