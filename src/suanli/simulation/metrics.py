"""What a run came to: the metrics of the scheduling literature, shares 0 to 1.

Queueing delay: time a job spent queued before all of it ran, over all its attempts; of a job that
never started, up to the end of the run (censored). JCT: end less submission. Utilisation:
device-time held by fully started jobs over capacity, from the first to the last submission, duty 1;
allocated also counts what placements held before they had fully started, idle-held is the
difference. Goodput: utilisation less what was redone or spent on restoring. rho: JCT over the time
that the job would take alone on 1/N of the fleet, N the mean number of tenants with a job in the
system during its life, tenants weighing equally. Share gap: the part of all work in the window that
went to other tenants than the scheduler's own targets meant it for; None where it set none.

Where serving replicas are in the workload: delays of training and of serving apart, and SLO
attainment, the share of replicas that fully started within their promised time (one that never
started did not).
"""

from typing import Any

import numpy as np

from suanli.simulation.backlog import growth
from suanli.simulation.record import Floats, Record
from suanli.simulation.sharing import share_gap, tenant_shares
from suanli.simulation.workload import Workload

MS = 1000.0


def metrics(record: Record, workload: Workload) -> dict[str, Any]:
    """Return the figures of one run."""
    done = record.ended >= 0
    ended = np.where(done, record.ended, record.stopped)
    window = (float(record.submitted.min()), float(record.submitted.max()))
    capacity = max(1.0, record.devices * (window[1] - window[0]))
    allocated = _held(record, "start", window) / capacity
    utilised = _held(record, "ran_from", window) / capacity
    lost = sum(i.lost_ms * i.devices for i in record.intervals) / capacity
    rho = _rho(record, workload, ended)[done]
    single = np.array([a.spec.devices == 1 for a in workload.arrivals])
    return {
        "jobs": len(ended), "unfinished": int((~done).sum()), "note": record.note,
        "ended_at_limit": sum(a.durations[0][1] > a.spec.time_limit_ms for a in workload.arrivals),
        **growth(record, workload),
        **_delays("queueing_delay", record.waited / MS),
        **_delays("queueing_delay_one_device", record.waited[single] / MS),
        **_serving(record, workload),
        "jct_mean_s": float((ended - record.submitted).mean() / MS),
        "makespan_s": float((ended.max() - record.submitted.min()) / MS),
        "utilisation": utilised, "allocated_share": allocated,
        "idle_held_share": allocated - utilised, "lost_share": lost,
        "goodput": utilised - lost, "preemptions": record.preemptions,
        "rho_worst": float(rho.max(initial=0)),
        "rho_over_one_share": float((rho > 1).mean()) if len(rho) else 0.0,
        "share_gap": share_gap(tenant_shares(record, workload, *window)),
        "decision_p99_ms": round(float(np.percentile(record.decisions_s, 99)) * 1000, 3)
        if record.decisions_s else None,
        "devices": record.devices, "workload": workload.note,
    }


def _delays(name: str, seconds: Floats) -> dict[str, float]:
    if not len(seconds):
        return {}
    return {f"{name}_mean_s": float(seconds.mean()),
            **{f"{name}_p{p}_s": float(np.percentile(seconds, p)) for p in (50, 95, 99)}}


def _serving(record: Record, workload: Workload) -> dict[str, float]:
    """Return the figures of a workload with replicas; none where there is none."""
    promised = np.array([a.slo_ms for a in workload.arrivals], dtype=np.float64)
    replica = promised > 0
    if not replica.any():
        return {}
    started = np.full(len(promised), np.inf)
    for i in record.intervals:
        if i.devices == workload.arrivals[i.job].spec.devices:
            started[i.job] = min(started[i.job], i.ran_from)
    in_time = (started - record.submitted <= promised)[replica]
    return {"slo_attainment": float(in_time.mean()), "replicas": int(replica.sum()),
            **_delays("queueing_delay_training", record.waited[~replica] / MS),
            **_delays("queueing_delay_serving", record.waited[replica] / MS)}


def _held(record: Record, since: str, window: tuple[float, float]) -> float:
    """Return the device-milliseconds that placements held in the window from an instant on."""
    return sum((max(0.0, min(i.end, window[1]) - max(getattr(i, since), window[0])) * i.devices
                for i in record.intervals), start=0.0)


def _rho(record: Record, workload: Workload, ended: Floats) -> Floats:
    """Return finish-time fairness by job."""
    instants, active = _active_tenants(record.submitted, ended, record.tenants)
    area = np.concatenate([[0.0], np.cumsum(active[:-1] * np.diff(instants))])

    def integral(at: Floats) -> Floats:
        index = np.searchsorted(instants, at, side="right") - 1
        return area[index] + active[index] * (at - instants[index])

    life = np.maximum(ended - record.submitted, 1.0)
    mean = (integral(ended) - integral(record.submitted)) / life
    slices = record.devices / np.maximum(mean, 1.0)
    alone = np.array([min(a.durations[0][1], a.spec.time_limit_ms) for a in workload.arrivals],
                     dtype=np.float64)
    wanted = np.array([a.spec.devices for a in workload.arrivals], dtype=np.float64)
    return life / (alone * np.maximum(1.0, wanted / slices))


def _active_tenants(submitted: Floats, ended: Floats,
                    tenants: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Return (instants, number of tenants with a job in the system from each instant on)."""
    steps = sorted([(at, 1, t) for at, t in zip(submitted, tenants, strict=True)]
                   + [(at, -1, t) for at, t in zip(ended, tenants, strict=True)])
    here: dict[str, int] = {}
    instants, active, count = [], [], 0
    for at, step, tenant in steps:
        before = here.get(tenant, 0)
        here[tenant] = before + step
        count += (before == 0 and step == 1) - (before == 1 and step == -1)
        instants.append(at)
        active.append(count)
    return np.array(instants), np.array(active, dtype=np.float64)
