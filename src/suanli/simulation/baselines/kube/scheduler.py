"""The default kube-scheduler as a scheduler of the arena: `kube` and its variants.

A job is a Job of pods, all created at once: of up to 8 devices each (*few*) or of one device each
(*split*). One pod a cycle, cycles strictly serial, each costing 1/180 s (the scheduler's own
threshold for pods with extended resources); a cycle decides on the hosts as they stand when it
starts, and its pod is bound when it ends, or when the client's limit on requests lets it. Devices
of pods bound early are held idle until the last pod of their job is bound; nothing takes them back,
so that jobs can lock each other out for ever. All priorities are equal: nothing is preempted.

Blind to speed: all admissible hosts are alike. One thing is not Kubernetes': the arena runs a job
at the speed of one pool, so the pool of a job's first pod becomes an affinity of the others.

Failing cycles are run in bulk when the arena next asks; it is asked at each bind, arrival and end.

Source: kubernetes `pkg/scheduler/schedule_one.go`, behaviour only.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, Final, Literal

from suanli.planning.scheduler import Action, Bind
from suanli.planning.view import QUEUED, View
from suanli.simulation.baselines.kube.hosts import Hosts, Kind, Kinds, Rule
from suanli.simulation.baselines.kube.queue import (
    FREE_AT,
    OUT,
    deletion,
    empty,
    enter,
    forecast,
    grown,
    next_fit,
)
from suanli.simulation.baselines.kube.throttle import TokenBucket
from suanli.terms.errors import InvariantBroken

Shape = Literal["few", "split"]
CYCLES_PER_S: Final = 180
CYCLE_US: Final = round(1_000_000 / CYCLES_PER_S)
POD_DEVICES_MAX: Final = 8
MS_US: Final = 1000
PODS_AT_FIRST: Final = 256


def pod_sizes(devices: int, shape: Shape, host_devices_max: int) -> list[int]:
    """Return the devices of each pod of a job."""
    size = 1 if shape == "split" else min(POD_DEVICES_MAX, host_devices_max)
    whole, rest = divmod(devices, size)
    return [size] * whole + [rest] * (rest > 0)


class Kube:
    """Keeps the queue, the cache of hosts, and what is decided and not yet done."""

    rule: Rule = "spread"
    ranks_by_stamp = True
    pops_early = True

    def __init__(self, shape: Shape, seed: int, bucket: TokenBucket | None = None) -> None:
        self.shape: Shape = shape
        self.seed, self.bucket = seed, bucket
        self.queue = empty(PODS_AT_FIRST, 0)
        self.decided: deque[tuple[int, Action]] = deque()  # in order of their instants
        self.pods: dict[int, list[int]] = {}  # by row: its pods that are not assumed
        self.row_of = [-1] * PODS_AT_FIRST  # by pod
        self._unused = list(range(PODS_AT_FIRST))[::-1]  # pod numbers, reused
        self._rows_seen = self._ends_seen = 0
        self._version = -1
        self._verdicts: tuple[Any, Any] | None = None  # None: something changed

    def decide(self, view: View, at: int) -> Iterator[Action]:
        """Yield the binds that are due."""
        if self._version < 0:
            self._begin(view, at * MS_US)
        self._run(view, at * MS_US)
        while self.decided and self.decided[0][0] <= at * MS_US:
            yield self.decided.popleft()[1]
        self._observe(view, at * MS_US)

    def next_instant(self, at: int) -> int | None:
        """Return when the next bind is due if nothing happens before."""
        instant = self.decided[0][0] if self.decided else self._next_end()
        return None if instant is None else -(-instant // MS_US)

    def _next_end(self) -> int | None:
        """Return when the next cycle that matters ends; None: no waiting pod fits anywhere."""
        fits, rejecters = self._judge()
        waiting = self.queue.where != OUT
        if not (fits[self.queue.kind[waiting]].any() or self.queue.watched[waiting].any()):
            return None
        return forecast(self.queue, fits, rejecters, CYCLE_US, self.ranks_by_stamp,
                        self.pops_early)

    def _begin(self, view: View, at: int) -> None:
        self.queue = empty(PODS_AT_FIRST, at)
        self.hosts = Hosts(view, self.rule, self.seed)
        self.kinds = Kinds(len(view.pools))
        self._version = 0

    def _run(self, view: View, until: int) -> None:
        """Run the cycles that start before an instant, on the hosts as they were up to it."""
        while (pod := self._cycle(until)) >= 0:
            self._settle(view, pod)

    def _cycle(self, until: int) -> int:
        """Run cycles up to one that matters and starts before an instant; return its pod or -1."""
        return int(next_fit(self.queue, *self._judge(), CYCLE_US, self.ranks_by_stamp,
                            self.pops_early, until))

    def _settle(self, view: View, pod: int) -> None:
        end = int(self.queue.clock[FREE_AT])
        if self.queue.where[pod] == OUT:
            self._fits(view, pod, end)
        else:
            self._fails(pod, end)

    def _judge(self) -> tuple[Any, Any]:
        if self._verdicts is None:
            self._verdicts = self.hosts.verdicts(self.kinds)
        return self._verdicts

    def _fits(self, view: View, pod: int, end: int) -> None:
        """Assume a pod on the best host at the end of its cycle."""
        row = self.row_of[pod]
        self._assume(view, pod, end)
        self._drop(pod)
        if not self.pods[row]:
            del self.pods[row]

    def _fails(self, pod: int, end: int) -> None:
        """Never called: no pod is watched here, for none gives back what siblings hold."""
        raise InvariantBroken(f"pod {pod} was reported at {end} though nobody watches it")

    def _assume(self, view: View, pod: int, end: int) -> Bind:
        """Choose a host, count the devices as taken, and let the bind follow in its time."""
        row, kind = self.row_of[pod], self.kinds.all[self.queue.kind[pod]]
        host, indices = self.hosts.choose(kind)
        bind = Bind(row, ((host, indices),))
        self.hosts.assume(bind.slots, kind.share)
        self._verdicts = None
        self.decided.append((self.bucket.take(end) if self.bucket else end, bind))
        self.pods[row].remove(pod)
        pool = int(view.pool_of[host])
        for sibling in self.pods[row]:
            self._pin(sibling, tuple(p == pool for p in range(len(view.pools))))
        return bind

    def _pin(self, pod: int, pools: tuple[bool, ...]) -> None:
        kind = self.kinds.all[self.queue.kind[pod]]
        if kind.pools != pools or kind.gang:
            self.queue.kind[pod] = self.kinds.number(kind._replace(pools=pools, gang=0))
            self._verdicts = None

    def _drop(self, pod: int) -> None:
        """Let a pod's number be used again."""
        self.row_of[pod] = -1
        self._unused.append(pod)

    def _observe(self, view: View, at: int) -> None:
        """Take in what has happened: pods that ended, and pods that were created."""
        self.queue.clock[FREE_AT] = max(self.queue.clock[FREE_AT], at)
        if view.version != self._version:
            self.hosts.sync(view, [action for _, action in self.decided])
            self._version, self._verdicts = view.version, None
        if len(view.finished) > self._ends_seen:
            self._ends_seen = len(view.finished)
            deletion(self.queue, at, 0)
        for row in range(self._rows_seen, view.jobs.count):
            if view.jobs.phase[row] == QUEUED:
                # A microsecond apart, so that pods of one job follow one another at first.
                self._create(view, row, at + row - self._rows_seen)
        self._rows_seen = view.jobs.count

    def _create(self, view: View, row: int, at: int) -> None:
        pools = view.jobs.speed[row] > 0
        largest = int(view.devices[pools[view.pool_of]].max())
        devices, share = int(view.jobs.devices[row]), int(view.jobs.share[row])
        sizes = pod_sizes(devices, self.shape, largest)
        self.pods[row] = []
        for size in sizes:
            kind = Kind(tuple(pools.tolist()), size, share, self._gang(devices, len(sizes)))
            pod = self._number()
            self.row_of[pod] = row
            self.pods[row].append(pod)
            enter(self.queue, pod, self.kinds.number(kind), at)

    def _gang(self, devices: int, pods: int) -> int:
        """Return what a pool must have free in sum: nothing asks for that here."""
        return 0

    def _number(self) -> int:
        if not self._unused:
            count = len(self.row_of)
            self.queue = grown(self.queue)
            self.row_of += [-1] * count
            self._unused = list(range(count, 2 * count))[::-1]
        return self._unused.pop()
