"""The sums of packing: does a task fit, what would a host's free devices be worth to a mix.

Fragmentation (Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 4): what a task
drawn from the mix could not use of a host's free devices. A task that cannot run on the host, or
wants no device, can use nothing of it; another cannot use the devices with less free than it
asks of one. Placing a task changes it; the change is the *gradient*, and lower is better.

Cost: a fragmentation is O(requests of the mix x devices of the host), a gradient of a fraction
one fragmentation a candidate device that differs from the others.
"""

import numpy as np
from numba import njit

from suanli.planning.packing.arrays import WHOLE, Floats, Hosts, Ints, Mix, Requests

NOWHERE = -1  # no host, or no single device


@njit(cache=True)
def has_devices(free: Ints, devices: int, milli: int) -> bool:
    """Say whether enough devices of a host have that much free each."""
    if devices == 0:
        return True
    found = 0
    for device in range(free.size):
        if free[device] >= milli:
            found += 1
    return found >= devices


@njit(cache=True)
def admits(cpu: int, memory: int, free: Ints, chip: int, requests: Requests, row: int) -> bool:
    """Say whether a host with so much free could run a request now."""
    return (cpu >= requests.cpu[row] and memory >= requests.memory[row]
            and (requests.chips[row] >> chip) & 1 == 1
            and has_devices(free, requests.devices[row], requests.milli[row]))


@njit(cache=True)
def fits(hosts: Hosts, host: int, requests: Requests, row: int) -> bool:
    """Say whether a host could run a request now."""
    return admits(hosts.cpu_free[host], hosts.memory_free[host], hosts.milli_free[host],
                  hosts.chip[host], requests, row)


@njit(cache=True)
def fragmentation(cpu: int, memory: int, free: Ints, chip: int, mix: Mix) -> float:
    """Return the thousandths of devices that a task drawn from the mix could not use, expected."""
    total = free.sum()
    if total == 0:
        return 0.0
    expected = 0.0
    for row in range(mix.share.size):
        wasted = total
        if mix.requests.devices[row] > 0 and admits(cpu, memory, free, chip, mix.requests, row):
            wasted = 0
            for device in range(free.size):
                if free[device] < mix.requests.milli[row]:
                    wasted += free[device]
        expected += mix.share[row] * wasted
    return expected


@njit(cache=True)
def fragmentation_of(hosts: Hosts, host: int, mix: Mix) -> float:
    """Return the expected fragmentation of one host, in thousandths of a device."""
    return float(fragmentation(hosts.cpu_free[host], hosts.memory_free[host],
                               hosts.milli_free[host], hosts.chip[host], mix))


@njit(cache=True)
def take_devices(free: Ints, devices: int, milli: int, device: int) -> None:
    """Subtract a request from a host's devices: the one given, or the first that are whole."""
    if device != NOWHERE:
        free[device] -= milli
        return
    left = devices
    for candidate in range(free.size):
        if left > 0 and free[candidate] >= milli:
            free[candidate] -= milli
            left -= 1


@njit(cache=True)
def take(hosts: Hosts, host: int, requests: Requests, row: int, device: int) -> None:
    """Place a request that fits; `device` is for a fraction, `NOWHERE` for all else."""
    hosts.cpu_free[host] -= requests.cpu[row]
    hosts.memory_free[host] -= requests.memory[row]
    take_devices(hosts.milli_free[host], requests.devices[row], requests.milli[row], device)


@njit(cache=True)
def is_fraction(requests: Requests, row: int) -> bool:
    """Say whether a request is for a part of one device."""
    return bool(requests.devices[row] == 1 and requests.milli[row] < WHOLE)


@njit(cache=True)
def is_like_an_earlier(free: Ints, device: int) -> bool:
    """Say whether an earlier device has as much free, so that the choice would be the same."""
    found = False
    for other in range(device):
        found = found or free[other] == free[device]
    return found


@njit(cache=True)
def gradient(hosts: Hosts, host: int, requests: Requests, row: int, device: int,
             mix: Mix) -> float:
    """Return fragmentation after placing a request that fits, less that before; thousandths."""
    free = hosts.milli_free[host].copy()
    take_devices(free, requests.devices[row], requests.milli[row], device)
    after = fragmentation(hosts.cpu_free[host] - requests.cpu[row],
                          hosts.memory_free[host] - requests.memory[row],
                          free, hosts.chip[host], mix)
    return float(after - fragmentation_of(hosts, host, mix))


@njit(cache=True)
def fragmentation_of_all(hosts: Hosts, mix: Mix) -> Floats:
    """Return the fragmentation of every host: (host,) thousandths of a device."""
    found = np.zeros(hosts.chip.size)
    for host in range(hosts.chip.size):
        found[host] = fragmentation_of(hosts, host, mix)
    return found
