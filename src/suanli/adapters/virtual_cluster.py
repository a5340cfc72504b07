"""A virtual cluster: placements end when their true duration has passed on a virtual clock.

It alone knows the durations; no policy can ask it. A preemptible placement that is stopped saves
its work at that instant; its next attempt restores it for `restore_ms`, then does what is left.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from suanli.loop.ports import Report
from suanli.schedule.commands import Slots
from suanli.schedule.job import Spec

# (job, spec, host of the first member) -> true duration on all its devices there, milliseconds
Duration = Callable[[int, Spec, str], int]


@dataclass(slots=True)
class Running:
    """One live placement: when it started, when its work began, what all work takes on its chip."""

    attempt: int
    started: int
    works_from: int
    duration: int
    saves: bool
    saved: int = 0


class VirtualCluster:
    """Simulated hosts; passes the same contract suite as real ones."""

    def __init__(self, duration_of: Duration, restore_ms: int = 0) -> None:
        """Make a cluster where resuming costs `restore_ms` of run time: the preemption cost."""
        self._duration_of = duration_of
        self._restore_ms = restore_ms
        self._ends: list[tuple[int, int, int]] = []  # (instant, job, attempt)
        self._running: dict[int, Running] = {}
        self._done: dict[int, Fraction] = {}  # job -> share of its work that is saved, above 0
        self._started: list[Report] = []
        self._lost: list[Report] = []

    def start(self, job: int, attempt: int, spec: Spec, slots: Slots, at: int) -> None:
        width = sum(len(devices) for _, devices in slots)
        duration = -(-self._duration_of(job, spec, slots[0][0]) * spec.devices // width)
        left, restore_ms = duration, 0
        if done := self._done.get(job):
            left, restore_ms = max(0, ceil(duration * (1 - done))), self._restore_ms
        heapq.heappush(self._ends, (at + restore_ms + left, job, attempt))
        self._running[job] = Running(attempt, at, at + restore_ms, duration, spec.is_preemptible)
        self._started.append(Report(job, attempt, True))

    def stop(self, job: int, attempt: int, grace_ms: int, at: int) -> None:
        running = self._running.get(job)
        if running is None or running.attempt != attempt:
            return
        heapq.heappush(self._ends, (at, job, attempt))
        if running.saves and at > running.works_from:
            running.saves, running.saved = False, at  # a second signal saves nothing more
            self._done[job] = self._done.get(job, Fraction(0)) + Fraction(
                at - running.works_from, running.duration)

    def fail(self, jobs: Iterable[int], at: int) -> None:
        """Lose live placements at an instant, as when their hosts go down; the next poll says it.

        What they did since their last checkpoint is gone.
        """
        for job in jobs:
            running = self._running.pop(job, None)
            if running is not None:
                self._lost.append(Report(job, running.attempt, False, running.saved, at, -1, True))

    def warn(self, job: int, attempt: int, reason: str, stops: int) -> None:
        """Nobody is there to read it: simulated jobs run until they are stopped."""

    def poll(self, at: int) -> list[Report]:
        reports, self._started = self._started, []
        reports += self._lost
        self._lost = []
        while self._ends and self._ends[0][0] <= at:
            instant, job, attempt = heapq.heappop(self._ends)
            running = self._running.get(job)
            if running is not None and running.attempt == attempt:
                del self._running[job]
                reports.append(Report(job, attempt, False, running.saved, instant))
        return reports

    def forget(self, job: int) -> None:
        self._done.pop(job, None)

    def recover(self, placements: dict[int, int], queued: list[int], at: int) -> list[Report]:
        lost = []
        for job, attempt in placements.items():
            running = self._running.get(job)
            if running is None or running.attempt != attempt:
                lost.append(Report(job, attempt, False, 0, at, -1, True))
        kept = {*placements, *queued}
        self._done = {job: done for job, done in self._done.items() if job in kept}
        return lost

    def close(self) -> None:
        """Forget what runs: nothing outside this object does."""
        self._running.clear()

    def next_instant(self) -> int | None:
        """Return when the next placement ends, or starts to be known."""
        if self._started or self._lost:
            return 0
        return self._ends[0][0] if self._ends else None
