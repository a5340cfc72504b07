"""TokenFlow's round: order the queue, place what fits, displace what must wait, keep promises.

1. Jobs with a promised start are tried; where none fits, preemptible placements make way. No
   reservation holds them up: a host that is kept for somebody is theirs too.
2. Jobs whose drain reservation has become free start.
3. All others are tried, the lightest first; nobody may outstay a reservation's start.
4. For the lightest that did not fit, heavier preemptible placements make way.
5. Who has waited longer than the patience gets a drain reservation.
"""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from suanli.planning.scheduler import Action, Bind, Preempt, Published
from suanli.planning.tokenflow.displacing import room_for
from suanli.planning.tokenflow.drains import PATIENCE_MS, Drains
from suanli.planning.tokenflow.entitlements import Entitlements
from suanli.planning.tokenflow.estimates import RunTimes
from suanli.planning.tokenflow.kernels import Parts, pack
from suanli.planning.tokenflow.preemption import Budget, asking, displaceable
from suanli.planning.tokenflow.queue import Weighed, weigh
from suanli.planning.tokenflow.room import NEVER
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
        yield from self._start(view, view.waiting(is_promised=True), at, reserved)
        yield from self._honour(view, reserved)
        waiting = yield from self._start(view, view.waiting(is_promised=False), at, reserved)
        if self.settings.is_draining:
            self._reserve(view, waiting, at)
        self._wake = at + ROUND_MS if view.queued else None

    def _start(self, view: View, rows: Ints, at: int,
               reserved: Ints) -> Generator[Action, None, Weighed]:
        """Start what fits and what others can make way for; return what did not fit at first."""
        queue = self._weighed(view, rows, at).lightest_first()
        if not len(rows):
            return queue
        waiting = yield from self._fit(view, queue, at, reserved)
        version = view.version
        if self.settings.is_preempting and len(waiting.rows):
            yield from self._displace(view, waiting, at, reserved)
        if view.version != version:  # what made way may have freed more than was asked for
            still = np.isin(waiting.rows, view.rows(view.queued))
            yield from self._fit(view, waiting.part(still), at, reserved)
        return waiting

    def _fit(self, view: View, queue: Weighed, at: int,
             reserved: Ints) -> Generator[Action, None, Weighed]:
        """Start what fits; return what does not."""
        left = np.ones(len(queue.rows), dtype=np.bool_)
        for index, slots in self._fitting(view, queue, at, reserved):
            left[index] = False
            yield Bind(int(queue.rows[index]), slots, is_all=True)
        return queue.part(left)

    def queue(self, view: View, at: int) -> Weighed:
        """Return what waits, in the order in which it is tried."""
        self.entitlements.grow(view)  # whoever asks may be the first to see a tenant
        queue = self._weighed(view, view.rows(view.queued), at).lightest_first()
        return queue.part(np.argsort(view.jobs.slo_ms[queue.rows] == 0, kind="stable"))

    def twin(self) -> "TokenFlow":
        """Return one that decides by what is known now: to play the future ahead, on a copy."""
        twin = TokenFlow(self.settings)
        twin.runtimes, twin.entitlements = self.runtimes, self.entitlements.frozen()
        twin.drains.by_row = dict(self.drains.by_row)
        return twin

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
            view.first_host, view.pool_of, view.blocks, reserved, _parts(view, rows))
        offsets, parts = first.tolist(), list(zip(hosts.tolist(), counts.tolist(), strict=True))
        for index in np.flatnonzero(pool >= 0).tolist():
            yield index, tuple([
                (host, (-1 - count,) if count < 0 else view.free_devices(host, count))
                for host, count in parts[offsets[index]:offsets[index + 1]]])

    def _span(self, view: View, queue: Weighed, at: int) -> tuple[Ints, Ints]:
        """Return when each job, placed now, begins its work, and is surely over in each pool.

        With a promised start: at once, so that no reservation is in its way.
        """
        jobs, rows = view.jobs, queue.rows
        left = np.maximum(1, jobs.limit_ms[rows] - jobs.progress_ms[rows])
        speed = np.take_along_axis(jobs.speed[rows], np.maximum(queue.pools, 0), axis=1)
        begin = at + np.where(jobs.preemptions[rows] > 0, view.restore_ms, 0)
        until = begin[:, None] + -(-left[:, None] * PPM // np.maximum(speed, 1))
        return begin, np.where(jobs.slo_ms[rows, None] > 0, at, until)

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
        placed = displaceable(view, self._weighed(view, view.rows(view.active), at), at)
        is_there = np.ones(len(placed.rows), dtype=np.bool_)
        # Where others are stopping already, somebody counts on what comes free.
        waiting = waiting.part(~np.isin(waiting.rows, list(view.stopping.values())))
        promised = _without(view, reserved, view.stopping)
        asked = asking(view, waiting, self._span(view, waiting, at)[1])
        begin = 0
        while is_there.any():
            job, chosen = room_for(begin, asked, placed, is_there, self.budget.left(view, at),
                                   view.spare - view.kept, view.first_host, view.blocks.of,
                                   view.free, view.devices, promised)
            if job < 0:
                return
            is_there[chosen], begin = False, job + 1
            self.budget.spend(int(placed.devices[chosen].sum()), at)
            for victim in placed.rows[chosen]:
                yield Preempt(int(victim), int(waiting.rows[job]))
            promised = _without(view, promised, view.stopping)
            yield from self._fit(view, waiting.part(slice(job, begin)), at, reserved)

    def _reserve(self, view: View, waiting: Weighed, at: int) -> None:
        jobs = view.jobs
        late = at - jobs.queued_at[waiting.rows] > PATIENCE_MS
        late &= jobs.share[waiting.rows] == WHOLE_DEVICE
        order = np.argsort(jobs.queued_at[waiting.rows], kind="stable")
        order = order[late[order]]
        if len(order):
            self.drains.seek(view, waiting.rows[order], waiting.pools[order, 0], at)


def _parts(view: View, rows: Ints) -> Parts:
    """Return what the rows would get of devices; nothing where all ask for whole ones."""
    jobs = view.jobs
    if (jobs.share[rows] == WHOLE_DEVICE).all():
        return Parts(jobs.parts[:0], jobs.slice[:0], view.after, view.standing)
    return Parts(jobs.parts[rows], jobs.slice[rows], view.after, view.standing.copy())


def _without(view: View, reserved: Ints, stopping: Iterable[int]) -> Ints:
    """Return by host from when it is kept, where hosts of some placements are kept always."""
    found = reserved.copy()
    found[[host for row in stopping for host, _ in view.slots[row]]] = 0
    return found
