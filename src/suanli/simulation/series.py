"""What the report draws of a run: a few hundred figures, as JSON, made from its record.

Times are hours from the first submission. A series over time is the mean in each of `BINS` equal
bins, so that no burst falls between two samples. Hosts beyond `HOSTS_MAX` are drawn in part, evenly
chosen. Shares are 0 to 1.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from suanli.simulation.backlog import spells
from suanli.simulation.record import Floats, Interval, Record
from suanli.simulation.sharing import tenant_shares
from suanli.simulation.workload import Workload
from suanli.terms.instant import DAY, HOUR

BINS: Final = 240
HOSTS_MAX: Final = 64
BARS_MAX: Final = 4000  # of the close-up; beyond it only the longest are drawn
QUANTILES: Final = 400
GANG_SIZES: Final = (1, 2, 4, 8, 16)  # a class is from its size to below the next


def series_of(record: Record, workload: Workload) -> dict[str, Any]:
    """Return everything that the report draws of one run."""
    first, last = float(record.submitted.min()), float(record.submitted.max())
    edges = np.linspace(first, max(float(record.stopped), last, first + 1), BINS + 1)
    return {
        "edges_h": _rounded((edges - first) / HOUR), "window_h": (last - first) / HOUR,
        **_over_time(record, workload, edges), **_gantt(record, workload, edges, first, last),
        "delay_quantiles_s": _rounded(np.quantile(record.waited / 1000,
                                                  np.linspace(0, 1, QUANTILES + 1))),
        "delay_by_gang": _by_gang(record, workload),
        "tenants": [share._asdict() for share in tenant_shares(record, workload, first, last)],
        "prices": [[round((p.at - first) / HOUR, 3), f"{p.zone} {p.chip}", p.per_device_hour]
                   for p in record.prices],
    }


def mean_in_bins(since: Floats, until: Floats, weight: Floats, edges: Floats) -> Floats:
    """Return the mean over each bin of the sum of weights of the stretches [since, until)."""
    instants = np.concatenate([since, until])
    steps = np.concatenate([weight, -weight])
    rank = np.argsort(instants, kind="stable")
    instants, level = instants[rank], np.cumsum(steps[rank])
    if not len(instants):
        return np.zeros(len(edges) - 1)
    area = np.concatenate([[0.0], np.cumsum(level[:-1] * np.diff(instants))])
    index = np.searchsorted(instants, edges, side="right") - 1
    inside = np.maximum(index, 0)
    integral = np.where(index < 0, 0.0, area[inside] + level[inside] * (edges - instants[inside]))
    return np.asarray(np.maximum(np.diff(integral) / np.diff(edges), 0.0))


def _over_time(record: Record, workload: Workload, edges: Floats) -> dict[str, Any]:
    queue = spells(record, workload)
    devices = np.array([workload.arrivals[job].spec.devices for job in queue.job], dtype=float)
    held = record.intervals
    preempted = np.array([i.end for i in held if _is_preempted(i, record)], dtype=float)
    days = np.diff(edges) / DAY
    return {
        "queued_jobs": _rounded(mean_in_bins(queue.since, queue.until, np.ones(len(devices)),
                                             edges)),
        "queued_devices": _rounded(mean_in_bins(queue.since, queue.until, devices, edges)),
        "queued_device_hours": _rounded(mean_in_bins(queue.since, queue.until, queue.work / HOUR,
                                                     edges)),
        "utilisation": _rounded(_held(held, "ran_from", edges) / record.devices),
        "allocated": _rounded(_held(held, "start", edges) / record.devices),
        "preemptions_a_day": _rounded(np.histogram(preempted, edges)[0] / days),
    }


def _is_preempted(interval: Interval, record: Record) -> bool:
    return interval.ran_from < interval.end and interval.end != record.ended[interval.job]


def _held(intervals: Sequence[Interval], since: str, edges: Floats) -> Floats:
    starts, ends, devices = (np.array([getattr(i, name) for i in intervals], dtype=float)
                             for name in (since, "end", "devices"))
    return mean_in_bins(starts, ends, devices, edges)


def _gantt(record: Record, workload: Workload, edges: Floats, first: float,
           last: float) -> dict[str, Any]:
    """Who held each host, over the run by bins, and placement by placement on its busiest day."""
    shown = np.unique(np.linspace(0, len(record.hosts) - 1,
                                  min(HOSTS_MAX, len(record.hosts))).astype(int))
    by_host: dict[int, list[tuple[Interval, tuple[int, ...]]]] = defaultdict(list)
    for interval in record.intervals:
        for host, indices in interval.slots:
            by_host[host].append((interval, indices))
    tenants = list(workload.tenants)
    number = {name: index for index, name in enumerate(tenants)}
    owner, busy = [], []
    for host in map(int, shown):
        most, filled = _owners(by_host[host], record, number, edges)
        owner.append(most.tolist())
        busy.append([round(100 * f / record.hosts[host].devices) for f in filled])
    day = _busiest_day(record, first, last)
    return {"tenant_names": tenants, "host_count": len(record.hosts),
            "hosts": [list(record.hosts[int(host)]) for host in shown],
            "owner": owner, "busy_percent": busy, "day_h": [(day - first) / HOUR,
                                                           (day + DAY - first) / HOUR],
            "bars": _bars(by_host, [int(host) for host in shown], number, record, day, first)}


def _owners(held: list[tuple[Interval, tuple[int, ...]]], record: Record, number: dict[str, int],
            edges: Floats) -> tuple[np.ndarray, Floats]:
    """Return (tenant that holds most of a host, devices held) by bin; tenant -1 where idle."""
    by_tenant = np.zeros((max(1, len(number)), len(edges) - 1))
    rows: dict[int, list[tuple[float, float, float]]] = defaultdict(list)
    for interval, indices in held:
        rows[number[record.tenants[interval.job]]].append(
            (interval.start, interval.end, len(indices)))
    for tenant, stretches in rows.items():
        since, until, weight = np.array(stretches, dtype=float).T
        by_tenant[tenant] = mean_in_bins(since, until, weight, edges)
    filled = by_tenant.sum(axis=0)
    return np.where(filled > 1e-6, by_tenant.argmax(axis=0), -1), filled


def _busiest_day(record: Record, first: float, last: float) -> float:
    """Return the start of the 24 hours of the window in which most placements began."""
    starts = np.sort(np.array([i.start for i in record.intervals], dtype=float))
    begin = np.arange(first, max(first + 1, last - DAY + 1), HOUR)
    counts = np.searchsorted(starts, begin + DAY) - np.searchsorted(starts, begin)
    return float(begin[int(counts.argmax())])


def _bars(by_host: dict[int, list[tuple[Interval, tuple[int, ...]]]], shown: list[int],
          number: dict[str, int], record: Record, day: float, first: float) -> list[list[float]]:
    """Return [lane, first device, devices, from hour, to hour, tenant] of one day's placements."""
    bars: list[list[float]] = []
    for lane, host in enumerate(shown):
        for interval, indices in by_host[host]:
            since, until = max(interval.start, day), min(interval.end, day + DAY)
            if since >= until:
                continue
            tenant = number[record.tenants[interval.job]]
            bars += [[lane, run[0], len(run), round((since - first) / HOUR, 3),
                      round((until - first) / HOUR, 3), tenant] for run in _runs(indices)]
    return sorted(bars, key=lambda b: b[3] - b[4])[:BARS_MAX]


def _runs(indices: tuple[int, ...]) -> list[list[int]]:
    """Return the runs of neighbouring devices: (0, 1, 4) as [0, 1] and [4]."""
    runs: list[list[int]] = []
    for index in sorted(indices):
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _by_gang(record: Record, workload: Workload) -> list[dict[str, Any]]:
    sizes = np.array([a.spec.devices for a in workload.arrivals])
    classes = np.searchsorted(GANG_SIZES, sizes, side="right") - 1
    found = []
    for number, least in enumerate(GANG_SIZES):
        waited = record.waited[classes == number] / 1000
        if len(waited):
            next_size = [*GANG_SIZES, 0][number + 1]
            label = (f"{least}" if next_size == least + 1 else f"{least}-{next_size - 1}"
                     if next_size else f"{least}+")
            found.append({"devices": label, "jobs": len(waited), "mean_s": float(waited.mean()),
                          "p95_s": float(np.percentile(waited, 95))})
    return found


def _rounded(values: Floats) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
