"""Learned run times: which part of their stated limit jobs really use.

Only jobs that ended teach, and only by (work done / stated limit). One with a promised start does
not: it stays as long as its traffic, whatever its limit, and its weight is nothing anyway. The
ratio's distribution is kept as counts over geometric bins, so that everything asked for is a
look-up by the part of the limit that a job has used already. Before anything has ended, every ratio
is held equally likely (on a logarithmic scale).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from suanli.planning.view import Ints, View

Floats = npt.NDArray[np.float64]

BINS: Final = 60
RATIO_MIN: Final = 0.01
PRIOR_JOBS: Final = 5.0  # what the flat prior weighs against finished jobs
MEMORY_JOBS: Final = 5000.0  # older jobs fade: what tenants run changes over months


class RunTimes:
    """What finished jobs tell of running ones; ratios of the stated limit, 0 to 1."""

    def __init__(self) -> None:
        edges = np.geomspace(RATIO_MIN, 1.0, BINS + 1)
        self._edges = np.concatenate([[0.0], edges[1:]])  # of the bins, the first from nothing
        self._lower = self._edges[:-1]
        self._middle = np.sqrt(edges[1:] * edges[:-1])
        self._count = np.full(BINS, PRIOR_JOBS / BINS)
        self._seen = 0
        self._mean_above = self._means()

    def learn(self, view: View) -> None:
        """Take in the jobs that ended since the last call."""
        fresh = view.finished[self._seen:]
        if not fresh:
            return
        self._seen = len(view.finished)
        rows, ran_ms = np.array(fresh, dtype=np.int64).T
        teaches = view.jobs.slo_ms[rows] == 0
        ratios = ran_ms[teaches] / view.jobs.limit_ms[rows[teaches]]
        _count_in(self._count, self._bins(ratios), 1 - 1 / MEMORY_JOBS)
        self._mean_above = self._means()

    def _bins(self, ratios: Floats) -> Ints:
        bins: Ints = np.clip(np.searchsorted(self._lower, ratios, side="right") - 1, 0, BINS - 1)
        return bins

    def _means(self) -> Floats:
        """Return by bin the mean ratio of jobs that got at least into it."""
        count = np.cumsum(self._count[::-1])[::-1]
        total = np.cumsum((self._count * self._middle)[::-1])[::-1]
        means: Floats = total / count
        return means

    def expected(self, used: Floats) -> Floats:
        """Return the expected ratio still to come, of jobs that have used a part of their limit.

        Never less than a hundredth: nobody is known to be about to end.
        """
        return np.maximum(self._mean_above[self._bins(used)] - used, RATIO_MIN)

    def quantile(self, used: Floats, part: float) -> Floats:
        """Return the ratio still to come that a `part` of the jobs which got as far do not exceed.

        Counts are spread evenly within their bin: it rises with `part` from 0 to all that is left
        of the limit.
        """
        total = np.concatenate([[0.0], np.cumsum(self._count)])
        below = np.interp(used, self._edges, total)
        left: Floats = np.interp(below + part * (total[-1] - below), total, self._edges) - used
        return np.maximum(left, 0.0)


@njit(cache=True)
def _count_in(count: Floats, bins: Ints, kept: float) -> None:
    """Count jobs in, one after another: what was there before each fades."""
    for bin in bins:
        count *= kept
        count[bin] += 1
