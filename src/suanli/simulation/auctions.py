"""Synthetic call auctions of any size: areas in a meshed network, hours, curves and block orders.

Made for the size ladder of the benchmark; nothing here is measured from a real market. Demand has a
daily shape and a keen part that pays nearly any price; supply rises from cheap to dear, areas
differ in both, so that links fill in some hours. Every area has links to its neighbours on a ring
and some chords. Blocks cover one hour to more than a day at limits around what the curves would
bring; one in eight is linked to another of its area, one in eight belongs to an exclusive group of
start times, one in four has a least ratio below one. The same seed gives the same auction.
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
    Ints,
)

PRICE_MAX = 4_000  # milli-RMB a token: some three times a usual price
STEPS_A_SIDE = 25
DEAREST = 1_800
LOTS_A_STEP = 4_000
KEEN_SHARE = 0.5  # of demand, that pays nearly any price
LINK_LOTS = 12_000


class Size(NamedTuple):
    """How large an auction is."""

    areas: int
    hours: int
    blocks: int


LADDER = {"S": Size(3, 24, 200), "M": Size(9, 96, 1_000), "L": Size(40, 96, 4_000)}


def synthetic_auction(size: Size, seed: int) -> Auction:
    """Return an auction of a size; cells are ``area * hours + hour``."""
    random = np.random.default_rng(seed)
    return Auction(size.areas * size.hours, 0, PRICE_MAX, _curves(size, random),
                   _blocks(size, random), arcs=_arcs(size, random))


def _curves(size: Size, random: np.random.Generator) -> Curves:
    cells = size.areas * size.hours
    hour = np.tile(np.arange(size.hours), size.areas)
    busy = 1.0 + 0.35 * np.sin((hour % 24 - 9) * np.pi / 12)
    level = np.repeat(random.uniform(0.7, 1.3, size.areas), size.hours)
    sells = np.sort(random.triangular(200, 700, DEAREST, (cells, STEPS_A_SIDE)), axis=1)
    sells *= np.repeat(random.uniform(0.8, 1.2, size.areas), size.hours)[:, None]
    buys = random.triangular(300, 900, DEAREST, (cells, STEPS_A_SIDE))
    buys[:, 0] = PRICE_MAX
    sold = random.integers(1, LOTS_A_STEP, (cells, STEPS_A_SIDE))
    bought = (random.integers(1, LOTS_A_STEP, (cells, STEPS_A_SIDE)) * 0.6
              * (busy * level)[:, None])
    bought[:, 0] = bought.sum(axis=1) * KEEN_SHARE
    cell = np.repeat(np.arange(cells), STEPS_A_SIDE)
    count = 2 * cell.size
    return Curves(np.concatenate([cell, cell]),
                  np.repeat(np.array([0, 1]), cell.size),
                  np.rint(np.concatenate([buys.ravel(), sells.ravel()])).astype(np.int64),
                  np.concatenate([np.maximum(bought, 1).astype(np.int64).ravel(), sold.ravel()]),
                  np.full(count, NONE))


def _arcs(size: Size, random: np.random.Generator) -> Arcs:
    """Return a ring and half as many chords, each way, every hour."""
    one = np.arange(size.areas)
    other = (one + 1) % size.areas
    chords = random.integers(0, size.areas, (size.areas // 2, 2))
    chords = chords[chords[:, 0] != chords[:, 1]]
    pairs = np.concatenate([np.stack([one, other], axis=1), chords])
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    hour = np.tile(np.arange(size.hours), len(both))
    source, target = (np.repeat(both[:, end], size.hours) * size.hours + hour for end in (0, 1))
    capacity = np.repeat(random.integers(LINK_LOTS // 8, LINK_LOTS, len(both)), size.hours)
    return Arcs(source, target, capacity, np.zeros(source.size, np.int64),
                np.full(source.size, UNIT))


def _blocks(size: Size, random: np.random.Generator) -> Blocks:
    count = size.blocks
    area = random.integers(0, size.areas, count)
    length = np.minimum(random.geometric(0.12, count), min(36, size.hours))
    start = random.integers(0, size.hours - length + 1)
    parent, group = np.full(count, NONE), np.full(count, NONE)
    _link(random, area, parent)
    _group(random, size, area, length, start, group)
    leg_start = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    owner = np.repeat(np.arange(count), length)
    hour = start[owner] + np.arange(owner.size) - leg_start[owner]
    lots = random.integers(100, 3_000, count)[owner]
    ratio = np.where(random.random(count) < 0.25, random.integers(2, 9, count) * 100_000, UNIT)
    side = random.integers(0, 2, count)
    price = np.rint(random.normal(800, 120, count)).astype(np.int64).clip(0, PRICE_MAX)
    return Blocks(side, price, ratio, parent, group, leg_start, area[owner] * size.hours + hour,
                  lots)


def _link(random: np.random.Generator, area: Ints, parent: Ints) -> None:
    """Link one block in eight to an earlier one of its area that is itself not linked."""
    for child in np.flatnonzero(random.random(area.size) < 1 / 8).tolist():
        heads = np.flatnonzero((area[:child] == area[child]) & (parent[:child] == NONE))
        if heads.size:
            parent[child] = heads[random.integers(heads.size)]


def _group(random: np.random.Generator, size: Size, area: Ints, length: Ints, start: Ints,
           group: Ints) -> None:
    """Make groups of four start times out of one block in eight, of one area and length each."""
    for number in range(area.size // 32):
        members = np.arange(number * 4, number * 4 + 4)
        area[members], length[members] = area[members[0]], length[members[0]]
        start[members] = random.integers(0, size.hours - length[members[0]] + 1, 4)
        group[members] = number


__all__ = ["LADDER", "Size", "synthetic_auction"]
