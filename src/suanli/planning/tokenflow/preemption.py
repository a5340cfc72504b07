"""Who makes way for whom.

A queued job may displace running ones if each is preemptible, has run for a while, and is still
expected to take much more from the fleet than the job plus the cost of stopping it. Stated sizes
(limit x devices) never change, and a job only ever displaces larger ones: so no cycle exists.
What is displaced in an hour is limited to a part of the fleet, by the view's rules. Whole gangs go.
"""

from collections import deque
from typing import Final

import numpy as np

from suanli.planning.tokenflow.queue import Weighed
from suanli.planning.view import RUNNING, Ints, View
from suanli.terms.instant import HOUR, MINUTE

HEAVIER_MIN: Final = 1.5  # than the job that displaces
# The domain counts by whole minutes: what it still counts must not be forgotten here.
COUNTED_MS: Final = HOUR + MINUTE
TRIED_MAX: Final = 16  # queued jobs for which room is sought, each time


def stated_size(view: View, rows: Ints) -> Ints:
    """Return limit x devices x share, which never changes."""
    jobs = view.jobs
    return jobs.limit_ms[rows] * jobs.devices[rows] * jobs.share[rows]


class Budget:
    """Devices that may still be displaced within the hour."""

    def __init__(self) -> None:
        self._spent: deque[tuple[int, int]] = deque()  # (instant, devices)
        self._sum = 0

    def left(self, view: View, at: int) -> int:
        while self._spent and self._spent[0][0] <= at - COUNTED_MS:
            self._sum -= self._spent.popleft()[1]
        return int(view.preempt_part_max * view.capacity) - self._sum

    def spend(self, devices: int, at: int) -> None:
        self._spent.append((at, devices))
        self._sum += devices


class Displaceable:
    """The running placements that could make way, the heaviest first, as the kernel wants them."""

    def __init__(self, view: View, running: Weighed, at: int) -> None:
        jobs = view.jobs
        order = np.lexsort((running.rows, -running.weight))
        rows, weight = running.rows[order], running.weight[order]
        can = ((jobs.phase[rows] == RUNNING) & (jobs.is_preemptible[rows] == 1)
               & (at - jobs.placed_at[rows] >= view.preempt_run_ms_min))
        self.rows, self.weight = rows[can], weight[can]
        self.devices = jobs.width[self.rows]
        self.stated = stated_size(view, self.rows)
        self.pool, self.tier = jobs.pool[self.rows], jobs.tier[self.rows]
        self.is_there = np.ones(len(self.rows), dtype=np.bool_)
        placed = [(host, len(indices)) for row in self.rows for host, indices in view.slots[row]]
        self.hosts = np.array([host for host, _ in placed], dtype=np.int64)
        self.counts = np.array([count for _, count in placed], dtype=np.int64)
        self.first = np.cumsum([0] + [len(view.slots[row]) for row in self.rows], dtype=np.int64)

    def candidates(self, view: View, row: int, weight: float, pool: int) -> Ints:
        """Return 1 for each placement in a pool that may make way for a job."""
        mine = stated_size(view, np.array([row]))[0]
        heavy = self.weight > HEAVIER_MIN * weight + view.restore_ms * self.devices
        may: Ints = (self.is_there & (self.pool == pool) & heavy & (self.stated > mine)
                     & (self.tier >= view.jobs.tier[row])).astype(np.int64)
        return may
