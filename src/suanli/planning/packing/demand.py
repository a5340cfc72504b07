"""Demand as it has shown itself: the mix of the requests that arrived so far, and no more.

Laws: nothing of the future is read; the mix is learned anew each time the arrivals have doubled,
so a request's share is always that among at least half of what arrived, and what depends on the
mix is worked out O(log arrivals) times.
"""

from typing import Final

import numpy as np
from numba import njit

from suanli.planning.packing.arrays import WHOLE, Floats, Ints, Mix, Requests

COVERED: Final = 0.95  # of arrivals; the rest are too rare to plan for (FGD's figure)
# A device gets nothing more as often as three in a hundred arrivals would take it. From 0.03 to
# 0.3 the allocated share on openb moves by 0.1 points.
QUIET: Final = 0.03


def mix_of(requests: Requests, counts: Ints) -> Mix:
    """Return the most frequent requests that cover 95 % of the counts: (row,) how many."""
    ranked = np.argsort(-counts, kind="stable")
    covered = np.cumsum(counts[ranked])
    kept = ranked[:int(np.searchsorted(covered, COVERED * covered[-1])) + 1]
    return Mix(Requests(*(column[kept] for column in requests)), counts[kept] / counts[kept].sum())


def remnants(mix: Mix) -> Floats:
    """Return what would stay unused of a device with so much free: (0 to 1000,) thousandths.

    Of r free, the next request that fits leaves r less its own, and so on, each as likely as it
    is in the mix, until nothing fits or nothing more comes (`QUIET`). So 530 is worth keeping
    where 470 is common, and 190 is lost where all are larger.
    """
    sizes = np.zeros(WHOLE + 1)
    np.add.at(sizes, mix.requests.milli, mix.share * mix.requests.devices)
    left: Floats = _remnants(sizes)
    return left


@njit(cache=True)
def _remnants(sizes: Floats) -> Floats:
    left = np.zeros(sizes.size)
    for free in range(1, sizes.size):
        weight, expected = QUIET, QUIET * free
        for size in range(1, free + 1):
            weight += sizes[size]
            expected += sizes[size] * left[free - size]
        left[free] = expected / weight
    return left


class Arrivals:
    """Counts requests; says when the mix is due to be learned anew."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._counts = np.zeros(requests.cpu.size, np.int64)
        self._seen = 0
        self._due = 1  # arrivals at which the mix is learned; doubles

    def add(self, row: int) -> Mix | None:
        """Count an arrival; return the mix if it is due."""
        self._counts[row] += 1
        self._seen += 1
        if self._seen < self._due:
            return None
        self._due = 2 * self._seen
        return mix_of(self._requests, self._counts)
