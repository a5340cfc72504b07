"""Random auctions for the oracles: seeded, small, with everything that an auction can hold.

Quantities are coarse on purpose. Where every block is all or nothing and every arc has gain one,
the best welfare is a whole number of micro-RMB that integers reach (the quantities are a network
flow), so two solvers must agree to the unit. Ratios below one and other gains have fractional
optima: there lots come by the thousand, and `slack` bounds what rounding may cost or win.
"""

from typing import NamedTuple

import numpy as np

from suanli.market.auction.instance import (
    NONE,
    UNIT,
    Arcs,
    Auction,
    Blocks,
    Curves,
    Offers,
)

PRICE_MAX = 60


class Shape(NamedTuple):
    """How large an auction, and what is in it."""

    nodes: int
    hours: int
    steps: int  # a cell and side
    blocks: int
    links: bool = False
    groups: bool = False
    offers: int = 0
    ratios: bool = False
    gains: bool = False


def shape_of(seed: int, blocks_max: int = 12) -> Shape:
    """Return the shape of a seed: every fifth has ratios, every seventh gains, the rest neither."""
    rng = np.random.default_rng([seed, 1])
    ratios, gains = seed % 5 == 4, seed % 7 == 6
    most = min(blocks_max, 6) if ratios or gains else blocks_max
    return Shape(int(rng.integers(1, 4)), int(rng.integers(2, 5)), int(rng.integers(2, 5)),
                 int(rng.integers(1, most + 1)), rng.random() < 0.5, rng.random() < 0.5,
                 int(rng.integers(0, 3)) * (not gains), ratios, gains)


def random_auction(seed: int, shape: Shape) -> Auction:
    """Return the auction of a seed and a shape; always the same one."""
    rng = np.random.default_rng([seed, 2])
    scale = 1000 if shape.ratios or shape.gains else 1
    cells = shape.nodes * shape.hours
    curves = _curves(rng, shape, cells, scale)
    blocks = _blocks(rng, shape, scale)
    fixed = rng.integers(1, 300, shape.offers) * scale
    return Auction(cells, 0, PRICE_MAX, curves, blocks, Offers(_ints(fixed)),
                   _arcs(rng, shape, scale))


def slack(auction: Auction) -> int:
    """Return how far rounding to whole lots may move the welfare: 0 where all is whole anyway.

    One lot at any price for each leg of a curtailable block and for both ends of an arc with a
    gain; twice, once for each of the two that are compared.
    """
    legs = np.diff(auction.blocks.leg_start)[auction.blocks.ratio_ppm < UNIT].sum()
    uneven = (auction.arcs.gain_ppm != UNIT).sum()
    return 2 * int(legs + 2 * uneven) * PRICE_MAX


def _curves(rng: np.random.Generator, shape: Shape, cells: int, scale: int) -> Curves:
    cell = np.repeat(np.arange(cells), 2 * shape.steps)
    side = np.tile(np.repeat([0, 1], shape.steps), cells)
    price = rng.integers(0, PRICE_MAX + 1, cell.size)
    lots = rng.integers(1, 20, cell.size) * scale
    offer = np.full(cell.size, NONE)
    # a part of the sells belongs to minimum-income offers, across cells
    for number in range(shape.offers):
        offer[(side == 1) & (offer == NONE) & (rng.random(cell.size) < 0.25)] = number
    return Curves(*map(_ints, (cell, side, price, lots, offer)))


def _blocks(rng: np.random.Generator, shape: Shape, scale: int) -> Blocks:
    side, start, cell, lots = [], [0], [], []
    for _ in range(shape.blocks):
        first = int(rng.integers(shape.hours))
        last = int(rng.integers(first, shape.hours)) + 1
        node = int(rng.integers(shape.nodes))
        side.append(int(rng.integers(2)))
        each = rng.integers(1, 25, last - first) if rng.random() < 0.3 else np.full(
            last - first, rng.integers(1, 25))
        cell += [node * shape.hours + hour for hour in range(first, last)]
        lots += (each * scale).tolist()
        start.append(len(cell))
    price = rng.integers(PRICE_MAX // 5, PRICE_MAX * 4 // 5, shape.blocks)
    parent, group = _families(rng, shape)
    ratio = np.full(shape.blocks, UNIT)
    if shape.ratios:
        # families are all or nothing: see `complementarity`
        loose = (rng.random(shape.blocks) < 0.6) & ~_linked(parent)
        ratio[loose] = rng.integers(1, 10, int(loose.sum())) * 100_000
    return Blocks(*map(_ints, (side, price, ratio, parent, group, start, cell, lots)))


def _families(rng: np.random.Generator, shape: Shape) -> tuple[list[int], list[int]]:
    parent, group, depth = [NONE], [NONE], [1]
    for block in range(1, shape.blocks):
        up = int(rng.integers(block))
        linked = shape.links and rng.random() < 0.4 and depth[up] < 3
        parent.append(up if linked else NONE)
        depth.append(depth[up] + 1 if linked else 1)
        group.append(int(rng.integers(2)) if shape.groups and rng.random() < 0.4 else NONE)
    for number in set(group) - {NONE}:
        # never more than an exclusive group may have
        members = [block for block, other in enumerate(group) if other == number]
        for block in members[24:]:
            group[block] = NONE
    return parent, group


def _linked(parent: list[int]) -> np.ndarray:
    linked = np.array(parent) != NONE
    linked[[up for up in parent if up != NONE]] = True
    return linked


def _arcs(rng: np.random.Generator, shape: Shape, scale: int) -> Arcs:
    # a gain is a ratio of two nodes' worth, so that no way round makes something out of nothing
    worth = rng.choice([5, 7, 10, 14], shape.nodes) if shape.gains else np.ones(shape.nodes, int)
    rows = []
    for source in range(shape.nodes):
        for target in range(shape.nodes):
            if source == target or rng.random() < 0.3:
                continue
            capacity = int(rng.integers(0, 25)) * scale
            fee = int(rng.integers(0, 4))
            gain = UNIT * int(worth[source]) // int(worth[target])
            rows += [(source * shape.hours + hour, target * shape.hours + hour, capacity, fee,
                      gain) for hour in range(shape.hours)]
    table = np.array(rows, np.int64).reshape(len(rows), 5)
    return Arcs(*(_ints(column) for column in table.T))


def _ints(numbers: object) -> np.ndarray:
    return np.ascontiguousarray(numbers, dtype=np.int64)
