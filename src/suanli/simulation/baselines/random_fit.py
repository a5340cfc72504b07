"""Random: any host that fits, and any device of it that fits a fraction, each alike.

Source: the baseline `Random` of Weng et al., USENIX ATC 2023; the recipe as read from
hkust-adsl/kubernetes-scheduler-simulator. Whole devices are taken in the order of their index.
"""

import numpy as np
from numba import njit

from suanli.planning.packing.arrays import Hosts, Requests
from suanli.planning.packing.kernels import NOWHERE, fits, is_fraction


class RandomFit:
    """Chooses with one uniform draw for the host and another for the device."""

    def __init__(self, hosts: Hosts, requests: Requests, rng: np.random.Generator) -> None:
        self._hosts = hosts
        self._requests = requests
        self._rng = rng

    def arrived(self, row: int) -> None:
        """Nothing is learned."""

    def choose(self, row: int) -> tuple[int, int]:
        """Return the host and the device for a request; NOWHERE if none fits."""
        draw, another = self._rng.random(2)
        chosen: tuple[int, int] = choose(self._hosts, self._requests, row, draw, another)
        return chosen

    def changed(self, host: int) -> None:
        """Nothing is remembered."""


@njit(cache=True)
def choose(hosts: Hosts, requests: Requests, row: int, draw: float,
           another: float) -> tuple[int, int]:
    """Return the host and the device that two draws in [0, 1) point at."""
    can = np.zeros(hosts.chip.size, np.int64)
    found = 0
    for host in range(hosts.chip.size):
        if fits(hosts, host, requests, row):
            can[found] = host
            found += 1
    if found == 0:
        return NOWHERE, NOWHERE
    host = can[int(draw * found)]
    if not is_fraction(requests, row):
        return host, NOWHERE
    devices = np.flatnonzero(hosts.milli_free[host] >= requests.milli[row])
    return host, devices[int(another * devices.size)]
