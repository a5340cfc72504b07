"""Drain reservations: hosts that are kept for a job which has waited too long, from an instant on.

The hosts are those that are surely free first: every placement on them is over by its stated
limit. So the start is bounded from the day of the reservation, whatever else arrives: nobody
starves. Until then others may use the hosts if they are surely over by that instant (backfill).
"""

from typing import Final, NamedTuple

import numpy as np

from suanli.planning.tokenflow.room import NEVER
from suanli.planning.view import Ints, View
from suanli.terms.instant import HOUR

PATIENCE_MS: Final = 24 * HOUR
# Of a pool's devices; the longest waiting come first, the others wait for a reservation too.
RESERVED_PART_MAX: Final = 0.25


class Drain(NamedTuple):
    """What is kept for a job: hosts, and the instant by which they are surely free."""

    hosts: tuple[int, ...]
    start: int
    pool: int


class Drains:
    """The reservations that stand, by row."""

    def __init__(self) -> None:
        self.by_row: dict[int, Drain] = {}

    def reserved_from(self, view: View) -> Ints:
        """Return by host from when it is kept for somebody; NEVER where it is not."""
        found = np.full(len(view.free), NEVER, dtype=np.int64)
        for row in [row for row in self.by_row if row not in view.queued]:
            del self.by_row[row]
        for drain in self.by_row.values():
            found[list(drain.hosts)] = drain.start
        return found

    def ready(self, view: View) -> list[int]:
        """Return the rows whose hosts are free, the longest reserved first."""
        return [row for row, drain in self.by_row.items()
                if sum(int(view.free[host]) for host in drain.hosts) >= view.jobs.devices_min[row]]

    def reserve(self, view: View, row: int, pool: int, at: int) -> None:
        """Keep the hosts of a pool that are surely free first, if enough may be kept."""
        lo, hi = int(view.first_host[pool]), int(view.first_host[pool + 1])
        size, devices = int(view.devices[lo:hi].max()), int(view.jobs.devices_min[row])
        need = -(-devices // size)
        taken = {host for drain in self.by_row.values() for host in drain.hosts}
        kept = sum(int(view.devices[host]) for host in taken if lo <= host < hi)
        if kept + need * size > max(RESERVED_PART_MAX * view.devices[lo:hi].sum(), need * size):
            return
        over = _surely_free(view, lo, hi, min(devices, size), at)
        order = [lo + int(host) for host in np.argsort(over, kind="stable")
                 if lo + host not in taken and over[host] < NEVER]
        hosts = _first_block(order, need, view.blocks.within(int(view.jobs.level_required[row])))
        if hosts:
            self.by_row[row] = Drain(hosts, int(over[hosts[-1] - lo]), pool)


def _first_block(order: list[int], need: int, within: Ints) -> tuple[int, ...]:
    """Return the hosts of the first block to have enough, the earliest first; () if none has."""
    found: dict[int, list[int]] = {}
    for host in order:
        block = int(within[host])
        if block >= 0 or need == 1:
            found.setdefault(block, []).append(host)
            if len(found[block]) == need:
                return tuple(found[block])
    return ()


def _surely_free(view: View, lo: int, hi: int, wanted: int, at: int) -> Ints:
    """Return by host when `wanted` devices are free at the latest, by stated limits."""
    ends: list[list[tuple[int, int]]] = [[] for _ in range(lo, hi)]
    for row, slots in view.slots.items():
        over = surely_over(view, row, at)
        for host, indices in slots:
            if lo <= host < hi:
                ends[host - lo].append((over, len(indices)))
    found = np.full(hi - lo, NEVER, dtype=np.int64)
    for host, placements in enumerate(ends):
        free = int(view.free[lo + host])
        instant = at
        for over, count in sorted(placements):
            if free >= wanted:
                break
            free, instant = free + count, over
        if free >= wanted:
            found[host] = instant
    return found


def surely_over(view: View, row: int, at: int) -> int:
    """Return when a placement is over at the latest, by its stated limit."""
    jobs = view.jobs
    run = view.limit_on(row, int(jobs.pool[row]))
    restore = view.restore_ms if jobs.preemptions[row] else 0
    return max(at, int(jobs.placed_at[row]) + run + restore)
