"""The network blocks of a view's hosts as flat arrays: leaves, spines and zones, by pool.

A gang stands on one chip in one zone, so blocks are numbered within their pool. A block that a
host has to itself is no block: whatever fits there, fits that host.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from suanli.chips.topology import DEVICE, HOST, LEAF, LEVELS, ZONE, Block, block_of

Ints = npt.NDArray[np.int64]
SPANS: Final = ZONE - LEAF + 1  # leaf, spine, zone


class Blocks(NamedTuple):
    """Which blocks there are; row s of the first two is of level LEAF + s.

    of : (SPANS, hosts) block, numbered pool by pool; -1: the host has none with another
    first : (SPANS, pools + 1) where each pool's blocks begin
    widest : (levels, pools) devices of the largest block, all hosts up; row 0 as for a zone
    """

    of: Ints
    first: Ints
    widest: Ints

    def within(self, level: int) -> Ints:
        """Return by host the block that a job requiring a level, 0 for none, may not leave."""
        if level in (DEVICE, HOST):
            return np.full(self.of.shape[1], -1, dtype=np.int64)
        found: Ints = self.of[(level or ZONE) - LEAF]
        return found


# A host's devices, leaf and spine.
Place = tuple[int, str, str]


def blocks_of(pools: Sequence[Sequence[Place]]) -> Blocks:
    """Return the blocks of hosts, listed by pool."""
    by_level = {level: [_named(level, pool) for pool in pools] for level in LEVELS[HOST:]}
    numbered = [_numbered(by_level[level]) for level in LEVELS[LEAF:]]
    widest = np.zeros((len(LEVELS), len(pools)), dtype=np.int64)
    widest[DEVICE] = 1
    for number, level in enumerate(LEVELS[HOST:], HOST):
        widest[number] = [_most(names, pool)
                          for names, pool in zip(by_level[level], pools, strict=True)]
    widest[0] = widest[ZONE]
    return Blocks(np.array([of for of, _ in numbered], dtype=np.int64),
                  np.array([first for _, first in numbered], dtype=np.int64), widest)


def _named(level: str, pool: Sequence[Place]) -> list[Block]:
    return [block_of(level, str(host), "", spine, leaf)
            for host, (_, leaf, spine) in enumerate(pool)]


def _numbered(pools: list[list[Block]]) -> tuple[list[int], list[int]]:
    """Return the number of each host's block, and where each pool's blocks begin."""
    of, first = [], [0]
    for names in pools:
        counts = Counter(names)
        shared = (name for name, count in counts.items() if count > 1)
        number = {name: first[-1] + index for index, name in enumerate(shared)}
        of += [number.get(name, -1) for name in names]
        first.append(first[-1] + len(number))
    return of, first


def _most(names: list[Block], pool: Sequence[Place]) -> int:
    sums: Counter[Block] = Counter()
    for name, (devices, _, _) in zip(names, pool, strict=True):
        sums[name] += devices
    return max(sums.values(), default=0)
