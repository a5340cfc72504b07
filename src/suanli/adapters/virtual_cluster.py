"""A virtual cluster: placements end when their true duration has passed on a virtual clock.

It alone knows the durations; no policy can ask it.
"""

import heapq
from collections.abc import Callable

from suanli.loop.ports import Report
from suanli.schedule.commands import Slots
from suanli.schedule.job import Spec

# (job, spec, host of the first member) -> true duration on that host's chip, milliseconds
Duration = Callable[[int, Spec, str], int]


class VirtualCluster:
    """Simulated hosts; passes the same contract suite as real ones."""

    def __init__(self, duration_of: Duration) -> None:
        self._duration_of = duration_of
        self._ends: list[tuple[int, int, int]] = []  # (instant, job, attempt)
        self._running: dict[int, int] = {}  # job -> attempt
        self._started: list[Report] = []

    def start(self, job: int, attempt: int, spec: Spec, slots: Slots, at: int) -> None:
        duration = self._duration_of(job, spec, slots[0][0])
        heapq.heappush(self._ends, (at + duration, job, attempt))
        self._running[job] = attempt
        self._started.append(Report(job, attempt, True))

    def stop(self, job: int, attempt: int, grace_ms: int, at: int) -> None:
        if self._running.get(job) == attempt:
            heapq.heappush(self._ends, (at, job, attempt))

    def warn(self, job: int, attempt: int, reason: str, stops: int) -> None:
        """Nobody is there to read it: simulated jobs run until they are stopped."""

    def poll(self, at: int) -> list[Report]:
        reports, self._started = self._started, []
        while self._ends and self._ends[0][0] <= at:
            instant, job, attempt = heapq.heappop(self._ends)
            if self._running.get(job) == attempt:
                del self._running[job]
                reports.append(Report(job, attempt, False, instant))
        return reports

    def recover(self, placements: dict[int, int], at: int) -> list[Report]:
        lost = [Report(job, attempt, False, at, -1, True)
                for job, attempt in placements.items() if self._running.get(job) != attempt]
        return lost

    def close(self) -> None:
        """Forget what runs: nothing outside this object does."""
        self._running.clear()

    def next_instant(self) -> int | None:
        """Return when the next placement ends, or starts to be known."""
        if self._started:
            return 0
        return self._ends[0][0] if self._ends else None
