"""Reader for the Philly training trace: submissions of a window, capped, on V100 or mixed fleets.

The workload (stated on every table): submissions of days A to B, true durations capped at three
days, arrivals jittered by up to a minute, time limit = true V100 duration x a factor drawn
log-uniformly from [1, 10] or another range. A factor below 1 is a tenant who states too little:
that job is ended at its limit.
"""

import csv
import json
import random
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from suanli.schedule.job import PPM, Spec
from suanli.simulation.workload import Arrival, Workload
from suanli.simulation.world import EPOCH
from suanli.terms.errors import InputError
from suanli.terms.instant import DAY, SECOND

TRACE = "philly_vc_jobs_seed0.csv"
THROUGHPUTS = "simulation_throughputs.json"
COLUMNS = ("vc", "job_id", "model", "num_gpu", "arrival_s", "duration_v100_s")
CAP_MS = 3 * DAY
# Trace GPU type -> our chip.
CHIPS = {"v100": "v100-sxm-16", "p100": "p100-16", "k80": "k80-24"}
REFERENCE = "v100"
JITTER_MS = 60 * SECOND
FACTORS = (1.0, 10.0)
FACTOR_MAX = 1000  # three days become eight years; beyond it nobody states a limit


@dataclass(frozen=True, slots=True)
class TraceJob:
    """One row: times in milliseconds."""

    tenant: str
    id: str
    model: str
    devices: int
    arrival_ms: int
    duration_ms: int


def read_jobs(path: Path) -> list[TraceJob]:
    """Return every row of a trace file.

    Raises
    ------
    InputError
        With file, line and column, for whatever cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; a folder with {TRACE} is accepted")
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{path}:1: {missing[0]}: the column is missing")
        return [_job(row, f"{path}:{reader.line_num}") for row in reader]


def _job(row: dict[str, Any], where: str) -> TraceJob:
    devices = _number(row, "num_gpu", where, least=1)
    arrival = _number(row, "arrival_s", where, least=0)
    duration = _number(row, "duration_v100_s", where, least=0)
    if devices != int(devices):
        raise InputError(f"{where}: num_gpu: found {row['num_gpu']!r}; a whole number")
    for column in ("vc", "job_id", "model"):
        if not row[column]:
            raise InputError(f"{where}: {column}: found nothing; a name is accepted")
    return TraceJob(row["vc"], row["job_id"], row["model"], int(devices),
                    round(arrival * SECOND), max(1, round(duration * SECOND)))


def _number(row: dict[str, Any], column: str, where: str, least: float) -> float:
    text = row[column]
    try:
        value = float(text)
    except (TypeError, ValueError):
        raise InputError(f"{where}: {column}: found {text!r}; a number is accepted") from None
    if not least <= value < 1e12:
        raise InputError(f"{where}: {column}: found {text!r}; {least} or more is accepted")
    return value


class Speeds:
    """Measured steps per second by GPU type, model and GPU count."""

    def __init__(self, path: Path) -> None:
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: {error}") from error
        self._by_chip: dict[str, dict[str, dict[int, float]]] = {}
        for gpu in CHIPS:
            table: dict[str, dict[int, float]] = {}
            for key, entry in raw[gpu].items():
                model, count = key[2:-1].rsplit("', ", 1)
                table.setdefault(model, {})[int(count)] = entry["null"]
            self._by_chip[gpu] = table

    def relative(self, gpu: str, model: str, devices: int) -> float:
        """Return the speed against V100 at the nearest profiled count; 0: not admissible."""
        mine, reference = self._by_chip[gpu].get(model, {}), self._by_chip[REFERENCE].get(model, {})
        counts = sorted(set(mine) & set(reference), key=lambda c: (abs(c - devices), c))
        return mine[counts[0]] / reference[counts[0]] if counts else 0.0


def read_workload(folder: Path, days: tuple[int, int], seed: int, is_mixed: bool,
                  factors: tuple[float, float] = FACTORS) -> Workload:
    """Return the window's submissions as jobs of ours.

    `factors`: the range of stated limit over true duration.

    Raises
    ------
    InputError
        For a file that cannot be read, an empty window, or factors that are no range above 0.
    """
    if not 0 < factors[0] <= factors[1] <= FACTOR_MAX:
        raise InputError(f"limit factors {factors[0]}:{factors[1]}; two numbers above 0 and at "
                         f"most {FACTOR_MAX}, the lower one first, are accepted")
    jobs = [job for job in read_jobs(folder / TRACE)
            if days[0] * DAY <= job.arrival_ms < days[1] * DAY]
    if not jobs:
        raise InputError(f"{folder / TRACE}: no submissions in days {days[0]} to {days[1]}")
    speeds = Speeds(folder / THROUGHPUTS) if is_mixed else None
    classes = classes_by_model()
    rng = random.Random(seed)
    arrivals = [_arrival(job, rng, speeds, classes, factors) for job in jobs]
    capped = sum(job.duration_ms > CAP_MS for job in jobs)
    note = (f"Philly, submissions of days {days[0]} to {days[1]}, durations capped at 3 days "
            f"({capped} of {len(jobs)} jobs), limits {factors[0]:g} to {factors[1]:g} times them")
    return Workload(tuple(sorted(arrivals, key=lambda a: a.at)), note)


def _arrival(job: TraceJob, rng: random.Random, speeds: Speeds | None,
             classes: dict[str, str], factors: tuple[float, float]) -> Arrival:
    jitter = rng.randrange(JITTER_MS)
    factor = factors[0] * (factors[1] / factors[0]) ** rng.random()
    duration = min(job.duration_ms, CAP_MS)
    family = job.model.split(" (")[0]
    if family not in classes:
        raise InputError(f"job {job.id}: no workload class for model {job.model!r} in models.csv")
    chips, durations = [], []
    for gpu, chip in CHIPS.items():
        speed = 1.0 if gpu == REFERENCE else (
            speeds.relative(gpu, job.model, job.devices) if speeds else 0.0)
        ppm = round(speed * PPM)
        if ppm:
            chips.append((chip, ppm))
            durations.append((chip, -(-duration * PPM // ppm)))
    spec = Spec(
        name=job.id, argv=(), environment=(), directory="", devices=job.devices, share=1000,
        workload=classes[family], chips=tuple(chips), area="",
        time_limit_ms=round(duration * factor) + 1, max_hourly_cost=10**12, grace_ms=0,
        commitment=bytes(32))
    return Arrival(EPOCH + job.arrival_ms + jitter, f"vc-{job.tenant}", spec, tuple(durations))


def classes_by_model() -> dict[str, str]:
    """Return the workload class of each family of models."""
    text = (files("suanli.simulation") / "models.csv").read_text(encoding="utf-8")
    return {row["model"]: row["workload"] for row in csv.DictReader(text.splitlines())}
