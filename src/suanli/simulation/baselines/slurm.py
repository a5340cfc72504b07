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
original: passes take no time. Cycles that could decide nothing new are left out: after one that
started nothing, a plan only changes with a submission, an end, or another order of priority.

Sources: slurm doc/html/sched_config.shtml, slurm.conf(5), scheduler.md 2.2 and 4 (B4).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from suanli.planning.placing import place
from suanli.planning.scheduler import Action, Bind
from suanli.planning.view import RUNNING, Ints, View
from suanli.simulation.baselines.backfill import book, profile
from suanli.simulation.baselines.slurm_priority import CALC_PERIOD_MS, Priorities
from suanli.terms.instant import MINUTE, SECOND

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
        self.planned: dict[tuple[int, int], int] = {}  # (row, pool) -> instant, of the last cycle
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
                if slots := place(view, row, pool, "tightest"):
                    yield Bind(row, slots)
                    break
                is_open[pool] = False

    def _backfill(self, view: View, at: int) -> Iterator[Action]:
        """Book every pair in order; start those whose window begins now."""
        held = self._held.entries(view)
        now = at // MINUTE
        pairs = [(row, pool) for row in self._order for pool in _partitions(view, row)]
        ends = np.maximum(1, -(-held[:, 3] // MINUTE) - now)
        table = profile(view.devices, held[:, 1], held[:, 2], ends, len(pairs))
        room = int(np.diff(view.first_host).max()) + 1
        hosts, counts = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
        self.planned = {}
        for row, pool in pairs:
            if row not in view.queued:
                continue
            lo, hi = int(view.first_host[pool]), int(view.first_host[pool + 1])
            minutes = -(-(at + view.limit_on(row, pool)) // MINUTE) - now
            start, count = book(
                *table, lo, hi, int(view.devices[lo:hi].max()), int(view.jobs.devices[row]),
                minutes, self.books_whole_hosts, hosts, counts)
            self.planned[row, pool] = (now + start) * MINUTE if start else at
            if start == 0:
                yield Bind(row, tuple((int(h), view.free_devices(int(h), int(c)))
                                      for h, c in zip(hosts[:count], counts[:count], strict=True)))


def _partitions(view: View, row: int) -> list[int]:
    """Return the pools that may run a job, the fastest first."""
    speed = view.jobs.speed[row]
    return [int(pool) for pool in np.argsort(-speed, kind="stable") if speed[pool]]
