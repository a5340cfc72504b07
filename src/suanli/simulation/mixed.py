"""The mixed workload: Philly's training and Azure's inference on the spot-2026 inventory.

* Fleet: a stratified sample of the inventory (`traces/spot2026`).
* Training: Philly submissions of the days of `days`, durations capped at three days on V100.
  Speeds are by rating against V100 in the job's class, alone or in a gang. The fleet's mean device
  is worth several V100s, so all work is multiplied by that mean (llm-training): a job runs here
  about as long as it ran there. Then submissions are scaled, some left out or repeated on another
  day at the same time of day, until they make the wanted load; a last factor near 1 on their work
  makes it exact.
* Memory: these jobs ran on 16 GB, no chip of the inventory has less. A gang does not run on a
  chip that has only hosts of one device: there is no link between them.
* Inference: `serving`; its traffic is scaled until replicas alone make `inference_share` of the
  load.
* Load: against the best assignment of work to chips (`capacity`), of what will really run, over
  those days.

A time limit is the true duration x a factor drawn log-uniformly from `factors`: the estimate
error. Below 1 the tenant stated too little: the job is ended at its limit, its work is what it did
until then, and the load and the bound count that. Replicas state the longest life of any. The first
chip of a job, for which its limit is stated, is the admissible one of which the fleet has most.
"""

from collections import Counter
from dataclasses import dataclass, replace
from math import floor
from pathlib import Path
from typing import Final

import numpy as np

from suanli.chips.datasheet import Chip
from suanli.planning.onboarding import Fleet
from suanli.schedule.job import PPM, Spec
from suanli.simulation.capacity import Demand, best_assignment, demand, sustained
from suanli.simulation.serving import replicas, services, traffic
from suanli.simulation.traces import philly
from suanli.simulation.traces.philly import CAP_MS, JITTER_MS, TraceJob, classes_by_model
from suanli.simulation.traces.spot2026 import chips, read_fleet
from suanli.simulation.workload import Arrival, Workload
from suanli.simulation.world import EPOCH
from suanli.terms.errors import InputError
from suanli.terms.instant import DAY
from suanli.units.rating import rate
from suanli.units.workload import WORKLOAD_CLASSES

# By the part of the workload that is asked for, what replicas alone make of its load. That of all
# is an assumption: public traces tell nobody's mix.
PARTS: Final = {"all": 0.3, "inference": 1.0}
DAY_LAST: Final = 125  # of Philly's submissions
V100: Final = philly.CHIPS[philly.REFERENCE]
TOLERANCE: Final = 1e-3  # of the traffic's multiple
FACTORS_MAX: Final = 100.0


@dataclass(frozen=True, slots=True)
class Mixed:
    """A workload, its fleet, and the offered load that it makes there."""

    workload: Workload
    fleet: Fleet
    offered: float


def mixed_workload(folder: Path, days: tuple[int, int], scale: float, load: float, seed: int,
                   inference_share: float, factors: tuple[float, float]) -> Mixed:
    """Return the mixed workload; an `inference_share` of 1 leaves training out, 0 inference.

    `folder` holds `philly`, `azure_llm` and `spot2026`; `days` is the window [A, B) of Philly's
    submissions, whose busy part is days 10 to 50. `load` is the offered load of both.

    Raises
    ------
    InputError
        For arguments out of range and for whatever the readers refuse.
    """
    _check(days, load, inference_share, factors)
    fleet, rng = read_fleet(folder / "spot2026", scale), np.random.default_rng(seed)
    speeds = Speeds(fleet, chips())
    serving, multiple = _serving(folder, days, load * inference_share, speeds, rng)
    training, said = _training(folder, days, load, demand(serving), speeds, rng, factors) if (
        inference_share < 1) else ([], "no training")
    arrivals = tuple(sorted([*training, *serving], key=lambda a: a.at))
    offered = best_assignment(demand(arrivals), fleet, _span(days)).load
    devices = sum(g.devices * g.count for g in fleet.hosts)
    note = (f"mixed, {days[1] - days[0]} days, spot-2026 inventory x {scale:g} ({devices} "
            f"devices); {said}; Azure inference x {multiple:.2f}, {len(serving)} replicas; limits "
            f"x {factors[0]:g} to {factors[1]:g}; offered load {offered:.3f} of the best "
            "assignment")
    return Mixed(Workload(arrivals, note), fleet, offered)


def _span(days: tuple[int, int]) -> int:
    return (days[1] - days[0]) * DAY


def _check(days: tuple[int, int], load: float, share: float,
           factors: tuple[float, float]) -> None:
    if not 0 <= days[0] < days[1] <= DAY_LAST:
        raise InputError(f"days {days[0]} to {days[1]}; 0 to {DAY_LAST}, the first below the "
                         "second, is accepted")
    if not 0 < load <= 100:
        raise InputError(f"load {load}; above 0 and at most 100 is accepted")
    if not 0 <= share <= 1:
        raise InputError(f"inference share {share}; 0 to 1 is accepted")
    if not 0 < factors[0] <= factors[1] <= FACTORS_MAX:
        raise InputError(f"limit factors {factors[0]} to {factors[1]}; above 0, in order and at "
                         f"most {FACTORS_MAX:g} is accepted")


class Speeds:
    """Speeds by rating on the chips of a fleet."""

    def __init__(self, fleet: Fleet, sheet: dict[str, Chip]) -> None:
        self.fleet, self.sheet = fleet, sheet
        self.devices: Counter[str] = Counter()
        for group in fleet.hosts:
            self.devices[group.chip] += group.devices * group.count
        self.chips = tuple(sorted(self.devices, key=lambda c: (-self.devices[c], c)))
        self.largest = {chip: max(g.devices for g in fleet.hosts if g.chip == chip)
                        for chip in self.chips}
        self._known: dict[tuple[str, int], dict[str, float]] = {}

    def against_v100(self, workload: str, devices: int) -> dict[str, float]:
        """Return the speeds of admissible chips, the most numerous chip first."""
        key = (workload, devices)
        if key not in self._known:
            self._known[key] = {
                chip: self._ratio(chip, workload, devices > 1) for chip in self.chips
                if (devices == 1 or self.largest[chip] > 1) and self.devices[chip] >= devices}
        return self._known[key]

    def mean(self) -> float:
        """Return what the fleet's mean device is worth in V100s, in llm-training."""
        worth = sum(group.count * group.devices
                    * self._ratio(group.chip, "llm-training", group.devices > 1)
                    for group in self.fleet.hosts)
        return worth / self.devices.total()

    def _ratio(self, chip: str, workload: str, in_gang: bool) -> float:
        shares = WORKLOAD_CLASSES[workload]
        mine, reference = (rate(self.sheet[c], shares, in_gang) for c in (chip, V100))
        if not mine or not reference:
            raise InputError(f"chip {chip} cannot be rated in {workload}; the datasheet lacks a "
                             "figure")
        return mine / reference


# -- inference ------------------------------------------------------------------------------------

def _serving(folder: Path, days: tuple[int, int], load: float, speeds: Speeds,
             rng: np.random.Generator) -> tuple[list[Arrival], float]:
    """Return the replicas that alone make the load, and the multiple of the trace's traffic.

    Raises
    ------
    InputError
        When one replica of each service is already more than that.
    """
    if not load:
        return [], 0.0
    offered = services(speeds.chips, speeds.sheet)
    busy = [traffic(folder / "azure_llm", service, days[1] - days[0], rng)
            for service in offered]

    def at(multiple: float) -> list[Arrival]:
        return [arrival for service, seconds in zip(offered, busy, strict=True)
                for arrival in replicas(service, seconds * multiple, EPOCH + days[0] * DAY)]

    def made(multiple: float) -> float:
        return best_assignment(demand(at(multiple)), speeds.fleet, _span(days)).load

    low, high = 0.0, 1.0
    if (least := made(low)) > load:
        raise InputError(f"one replica of each service is a load of {least:.4f} already; the "
                         f"share asked for is {load:.4f}")
    while made(high) < load:
        low, high = high, 2 * high
    while high - low > TOLERANCE * high:
        middle = (low + high) / 2
        low, high = (middle, high) if made(middle) < load else (low, middle)
    return at(low), low


# -- training -------------------------------------------------------------------------------------

def _training(folder: Path, days: tuple[int, int], load: float, serving: Demand, speeds: Speeds,
              rng: np.random.Generator,
              factors: tuple[float, float]) -> tuple[list[Arrival], str]:
    """Return the submissions that make the load beside the replicas, and how they were made."""
    jobs, largest = _window(folder, days), max(
        count for chip, count in speeds.devices.items() if speeds.largest[chip] > 1)
    fitting = [job for job in jobs if job.devices <= largest]
    span, work = _span(days), speeds.mean()
    low, high = np.log(factors)
    drawn = np.exp(rng.uniform(low, high, len(fitting)))
    once = [_arrival(job, job.arrival_ms, factor, work, speeds)
            for job, factor in zip(fitting, drawn, strict=True)]
    times = sustained(demand(once), serving, speeds.fleet, span, load)
    made = [shifted for arrival in once for shifted in _repeated(arrival, times, days, rng)]
    if not made:
        raise InputError(f"the load leaves room for {times:.4f} times Philly's {len(once)} jobs: "
                         "for none; a larger scale or load is accepted")
    last = sustained(demand(made), serving, speeds.fleet, span, load)
    return [_stretched(arrival, last) for arrival in made], (
        f"Philly submissions of days {days[0]} to {days[1]} x {times:.2f} "
        f"({len(made)} jobs; {len(jobs) - len(fitting)} too large for the fleet left out), "
        f"durations capped at 3 days on V100, x {work * last:.2f}")


def _window(folder: Path, days: tuple[int, int]) -> list[TraceJob]:
    path = folder / "philly" / philly.TRACE
    jobs = [job for job in philly.read_jobs(path)
            if days[0] * DAY <= job.arrival_ms < days[1] * DAY]
    if not jobs:
        raise InputError(f"{path}: no submissions in days {days[0]} to {days[1]}")
    return jobs


def _arrival(job: TraceJob, arrival_ms: int, factor: float, work: float,
             speeds: Speeds) -> Arrival:
    family, classes = job.model.split(" (")[0], classes_by_model()
    if family not in classes:
        raise InputError(f"job {job.id}: no workload class for model {job.model!r} in models.csv")
    ratios = speeds.against_v100(classes[family], job.devices)
    first = next(iter(ratios.values()))
    listed = tuple((chip, max(1, round(ratio / first * PPM))) for chip, ratio in ratios.items())
    duration = max(1, round(min(job.duration_ms, CAP_MS) * work / first))
    spec = Spec(
        name=job.id, argv=(), environment=(), directory="", devices=job.devices, share=1000,
        workload=classes[family], chips=listed, area="",
        time_limit_ms=round(duration * factor) + 1, max_hourly_cost=10**12, grace_ms=0,
        commitment=bytes(32))
    return Arrival(EPOCH + arrival_ms, f"vc-{job.tenant}", spec, _durations(listed, duration))


def _durations(listed: tuple[tuple[str, int], ...], first: int) -> tuple[tuple[str, int], ...]:
    return tuple((chip, -(-first * PPM // ppm)) for chip, ppm in listed)


def _repeated(arrival: Arrival, times: float, days: tuple[int, int],
              rng: np.random.Generator) -> list[Arrival]:
    """Return a submission `times` times in the mean: itself, then copies on other days."""
    copies = floor(times) + int(rng.random() < times - floor(times))
    start, count, made = EPOCH + days[0] * DAY, days[1] - days[0], []
    for number in range(copies):
        turn = int(rng.integers(1, count)) * DAY if number and count > 1 else 0
        at = start + (arrival.at - start + turn) % _span(days) + int(rng.integers(JITTER_MS))
        made.append(replace(arrival, at=at, spec=replace(
            arrival.spec, name=f"{arrival.spec.name}-{number}")))
    return made


def _stretched(arrival: Arrival, factor: float) -> Arrival:
    """Return a job with all its times, true and stated, multiplied."""
    duration = max(1, round(arrival.durations[0][1] * factor))
    spec = replace(arrival.spec, time_limit_ms=round(arrival.spec.time_limit_ms * factor) + 1)
    return replace(arrival, spec=spec, durations=_durations(spec.chips, duration))
