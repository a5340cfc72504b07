"""A workload: submissions in time order, each with a true duration that only the cluster knows."""

from dataclasses import dataclass

from suanli.schedule.job import Spec


@dataclass(frozen=True, slots=True)
class Arrival:
    """One submission. `durations`: (chip, milliseconds) for every admissible chip.

    `slo_ms`: for a serving replica, how long after it is asked for it must have fully started;
    0 for other work. A replica is not preempted: it answers people.
    """

    at: int
    tenant: str
    spec: Spec
    durations: tuple[tuple[str, int], ...]
    slo_ms: int = 0

    def duration_ms(self, chip: str) -> int:
        return next(ms for name, ms in self.durations if name == chip)


@dataclass(frozen=True, slots=True)
class Workload:
    """Arrivals, and how they are described on every table."""

    arrivals: tuple[Arrival, ...]
    note: str

    @property
    def tenants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(arrival.tenant for arrival in self.arrivals))
