"""Reader for the Shockwave trace: 120 jobs for 32 V100, many of which change their batch size.

A job's speed follows its batch size, so its run time is not steps over one speed. Three times:

- *stated limit*, known to schedulers: all steps at the submitted batch size, the trace's own rule;
- *true duration*, known to the cluster alone: the job run alone in rounds of 120 s. At a round's
  end a job sees that its next batch size is due, it runs one more round as it was, and the epoch
  in progress then counts as done. So do the published runs;
- *profile*: every epoch at the size that its schedule names, the denominator of the paper's rho.

Modes (Shockwave, NSDI 2023, section 8): `static`; `accordion`, the largest size outside critical
regimes; `gns`, doubling at epochs that were measured (gradient noise): they are data, and stand in
`batch_growth.csv` beside the trace (columns model, batch, devices, doubles_at: epochs parted by
spaces). Without that file such jobs keep their batch size, and the workload's note says so: they
run longer than in the published runs. Rules from uw-mad-dash/shockwave, MIT.
"""

import csv
import json
import math
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from suanli.schedule.job import PPM, Spec
from suanli.simulation.traces.philly import CHIPS, REFERENCE
from suanli.simulation.workload import Arrival, Workload
from suanli.simulation.world import EPOCH
from suanli.terms.errors import InputError
from suanli.terms.instant import SECOND

TRACE: Final = "shockwave_120jobs.trace"
THROUGHPUTS: Final = "tacc_throughputs.json"
GROWTH: Final = "batch_growth.csv"
GROWTH_COLUMNS: Final = ("model", "batch", "devices", "doubles_at")
COLUMNS: Final = ("job type", "command", "folder", "steps argument", "needs data", "steps",
                  "devices", "mode", "priority", "SLO", "duration", "arrival")
MODES: Final = ("static", "accordion", "gns")
ROUND_S: Final = 120.0
# The share of its epochs that the profile keeps an accordion job at its first size.
CAREFUL: Final = 0.3


@dataclass(frozen=True, slots=True)
class Model:
    """Samples in an epoch; the largest batch size; our class of work. 0: it never changes."""

    samples: int
    batch_max: int
    workload: str


MODELS: Final = {
    "ResNet-18": Model(50_000, 256, "vision-training"),
    "ResNet-50": Model(100_000, 128, "vision-training"),
    "Transformer": Model(10_000, 0, "llm-training"),
    "LM": Model(59_675, 80, "llm-training"),
    "Recommendation": Model(117_907, 8192, "embedding"),
}

Speeds = dict[tuple[str, int, int], float]  # steps per second by (model, batch size, devices)
Doublings = dict[tuple[str, int, int], tuple[int, ...]]  # epochs, by the same


@dataclass(frozen=True, slots=True)
class TraceJob:
    """One line; times in milliseconds."""

    model: str
    batch: int
    steps: int
    devices: int
    mode: str
    arrival_ms: int
    limit_ms: int
    duration_ms: int
    profile_ms: int
    is_measured: bool  # False: its batch size should double, and it is not known when


def workload_of(jobs: list[TraceJob]) -> Workload:
    """Return the trace as jobs of ours, each its own tenant: rho is by job there."""
    note = (f"Shockwave, {len(jobs)} jobs with batch-size changes; stated limit: all steps at the "
            "submitted batch size")
    if unknown := sum(not job.is_measured for job in jobs):
        note += f"; no {GROWTH}: the measured doublings of {unknown} jobs are left out"
    return Workload(tuple(_arrival(i, job) for i, job in enumerate(jobs)), note)


def read_jobs(folder: Path) -> list[TraceJob]:
    """Return every line of the trace, in order.

    Raises
    ------
    InputError
        With file, line and column, for whatever cannot be read.
    """
    path = folder / TRACE
    speeds, doublings = _speeds(folder / THROUGHPUTS), _doublings(folder / GROWTH)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}; a folder with {TRACE} is accepted") from error
    jobs = [_job(line, f"{path}:{number}", speeds, doublings)
            for number, line in enumerate(lines, 1)]
    if not jobs:
        raise InputError(f"{path}: no jobs")
    for number, (before, job) in enumerate(pairwise(jobs), 2):
        if job.arrival_ms < before.arrival_ms:
            raise InputError(f"{path}:{number}: arrival: found {job.arrival_ms / SECOND}; lines "
                             "in order of arrival are accepted")
    return jobs


def _speeds(path: Path) -> Speeds:
    """Return the V100 speeds of jobs alone."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))[REFERENCE].items()
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(f"{path}: no speeds by job type under {REFERENCE!r}: {error!r}") from error
    speeds: Speeds = {}
    for name, entry in entries:
        found = re.fullmatch(r"\('(\S+) \(batch size (\d+)\)', (\d+)\)", name)
        speed = entry.get("null") if isinstance(entry, dict) else None
        if speed is not None and (not isinstance(speed, int | float) or not 0 <= speed < 1e9):
            raise InputError(f"{path}: {name}: found {speed!r}; steps per second are accepted")
        if found and speed:
            speeds[found[1], int(found[2]), int(found[3])] = float(speed)
    return speeds


def _doublings(path: Path) -> Doublings | None:
    """Return when batch sizes double; None without the file."""
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        if missing := [c for c in GROWTH_COLUMNS if c not in (reader.fieldnames or ())]:
            raise InputError(f"{path}:1: {missing[0]}: the column is missing")
        try:
            return {(row["model"], int(row["batch"]), int(row["devices"])):
                    tuple(int(at) for at in row["doubles_at"].split()) for row in reader}
        except (ValueError, AttributeError) as error:
            raise InputError(f"{path}:{reader.line_num}: {error}; whole numbers are accepted"
                             ) from error


def _job(line: str, where: str, speeds: Speeds, doublings: Doublings | None) -> TraceJob:
    fields = line.split("\t")
    if len(fields) != len(COLUMNS):
        raise InputError(f"{where}: found {len(fields)} columns; {len(COLUMNS)}, parted by tabs")
    named = dict(zip(COLUMNS, fields, strict=True))
    kind = re.fullmatch(r"(\S+) \(batch size (\d{1,9})\)", named["job type"])
    if not kind or kind[1] not in MODELS:
        raise InputError(f"{where}: job type: found {named['job type']!r}; a batch size of "
                         f"{', '.join(MODELS)} is accepted")
    steps, devices = _whole(named, "steps", where), _whole(named, "devices", where)
    model, batch, mode = kind[1], int(kind[2]), named["mode"]
    if mode not in MODES:
        raise InputError(f"{where}: mode: found {mode!r}; {', '.join(MODES)} are accepted")
    if (model, batch, devices) not in speeds:
        raise InputError(f"{where}: no speed of {named['job type']} on {devices} {REFERENCE}")
    arrival_ms = round(_number(named, "arrival", where) * SECOND)
    growth = Growth(model, batch, devices, mode, speeds,
                    (doublings or {}).get((model, batch, devices), ()))
    true_s = growth.alone_s(steps)
    limit_s = max(steps / speeds[model, batch, devices], true_s)
    return TraceJob(model, batch, steps, devices, mode, arrival_ms, math.ceil(limit_s * SECOND),
                    max(1, round(true_s * SECOND)), max(1, round(growth.profile_s(steps) * SECOND)),
                    mode != "gns" or doublings is not None)


def _number(named: dict[str, str], column: str, where: str) -> float:
    try:
        value = float(named[column])
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e9:
        raise InputError(f"{where}: {column}: found {named[column]!r}; 0 or more is accepted")
    return value


def _whole(named: dict[str, str], column: str, where: str) -> int:
    value = _number(named, column, where)
    if value != int(value) or value < 1:
        raise InputError(f"{where}: {column}: found {named[column]!r}; a whole number from 1 on")
    return int(value)


@dataclass(frozen=True, slots=True)
class Growth:
    """How one job's batch size moves with its epochs, and how long that takes."""

    model: str
    batch: int
    devices: int
    mode: str
    speeds: Speeds
    doubles_at: tuple[int, ...] = ()  # epochs; of mode gns

    def alone_s(self, steps: int) -> float:
        """Return the seconds of a run alone, in rounds: see the module's docstring."""
        batch, done, total, elapsed, due = self.batch, 0, steps, 0.0, 0
        while done < total:
            speed = self.speeds[self.model, batch, self.devices]
            ran = max(1, min(int(speed * ROUND_S), total - done))
            done, elapsed = done + ran, elapsed + ran / speed
            if done < total and due:
                was, now = self._epoch_steps(batch), self._epoch_steps(due)
                epochs, rest = math.ceil(total / was), math.ceil(total * batch / due)
                total = rest if math.ceil(rest / now) == epochs else epochs * now
                done, batch = math.ceil(done / was) * now, due
            due = self._due(batch, math.ceil(done / self._epoch_steps(batch)))
        return elapsed

    def profile_s(self, steps: int) -> float:
        """Return the seconds of all epochs, each at the size that the schedule names."""
        epochs = math.ceil(steps / self._epoch_steps(self.batch))
        samples = MODELS[self.model].samples
        sizes = [self._scheduled(epoch, epochs) for epoch in range(epochs)]
        return sum(samples / size / self.speeds[self.model, size, self.devices] for size in sizes)

    def _epoch_steps(self, batch: int) -> int:
        return math.ceil(MODELS[self.model].samples / batch)

    def _due(self, batch: int, epoch: int) -> int:
        """Return the batch size that a running job asks for; 0: none."""
        largest = MODELS[self.model].batch_max
        if self.mode == "static" or not largest or self.batch == largest:
            return 0
        if self.mode == "gns":
            grows = self._grown(epoch + 1) > batch
            wanted = 2 * batch if grows else batch
        else:
            wanted = self.batch if is_critical(self.model, self.batch, epoch) else largest
        known = (self.model, wanted, self.devices) in self.speeds
        return wanted if known and wanted != batch and wanted <= largest else 0

    def _scheduled(self, epoch: int, epochs: int) -> int:
        largest = MODELS[self.model].batch_max
        if self.mode == "gns":
            # The published profiles leave the last epoch of a schedule of several steps as it was.
            at = self.doubles_at
            is_last = epoch == epochs - 1 and len(at) > 1 and epochs > at[1]
            size = self.batch if is_last else self._grown(epoch)
        elif self.mode == "accordion" and largest and epoch > epochs * CAREFUL and not (
                is_critical(self.model, self.batch, epoch)
                or (self.model == "Recommendation" and (60 <= epoch < 70 or 80 <= epoch < 90))):
            size = largest
        else:
            size = self.batch
        return size if (self.model, size, self.devices) in self.speeds else self.batch

    def _grown(self, epoch: int) -> int:
        doublings = sum(epoch >= at for at in self.doubles_at)
        return min(self.batch << doublings, MODELS[self.model].batch_max or self.batch)


def is_critical(model: str, batch: int, epoch: int) -> bool:
    """Return whether accordion keeps the submitted batch size at an epoch."""
    if model == "ResNet-18":
        return epoch < (20 if batch == 256 else 10) or 150 <= epoch < 160 or 250 <= epoch < 260
    if model == "ResNet-50":
        return epoch % 30 < 10
    if model == "Recommendation":
        return epoch < {512: 30, 1024: 30, 2048: 40}.get(batch, 10)
    return epoch < 10


def _arrival(index: int, job: TraceJob) -> Arrival:
    chip = CHIPS[REFERENCE]
    spec = Spec(
        name=f"shockwave-{index}", argv=(), environment=(), directory="", devices=job.devices,
        share=1000, workload=MODELS[job.model].workload, chips=((chip, PPM),), area="",
        time_limit_ms=job.limit_ms, max_hourly_cost=10**12, grace_ms=0, commitment=bytes(32))
    return Arrival(EPOCH + job.arrival_ms, f"job-{index}", spec, ((chip, job.duration_ms),))
