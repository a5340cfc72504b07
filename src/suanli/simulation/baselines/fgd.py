"""FGD: the host on which placing a task raises expected fragmentation the least, in whole points.

Source: Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation
Gradient Descent", USENIX ATC 2023; the recipe as read from
hkust-adsl/kubernetes-scheduler-simulator. Points are 100 x sigmoid(fall of fragmentation in
devices), rounded down. Rounding makes ties frequent; that simulator's own kube-scheduler is
changed to break them by the host's name instead of at random, which is the order of the file. (At
random, FGD on `default` allocates 90 %; by name 95 %, as published.) A fraction tries each device
and takes the first of the most points; whole devices are taken in the order of their index. FGD
is told the typical tasks of the whole workload in advance.
"""

import math

import numpy as np
from numba import njit

from suanli.planning.packing.arrays import WHOLE, Hosts, Mix, Requests, distinct
from suanli.planning.packing.choice import UNFIT, Scores, first_best, no_scores
from suanli.planning.packing.kernels import (
    NOWHERE,
    fits,
    gradient,
    is_fraction,
    is_like_an_earlier,
)

POINTS = 100
COVERED = 0.95  # of all tasks; the rest are too rare to be typical


class Fgd:
    """Chooses by points remembered per request and host."""

    def __init__(self, hosts: Hosts, requests: Requests, typical: Mix) -> None:
        self._hosts = hosts
        self._requests = requests
        self._typical = typical
        self._scores = no_scores(requests.cpu.size, hosts.chip.size)

    def arrived(self, row: int) -> None:
        """Nothing is learned."""

    def choose(self, row: int) -> tuple[int, int]:
        """Return the host and the device for a request; NOWHERE if none fits."""
        _refresh(self._scores, self._hosts, self._requests, row, self._typical)
        host = int(first_best(self._scores.score[row]))
        return host, int(self._scores.device[row, host]) if host != NOWHERE else NOWHERE

    def changed(self, host: int) -> None:
        """Forget the points of a host whose free resources changed."""
        self._scores.is_stale[:, host] = True


def typical_tasks(tasks: Requests) -> Mix:
    """Return the most frequent requests that cover 95 % of the tasks; memory is not looked at."""
    requests, row_of = distinct(tasks._replace(memory=np.zeros_like(tasks.memory)))
    counts = np.bincount(row_of)
    ranked = np.argsort(-counts, kind="stable")
    covered = np.cumsum(counts[ranked])
    kept = ranked[:int(np.searchsorted(covered, COVERED * row_of.size)) + 1]
    return Mix(Requests(*(column[kept] for column in requests)), counts[kept] / counts[kept].sum())


@njit(cache=True)
def points(change: float) -> float:
    """Return the points for a change of fragmentation, in thousandths of a device."""
    return float(math.floor(POINTS / (1.0 + math.exp(change / WHOLE))))


@njit(cache=True)
def points_of(hosts: Hosts, host: int, requests: Requests, row: int,
              typical: Mix) -> tuple[float, int]:
    """Return the points of a host that fits, and the device they are for."""
    if not is_fraction(requests, row):
        return points(gradient(hosts, host, requests, row, NOWHERE, typical)), NOWHERE
    best, chosen = UNFIT, NOWHERE
    free = hosts.milli_free[host]
    for device in range(free.size):
        if free[device] >= requests.milli[row] and not is_like_an_earlier(free, device):
            found = points(gradient(hosts, host, requests, row, device, typical))
            if found > best:
                best, chosen = found, device
    return best, chosen


@njit(cache=True)
def _refresh(scores: Scores, hosts: Hosts, requests: Requests, row: int, typical: Mix) -> None:
    for host in range(hosts.chip.size):
        if scores.is_stale[row, host]:
            scores.is_stale[row, host] = False
            scores.score[row, host] = UNFIT
            if fits(hosts, host, requests, row):
                scores.score[row, host], scores.device[row, host] = points_of(
                    hosts, host, requests, row, typical)
