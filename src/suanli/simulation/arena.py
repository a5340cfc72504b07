"""The arena: a workload under any scheduler on virtual time, without market and ledger.

Every scheduler, ours and the baselines, plays here under the same rules: it sees a `View`, its
actions are performed at once, and one that breaks a rule stops the run. Jobs start when all their
devices are bound; half-bound gangs hold theirs idle. A preempted job keeps its work and pays
`restore_ms` at the start of its next placement. At its stated limit a job is ended. An elastic job
on fewer devices takes longer in proportion.

A run that can make no more progress is ended and says so: nothing runs, jobs wait, and for an
hour nothing was bound, ended, or came while devices were free. Its delays are censored at the last
arrival, if that is later.
"""

import heapq
import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from suanli.chips.topology import LEVELS
from suanli.planning.onboarding import Fleet
from suanli.planning.scheduler import Action, Bind, Preempt, Publisher, Scheduler
from suanli.planning.view import HELD, PPM, QUEUED, RUNNING, PoolSpec, Request, Slots, View
from suanli.simulation.record import Floats, Interval, Lane, Price, Record
from suanli.simulation.workload import Arrival, Workload
from suanli.terms.errors import InputError, InvariantBroken
from suanli.terms.instant import HOUR

Progress = Callable[[int, int], None]
STALLED_MS: Final = HOUR


def pools_of(fleets: Sequence[Fleet]) -> tuple[PoolSpec, ...]:
    """Return the pools of fleets, in the order in which their hosts are listed."""
    hosts: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    for fleet in fleets:
        for group in fleet.hosts:
            for number in range(group.count):
                hosts.setdefault((group.zone, group.chip), []).append(
                    (group.devices, *group.block(number)))
    return tuple(PoolSpec(*pool, *zip(*places, strict=True)) for pool, places in hosts.items())


class Arena:
    """One workload under one scheduler."""

    def __init__(self, workload: Workload, fleets: Sequence[Fleet], scheduler: Scheduler,
                 restore_ms: int = 0) -> None:
        self.workload = workload
        self.scheduler = scheduler
        self.view = View(pools_of(fleets), restore_ms=restore_ms)
        self._tenants = {name: number for number, name in enumerate(workload.tenants)}
        self._ends: list[tuple[int, int, int]] = []  # (instant, row, placement number)
        self._placement = [0] * len(workload.arrivals)
        self._ran_from: dict[int, int] = {}
        self._parts: dict[int, list[tuple[int, Slots]]] = {}  # of half-bound gangs: since when
        self._lost: dict[int, int] = {}  # of the running placement: what it restores
        self._waited = np.zeros(len(workload.arrivals))
        self._ended = np.full(len(workload.arrivals), -1.0)
        self._intervals: list[Interval] = []
        self._moved_at = 0  # when anything was last bound, ended, or came while devices were free
        self._decisions_s: list[float] = []
        self._prices: list[Price] = []
        self._preemptions = 0

    def go(self, progress: Progress = lambda done, total: None) -> Record:
        """Run until every job has ended, or nothing can move; return what happened."""
        arrivals = self.workload.arrivals
        index, done, at, note = 0, 0, arrivals[0].at, ""
        while True:
            while index < len(arrivals) and arrivals[index].at <= at:
                self._submit(arrivals[index], at)
                index += 1
            done += self._end_due(at)
            progress(done, len(arrivals))
            if done == len(arrivals):
                break
            self._decide(at)
            if note := self._stall(at):
                for arrival in arrivals[index:]:  # none of them would ever start
                    self._submit(arrival, arrival.at)
                at = max(at, arrivals[-1].at)
                break
            at = self._next(at, arrivals[index].at if index < len(arrivals) else None)
        return self._record(at, note)

    def _submit(self, arrival: Arrival, at: int) -> None:
        spec = arrival.spec
        speeds = dict(spec.chips)
        widest = self.view.blocks.widest[LEVELS.index(spec.level_required)]
        by_pool = tuple(speeds.get(pool.chip, 0) if widest[number] >= spec.devices else 0
                        for number, pool in enumerate(self.view.pools))
        if not any(by_pool):
            raise InputError(f"job {spec.name!r} asks for {spec.devices} devices of "
                             f"{', '.join(speeds)} within one {spec.level_required or 'zone'}: no "
                             "pool of the fleet has them")
        if self.view.free.any():
            self._moved_at = at
        self.view.submit(Request(
            self.view.jobs.count + 1, self._tenants[arrival.tenant], spec.devices, spec.share,
            by_pool, spec.time_limit_ms, is_preemptible=not arrival.slo_ms,
            slo_ms=arrival.slo_ms, level_required=spec.level_required,
            level_preferred=spec.level_preferred, devices_min=spec.devices_min), at)

    def _decide(self, at: int) -> None:
        began = time.perf_counter()
        for action in self.scheduler.decide(self.view, at):
            self._perform(action, at)
        self._decisions_s.append(time.perf_counter() - began)
        if isinstance(self.scheduler, Publisher):
            self._note_prices(self.scheduler.published().prices, at)

    def _note_prices(self, prices: Floats, at: int) -> None:
        pools = self.view.pools
        if len(prices) and [p.per_device_hour for p in self._prices[-len(pools):]] != list(prices):
            self._prices += [Price(at, pool.zone, pool.chip, float(price))
                             for pool, price in zip(pools, prices, strict=True)]

    def _shares_due(self) -> tuple[tuple[str, float], ...]:
        """Return by tenant which part of all that was due fell to it."""
        if not isinstance(self.scheduler, Publisher):
            return ()
        due = self.scheduler.published().due
        return tuple((name, float(due[number] / due.sum()))
                     for name, number in self._tenants.items() if number < len(due) and due.sum())

    def _perform(self, action: Action, at: int) -> None:
        row = action.row
        if isinstance(action, Bind):
            self._moved_at = at
            self._parts.setdefault(row, []).append((at, action.slots))
            if self.view.bind(row, action.slots, at, action.is_all):
                self._note_idle(row, at)
                self._start(row, at)
        elif isinstance(action, Preempt):
            self._preempt(row, at)
        elif self.view.jobs.phase[row] == HELD:
            self._close(row, at, 0)
            self.view.requeue(row, int(self.view.jobs.queued_at[row]),
                              int(self.view.jobs.progress_ms[row]))
        else:
            raise InvariantBroken(f"row {row} was unbound while it was not half-bound")

    def _start(self, row: int, at: int) -> None:
        jobs, arrival = self.view.jobs, self.workload.arrivals[row]
        self._waited[row] += at - jobs.queued_at[row]
        restore = self.view.restore_ms if self._placement[row] else 0
        speed = int(jobs.speed[row, jobs.pool[row]] * jobs.width[row])
        work = min(arrival.durations[0][1], arrival.spec.time_limit_ms) - int(jobs.progress_ms[row])
        work *= int(jobs.devices[row])
        self._ran_from[row], self._lost[row] = at, restore
        self._placement[row] += 1
        heapq.heappush(self._ends, (at + restore + max(1, -(-work * PPM // speed)), row,
                                    self._placement[row]))

    def _preempt(self, row: int, at: int) -> None:
        jobs = self.view.jobs
        if jobs.phase[row] != RUNNING or not jobs.is_preemptible[row]:
            raise InvariantBroken(f"row {row} was preempted; it is not a running preemptible job")
        ran = max(0, at - self._ran_from[row] - self._lost[row])
        speed = int(jobs.speed[row, jobs.pool[row]] * jobs.width[row])
        progress = int(jobs.progress_ms[row]) + ran * speed // (PPM * int(jobs.devices[row]))
        self._placement[row] += 1  # the end that was foreseen does not come
        self._preemptions += 1
        jobs.preemptions[row] += 1
        self._close(row, at, min(self._lost[row], at - self._ran_from[row]))
        self.view.requeue(row, at, progress)

    def _end_due(self, at: int) -> int:
        done = 0
        while self._ends and self._ends[0][0] <= at:
            instant, row, placement = heapq.heappop(self._ends)
            if placement != self._placement[row]:
                continue
            arrival = self.workload.arrivals[row]
            self._close(row, instant, self._lost[row])
            self.view.end(row, min(arrival.durations[0][1], arrival.spec.time_limit_ms))
            self._ended[row], self._moved_at = instant, at
            done += 1
        return done

    def _close(self, row: int, at: int, lost_ms: int) -> None:
        """Note the placement that is over and free its devices."""
        if row in self._ran_from:
            ran_from = self._ran_from.pop(row)
            self._lost.pop(row)
            self._note(row, ran_from, ran_from, at, self.view.slots[row], lost_ms)
        else:
            self._note_idle(row, at)
        self.view.release(row)

    def _note_idle(self, row: int, at: int) -> None:
        """Note each part of a gang from when it was bound: until now it ran nothing."""
        for since, slots in self._parts.pop(row):
            if since < at:
                self._note(row, since, at, at, slots)

    def _note(self, row: int, start: int, ran_from: int, end: int, slots: Slots,
              lost_ms: int = 0) -> None:
        chip = self.view.pools[int(self.view.jobs.pool[row])].chip
        self._intervals.append(Interval(row, start, ran_from, end,
                                        sum(len(devices) for _, devices in slots), chip, lost_ms,
                                        slots))

    def _stall(self, at: int) -> str:
        if self._ran_from or at - self._moved_at < STALLED_MS:
            return ""
        waiting = len(self.view.queued) + len(self.view.active)
        if not waiting:
            return ""
        return (f"deadlock: nothing runs, {len(self.view.active)} half-started gangs hold "
                f"{self.view.capacity - int(self.view.free.sum())} of {self.view.capacity} "
                f"devices, {waiting} jobs wait")

    def _next(self, at: int, arrival: int | None) -> int:
        while self._ends and self._ends[0][2] != self._placement[self._ends[0][1]]:
            heapq.heappop(self._ends)
        instants = [self.scheduler.next_instant(at), self._ends[0][0] if self._ends else None,
                    arrival]
        known = [instant for instant in instants if instant is not None]
        if not known:
            return at + STALLED_MS
        return max(at, min(known))

    def _record(self, at: int, note: str) -> Record:
        count = len(self.workload.arrivals)
        jobs = self.view.jobs
        for row in (*self.view.queued, *list(self.view.active)):
            if jobs.phase[row] in (QUEUED, HELD):
                self._waited[row] += at - jobs.queued_at[row]
        for row in list(self.view.active):
            self._close(row, at, 0)
        return Record(jobs.submitted[:count].astype(np.float64), self._ended, self._waited,
                      tuple(a.tenant for a in self.workload.arrivals), tuple(self._intervals),
                      self.view.capacity, at, note, self._preemptions, tuple(self._decisions_s),
                      tuple(Lane(p.zone, p.chip, n) for p in self.view.pools for n in p.devices),
                      tuple(self._prices), self._shares_due())
