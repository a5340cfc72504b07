"""What a fleet could sustain: offered load against the best assignment of work to chips.

A mean speed misstates a mixed fleet. So the load of a demand is the least z such that all of its
work, assigned to chips as well as possible and without regard to time and fragments, fits into
z x the fleet: a small LP over (kind of job, kind of host).

A kind of job fits a kind of host as `planning.placing` has it: a gang up to the size of the chip's
largest hosts needs one host that large, a larger one takes whole largest hosts.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import highspy

from suanli.planning.onboarding import Fleet
from suanli.planning.solver import quiet_solver
from suanli.schedule.job import PPM, Spec
from suanli.simulation.workload import Arrival
from suanli.terms.errors import InputError
from suanli.terms.quantity import WHOLE_DEVICE


class Kind(NamedTuple):
    """Jobs that may run in the same places at the same speeds (ppm of the first chip's)."""

    chips: tuple[tuple[str, int], ...]
    devices: int


Demand = Counter[Kind]  # device-milliseconds of the kind's first chip


class Assignment(NamedTuple):
    """The best one: its load, and the device-milliseconds that each kind takes in it."""

    load: float
    device_ms: dict[Kind, float]


def kind_of(spec: Spec) -> Kind:
    """Return the kind of a job."""
    return Kind(spec.chips, spec.devices)


def run_ms(arrival: Arrival) -> int:
    """Return how long a job runs on its first chip: it is ended at its stated limit."""
    return min(arrival.durations[0][1], arrival.spec.time_limit_ms)


def demand(arrivals: Iterable[Arrival]) -> Demand:
    """Return the work of submissions by kind."""
    wanted: Demand = Counter()
    for arrival in arrivals:
        spec = arrival.spec
        wanted[kind_of(spec)] += spec.devices * spec.share * run_ms(arrival) // WHOLE_DEVICE
    return wanted


def best_assignment(wanted: Demand, fleet: Fleet, span_ms: int) -> Assignment:
    """Return the assignment of least load.

    Raises
    ------
    InputError
        When a kind of job fits no host of the fleet.
    """
    return _Program(fleet, span_ms).least_load(wanted)


def sustained(scaled: Demand, fixed: Demand, fleet: Fleet, span_ms: int, load: float) -> float:
    """Return the largest multiple of `scaled` that makes at most `load` beside `fixed`."""
    return _Program(fleet, span_ms).largest_multiple(scaled, fixed, load)


class _Program:
    """The LP: shares of each kind's work by kind of host, under the hosts' device time."""

    def __init__(self, fleet: Fleet, span_ms: int) -> None:
        self.devices: Counter[tuple[str, int]] = Counter()  # by (chip, devices of the host)
        for group in fleet.hosts:
            self.devices[group.chip, group.devices] += group.devices * group.count
        self.span_ms = span_ms
        self.solver = quiet_solver()
        self.use: dict[tuple[str, int], list[Any]] = {host: [] for host in self.devices}

    def least_load(self, wanted: Demand) -> Assignment:
        z = self.solver.addVariable(0, highspy.kHighsInf, 1.0)
        terms = {kind: self._assign(kind, work, 1.0) for kind, work in wanted.items()}
        for use in self.use.values():
            if use:
                self.solver.addConstr(sum(use) <= z)
        self.solver.run()
        value = self.solver.getSolution().col_value
        return Assignment(float(value[z.index]), {
            kind: sum(cost * value[share.index] for share, cost in parts)
            for kind, parts in terms.items()})

    def largest_multiple(self, scaled: Demand, fixed: Demand, load: float) -> float:
        multiple = self.solver.addVariable(0, highspy.kHighsInf, -1.0)
        for kind, work in fixed.items():
            self._assign(kind, work, 1.0)
        for kind, work in scaled.items():
            self._assign(kind, work, multiple)
        for use in self.use.values():
            if use:
                self.solver.addConstr(sum(use) <= load)
        self.solver.run()
        return float(self.solver.getSolution().col_value[multiple.index])

    def _assign(self, kind: Kind, work: int, total: Any) -> list[tuple[Any, float]]:
        """Spread `total` times the work; return (share variable, device-ms at 1) by host kind."""
        parts = []
        for (chip, size), devices in self.devices.items():
            speed = dict(kind.chips).get(chip, 0)
            if speed and self._fits(kind.devices, chip, size):
                share = self.solver.addVariable(0, highspy.kHighsInf)
                cost = work * PPM / speed
                self.use[chip, size].append(cost / (devices * self.span_ms) * share)
                parts.append((share, cost))
        if not parts:
            raise InputError(f"a job of {kind.devices} devices of "
                             f"{', '.join(chip for chip, _ in kind.chips)}: no host of the fleet "
                             "can be part of it")
        self.solver.addConstr(sum(share for share, _ in parts) == total)
        return parts

    def _fits(self, wanted: int, chip: str, size: int) -> bool:
        sizes = {s: count for (c, s), count in self.devices.items() if c == chip}
        return sum(sizes.values()) >= wanted and size >= min(wanted, max(sizes))
