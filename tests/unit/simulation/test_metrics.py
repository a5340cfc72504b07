"""The metrics against hand-computed runs, and the same seed against itself."""

from pathlib import Path

import pytest
from tests.stage import CHIP, spec

from suanli.bootstrap import datasheet_text
from suanli.planning.onboarding import Fleet, HostGroup
from suanli.planning.policies import POLICIES
from suanli.simulation.arena import Arena
from suanli.simulation.metrics import metrics
from suanli.simulation.run import Outcome, Run
from suanli.simulation.schedulers import scheduler
from suanli.simulation.workload import Arrival, Workload
from suanli.simulation.world import EPOCH, World
from suanli.terms.errors import InputError
from suanli.terms.instant import HOUR

FLEET = Fleet((HostGroup("z", "a", CHIP, 2, 1),), 1000)


def run(tmp_path: Path, *arrivals: tuple[int, str, int, int]) -> tuple[Outcome, Workload]:
    """Run (minute, tenant, devices, minutes) arrivals on one host of two devices."""
    made = tuple(Arrival(EPOCH + at * 60_000, tenant, spec(
        devices=devices, time_limit_ms=9 * HOUR), ((CHIP, minutes * 60_000),))
        for at, tenant, devices, minutes in arrivals)
    workload = Workload(made, "by hand")
    world = World("metrics", 1, EPOCH, (("op", FLEET),), workload.tenants, datasheet_text())
    return Run(world, workload, POLICIES["fifo"], tmp_path / "chain.db").go(), workload


def test_two_tenants_by_hand(tmp_path: Path) -> None:
    """Job 1 takes both devices for 60 minutes; job 2 waits 50 of them, then runs 30."""
    outcome, workload = run(tmp_path, (0, "x", 2, 60), (10, "y", 1, 30))
    row = metrics(outcome.record, workload)
    assert row["queueing_delay_mean_s"] == pytest.approx(25 * 60)
    assert row["jct_mean_s"] == pytest.approx((60 + 80) / 2 * 60)
    assert row["makespan_s"] == 90 * 60
    assert (row["utilisation"], row["allocated_share"], row["idle_held_share"]) == (1, 1, 0)
    # y: 80 minutes against 30 alone on 1/N of two devices, N = (50 x 2 + 30 x 1) / 80 = 1.625
    assert row["rho_worst"] == pytest.approx(80 / 30)
    # x: 60 minutes; alone on 2/N, N = (10 x 1 + 50 x 2) / 60: slower than shared
    assert row["rho_over_one_share"] == 0.5
    assert row["jobs"] == 2


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    roots = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        roots.append(run(tmp_path / name, (0, "x", 2, 60), (10, "y", 1, 90))[0].state_root)
    assert roots[0] == roots[1] != b""


def test_a_job_larger_than_the_fleet_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="larger than"):
        run(tmp_path, (0, "x", 3, 60))


def test_jobs_longer_than_an_hour_are_renewed_and_paid_by_the_hour(tmp_path: Path) -> None:
    outcome, _ = run(tmp_path, (0, "x", 1, 200))
    rooms = outcome.theatre.driver.rooms
    assert rooms.settlement.usage(1, 1) == (200 * 60_000, 200 * 60_000_000, 200 * 10**6 // 60)
    assert len(rooms.ledger.tables["holds"]) == 0


def test_replicas_are_in_time_if_all_of_them_ran_soon_enough() -> None:
    """One device: a replica at once, training behind it, a second replica 30 minutes late."""
    one = Fleet((HostGroup("z", "a", CHIP, 1, 1),), 1000)
    limits = spec(time_limit_ms=9 * HOUR)
    made = Workload(tuple(
        Arrival(EPOCH + at * 60_000, tenant, limits, ((CHIP, 30 * 60_000),), slo_ms=slo)
        for at, tenant, slo in ((0, "r", 60_000), (0, "t", 0), (0, "r", 60_000))), "by hand")
    row = metrics(Arena(made, [one], scheduler("best-fit", 1)).go(), made)
    assert (row["slo_attainment"], row["replicas"]) == (0.5, 2)
    assert row["queueing_delay_serving_mean_s"] == 15 * 60
    assert row["queueing_delay_training_mean_s"] == 60 * 60  # replicas are tried first
    plain = Workload(made.arrivals[1:2], "no replicas")
    assert "slo_attainment" not in metrics(
        Arena(plain, [one], scheduler("best-fit", 1)).go(), plain)
