"""The flat state that packing works on: hosts, what tasks request, and a mix of requests.

Laws: an absent device has 0 free, as a full one has, so no kernel asks how many a host has;
a cluster that does not model CPU or memory gives every host and every request 0 of it.
Units: CPU in thousandths of a core, memory in MiB, devices in thousandths of a device.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

WHOLE: Final = 1000  # thousandths in a device


class Hosts(NamedTuple):
    """What is free now; `take` in `kernels` is the only writer."""

    cpu_free: Ints  # (host,) thousandths of a core
    memory_free: Ints  # (host,) MiB
    milli_free: Ints  # (host, device) thousandths; 0 where the host has no such device
    chip: Ints  # (host,) index of the chip that all devices of the host are


class Requests(NamedTuple):
    """Distinct requests, one a row: `devices` 0 (CPU only), 1 with a fraction, or whole ones."""

    cpu: Ints  # (row,) thousandths of a core
    memory: Ints  # (row,) MiB
    devices: Ints  # (row,) how many
    milli: Ints  # (row,) thousandths of each device; 1000 where devices > 1, 0 where devices = 0
    chips: Ints  # (row,) bit mask of admissible chips; 0 fits nowhere


class Mix(NamedTuple):
    """Requests with the share of tasks that make each; the shares sum to 1 (or there are none)."""

    requests: Requests
    share: Floats  # (row,)


def copy_of(hosts: Hosts) -> Hosts:
    """Return hosts that can be packed without touching the given ones."""
    return Hosts(*(array.copy() for array in hosts))


def distinct(tasks: Requests) -> tuple[Requests, Ints]:
    """Return the distinct requests and, for each task, the row of its own.

    >>> one = np.array([1, 1], np.int64)
    >>> rows, row_of = distinct(Requests(one, one, one, one, one))
    >>> len(rows.cpu), row_of.tolist()
    (1, [0, 0])
    """
    rows, row_of = np.unique(np.stack(tasks, axis=1), axis=0, return_inverse=True)
    columns = (np.ascontiguousarray(column) for column in rows.T)
    return Requests(*columns), row_of.reshape(-1).astype(np.int64)
