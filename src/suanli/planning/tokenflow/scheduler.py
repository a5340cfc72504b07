"""TokenFlow's round: order the queue, place what fits, displace what must wait, keep promises.

1. Jobs whose drain reservation has become free start.
2. All pending jobs are tried, the lightest first; nobody may outstay a reservation's start.
3. For the lightest that did not fit, heavier preemptible placements make way.
4. Who has waited longer than the patience gets a drain reservation.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from suanli.planning.scheduler import Action, Bind, Preempt
from suanli.planning.tokenflow.drains import PATIENCE_MS, Drains
from suanli.planning.tokenflow.entitlements import Entitlements
from suanli.planning.tokenflow.estimates import RunTimes
from suanli.planning.tokenflow.kernels import NEVER, pack, victims
from suanli.planning.tokenflow.preemption import TRIED_MAX, Budget, Displaceable
from suanli.planning.tokenflow.queue import Weighed, weigh
from suanli.planning.view import PPM, Ints, Slots, View
from suanli.terms.instant import MINUTE
from suanli.terms.quantity import WHOLE_DEVICE

ROUND_MS = MINUTE


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be switched off, to see what it is worth; and where the fairness program runs.

    `is_beside`: in a thread, while rounds go on with the last good shares; for a live server.
    Within the round that asks otherwise, so that equal replays decide equally.
    """

    is_fair: bool = True
    is_preempting: bool = True
    is_draining: bool = True
    is_beside: bool = False


class TokenFlow:
    """The scheduler; everything it keeps is learned from the view."""

    def __init__(self, settings: Settings = Settings()) -> None:
        self.settings = settings
        self.runtimes = RunTimes()
        self.entitlements = Entitlements(settings.is_fair, settings.is_beside)
        self.drains = Drains()
        self.budget = Budget()
        self._wake: int | None = None

    def next_instant(self, at: int) -> int | None:
        """A round later while jobs wait: placements come of age, targets move."""
        return self._wake

    def decide(self, view: View, at: int) -> Iterator[Action]:
        """Yield a round's actions."""
        self.runtimes.learn(view)
        self._wake = at + ROUND_MS if view.queued else None
        if not view.queued:
            return
        self.entitlements.update(view, at, self.runtimes)
        reserved = self.drains.reserved_from(view)
        yield from self._honour(view, reserved)
        queue = self._weighed(view, view.rows(view.queued), at).lightest_first()
        left = np.ones(len(queue.rows), dtype=np.bool_)
        for index, slots in self._fitting(view, queue, at, reserved):
            left[index] = False
            yield Bind(int(queue.rows[index]), slots)
        waiting = Weighed(queue.rows[left], queue.weight[left], queue.pools[left])
        if self.settings.is_preempting and len(waiting.rows):
            yield from self._displace(view, waiting, at, reserved)
        if self.settings.is_draining:
            self._reserve(view, waiting, at)
        self._wake = at + ROUND_MS if view.queued else None

    def _weighed(self, view: View, rows: Ints, at: int) -> Weighed:
        return weigh(view, rows, at, self.runtimes, self.entitlements.prices,
                     self.entitlements.of(view))

    def _fitting(self, view: View, queue: Weighed, at: int,
                 reserved: Ints) -> Iterator[tuple[int, Slots]]:
        """Yield (index, slots) of the jobs that fit now, each tried after those before it."""
        jobs, rows = view.jobs, queue.rows
        pool, first, hosts, counts = pack(
            jobs.devices[rows], jobs.share[rows], queue.pools, self._until(view, queue, at),
            view.free.copy(), view.used.copy(), view.devices, view.first_host, view.pool_of,
            view.leaf, view.spine, reserved)
        offsets, parts = first.tolist(), list(zip(hosts.tolist(), counts.tolist(), strict=True))
        for index in np.flatnonzero(pool >= 0).tolist():
            yield index, tuple([
                (host, (-1 - count,) if count < 0 else view.free_devices(host, count))
                for host, count in parts[offsets[index]:offsets[index + 1]]])

    def _until(self, view: View, queue: Weighed, at: int) -> Ints:
        """Return when each job is surely over, in each of its pools."""
        jobs, rows = view.jobs, queue.rows
        left = np.maximum(1, jobs.limit_ms[rows] - jobs.progress_ms[rows])
        speed = np.take_along_axis(jobs.speed[rows], np.maximum(queue.pools, 0), axis=1)
        restore = np.where(jobs.preemptions[rows] > 0, view.restore_ms, 0)
        until: Ints = at + restore[:, None] + -(-left[:, None] * PPM // np.maximum(speed, 1))
        return until

    def _honour(self, view: View, reserved: Ints) -> Iterator[Action]:
        for row in self.drains.ready(view):
            drain = self.drains.by_row.pop(row)
            reserved[list(drain.hosts)] = NEVER
            slots, left = [], int(view.jobs.devices[row])
            for host in drain.hosts:
                count = min(left, int(view.free[host]))
                slots.append((host, view.free_devices(host, count)))
                left -= count
            yield Bind(row, tuple(slots))

    def _displace(self, view: View, waiting: Weighed, at: int,
                  reserved: Ints) -> Iterator[Action]:
        running = Displaceable(view, self._weighed(view, view.rows(view.active), at), at)
        until = self._until(view, waiting, at)
        for index in range(min(TRIED_MAX, len(waiting.rows))):
            for choice, pool in enumerate(waiting.pools[index]):
                if pool < 0 or not len(running.rows):
                    break
                row = int(waiting.rows[index])
                chosen = self._chosen(view, running, row, float(waiting.weight[index]), int(pool),
                                      int(until[index, choice]), reserved)
                if len(chosen) and running.devices[chosen].sum() <= self.budget.left(view, at):
                    yield from self._swap(view, running, chosen, waiting, index, at, reserved)
                    break

    def _chosen(self, view: View, running: Displaceable, row: int, weight: float, pool: int,
                until: int, reserved: Ints) -> Ints:
        is_victim = running.candidates(view, row, weight, pool)
        lo, hi = int(view.first_host[pool]), int(view.first_host[pool + 1])
        chosen: Ints = victims(int(view.jobs.devices[row]), lo, hi, until, is_victim,
                               running.devices, running.first, running.hosts, running.counts,
                               view.free, view.devices, reserved)
        return chosen

    def _swap(self, view: View, running: Displaceable, chosen: Ints, waiting: Weighed,
              index: int, at: int, reserved: Ints) -> Iterator[Action]:
        row = int(waiting.rows[index])
        for victim in chosen:
            running.is_there[victim] = False
            self.budget.spend(int(running.devices[victim]), at)
            yield Preempt(int(running.rows[victim]), row)
        one = Weighed(waiting.rows[index:index + 1], waiting.weight[index:index + 1],
                      waiting.pools[index:index + 1])
        for _, slots in self._fitting(view, one, at, reserved):
            yield Bind(row, slots)

    def _reserve(self, view: View, waiting: Weighed, at: int) -> None:
        jobs = view.jobs
        late = at - jobs.queued_at[waiting.rows] > PATIENCE_MS
        late &= jobs.share[waiting.rows] == WHOLE_DEVICE
        order = np.argsort(jobs.queued_at[waiting.rows], kind="stable")
        order = order[late[order]]
        if len(order):
            self.drains.seek(view, waiting.rows[order], waiting.pools[order, 0], at)
