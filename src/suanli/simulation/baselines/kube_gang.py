"""kube-scheduler packing by devices, with the coscheduling plug-in: `kube-gang`.

Scores are MostAllocated on devices. A job of several pods is a PodGroup whose minMember is all of
them and whose minResources are all its devices. Differences from the default scheduler:

QueueSort    pods rank by the creation of their group, so that siblings follow one another.
PreFilter    a pool that has not minResources free in sum is left out (the plug-in asks this of the
             whole cluster; as a gang stays in one pool here, of each pool).
Permit       an assumed pod holds its devices and waits, for 60 s at most, until the whole group is
             assumed; the first one to wait activates its siblings.
PostFilter   when a sibling fails and more than a tenth of the group is missing, all of them are
             rejected, and so they are when a wait times out. Nothing stays half-started.
Back-off     a rejected group sits out its pods' back-off, 1 to 10 s; popping early is off here,
             for with it two groups that block each other would retry without a pause.

Rejected groups are moved by deletions like pods that lacked devices (in the plug-in some of them
wait for the five-minute flush), and when a group gives its devices back, only what was rejected
since it took them moves: for the rest nothing has changed. Both favour this baseline.

Source: kubernetes-sigs/scheduler-plugins `pkg/coscheduling`, behaviour only; scheduler.md 4, B2.
"""

from dataclasses import dataclass, field
from typing import Final

from suanli.planning.scheduler import Unbind
from suanli.planning.view import Slots, View
from suanli.simulation.baselines.kube.hosts import Rule
from suanli.simulation.baselines.kube.queue import (
    COSCHEDULING,
    FREE_AT,
    NEVER,
    RESOURCES,
    SECOND_US,
    activate,
    deletion,
    leave,
    park,
)
from suanli.simulation.baselines.kube.scheduler import CYCLE_US, Kube

PERMIT_WAIT_US: Final = 60 * SECOND_US


@dataclass(slots=True)
class Permit:
    """A group of which some pods are assumed and wait for the others."""

    since: int  # when the cycle of the first one started
    deadline: int
    kinds: dict[int, int]  # by pod of the group: its kind before their pool was decided
    assumed: list[int] = field(default_factory=list)
    slots: Slots = ()


class KubeGang(Kube):
    """Pods of up to 8 devices, all of a job or none."""

    rule: Rule = "pack"
    ranks_by_stamp = False
    pops_early = False

    def __init__(self, seed: int) -> None:
        super().__init__("few", seed)
        self.permits: dict[int, Permit] = {}  # by row

    def _next_end(self) -> int | None:
        instants = [permit.deadline for permit in self.permits.values()]
        end = super()._next_end()
        return min(instants + ([] if end is None else [end]), default=None)

    def _run(self, view: View, until: int) -> None:
        while True:
            row, deadline = min(((r, p.deadline) for r, p in self.permits.items()),
                                key=lambda pair: pair[1], default=(-1, NEVER))
            pod = self._cycle(min(until, deadline))
            if pod >= 0:
                self._settle(view, pod)
            elif deadline < until:
                self._reject(row, max(deadline, int(self.queue.clock[FREE_AT])))
            else:
                return

    def _gang(self, devices: int, pods: int) -> int:
        """Return minResources: what a pool must have free in sum."""
        return devices if pods > 1 else 0

    def _fits(self, view: View, pod: int, end: int) -> None:
        """Reserve and Permit."""
        row = self.row_of[pod]
        if row not in self.permits and len(self.pods[row]) == 1:
            super()._fits(view, pod, end)
            return
        permit = self.permits[row] if row in self.permits else self._open(row, pod, end)
        permit.slots += self._assume(view, pod, end).slots
        permit.assumed.append(pod)
        if not self.pods[row]:
            self._close(row)

    def _open(self, row: int, first: int, end: int) -> Permit:
        """Let the first pod of a group wait, and activate its siblings."""
        kinds = {pod: int(self.queue.kind[pod]) for pod in self.pods[row]}
        self.permits[row] = Permit(end - CYCLE_US, end + PERMIT_WAIT_US, kinds)
        for pod in self.pods[row]:
            if pod != first:
                self.queue.watched[pod] = 1
                activate(self.queue, pod)
        return self.permits[row]

    def _close(self, row: int) -> None:
        """Let the whole group through."""
        for pod in self.permits.pop(row).assumed:
            self._drop(pod)
        del self.pods[row]

    def _fails(self, pod: int, end: int) -> None:
        """PostFilter: give up the group, unless hardly anything of it is missing."""
        row = self.row_of[pod]
        if len(self.pods[row]) * 10 > len(self.permits[row].kinds):
            self._reject(row, end)

    def _reject(self, row: int, at: int) -> None:
        """Give back what the group holds and send all its pods into the back-off."""
        permit = self.permits.pop(row)
        for pod in self.pods[row]:
            leave(self.queue, pod)
        share = self.kinds.all[self.queue.kind[permit.assumed[0]]].share
        self.hosts.assume(permit.slots, -share)
        self._verdicts = None
        self.decided.append((at, Unbind(row)))
        deletion(self.queue, at, permit.since)
        attempts = max(int(self.queue.attempts[pod]) for pod in permit.kinds)
        for pod, kind in permit.kinds.items():
            self.queue.kind[pod], self.queue.attempts[pod] = kind, attempts
            self.queue.watched[pod] = 0
            park(self.queue, pod, RESOURCES | COSCHEDULING, at, self.ranks_by_stamp)
        self.pods[row] = list(permit.kinds)
