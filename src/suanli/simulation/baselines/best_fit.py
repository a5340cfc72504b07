"""BestFit: the host that would be left with the least CPU and devices, in whole points.

Source: the baseline `BestFit` of Weng et al., USENIX ATC 2023; the recipe as read from
hkust-adsl/kubernetes-scheduler-simulator: half of what is left of CPU over the largest host's
and half of what is left of devices over the largest host's; 100 points less that, rounded down.
Rounding makes ties frequent; that simulator's own kube-scheduler is changed to break them by the
host's name instead of at random, which is the order of the file. Normalising the points keeps
their sequence, so it is left out. A fraction takes the device with the least left, whole devices
are taken in the order of their index.
"""

import numpy as np
from numba import njit

from suanli.planning.packing.arrays import Floats, Hosts, Requests
from suanli.planning.packing.choice import UNFIT, first_best
from suanli.planning.packing.kernels import NOWHERE, fits, is_fraction

POINTS = 100


class BestFit:
    """Chooses by what the whole fleet's largest host makes comparable."""

    def __init__(self, hosts: Hosts, requests: Requests) -> None:
        self._hosts = hosts
        self._requests = requests
        self._cpu_max = max(1, int(hosts.cpu_free.max()))
        self._milli_max = max(1, int(hosts.milli_free.sum(axis=1).max()))

    def arrived(self, row: int) -> None:
        """Nothing is learned."""

    def choose(self, row: int) -> tuple[int, int]:
        """Return the host and the device for a request; NOWHERE if none fits."""
        score = points(self._hosts, self._requests, row, self._cpu_max, self._milli_max)
        host = int(first_best(score))
        if host == NOWHERE or not is_fraction(self._requests, row):
            return host, NOWHERE
        return host, tightest(self._hosts, host, int(self._requests.milli[row]))

    def changed(self, host: int) -> None:
        """Nothing is remembered."""


@njit(cache=True)
def points(hosts: Hosts, requests: Requests, row: int, cpu_max: int, milli_max: int) -> Floats:
    """Return the points of every host: (host,) 0 to 100, UNFIT where the request does not fit."""
    score = np.full(hosts.chip.size, UNFIT)
    asked = requests.devices[row] * requests.milli[row]
    for host in range(hosts.chip.size):
        if fits(hosts, host, requests, row):
            cpu = (hosts.cpu_free[host] - requests.cpu[row]) / cpu_max
            milli = (hosts.milli_free[host].sum() - asked) / milli_max
            score[host] = np.floor((1.0 - 0.5 * cpu - 0.5 * milli) * POINTS)
    return score


def tightest(hosts: Hosts, host: int, milli: int) -> int:
    """Return the device with the least left that fits a fraction, the first of those."""
    free = hosts.milli_free[host]
    return min((d for d in range(free.size) if free[d] >= milli), key=lambda d: free[d])
