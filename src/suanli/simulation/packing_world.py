"""The openb world: tasks only arrive; what is the fleet's share that a policy can still give out?

Laws: a policy sees a task when it arrives and must place it if it fits anywhere; a task that fits
nowhere is dropped; nothing departs. The same seed is the same tasks and the same draws for every
policy.

Source: Weng et al., USENIX ATC 2023, section 6; how its simulator samples tasks (below).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from suanli.planning.packing.arrays import WHOLE, Hosts, Ints, Requests, copy_of, distinct
from suanli.planning.packing.kernels import NOWHERE, fragmentation_of_all, take
from suanli.planning.packing.rule import TokenFlowPacking
from suanli.simulation.baselines.best_fit import BestFit
from suanli.simulation.baselines.fgd import Fgd, typical_tasks
from suanli.simulation.baselines.random_fit import RandomFit
from suanli.simulation.traces.openb import read_fleet, read_tasks
from suanli.terms.errors import InputError

WORKLOADS: Final = ("default", "gpushare40", "multigpu20")
LOADS: Final = (80, 90, 95)  # per cent of capacity arrived, where fragmentation is published


class Packer(Protocol):
    """What the world asks of a policy."""

    def arrived(self, row: int) -> None:
        """Hear of a task, before it is placed."""

    def choose(self, row: int) -> tuple[int, int]:
        """Return the host and the device (for a fraction) for a request; NOWHERE: none fits."""

    def changed(self, host: int) -> None:
        """Hear that a host's free resources changed."""


# Hosts, distinct requests, the tasks of the pod list (the future, in effect), and chance.
Make = Callable[[Hosts, Requests, Requests, np.random.Generator], Packer]
POLICIES: Final[dict[str, Make]] = {
    "random": lambda hosts, requests, tasks, rng: RandomFit(hosts, requests, rng),
    "best-fit": lambda hosts, requests, tasks, rng: BestFit(hosts, requests),
    "fgd": lambda hosts, requests, tasks, rng: Fgd(hosts, requests, typical_tasks(tasks)),
    "tokenflow": lambda hosts, requests, tasks, rng: TokenFlowPacking(hosts, requests),
}


class Outcome(NamedTuple):
    """What became of the arrivals."""

    placed: int
    allocated: int  # thousandths of devices
    fragmentation: dict[int, float]  # per cent arrived -> share of what is free, 0 to 1


def arrivals(tasks: Requests, capacity: int, demand: float, rng: np.random.Generator) -> Ints:
    """Return rows of `tasks` in the order of arrival.

    The list is shuffled, then tasks drawn from it with replacement are appended, and the first
    that would pass `demand` x capacity (thousandths of devices) ends it.
    """
    milli = tasks.devices * tasks.milli
    parts, total = [rng.permutation(milli.size)], int(milli.sum())
    while total <= demand * capacity:
        parts.append(rng.integers(milli.size, size=milli.size))
        total += int(milli[parts[-1]].sum())
    order = np.concatenate(parts)
    return order[:int(np.searchsorted(np.cumsum(milli[order]), demand * capacity, "right"))]


def replay_openb(folder: Path, workload: str, policy: str, demand: float,
                 seed: int) -> dict[str, Any]:
    """Return one row: how much of the fleet a policy gives out when `demand` x it has arrived.

    Shares are 0 to 1; `fragmentation_ratio` maps the per cent of capacity that has arrived to
    the share of what is then free that a typical task could not use, expected.

    Raises
    ------
    InputError
        For an unknown workload or policy, a demand that is not positive, a bad file, or one
        without GPUs.
    """
    _check(workload, policy, demand)
    fleet = read_fleet(folder)
    tasks = read_tasks(folder, workload, fleet.chips)
    capacity = int(fleet.hosts.milli_free.sum())
    if capacity == 0 or not tasks.devices.any():
        raise InputError(f"{folder}: {workload}: found no GPU on any host, or in any task; "
                         "one of each at least is accepted")
    rng = np.random.default_rng(seed)
    order = arrivals(tasks, capacity, demand, rng)
    found = _run(fleet.hosts, tasks, order, policy, rng)
    return {"policy": policy, "workload": workload, "demand": demand, "seed": seed,
            "hosts": int(fleet.hosts.chip.size), "devices": capacity // WHOLE,
            "tasks": int(order.size), "placed": found.placed,
            "dropped": int(order.size) - found.placed,
            "allocated_share": found.allocated / capacity,
            "fragmentation_ratio": found.fragmentation}


def _check(workload: str, policy: str, demand: float) -> None:
    if workload not in WORKLOADS:
        raise InputError(f"workload: found {workload!r}; {', '.join(WORKLOADS)} are accepted")
    if policy not in POLICIES:
        raise InputError(f"policy: found {policy!r}; {', '.join(POLICIES)} are accepted")
    if not 0 < demand <= 100:
        raise InputError(f"demand: found {demand}; more than 0, to 100 times capacity is accepted")


def _run(fleet: Hosts, tasks: Requests, order: Ints, policy: str,
         rng: np.random.Generator) -> Outcome:
    hosts = copy_of(fleet)
    requests, row_of = distinct(tasks)
    packer = POLICIES[policy](hosts, requests, tasks, rng)
    capacity, typical = int(fleet.milli_free.sum()), typical_tasks(tasks)
    marks = [mark * capacity // 100 for mark in LOADS]
    placed, arrived = 0, 0
    ratios: dict[int, float] = {}
    for row in row_of[order].tolist():
        arrived += int(requests.devices[row] * requests.milli[row])
        packer.arrived(row)
        host, device = packer.choose(row)
        if host != NOWHERE:
            take(hosts, host, requests, row, device)
            packer.changed(host)
            placed += 1
        while len(ratios) < len(LOADS) and arrived >= marks[len(ratios)]:
            free = int(hosts.milli_free.sum())
            lost = float(fragmentation_of_all(hosts, typical).sum())
            ratios[LOADS[len(ratios)]] = lost / free if free else 0.0
    return Outcome(placed, capacity - int(hosts.milli_free.sum()), ratios)
