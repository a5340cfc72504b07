"""The queue's work by hand, and when a load is not sustained."""

import numpy as np
import pytest
from tests.stage import CHIP, spec

from suanli.planning.onboarding import Fleet, HostGroup
from suanli.simulation.arena import Arena
from suanli.simulation.backlog import growth, spells
from suanli.simulation.record import Interval, Record
from suanli.simulation.schedulers import scheduler
from suanli.simulation.series import mean_in_bins
from suanli.simulation.workload import Arrival, Workload
from suanli.simulation.world import EPOCH
from suanli.terms.instant import HOUR, MINUTE


def workload(*jobs: tuple[int, int, int], limit_ms: int = 90 * HOUR) -> Workload:
    """Return (minute, devices, minutes) arrivals."""
    return Workload(tuple(Arrival(EPOCH + at * MINUTE, "x", spec(
        devices=devices, time_limit_ms=limit_ms), ((CHIP, minutes * MINUTE),))
        for at, devices, minutes in jobs), "by hand")


def test_a_preempted_job_queues_with_the_work_it_has_left() -> None:
    """60 minutes on 2 devices: runs 20 of them, 5 lost; waits from 30 to 40, then ends."""
    at = [EPOCH + minute * MINUTE for minute in (0, 10, 30, 40, 85)]
    record = Record(np.array([float(at[0])]), np.array([float(at[4])]), np.array([20.0 * MINUTE]),
                    ("x",), (Interval(0, at[1], at[1], at[2], 2, CHIP, 5 * MINUTE),
                             Interval(0, at[3], at[3], at[4], 2, CHIP)), 2, at[4])
    found = spells(record, workload((0, 2, 60)))
    assert list(zip(found.since, found.until, found.work, strict=True)) == [
        (at[0], at[1], 120 * MINUTE), (at[2], at[3], (60 - 15) * 2 * MINUTE)]
    assert found.queued_at(at[1]) == 0
    assert found.queued_at(at[2]) == 90 * MINUTE


@pytest.mark.parametrize(("minutes", "is_sustained"), [(55, True), (90, False)])
def test_a_queue_that_grows_by_a_third_of_what_arrives(minutes: int, is_sustained: bool) -> None:
    """One device, one job an hour for 10 days: at 90 minutes each, 12 of 36 hours a day queue."""
    made = workload(*((60 * n, 1, minutes) for n in range(240)))
    fleet = Fleet((HostGroup("z", "a", CHIP, 1, 1),), 1000)
    said = growth(Arena(made, [fleet], scheduler("fifo", 1)).go(), made)
    assert said["is_sustained"] is is_sustained
    assert said["backlog_growth_device_hours_per_day"] == pytest.approx(
        0 if is_sustained else 12, abs=0.2)


def test_a_burst_that_drains_is_sustained() -> None:
    made = workload(*((0, 1, 60) for _ in range(200)), (20 * 24 * 60, 1, 60))
    fleet = Fleet((HostGroup("z", "a", CHIP, 1, 1),), 1000)
    assert growth(Arena(made, [fleet], scheduler("fifo", 1)).go(), made)["is_sustained"]


def test_means_in_bins_are_exact() -> None:
    edges = np.array([0.0, 10.0, 20.0])
    found = mean_in_bins(np.array([-5.0, 5.0]), np.array([5.0, 25.0]), np.array([2.0, 1.0]), edges)
    assert found.tolist() == [1.5, 1.0]
    assert mean_in_bins(*(np.zeros(0),) * 3, edges).tolist() == [0, 0]
