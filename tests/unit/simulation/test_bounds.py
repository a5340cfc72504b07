"""The SRPT yardstick against runs done by hand."""

import numpy as np
import pytest
from tests.stage import CHIP, spec

from suanli.planning.onboarding import Fleet, HostGroup
from suanli.schedule.job import PPM
from suanli.simulation.bounds import fluid_ends, srpt_bound
from suanli.simulation.workload import Arrival, Workload
from suanli.simulation.world import EPOCH
from suanli.terms.instant import MINUTE


@pytest.mark.parametrize(("jobs", "pool", "ends"), [
    # One device: the short job interrupts the long one.
    ([(0, 1, 10), (2, 1, 3)], 1, [13, 5]),
    # Equal remaining work: the earlier one goes first.
    ([(0, 1, 4), (0, 1, 4)], 1, [4, 8]),
    # Enough for both: nobody waits.
    ([(0, 2, 5), (1, 2, 5)], 4, [5, 6]),
    # The gang of two gets the one device left over, then both: 2 + (8 - 2) / 2 = 5.
    ([(0, 1, 2), (0, 2, 4)], 2, [2, 5]),
    # Idle until the first job of the second burst; a job wider than the pool takes it all.
    ([(5, 1, 1), (20, 4, 3)], 2, [6, 26]),
])
def test_ends_by_hand(jobs: list[tuple[int, int, float]], pool: float, ends: list[float]) -> None:
    at, devices, alone = (np.array(column) for column in zip(*jobs, strict=True))
    work = devices * alone  # a job wider than the pool keeps its work
    narrow = np.minimum(devices, pool)
    assert fluid_ends(at, narrow.astype(float), work / narrow, pool).tolist() == pytest.approx(ends)


def test_the_pool_loses_no_work() -> None:
    """While work is there that can use it, the whole pool runs: the last end of one burst."""
    rng = np.random.default_rng(2)
    alone = rng.uniform(1, 1e9, 500)
    ended = fluid_ends(np.zeros(500, np.int64), np.full(500, 64.0), alone, 64.0)
    assert ended.max() == pytest.approx(alone.sum())
    assert (np.argsort(ended) == np.argsort(alone)).all()


def test_mean_delay_by_hand() -> None:
    """Two devices: a gang of 60 minutes; after 10, a single of 30. It takes one of the two; the
    gang has 100 device-minutes left, 30 of them while it is there: it ends at 10 + 30 + 35 = 75.
    """
    fleet = Fleet((HostGroup("z", "a", CHIP, 2, 1),), 1)
    made = Workload(tuple(
        Arrival(EPOCH + at * MINUTE, "x", spec(devices=devices), ((CHIP, minutes * MINUTE),))
        for at, devices, minutes in ((0, 2, 60), (10, 1, 30))), "by hand")
    assert srpt_bound(made, fleet) == pytest.approx((15 + 0) / 2 * 60)


def test_a_mixed_fleet_runs_at_the_speeds_of_its_best_assignment() -> None:
    """x at 1 and y at 3: together two devices of mean speed 2; 60 minutes on x take 30. Three
    such jobs at once on two devices: ends 30, 30, 45 (it may use one device only: 60), delay 30.
    """
    fleet = Fleet((HostGroup("z", "a", "x", 1, 1), HostGroup("z", "a", "y", 1, 1)), 1)
    wanted = spec(chips=(("x", PPM), ("y", 3 * PPM)))
    made = Workload(tuple(Arrival(EPOCH, "t", wanted, (("x", 60 * MINUTE), ("y", 20 * MINUTE)))
                          for _ in range(3)), "by hand")
    late = Arrival(EPOCH + 300 * MINUTE, "t", wanted, made.arrivals[0].durations)
    assert srpt_bound(Workload((*made.arrivals, late), ""), fleet) == (
        pytest.approx(30 / 4 * 60, abs=0.01))
