"""TokenFlow's round: order the queue, place what fits, displace what must wait, keep promises.

1. Jobs whose drain reservation has become free start.
2. All pending jobs are tried, the lightest first; nobody may outstay a reservation's start.
3. For the lightest that did not fit, heavier preemptible placements make way.
4. Who has waited longer than the patience gets a drain reservation.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from suanli.planning.scheduler import Action, Bind, Preempt, Published
from suanli.planning.tokenflow.displacing import victims
from suanli.planning.tokenflow.drains import PATIENCE_MS, Drains
from suanli.planning.tokenflow.entitlements import Entitlements
from suanli.planning.tokenflow.estimates import RunTimes
from suanli.planning.tokenflow.kernels import pack
from suanli.planning.tokenflow.preemption import TRIED_MAX, Budget, Displaceable
from suanli.planning.tokenflow.queue import Weighed, weigh
from suanli.planning.tokenflow.room import NEVER
from suanli.planning.view import PPM, Ints, Slots, View
from suanli.terms.instant import MINUTE
from suanli.terms.quantity import WHOLE_DEVICE

ROUND_MS = MINUTE


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be switched off, to see what it is worth."""

    is_fair: bool = True
    is_preempting: bool = True
    is_draining: bool = True


class TokenFlow:
    """The scheduler; everything it keeps is learned from the view."""

    def __init__(self, settings: Settings = Settings()) -> None:
        self.settings = settings
        self.runtimes = RunTimes()
        self.entitlements = Entitlements(settings.is_fair)
        self.drains = Drains()
        self.budget = Budget()
        self._wake: int | None = None

    def next_instant(self, at: int) -> int | None:
        """A round later while jobs wait: placements come of age, targets move."""
        return self._wake

    def published(self) -> Published:
        """Return the prices by which chips are chosen, and what the fairness program came to."""
        return Published(self.entitlements.prices, self.entitlements.due)

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
            yield Bind(int(queue.rows[index]), slots, is_all=True)
        waiting = queue.only(left)
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
        begin, until = self._span(view, queue, at)
        pool, first, hosts, counts = pack(
            jobs.devices[rows], jobs.devices_min[rows], jobs.share[rows], jobs.tier[rows],
            jobs.level_required[rows], jobs.level_preferred[rows], queue.pools, begin, until,
            view.spare[None, :] - view.kept, view.free.copy(), view.used.copy(), view.devices,
            view.first_host, view.pool_of, view.blocks, reserved)
        for index in np.flatnonzero(pool >= 0):
            part = slice(first[index], first[index + 1])
            yield int(index), tuple(
                (int(host), (-1 - int(count),) if count < 0 else view.free_devices(host, count))
                for host, count in zip(hosts[part], counts[part], strict=True))

    def _span(self, view: View, queue: Weighed, at: int) -> tuple[Ints, Ints]:
        """Return when each job, placed now, begins its work, and is surely over in each pool."""
        jobs, rows = view.jobs, queue.rows
        left = np.maximum(1, jobs.limit_ms[rows] - jobs.progress_ms[rows])
        speed = np.take_along_axis(jobs.speed[rows], np.maximum(queue.pools, 0), axis=1)
        begin = at + np.where(jobs.preemptions[rows] > 0, view.restore_ms, 0)
        return begin, begin[:, None] + -(-left[:, None] * PPM // np.maximum(speed, 1))

    def _honour(self, view: View, reserved: Ints) -> Iterator[Action]:
        for row in self.drains.ready(view):
            allowed = view.room(row, self.drains.by_row[row].pool) // WHOLE_DEVICE
            if view.jobs.devices_min[row] > allowed:
                continue
            drain = self.drains.by_row.pop(row)
            reserved[list(drain.hosts)] = NEVER
            slots, left = [], min(int(view.jobs.devices[row]), allowed)
            for host in drain.hosts:
                count = min(left, int(view.free[host]))
                slots.append((host, view.free_devices(host, count)))
                left -= count
            yield Bind(row, tuple(slots), is_all=True)

    def _displace(self, view: View, waiting: Weighed, at: int,
                  reserved: Ints) -> Iterator[Action]:
        running = Displaceable(view, self._weighed(view, view.rows(view.active), at), at)
        _, until = self._span(view, waiting, at)
        expected = set(view.stopping.values())  # for them others are stopping already
        for index in range(min(TRIED_MAX, len(waiting.rows))):
            if int(waiting.rows[index]) in expected:
                continue
            for choice, pool in enumerate(waiting.pools[index]):
                if pool < 0 or not len(running.rows):
                    break
                row = int(waiting.rows[index])
                chosen = self._chosen(view, running, row, float(waiting.weight[index]), int(pool),
                                      int(until[index, choice]), reserved)
                if len(chosen) and self._may_displace(view, row, int(pool), int(
                        running.devices[chosen].sum()), at):
                    yield from self._swap(view, running, chosen, waiting, index, at, reserved)
                    break

    def _may_displace(self, view: View, row: int, pool: int, devices: int, at: int) -> bool:
        """Say whether the rate allows it, and the carve-out will let the job in afterwards."""
        wide = int(view.jobs.devices_min[row] * view.jobs.share[row])
        return devices <= self.budget.left(view, at) and (
            wide <= view.room(row, pool) + devices * WHOLE_DEVICE)

    def _chosen(self, view: View, running: Displaceable, row: int, weight: float, pool: int,
                until: int, reserved: Ints) -> Ints:
        is_victim = running.candidates(view, row, weight, pool)
        lo, hi = int(view.first_host[pool]), int(view.first_host[pool + 1])
        within = view.blocks.within(int(view.jobs.level_required[row]))
        chosen: Ints = victims(int(view.jobs.devices_min[row]), lo, hi, until, within, is_victim,
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
        for _, slots in self._fitting(view, waiting.only([index]), at, reserved):
            yield Bind(row, slots, is_all=True)

    def _reserve(self, view: View, waiting: Weighed, at: int) -> None:
        jobs = view.jobs
        late = at - jobs.queued_at[waiting.rows] > PATIENCE_MS
        late &= jobs.share[waiting.rows] == WHOLE_DEVICE
        order = np.argsort(jobs.queued_at[waiting.rows], kind="stable")
        for index in order[late[order]]:
            row = int(waiting.rows[index])
            if row in view.queued and row not in self.drains.by_row:
                self.drains.reserve(view, row, int(waiting.pools[index, 0]), at)
