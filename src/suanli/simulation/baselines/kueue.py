"""Kueue 0.19 with fair sharing and Topology-Aware Scheduling down to the host: `kueue`.

One ClusterQueue per tenant in one cohort, a flavor per pool, nominal quota = the tenant's budget's
share of every flavor, borrowing and lending without limits, no preemption (Kueue's default:
reclaimWithinCohort and withinClusterQueue Never). A cycle takes the head of every queue, gives each
its first flavor, fastest chip first, whose quota *and* topology it fits (FlavorFungibility's
default: borrow rather than try the next), then admits by tournament: the queue whose dominant
resource share would be lowest with its head admitted goes first, then the earlier submission.
BestEffortFIFO: a head that does not fit is set aside until a workload of the cohort ends, and the
next of its queue comes to the head; one that lost its place within a cycle tries again.

Only devices are requested, so a share is what a queue holds above its nominal quota over all
flavors, over the cohort's nominal quota, over its weight. All flavors have a topology, so TAS
applies unasked, as `preferred` at the lowest level: a pod of up to a host's devices goes to the
host that could hold the fewest more pods like it (BestFit), first in order among equals. TAS names
the hosts, so kube-scheduler has nothing left to choose and no admitted gang waits for a host.

Kinder than the original: flavors in order of each job's own speeds (a ClusterQueue has one order);
a flavor without room in its topology leads to the next one (an open defect pins workloads to the
first: kueue #13658); only admissions take time, 42 a second (its own large-scale performance test,
scheduler.md 2.2), looking at what does not fit takes none.

Sources: kueue site/content/en/docs/concepts/{cluster_queue,topology_aware_scheduling,preemption},
keps/1714-fair-sharing (share value), PR #4519 (TAS unasked), scheduler.md 4 (B3), engines.md 6.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from suanli.planning.placing import place
from suanli.planning.scheduler import Action, Bind
from suanli.planning.view import Slots, View
from suanli.terms.quantity import WHOLE_DEVICE

ADMISSIONS_PER_S: Final = 42
Floats = npt.NDArray[np.float64]


def shares(usage: Floats, nominal: Floats, weight: Floats) -> Floats:
    """Return every queue's dominant resource share.

    `usage`, `nominal`: (queue, flavor) devices; `weight`: (queue,).
    """
    borrowed = np.maximum(usage - nominal, 0.0).sum(axis=1)
    return np.asarray(borrowed / (nominal.sum() * weight))


def assign(view: View, row: int, pool: int) -> Slots | None:
    """Return TAS's hosts for a job in a pool, or None where its topology has no room."""
    lo, hi = int(view.first_host[pool]), int(view.first_host[pool + 1])
    devices = int(view.jobs.devices[row])
    is_one_pod = devices <= view.devices[lo:hi].max(initial=0)
    if view.jobs.share[row] < WHOLE_DEVICE or not is_one_pod:
        return place(view, row, pool, "tightest")
    pods = view.free[lo:hi] // devices  # how many such pods each host could still hold
    if not pods.any():
        return None
    host = lo + int(np.where(pods > 0, pods, np.iinfo(np.int64).max).argmin())
    return ((host, view.free_devices(host, devices)),)


class Kueue:
    """Cycles until one admits something, then waits as long as those admissions take."""

    def __init__(self) -> None:
        self._inadmissible: set[int] = set()  # rows set aside; a subset of `view.queued`
        # By kind of request, the fewest devices that had no room since the last end: as room only
        # shrinks until the next, no more of that kind have either.
        self._failed: dict[Any, int] = {}
        self._admitted: set[int] = set()  # active rows as this scheduler left them
        self._busy_until = 0

    def decide(self, view: View, at: int) -> Iterator[Action]:
        """Yield a binding for every head that a cycle admits."""
        if at < self._busy_until:
            return
        if not self._admitted <= view.active.keys():
            self._inadmissible.clear()
            self._failed.clear()
        queues = self._queues(view)
        count = 0
        while queues and not count:
            heads = self._nominate(view, queues)
            for row, pool in self._tournament(view, heads):
                slots = assign(view, row, pool)
                if slots is not None:
                    yield Bind(row, slots)
                    count += 1
        self._busy_until = at + -(-count * 1000 // ADMISSIONS_PER_S)
        self._admitted = set(view.active)

    def next_instant(self, at: int) -> int | None:
        """Return when the admissions of the last cycle are through."""
        return self._busy_until if self._busy_until > at else None

    def _queues(self, view: View) -> list[list[int]]:
        """Return each tenant's pending rows that are not set aside, the earliest last."""
        queues: dict[int, list[int]] = {}
        jobs = view.jobs
        rows = np.array([r for r in view.queued if r not in self._inadmissible], dtype=np.int64)
        rows = rows[np.lexsort((rows, jobs.submitted[rows]))[::-1]]
        for row, tenant in zip(rows.tolist(), jobs.tenant[rows].tolist(), strict=True):
            queues.setdefault(tenant, []).append(row)
        return list(queues.values())

    def _nominate(self, view: View, queues: list[list[int]]) -> dict[int, int]:
        """Return the heads that fit, each with its flavor; set aside the others."""
        found: dict[int, int] = {}
        for queue in queues:
            row = queue.pop()
            pool = self._flavor(view, row)
            if pool is None:
                self._inadmissible.add(row)
            else:
                found[row] = pool
        queues[:] = [queue for queue in queues if queue]
        return found

    def _flavor(self, view: View, row: int) -> int | None:
        """Return the first flavor, by speed, with room.

        Borrowing is unlimited, so quota is short only where the flavor's devices are: room in its
        topology implies quota.
        """
        speed, devices = view.jobs.speed[row], int(view.jobs.devices[row])
        kind = view.kind(row)
        if devices >= self._failed.get(kind, devices + 1):
            return None
        for pool in np.argsort(-speed, kind="stable"):
            if speed[pool] and assign(view, row, int(pool)) is not None:
                return int(pool)
        self._failed[kind] = devices
        return None

    def _tournament(self, view: View, heads: dict[int, int]) -> Iterator[tuple[int, int]]:
        """Yield (row, flavor), the lowest share after admission first; usage is read anew."""
        jobs, left = view.jobs, dict(heads)
        if not left:
            return
        tenants = list(view.budgets)
        weight = np.array(list(view.budgets.values())) / sum(view.budgets.values())
        fleet = [float(sum(pool.devices)) for pool in view.pools]
        nominal = np.outer(weight, fleet)
        while left:
            usage = _usage(view, len(fleet), tenants)
            ranks = []
            for row, pool in left.items():
                queue = tenants.index(int(jobs.tenant[row]))
                wanted = usage.copy()
                wanted[queue, pool] += jobs.devices[row] * jobs.share[row] / WHOLE_DEVICE
                drs = shares(wanted, nominal, weight)[queue]
                ranks.append((float(drs), int(jobs.submitted[row]), row))
            row = min(ranks)[2]
            yield row, left.pop(row)


def _usage(view: View, flavors: int, tenants: list[int]) -> Floats:
    """Return the (queue, flavor) devices that admitted workloads hold."""
    jobs, rows = view.jobs, view.rows(view.active)
    used = np.zeros((len(tenants), flavors))
    queue_of = {tenant: queue for queue, tenant in enumerate(tenants)}
    queues = np.array([queue_of[t] for t in jobs.tenant[rows].tolist()], dtype=np.int64)
    np.add.at(used, (queues, jobs.pool[rows]), jobs.held[rows] * jobs.share[rows] / WHOLE_DEVICE)
    return used
