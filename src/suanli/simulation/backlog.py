"""Queued work over time, and whether a policy sustains a load.

A job is queued from its submission, or from the end of a placement that did not finish it, until
all of it runs; meanwhile its remaining work counts, in device-milliseconds of its reference chip.
The work is what will be run: the true duration, or the stated limit where that is shorter.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np

from suanli.schedule.job import PPM
from suanli.simulation.record import Floats, Interval, Record
from suanli.simulation.workload import Arrival, Workload
from suanli.terms.instant import DAY, HOUR

# The share of the arriving work that may stay unserved before a load counts as not sustained, and
# the days of arriving work that one burst may leave in the queue. On the Philly window, sustained
# loads stay below both, loads at and above capacity exceed both several times over.
UNSERVED_MAX: Final = 0.02
QUEUED_DAYS_MAX: Final = 0.5
SAMPLES: Final = 300


@dataclass(frozen=True, slots=True)
class Spells:
    """Stretches in the queue: [since, until) in milliseconds, device-milliseconds of work left."""

    job: tuple[int, ...]  # index of the arrival
    since: Floats
    until: Floats
    work: Floats

    def queued_at(self, at: float) -> float:
        """Return the work queued at an instant."""
        return float(self.work[(self.since <= at) & (at < self.until)].sum())


def work_of(arrival: Arrival) -> int:
    """Return the device-milliseconds of its reference chip that a job will run."""
    spec = arrival.spec
    return min(arrival.durations[0][1], spec.time_limit_ms) * spec.devices * spec.share // 1000


def spells(record: Record, workload: Workload) -> Spells:
    """Return every stretch that a job of the record spent queued."""
    placements: dict[int, list[Interval]] = defaultdict(list)
    for interval in record.intervals:
        if interval.ran_from < interval.end:  # else it never fully started: still queued
            placements[interval.job].append(interval)
    found: list[tuple[int, float, float, float]] = []
    for job, arrival in enumerate(workload.arrivals):
        since, left = float(record.submitted[job]), float(work_of(arrival))
        for interval in sorted(placements[job], key=lambda i: i.start):
            found.append((job, since, interval.ran_from, left))
            left = max(0.0, left - _done(interval, arrival))
            since = interval.end
        if record.ended[job] < 0:
            found.append((job, since, record.stopped, left))
    job_of, *columns = zip(*found, strict=True)
    return Spells(job_of, *(np.array(column, dtype=np.float64) for column in columns))


def _done(interval: Interval, arrival: Arrival) -> float:
    """Return the lasting work of a placement."""
    ran = interval.end - interval.ran_from - interval.lost_ms
    speed = dict(arrival.spec.chips)[interval.chip]
    return ran * speed / PPM * interval.devices * arrival.spec.share / 1000


def growth(record: Record, workload: Workload) -> dict[str, float | bool]:
    """Return how fast the queue grew, and whether the policy sustains the load.

    The growth is the least-squares slope of the queued work over the last three quarters of the
    window from the first to the last submission (a quarter to fill up), in device-hours of the
    reference chip a day. Not sustained: a deadlock; or the slope is above `UNSERVED_MAX` of the
    work that arrives a day and, at the last submission, more than `QUEUED_DAYS_MAX` days of
    arriving work are queued (a queue that grew, and not one that rose and fell).
    """
    queue = spells(record, workload)
    first, last = float(record.submitted.min()), float(record.submitted.max())
    days = max((last - first) / DAY, 1e-9)
    instants = np.linspace(first + (last - first) / 4, last, SAMPLES)
    queued = np.array([queue.queued_at(at) for at in instants]) / HOUR
    centred = (instants - instants.mean()) / DAY
    slope = float(centred @ queued / max(float(centred @ centred), 1e-9))
    arriving = sum(map(work_of, workload.arrivals)) / HOUR / days
    grew = slope > UNSERVED_MAX * arriving and queued[-1] > QUEUED_DAYS_MAX * arriving
    return {"backlog_growth_device_hours_per_day": slope,
            "is_sustained": not record.note and not grew}
