"""The setting of the measured kube-scheduler (engines.md section 6), made again from Philly.

30 hosts of 8 devices; 1,200 consecutive submissions of the trace, their instants mapped linearly
onto 480 s, their V100 durations capped at three days and scaled by the one factor that makes the
offered load 0.85 of 240 devices in those 480 s.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.stage import CHIP, spec

from suanli.planning.onboarding import Fleet, HostGroup
from suanli.simulation.arena import Arena
from suanli.simulation.metrics import metrics
from suanli.simulation.record import Record
from suanli.simulation.schedulers import scheduler
from suanli.simulation.traces.philly import CAP_MS, TRACE, read_jobs
from suanli.simulation.workload import Arrival, Workload
from suanli.simulation.world import EPOCH

JOBS, SPAN_MS, HOSTS, LOAD = 1200, 480_000, 30, 0.85
FLEET = Fleet((HostGroup("z", "a", CHIP, 8, HOSTS),), 1000)


def measured_setting(folder: Path, first: int) -> Workload:
    """Return the workload made of the submissions from index `first` on."""
    jobs = sorted(read_jobs(folder / TRACE), key=lambda job: job.arrival_ms)[first:first + JOBS]
    began, took = jobs[0].arrival_ms, jobs[-1].arrival_ms - jobs[0].arrival_ms
    durations = np.array([min(job.duration_ms, CAP_MS) for job in jobs], dtype=np.float64)
    devices = np.array([job.devices for job in jobs])
    durations *= LOAD * HOSTS * 8 * SPAN_MS / (devices * durations).sum()
    return Workload(tuple(
        Arrival(EPOCH + (job.arrival_ms - began) * SPAN_MS // took, job.tenant,
                spec(devices=job.devices), ((CHIP, max(1, round(ms))),))
        for job, ms in zip(jobs, durations.tolist(), strict=True)), "measured setting")


def played(workload: Workload, name: str, seed: int) -> tuple[Record, dict[str, Any]]:
    record = Arena(workload, [FLEET], scheduler(name, seed)).go()
    return record, metrics(record, workload)


def wait_by_devices(record: Record, workload: Workload, devices: int) -> float:
    """Return the mean delay in seconds of jobs of one size."""
    chosen = [a.spec.devices == devices for a in workload.arrivals]
    return float(record.waited[chosen].mean()) / 1000


# The window whose counts are nearest to the measured load's: 2,923 devices for 2,922, 1,217 pods
# for 1,223, at most 191 arrivals in 10 s for 189.
NEAREST = 1800


@pytest.mark.parametrize("name", ["kube", "kube-qps50"])
def test_whole_pods_end_but_those_of_eight_devices_starve(public_data: Path, name: str) -> None:
    made = measured_setting(public_data / "traces" / "philly", NEAREST)
    record, row = played(made, name, 1)
    assert (row["unfinished"], row["note"]) == (0, "")
    assert wait_by_devices(record, made, 8) >= 2 * wait_by_devices(record, made, 1)


@pytest.mark.parametrize("name", ["kube-split", "kube-qps50-split"])
def test_pods_of_one_device_lock_each_other_out(public_data: Path, name: str) -> None:
    made = measured_setting(public_data / "traces" / "philly", NEAREST)
    record, row = played(made, name, 1)
    assert "deadlock" in row["note"]
    assert "240 of 240" in row["note"]
    assert row["unfinished"] == (record.ended < 0).sum() > 0


def test_all_or_nothing_gangs_do_neither(public_data: Path) -> None:
    made = measured_setting(public_data / "traces" / "philly", NEAREST)
    record, row = played(made, "kube-gang", 1)
    assert row["unfinished"] == 0
    assert wait_by_devices(record, made, 8) < 2 * wait_by_devices(record, made, 1)
