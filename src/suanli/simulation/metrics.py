"""What a run came to: the metrics of the scheduling literature, shares 0 to 1.

Queueing delay: time a job spent queued before it ran, over all its attempts. JCT: end less
submission. Utilisation: device-time held by fully started jobs over capacity, from the first to
the last submission, duty 1; allocated also counts what placements held before they had fully
started, idle-held is the difference. rho: JCT over the time that the job would take alone on 1/N
of the fleet, N the mean number of tenants with a job in the system during its life, tenants
weighing equally. Lost: device-time of preempted or displaced attempts that no checkpoint held.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from suanli.simulation.run import Outcome
from suanli.simulation.workload import Workload

Floats = npt.NDArray[np.float64]
MS = 1000.0


def metrics(outcome: Outcome, workload: Workload, policy: str, load: float, seed: int,
            offered_load: float) -> dict[str, Any]:
    """Return one row of the result file."""
    schedule = outcome.theatre.driver.rooms.schedule
    table = schedule.tables["jobs"]
    jobs = [table[id] for id in range(1, len(workload.arrivals) + 1)]
    submitted = np.array([job.submitted for job in jobs], dtype=np.float64)
    ended = np.array([job.ended for job in jobs], dtype=np.float64)
    delay = np.array([job.waited_ms for job in jobs], dtype=np.float64) / MS
    window = (float(submitted.min()), float(submitted.max()))
    devices = sum(h.devices for h in outcome.theatre.driver.rooms.chips.tables["hosts"].values())
    capacity = devices * (window[1] - window[0])
    allocated = _held(outcome, "start", window) / capacity
    utilised = _held(outcome, "ran_from", window) / capacity
    rho = _rho(workload, submitted, ended, [job.tenant for job in jobs], devices)
    return {
        "policy": policy, "load": load, "seed": seed, "jobs": len(jobs),
        "queueing_delay_mean_s": float(delay.mean()),
        **{f"queueing_delay_p{p}_s": float(np.percentile(delay, p)) for p in (50, 95, 99)},
        "jct_mean_s": float((ended - submitted).mean() / MS),
        "makespan_s": float((ended.max() - submitted.min()) / MS),
        "utilisation": utilised, "allocated_share": allocated, "offered_load": offered_load,
        "idle_held_share": allocated - utilised, "rho_worst": float(rho.max()),
        "rho_over_one_share": float((rho > 1).mean()),
        "preemptions": sum(job.preemptions for job in jobs),
        "lost_device_s": sum(job.lost_ms * schedule.spec(id).devices
                             for id, job in enumerate(jobs, start=1)) / MS,
        "blocks": outcome.blocks, "state_root": outcome.state_root.hex(),
        "devices": devices, "workload": workload.note,
    }


def _held(outcome: Outcome, since: str, window: tuple[float, float]) -> float:
    """Return the device-milliseconds that placements held in the window from an instant on."""
    return sum((max(0.0, min(i.end, window[1]) - max(getattr(i, since), window[0])) * i.devices
                for i in outcome.intervals), start=0.0)


def _rho(workload: Workload, submitted: Floats, ended: Floats, tenants: list[int],
         devices: int) -> Floats:
    """Return finish-time fairness by job."""
    instants, active = _active_tenants(submitted, ended, tenants)
    area = np.concatenate([[0.0], np.cumsum(active[:-1] * np.diff(instants))])

    def integral(at: Floats) -> Floats:
        index = np.searchsorted(instants, at, side="right") - 1
        return area[index] + active[index] * (at - instants[index])

    life = np.maximum(ended - submitted, 1.0)
    slices = devices / np.maximum((integral(ended) - integral(submitted)) / life, 1.0)
    alone = np.array([a.durations[0][1] for a in workload.arrivals], dtype=np.float64)
    wanted = np.array([a.spec.devices for a in workload.arrivals], dtype=np.float64)
    return life / (alone * np.maximum(1.0, wanted / slices))


def _active_tenants(submitted: Floats, ended: Floats,
                    tenants: list[int]) -> tuple[Floats, Floats]:
    """Return (instants, number of tenants with a job in the system from each instant on)."""
    steps = sorted([(at, 1, t) for at, t in zip(submitted, tenants, strict=True)]
                   + [(at, -1, t) for at, t in zip(ended, tenants, strict=True)])
    here: dict[int, int] = {}
    instants, active, count = [], [], 0
    for at, step, tenant in steps:
        before = here.get(tenant, 0)
        here[tenant] = before + step
        count += (before == 0 and step == 1) - (before == 1 and step == -1)
        instants.append(at)
        active.append(count)
    return np.array(instants), np.array(active, dtype=np.float64)
