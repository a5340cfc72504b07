"""Choosing among hosts by a remembered score, which only what changed has to earn again.

Theory of operation: a score depends on a request and on what one host has free. So scores are
kept in an array (request, host), and a host whose free resources changed is stale for every
request until that request is asked for again. One decision costs O(hosts) to look at, and one
score for each host that changed since the same request was last asked for.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from suanli.planning.packing.arrays import Floats, Ints
from suanli.planning.packing.kernels import NOWHERE

UNFIT = -np.inf  # the score where a request does not fit


class Scores(NamedTuple):
    """Scores remembered by (request, host); the highest is the best."""

    score: Floats  # (request, host), UNFIT where it does not fit
    device: Ints  # (request, host) the device for a fraction, else NOWHERE
    is_stale: NDArray[np.bool_]  # (request, host)


def no_scores(requests: int, hosts: int) -> Scores:
    """Return scores that are all to be earned."""
    shape = (requests, hosts)
    return Scores(np.full(shape, UNFIT), np.full(shape, NOWHERE, np.int64), np.ones(shape, bool))


@njit(cache=True)
def first_best(score: Floats) -> int:
    """Return the first host of the highest score; NOWHERE if all are UNFIT."""
    chosen = NOWHERE
    highest = UNFIT
    for host in range(score.size):
        if score[host] > highest:
            chosen, highest = host, score[host]
    return chosen
