"""Slurm with multifactor priority and conservative backfill: `slurm`.

One partition per pool; a job is submitted to all that may run it, its fastest chip first. Two
passes, both in order of priority:

- *main*, at every submission or end: at most 100 (job, partition) pairs (default_queue_depth); a
  pair that cannot start now closes its partition for the rest of the pass. It knows no bookings.
- *backfill*, every 30 seconds (bf_interval) while there may be something new: all pairs (Slurm's
  own bf_max_job_test is 100), each in the first window that its stated limit fits, on a grid of a
  minute (bf_resolution), as far ahead as it takes: bf_window must be as long as the longest limit
  to keep large jobs from starving, says its guide. What can start now starts; what cannot books
  whole hosts, in every partition that it was submitted to (bf_one_resv_per_job is off).

Hosts: select/cons_tres without LLN, the fewest free devices first. A fraction of a device takes a
device to itself (gres/gpu without sharding). No preemption (Slurm's default). Kinder than the
original: passes take no time. `slurm-devices` is what the original does not offer: bookings of
single devices. Cycles that could decide next to nothing new are left out: after one that started
nothing, a plan only changes with a submission, an end, another order of priority, or by a minute
of rounding (run every 30 s, six days of Philly give the same mean delay to 0.04 s).

Sources: slurm doc/html/sched_config.shtml, slurm.conf(5), scheduler.md 2.2 and 4 (B4).
"""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final

import numpy as np

from suanli.planning.placing import place
from suanli.planning.scheduler import Action, Bind
from suanli.planning.view import PPM, RUNNING, Ints, Slots, View
from suanli.simulation.baselines.backfill import plan, profile
from suanli.simulation.baselines.slurm_priority import CALC_PERIOD_MS, Priorities
from suanli.terms.instant import MINUTE, SECOND
from suanli.terms.quantity import WHOLE_DEVICE

DEPTH: Final = 100
INTERVAL_MS: Final = 30 * SECOND


class Held:
    """What running jobs hold, one entry a host: kept flat, so that a cycle reads it at once."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._entries = np.zeros((0, 4), dtype=np.int64)  # row, host, devices, end by limit

    def entries(self, view: View) -> Ints:
        """Return (entry, [row, host, devices, instant of its limit])."""
        rows = view.active.keys()
        if gone := self._known - rows:
            self._entries = self._entries[view.jobs.phase[self._entries[:, 0]] == RUNNING]
            self._known -= gone
        new = [(row, host, len(indices), int(view.jobs.placed_at[row])
                + view.limit_on(row, int(view.jobs.pool[row])))
               for row in sorted(rows - self._known) for host, indices in view.slots[row]]
        if new:
            self._entries = np.concatenate([self._entries, np.array(new, dtype=np.int64)])
            self._known |= rows
        return self._entries


class Slurm:
    """The two passes over one order of priority."""

    def __init__(self, books_whole_hosts: bool = True) -> None:
        self.books_whole_hosts = books_whole_hosts
        self.planned: dict[tuple[int, int], int] = {}  # (row, pool): minutes ahead, last cycle
        self._priorities = Priorities()
        self._held = Held()
        self._seen = -1  # the view's version as this scheduler left it
        self._order: list[int] = []  # as the last backfill saw it
        self._backfill_at: int | None = None  # when the next one is due

    def decide(self, view: View, at: int) -> Iterator[Action]:
        """Yield what both passes start."""
        self._priorities.accrue(view, at)
        ranked = self._priorities.ranked(view, at)
        is_new = view.version != self._seen
        if is_new:
            yield from self._main(view, ranked)
        if self._backfill_at is None and (is_new or ranked.tolist() != self._order):
            self._backfill_at = -(-at // INTERVAL_MS) * INTERVAL_MS
        if self._backfill_at is not None and at >= self._backfill_at:
            before = len(view.active)
            self._order = [row for row in ranked.tolist() if row in view.queued]
            yield from self._backfill(view, at)
            started = len(view.active) > before
            self._order = [row for row in self._order if row in view.queued]
            self._backfill_at = (at // INTERVAL_MS + 1) * INTERVAL_MS if started else None
        self._priorities.hold(view)
        self._seen = view.version

    def next_instant(self, at: int) -> int | None:
        """Return the next backfill, or when priorities are next computed for those who wait."""
        calc = (at // CALC_PERIOD_MS + 1) * CALC_PERIOD_MS if self._order else None
        return min((i for i in (self._backfill_at, calc) if i is not None), default=None)

    def _main(self, view: View, ranked: Ints) -> Iterator[Action]:
        is_open, tested = np.ones(len(view.pools), dtype=np.bool_), 0
        for row in ranked.tolist():
            for pool in _partitions(view, row):
                if tested == DEPTH or not is_open.any():
                    return
                if not is_open[pool]:
                    continue
                tested += 1
                if slots := _fit(view, row, pool):
                    yield Bind(row, slots)
                    break
                is_open[pool] = False

    def _backfill(self, view: View, at: int) -> Iterator[Action]:
        """Book every pair in order; start those whose window begins now."""
        now = at // MINUTE
        rows, pools = _pairs(view, np.array(self._order, dtype=np.int64))
        held = self._held.entries(view)
        table = profile(view.devices, held[:, 1], held[:, 2],
                        np.maximum(1, -(-held[:, 3] // MINUTE) - now), len(rows))
        lo = view.first_host[:-1]
        sizes = np.maximum.reduceat(view.devices, lo)
        starts, pairs, hosts, counts = plan(
            *table, rows, lo[pools], view.first_host[1:][pools], sizes[pools],
            view.jobs.devices[rows], -(-(at + _limits(view, rows, pools)) // MINUTE) - now,
            self.books_whole_hosts)
        self.planned = dict(zip(zip(rows.tolist(), pools.tolist(), strict=True),
                                starts.tolist(), strict=True))
        taken = list(zip(rows[pairs].tolist(), hosts.tolist(), counts.tolist(), strict=True))
        for row, of_row in groupby(taken, key=itemgetter(0)):
            yield Bind(row, tuple((host, view.free_devices(host, count))
                                  for _, host, count in of_row))


def _fit(view: View, row: int, pool: int) -> Slots | None:
    """Return hosts for a job now, its devices all its own."""
    if view.jobs.share[row] == WHOLE_DEVICE:
        return place(view, row, pool, "tightest")
    lo, hi = int(view.first_host[pool]), int(view.first_host[pool + 1])
    free = np.where(view.free[lo:hi] > 0, view.free[lo:hi], np.iinfo(np.int64).max)
    host = lo + int(free.argmin())
    return ((host, view.free_devices(host, 1)),) if view.free[host] else None


def _partitions(view: View, row: int) -> list[int]:
    """Return the pools that may run a job, the fastest first."""
    return [int(pool) for pool in _pairs(view, np.array([row]))[1]]


def _pairs(view: View, rows: Ints) -> tuple[Ints, Ints]:
    """Return (row, pool) pairs in the order of rows, each row's fastest pool first."""
    speed = view.jobs.speed[rows]
    pools = np.argsort(-speed, axis=1, kind="stable")
    may = np.take_along_axis(speed, pools, axis=1) > 0
    return np.repeat(rows, may.sum(axis=1)), pools[may]


def _limits(view: View, rows: Ints, pools: Ints) -> Ints:
    """Return what `View.limit_on` does, of many pairs at once."""
    left = np.maximum(1, view.jobs.limit_ms[rows] - view.jobs.progress_ms[rows])
    return np.asarray(-(-left * PPM // view.jobs.speed[rows, pools]))
