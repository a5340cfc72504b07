"""Drain reservations: hosts that are kept for a job which has waited too long, from an instant on.

The hosts are those that are surely free first: every placement on them is over by its stated
limit. So the start is bounded from the day of the reservation, whatever else arrives: nobody
starves. Until then others may use the hosts if they are surely over by that instant (backfill).
"""

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from suanli.planning.tokenflow.room import NEVER
from suanli.planning.view import PPM, Ints, View
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

    def seek(self, view: View, rows: Ints, pools: Ints, at: int) -> None:
        """Keep hosts for each row in its pool, in the order given, while so many may be kept."""
        hosts = [host for drain in self.by_row.values() for host in drain.hosts]
        search = Search(view, np.array(hosts, dtype=np.int64), at)
        for row, pool in zip(rows.tolist(), pools.tolist(), strict=True):
            if row in view.queued and row not in self.by_row:
                found = search.hosts_for(row, pool)
                if found is not None:
                    self.by_row[row] = found


class Search:
    """One round's search for hosts to keep; hosts that are surely free first come first."""

    def __init__(self, view: View, kept: Ints, at: int) -> None:
        pools = len(view.pools)
        self.view, self.at = view, at
        self.is_kept = np.zeros(len(view.free), dtype=np.bool_)
        self.is_kept[kept] = True
        self.kept = np.bincount(view.pool_of, view.devices * self.is_kept, pools).tolist()
        self.most = (RESERVED_PART_MAX * np.bincount(view.pool_of, view.devices, pools)).tolist()
        self.size = [int(view.devices[lo:hi].max(initial=0))
                     for lo, hi in pairwise(view.first_host.tolist())]
        self._ends: tuple[Ints, Ints, Ints] | None = None
        self._ranked: dict[tuple[int, int], tuple[Ints, Ints]] = {}

    def hosts_for(self, row: int, pool: int) -> Drain | None:
        """Return a drain for the least that a job accepts, now kept, or None where none can be."""
        jobs, size = self.view.jobs, self.size[pool]
        devices = int(jobs.devices_min[row])
        need = -(-devices // max(1, size))
        if not size or (self.kept[pool] and self.kept[pool] + need * size > self.most[pool]):
            return None
        hosts, over = self._rank(pool, min(devices, size))
        is_left = ~self.is_kept[hosts]
        hosts, over = hosts[is_left], over[is_left]
        found = first_block(hosts, need, self.view.blocks.within(int(jobs.level_required[row])))
        if not len(found):
            return None
        self.is_kept[hosts[found]] = True
        self.kept[pool] += int(self.view.devices[hosts[found]].sum())
        return Drain(tuple(hosts[found].tolist()), int(over[found].max()), pool)

    def _rank(self, pool: int, wanted: int) -> tuple[Ints, Ints]:
        """Return the pool's hosts by when `wanted` devices are surely free, and those instants."""
        if (pool, wanted) not in self._ranked:
            lo, hi = self.view.first_host[pool:pool + 2]
            self._ends = self._ends or ends_by_host(self.view, self.at)
            over = _surely_free(lo, hi, wanted, self.at, self.view.free, *self._ends)
            order = np.argsort(over, kind="stable")
            order = order[over[order] < NEVER]
            self._ranked[pool, wanted] = lo + order, over[order]
        return self._ranked[pool, wanted]


def ends_by_host(view: View, at: int) -> tuple[Ints, Ints, Ints]:
    """Return (first, over, counts): host h has placements `first[h]:first[h + 1]`, by their ends.

    `over`: when a placement is over at the latest; `counts`: the devices that it has there.
    """
    rows = view.rows(view.active)
    parts = [view.slots[row] for row in rows.tolist()]
    hosts = np.array([host for slots in parts for host, _ in slots], dtype=np.int64)
    counts = np.array([len(indices) for slots in parts for _, indices in slots], dtype=np.int64)
    over = np.repeat(surely_over(view, rows, at), [len(slots) for slots in parts])
    order = np.lexsort((over, hosts))
    first = np.searchsorted(hosts[order], np.arange(len(view.free) + 1))
    return first, over[order], counts[order]


def surely_over(view: View, rows: Ints, at: int) -> Ints:
    """Return when placements are over at the latest, by their stated limits."""
    jobs = view.jobs
    left = np.maximum(1, jobs.limit_ms[rows] - jobs.progress_ms[rows]) * jobs.devices[rows]
    run = -(-left * PPM // (jobs.speed[rows, jobs.pool[rows]] * jobs.width[rows]))
    restore = np.where(jobs.preemptions[rows] > 0, view.restore_ms, 0)
    over: Ints = np.maximum(at, jobs.placed_at[rows] + run + restore)
    return over


@njit(cache=True)
def first_block(hosts: Ints, need: int, within: Ints) -> Ints:
    """Return the places in `hosts` of the first block to have `need` of them; none if none has."""
    if need == 1:
        return np.arange(min(1, len(hosts)))
    count = np.zeros(within.max() + 1, dtype=np.int64)
    for end in range(len(hosts)):
        block = within[hosts[end]]
        if block >= 0:
            count[block] += 1
            if count[block] == need:
                return np.flatnonzero(within[hosts[:end + 1]] == block)
    return np.empty(0, dtype=np.int64)


@njit(cache=True)
def _surely_free(lo: int, hi: int, wanted: int, at: int, free: Ints, first: Ints, over: Ints,
                 counts: Ints) -> Ints:
    """Return by host from lo to hi when `wanted` devices are free at the latest."""
    found = np.full(hi - lo, NEVER, dtype=np.int64)
    for host in range(lo, hi):
        instant, have, index = at, free[host], first[host]
        while have < wanted and index < first[host + 1]:
            instant, have, index = over[index], have + counts[index], index + 1
        if have >= wanted:
            found[host - lo] = instant
    return found
