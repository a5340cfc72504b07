"""Inference as replicas: a trace's hour, repeated under a daily curve, becomes jobs.

The model, its figures in `serving.toml`:

* A request takes context / prefill rate + generated / decode rate of a replica's time; rates are
  those of a reference H100 x the chip's rating x the replica's devices. A replica is sized for the
  slowest chip that may carry it, so that it does its part wherever it is placed.
* A controller sets the number of replicas every step to what the traffic of the step before
  needed at the target utilisation, the most over `keep` (scale-down is held back), at least one.
* Who is given up first: the oldest. A replica that reaches the longest life is replaced.
* A replica is a job: it stays as long as it is needed, on whatever chip, and must start in time.
"""

import tomllib
from collections import deque
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np

from suanli.chips.datasheet import Chip
from suanli.planning.view import Ints
from suanli.schedule.job import PPM, Spec
from suanli.simulation.record import Floats
from suanli.simulation.traces.azure_llm import Requests, read_requests
from suanli.simulation.workload import Arrival
from suanli.terms.errors import InputError
from suanli.terms.instant import DAY, HOUR, MINUTE, SECOND
from suanli.terms.quantity import REFERENCE_RATING
from suanli.units.rating import rate
from suanli.units.workload import WORKLOAD_CLASSES

MINUTES_A_DAY: Final = DAY // MINUTE
CLASS: Final = "llm-decode"


@dataclass(frozen=True, slots=True)
class Service:
    """One served model. `chips` may carry it; rates are tokens a second of a whole replica."""

    name: str
    devices: int
    chips: tuple[str, ...]
    prefill: float
    decode: float

    def busy_s(self, requests: Requests) -> Floats:
        """Return the replica-seconds that requests take, by whole minute of the trace."""
        cost = requests.context / self.prefill + requests.generated / self.decode
        minutes = max(1, requests.span_ms // MINUTE)
        inside = requests.arrival_ms < minutes * MINUTE
        return np.bincount(requests.arrival_ms[inside] // MINUTE, weights=cost[inside],
                           minlength=minutes).astype(np.float64)


@cache
def settings() -> dict[str, Any]:
    """Return the service model's data."""
    text = (files("suanli.simulation") / "serving.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def services(offered: tuple[str, ...], sheet: dict[str, Chip]) -> list[Service]:
    """Return the services as the chips on offer can carry them.

    Raises
    ------
    InputError
        When no chip on offer can carry one.
    """
    return [_service(row, offered, sheet) for row in settings()["service"]]


def _service(row: dict[str, Any], offered: tuple[str, ...], sheet: dict[str, Chip]) -> Service:
    devices = row["devices"]
    carriers = tuple(c for c in offered
                     if (sheet[c].memory_gb or 0) >= row["memory_gb_min"]
                     and all(_rated(sheet[c], w, devices) for w in ("llm-prefill", CLASS)))
    if not carriers:
        raise InputError(f"service {row['name']}: no chip of {', '.join(offered)} is rated and "
                         f"has {row['memory_gb_min']} GB")
    slowest = {w: min(_rated(sheet[c], w, devices) for c in carriers)
               for w in ("llm-prefill", CLASS)}
    return Service(row["name"], devices, carriers,
                   row["prefill_tokens_per_s"] * slowest["llm-prefill"] * devices,
                   row["decode_tokens_per_s"] * slowest[CLASS] * devices)


def _rated(chip: Chip, workload: str, devices: int) -> float:
    ucu = rate(chip, WORKLOAD_CLASSES[workload], devices > 1)
    return (ucu or 0) / REFERENCE_RATING


def traffic(folder: Path, service: Service, days: int, rng: np.random.Generator) -> Floats:
    """Return the replica-seconds that the trace as it is asks for, by minute of `days` days.

    The trace's hour is repeated end to end from a drawn minute on, each repetition scaled by a
    drawn jitter, under the curve of the day.
    """
    trace = next(row["trace"] for row in settings()["service"] if row["name"] == service.name)
    hour = service.busy_s(read_requests(folder / trace))
    curve = settings()["curve"]
    count = days * MINUTES_A_DAY
    repetitions = -(-count // len(hour)) + 1
    scale = 1 + curve["jitter"] * rng.uniform(-1, 1, repetitions)
    first = int(rng.integers(len(hour)))
    repeated = (scale[:, None] * hour[None, :]).ravel()[first:first + count]
    made: Floats = repeated * daily(np.arange(count) / 60.0)
    return made


def daily(hours: Floats) -> Floats:
    """Return the traffic of an hour of the day against the mean: the stated curve."""
    curve = settings()["curve"]
    turn = (hours - curve["peak_hour"]) / 24 * 2 * np.pi
    return np.asarray(1 + curve["amplitude"] * np.cos(turn), dtype=np.float64)


def needed(busy_s: Floats, step: int, keep: int, target: float) -> Ints:
    """Return the number of replicas in each step after the first.

    `busy_s` is by minute; `step` and `keep` are minutes, `target` the share of its time that a
    replica should be busy.

    >>> needed(np.array([60.0] * 4 + [240.0] * 2 + [60.0] * 4), 2, 4, 1.0).tolist()
    [1, 1, 4, 4]
    """
    steps = len(busy_s) // step
    work = busy_s[:steps * step].reshape(steps, step).sum(axis=1)
    now = np.maximum(1, np.ceil(work / (60.0 * step * target) - 1e-9).astype(np.int64))
    window = max(1, keep // step)
    padded = np.concatenate([np.ones(window - 1, dtype=np.int64), now])
    most = np.lib.stride_tricks.sliding_window_view(padded, window).max(axis=1)
    return np.asarray(most[:-1])  # a step's traffic is known when it is over


def lives(wanted: Ints, longest: int) -> list[tuple[int, int]]:
    """Return (first step, step after the last) of each replica, in order of start.

    The oldest goes first; one that has stayed `longest` steps is replaced.

    >>> lives(np.array([1, 3, 2, 2]), longest=3)
    [(0, 2), (1, 4), (1, 4)]
    """
    running: deque[int] = deque()
    over: list[tuple[int, int]] = []
    for step, count in enumerate(wanted):
        while running and (len(running) > count or step - running[0] >= longest):
            over.append((running.popleft(), step))
        running.extend([step] * (int(count) - len(running)))
    over.extend((first, len(wanted)) for first in running)
    return sorted(over)


def replicas(service: Service, busy_s: Floats, start: int) -> list[Arrival]:
    """Return the jobs that carry a service's traffic; `start` is the instant of minute 0.

    The first step has no replicas: its traffic is what the second step's are set by.
    """
    rules = settings()["controller"]
    step = rules["step_minutes"]
    counts = needed(busy_s, step, rules["keep_minutes"], rules["target_utilisation"])
    longest = rules["life_hours_max"] * 60 // step
    return [_replica(service, number, start + (first + 1) * step * MINUTE,
                     (after - first) * step * MINUTE)
            for number, (first, after) in enumerate(lives(counts, longest))]


def _replica(service: Service, number: int, at: int, life_ms: int) -> Arrival:
    rules = settings()["controller"]
    spec = Spec(
        name=f"{service.name}-{number}", argv=(), environment=(), directory="",
        devices=service.devices, share=1000, workload=CLASS,
        chips=tuple((chip, PPM) for chip in service.chips), area="",
        time_limit_ms=rules["life_hours_max"] * HOUR, max_hourly_cost=10**12, grace_ms=0,
        commitment=bytes(32))
    durations = tuple((chip, life_ms) for chip in service.chips)
    return Arrival(at, f"serving-{service.name}", spec, durations,
                   slo_ms=rules["start_slo_s"] * SECOND)
