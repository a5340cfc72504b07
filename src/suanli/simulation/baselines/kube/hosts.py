"""What the kube-scheduler knows of hosts: its cache, the filters, the sampled search, the scores.

The cache holds what is bound and what is assumed (decided, not yet bound). A pod asks for devices
and, for each, for that device's share of its host's CPU and memory; the default scores see only the
latter two. The other default plug-ins score all hosts alike here: there are no taints, preferences,
volumes or images, and the system's default spread constraints pass over the pods of Jobs, which no
service or set owns. One cluster spans all zones; the search takes hosts from each zone in turn.

Source: kubernetes `pkg/scheduler/schedule_one.go`, `plugins/noderesources`, behaviour only.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from suanli.planning.scheduler import Action, Bind, Unbind
from suanli.planning.view import View
from suanli.simulation.baselines.kube.queue import AFFINITY, RESOURCES
from suanli.terms.quantity import WHOLE_DEVICE

Ints = npt.NDArray[np.int64]
Rule = Literal["spread", "pack"]
SCORE_MAX: Final = 100
SEARCH_ALL_BELOW: Final = 100  # hosts


class Kind(NamedTuple):
    """What decides the verdict on a pod: admissible pools, devices, the share of each.

    `gang` is what a pool must have free in sum, for a pod that decides where its gang goes.
    """

    pools: tuple[bool, ...]
    devices: int
    share: int
    gang: int = 0


class Kinds:
    """All kinds that were met, by number, also as columns."""

    def __init__(self, pools: int) -> None:
        self.all: list[Kind] = []
        self._numbers: dict[Kind, int] = {}
        self.pools = np.zeros((0, pools), dtype=np.bool_)
        self.devices = self.share = self.gang = self.rejecters = np.zeros(0, dtype=np.int64)

    def number(self, kind: Kind) -> int:
        """Return the number of a kind, a new one if it was not met before."""
        if kind not in self._numbers:
            self._numbers[kind] = len(self.all)
            self.all.append(kind)
            self.pools = np.array([k.pools for k in self.all])
            self.devices = np.array([k.devices for k in self.all])
            self.share = np.array([k.share for k in self.all])
            self.gang = np.array([k.gang for k in self.all])
            self.rejecters = np.array([_rejecters(k) for k in self.all])
        return self._numbers[kind]


def _rejecters(kind: Kind) -> int:
    """Return the plug-ins that reject a pod which no host passes: affinity is asked first."""
    return (0 if all(kind.pools) else AFFINITY) | (RESOURCES if any(kind.pools) else 0)


def feasible_wanted(hosts: int) -> int:
    """Return how many feasible hosts end a search."""
    if hosts < SEARCH_ALL_BELOW:
        return hosts
    percent = max(5, 50 - hosts // 125)
    return max(SEARCH_ALL_BELOW, hosts * percent // 100)


def least_allocated(requested: Ints, allocatable: Ints) -> Ints:
    """Return the score by host: mean over resources of the percentage left; [resource, host]."""
    left: Ints = (allocatable - requested) * SCORE_MAX // allocatable
    return np.asarray(left.sum(0) // len(requested))


def balanced_allocation(requested: Ints, allocatable: Ints) -> Ints:
    """Return the score by host: 100 less the spread of the fractions used; [resource, host]."""
    spread = (requested / allocatable).std(0)
    return np.asarray((1 - spread) * SCORE_MAX, dtype=np.int64)


def most_allocated(requested: Ints, allocatable: Ints) -> Ints:
    """Return the score by host: mean over resources of the percentage used; [resource, host]."""
    used: Ints = requested * SCORE_MAX // allocatable
    return np.asarray(used.sum(0) // len(requested))


class Hosts:
    """The cache, and the search in it."""

    def __init__(self, view: View, rule: Rule, seed: int) -> None:
        self.rule = rule
        self.pool_of = view.pool_of
        self._start = 0  # where the next search begins, in `_ring`
        self._ring = _zones_in_turn(view)
        self._rng = np.random.default_rng(seed)
        self.sync(view, ())

    def sync(self, view: View, decided: Iterable[Action]) -> None:
        """Take over what is bound, and what is decided and not yet done."""
        self.devices = view.devices
        self.used = view.used.copy()
        for action in decided:
            share = int(view.jobs.share[action.row])
            if isinstance(action, Bind):
                self._add(action.slots, share)
            elif isinstance(action, Unbind):
                self._add(view.slots[action.row], -share)
        self._refresh()

    def assume(self, slots: tuple[tuple[int, tuple[int, ...]], ...], share: int) -> None:
        """Count devices as taken (or, with a negative share, given back)."""
        self._add(slots, share)
        self._refresh()

    def _add(self, slots: tuple[tuple[int, tuple[int, ...]], ...], share: int) -> None:
        for host, indices in slots:
            self.used[host, list(indices)] += share

    def _refresh(self) -> None:
        self.free = (self.used == 0).sum(1)
        self._room = WHOLE_DEVICE - self.used.min(1)

    def verdicts(self, kinds: Kinds) -> tuple[npt.NDArray[np.bool_], Ints]:
        """Return by kind: whether any host passes, and the plug-ins that reject it if none."""
        most_free, most_room = np.zeros((2, kinds.pools.shape[1]), dtype=np.int64)
        np.maximum.at(most_free, self.pool_of, self.free)
        np.maximum.at(most_room, self.pool_of, self._room)
        in_sum = np.bincount(self.pool_of, weights=self.free, minlength=len(most_free))
        is_whole = kinds.share == WHOLE_DEVICE
        has = np.where(is_whole[:, None], most_free >= kinds.devices[:, None],
                       most_room >= kinds.share[:, None])
        passes = kinds.pools & has & (in_sum >= kinds.gang[:, None])
        return np.asarray(passes.any(1)), kinds.rejecters

    def _passing(self, kind: Kind) -> npt.NDArray[np.bool_]:
        admissible = np.array(kind.pools)
        if kind.gang:
            in_sum = np.bincount(self.pool_of, weights=self.free, minlength=len(admissible))
            admissible = admissible & (in_sum >= kind.gang)
        passing: npt.NDArray[np.bool_] = admissible[self.pool_of]
        if kind.share < WHOLE_DEVICE:
            return np.asarray(passing & (self._room >= kind.share))
        return np.asarray(passing & (self.free >= kind.devices))

    def choose(self, kind: Kind) -> tuple[int, tuple[int, ...]]:
        """Search, score and pick; return the host and the devices that a feasible pod gets."""
        candidates = self._search(self._passing(kind))
        scores = self._scores(candidates, kind)
        best = candidates[scores == scores.max()]
        host = int(best[self._rng.integers(len(best))]) if len(best) > 1 else int(best[0])
        return host, self._devices(host, kind)

    def _search(self, passing: npt.NDArray[np.bool_]) -> Ints:
        """Return the feasible hosts found from where the last search stopped."""
        count = len(self._ring)
        order = np.roll(self._ring, -self._start)
        found = np.flatnonzero(passing[order])
        wanted = feasible_wanted(count)
        if len(found) >= wanted:
            found = found[:wanted]
            self._start = (self._start + int(found[-1]) + 1) % count
        return order[found]

    def _scores(self, candidates: Ints, kind: Kind) -> Ints:
        allocatable = self.devices[candidates] * WHOLE_DEVICE
        absent = (self.used.shape[1] - self.devices[candidates]) * WHOLE_DEVICE
        asked = kind.devices * kind.share
        requested = self.used[candidates].sum(1) - absent + asked
        if self.rule == "pack":
            return most_allocated(requested[None], allocatable[None])
        both = np.stack([requested, requested]), np.stack([allocatable, allocatable])
        return least_allocated(*both) + balanced_allocation(*both)

    def _devices(self, host: int, kind: Kind) -> tuple[int, ...]:
        left = WHOLE_DEVICE - self.used[host]
        return tuple(int(i) for i in np.flatnonzero(left >= kind.share)[:kind.devices])


def _zones_in_turn(view: View) -> Ints:
    """Return the hosts in the order of the search: the first of each zone, the second, ..."""
    zones = np.array([pool.zone for pool in view.pools])[view.pool_of]
    rank = np.empty(len(zones), dtype=np.int64)
    for zone in dict.fromkeys(zones.tolist()):
        members = np.flatnonzero(zones == zone)
        rank[members] = np.arange(len(members))
    return np.argsort(rank, kind="stable")
