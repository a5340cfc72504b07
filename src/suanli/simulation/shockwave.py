"""The Shockwave trace under any policy, with the published runs' overheads and figures.

The published simulations (uw-mad-dash/shockwave, scheduler/reproduce/tacc_32gpus.sh): 32 V100 on
hosts of one, rounds of 120 s, 20 s lost where a job resumes, max-min allocations at least 1000 s
apart. Ours charges the 20 s at resumptions only, theirs also at the first start.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from suanli.planning.onboarding import Fleet, HostGroup
from suanli.planning.scheduler import Scheduler
from suanli.simulation.arena import Arena
from suanli.simulation.baselines.gavel import PUBLISHED_MS, Gavel
from suanli.simulation.metrics import metrics
from suanli.simulation.record import Floats
from suanli.simulation.schedulers import scheduler
from suanli.simulation.traces.philly import CHIPS, REFERENCE
from suanli.simulation.traces.shockwave import ROUND_S, read_jobs, workload_of
from suanli.terms.instant import SECOND

DEVICES: Final = 32
RESTORE_MS: Final = 20 * SECOND


def replay_shockwave(folder: Path, policy: str, seed: int) -> dict[str, Any]:
    """Return the figures of one run.

    `rho_worst`, `rho_over_one_share` are the paper's, `static_rho`; those of metrics.py stand
    beside them as `rho_slice_worst`, `rho_slice_over_one_share`.

    Raises
    ------
    InputError
        For a trace that cannot be read, or a policy that is not known.
    """
    jobs = read_jobs(folder)
    workload = workload_of(jobs)
    fleet = Fleet((HostGroup("tacc-1", "tacc", CHIPS[REFERENCE], 1, DEVICES),), 1000)
    record = Arena(workload, [fleet], _scheduler(policy, seed), RESTORE_MS).go()
    row = metrics(record, workload)
    for key in ("rho_worst", "rho_over_one_share"):
        row[key.replace("rho", "rho_slice")] = row.pop(key)
    done = record.ended >= 0
    rho = static_rho(record.ended - record.submitted,
                     np.array([job.profile_ms for job in jobs], dtype=np.float64), DEVICES)[done]
    return {"policy": policy, "seed": seed, **row, "rho_worst": float(rho.max(initial=0)),
            "rho_over_one_share": float((rho > 1).mean()) if len(rho) else 0.0}


def _scheduler(policy: str, seed: int) -> Scheduler:
    if policy == "gavel":
        return Gavel(round(ROUND_S * SECOND), PUBLISHED_MS, PUBLISHED_MS)
    return scheduler(policy, seed)


def static_rho(jct: Floats, profile: Floats, devices: int) -> Floats:
    """Return finish-time fairness as the published figures have it.

    JCT over profiled run time x contention, which is jobs in the trace over devices, at least 1;
    gang sizes do not count.
    """
    return jct / (profile * max(1.0, len(jct) / devices))
