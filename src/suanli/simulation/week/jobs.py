"""The jobs of the week: some on hours that their tenants bought, the others at the posted price.

Run times are known here and to the virtual cluster, to no policy.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from suanli.ledger.row import account
from suanli.schedule.commands import Submit
from suanli.schedule.job import PPM, Spec
from suanli.simulation.week.stage import GRADE, OPERATORS, PEOPLE, WORKLOADS, Plan
from suanli.terms.instant import DAY, HOUR, MINUTE
from suanli.terms.quantity import RMB, WHOLE_DEVICE, metered

JOBS_A_DAY: Final = 120
HOURLY_COST_MAX: Final = 100 * RMB
USES_WHAT_IT_BOUGHT: Final = 0.6
JOBS_OF_AN_OWNER_MAX: Final = 3
WIDTHS, WEIGHTS = (1, 2, 4), (0.7, 0.2, 0.1)


class Work(NamedTuple):
    """A job to come, and how long it really takes on the first of its chips."""

    at: int
    who: str
    spec: Spec
    duration_ms: int


class Known:
    """True run times by a job's name."""

    def __init__(self) -> None:
        self.durations: dict[str, int] = {}
        self.chips: dict[str, str] = {}  # host -> chip

    def duration_of(self, job: int, spec: Spec, host: str) -> int:
        """Return what the whole job takes on a host's chip, milliseconds."""
        speed = spec.speed_ppm(self.chips[host]) or PPM
        return max(1, self.durations[spec.name] * PPM // speed)


def arrivals(plan: Plan, day: int, ratings: dict[str, int]) -> list[Work]:
    """Return a delivery day's submissions at the posted price; `ratings` in micro-CU by chip."""
    random = np.random.default_rng([plan.seed, day, 3])
    instants = np.sort(plan.day(day) + random.integers(0, DAY, JOBS_A_DAY))
    chips = tuple((chip, ucu) for chip, ucu in ratings.items())
    works = []
    for number, at in enumerate(instants.tolist()):
        minutes = float(random.lognormal(3.6, 0.9))
        duration = max(MINUTE, min(12 * HOUR, int(minutes * MINUTE)))
        width = int(random.choice(WIDTHS, p=WEIGHTS))
        limit = int(duration * random.uniform(1.1, 3))
        works.append(Work(at, PEOPLE[random.integers(60, len(PEOPLE))],
                          _spec(f"shared-{day}-{number}", width, chips, "", limit, GRADE),
                          duration))
    return works


def of_owners(plan: Plan, day: int, rooms: Any, names: dict[int, str]) -> Iterator[Work]:
    """Yield the jobs that tenants will run on the firm hours of a day that they hold now."""
    random = np.random.default_rng([plan.seed, day, 4])
    hours: dict[tuple[int, int, str, str], list[tuple[int, int]]] = {}
    for (owner, id), _ in rooms.schedule.tables["reservations"].items():
        klass = rooms.ledger.token_class(id)
        if names.get(owner) in PEOPLE and plan.day(day) <= klass.start < plan.day(day + 1):
            hours.setdefault((owner, klass.issuer, klass.area, klass.grade), []).append(
                (klass.start, id))
    for key, found in sorted(hours.items()):
        if random.random() < USES_WHAT_IT_BOUGHT:
            yield from _runs(random, rooms, names[key[0]], key, sorted(found))


def _runs(random: np.random.Generator, rooms: Any, name: str,
          key: tuple[int, int, str, str], hours: list[tuple[int, int]]) -> Iterator[Work]:
    """Yield jobs of one device each that fill an owner's first hours in a row, nearly."""
    start, id = hours[0]
    length = 1
    while length < len(hours) and hours[length][0] == start + length * HOUR:
        length += 1
    (chip, ucu, _), = rooms.ledger.token_class(id).factors
    owner, issuer, area, grade = key
    free = rooms.ledger.available(account(owner, id))
    width = min(JOBS_OF_AN_OWNER_MAX, free // metered(HOUR, WHOLE_DEVICE, ucu))
    for number in range(width):
        duration = int(length * HOUR * random.uniform(0.6, 0.98))
        label = f"owned-{start // HOUR}-{owner}-{issuer}-{grade}-{number}"
        yield Work(start, name, _spec(label, 1, ((chip, PPM),), area, length * HOUR, grade),
                   duration)


def _spec(name: str, width: int, chips: tuple[tuple[str, int], ...], area: str,
          limit: int, grade: str) -> Spec:
    return Spec(name, (), (), "", width, WHOLE_DEVICE, WORKLOADS[grade], chips, area, limit,
                HOURLY_COST_MAX, 0, bytes(32))


def submitted(work: Work, known: Known) -> tuple[str, Submit]:
    """Return what is said, after noting how long it will take."""
    known.durations[work.spec.name] = work.duration_ms
    return work.who, Submit(work.spec)


def chips_of_hosts(rooms: Any) -> dict[str, str]:
    """Return each host's chip."""
    return {name: host.chip for name, host in rooms.chips.tables["hosts"].items()}


def ratings_of(rooms: Any, members: dict[str, int], grade: str) -> dict[str, int]:
    """Return the micro-CU of each operator's chip in a grade, the fastest first."""
    found = {chip: ucu for operator in OPERATORS
             for chip, ucu, _ in rooms.units.grade(members[operator.name], grade).factors}
    return dict(sorted(found.items(), key=lambda item: -item[1]))
