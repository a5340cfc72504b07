"""Who makes way for whom.

A queued job may displace running ones if each is preemptible, has run for a while, and is still
expected to take much more from the fleet than the job plus the cost of stopping it. Stated sizes
(limit x devices) never change, and a job only ever displaces larger ones: so no cycle exists.
What is displaced in an hour is limited to a part of the fleet, by the view's rules. Whole gangs go.
"""

from collections import deque
from typing import Final

import numpy as np

from suanli.planning.tokenflow.displacing import Asking, Placed
from suanli.planning.tokenflow.queue import Weighed
from suanli.planning.view import RUNNING, Ints, View
from suanli.terms.instant import HOUR, MINUTE

HEAVIER_MIN: Final = 1.5  # than the job that displaces
# The domain counts by whole minutes: what it still counts must not be forgotten here.
COUNTED_MS: Final = HOUR + MINUTE
TRIED_MAX: Final = 16  # queued jobs without a promised start for which room is sought, each time


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


def displaceable(view: View, running: Weighed, at: int) -> Placed:
    """Return the running placements that could make way, the heaviest first."""
    jobs = view.jobs
    order = np.lexsort((running.rows, -running.weight))
    rows, weight = running.rows[order], running.weight[order]
    can = ((jobs.phase[rows] == RUNNING) & (jobs.is_preemptible[rows] == 1)
           & (at - jobs.placed_at[rows] >= view.preempt_run_ms_min))
    rows, weight = rows[can], weight[can]
    devices = jobs.width[rows]
    placed = [(host, len(indices)) for row in rows for host, indices in view.slots[row]]
    return Placed(
        rows, (weight - view.restore_ms * devices) / HEAVIER_MIN, stated_size(view, rows), devices,
        jobs.pool[rows], jobs.tier[rows],
        np.cumsum([0] + [len(view.slots[row]) for row in rows], dtype=np.int64),
        np.array([host for host, _ in placed], dtype=np.int64),
        np.array([count for _, count in placed], dtype=np.int64))


def asking(view: View, waiting: Weighed, until: Ints) -> Asking:
    """Return the jobs for which room is sought: every promised start, of others a few."""
    count = max(TRIED_MAX, int(np.count_nonzero(view.jobs.slo_ms[waiting.rows])))
    rows = waiting.rows[:count]
    return Asking(waiting.weight[:count], stated_size(view, rows), view.jobs.devices_min[rows],
                  view.jobs.share[rows], waiting.tier[:count], view.jobs.level_required[rows],
                  waiting.pools[:count], until[:count])
