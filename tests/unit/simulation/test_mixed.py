"""The mixed workload: the load that was asked for, one workload a seed, and bad arguments."""

from pathlib import Path

import numpy as np
import pytest

from suanli.simulation.arena import Arena
from suanli.simulation.capacity import best_assignment, demand
from suanli.simulation.metrics import metrics
from suanli.simulation.mixed import Mixed, mixed_workload
from suanli.simulation.schedulers import scheduler
from suanli.terms.errors import InputError
from suanli.terms.instant import DAY

DAYS, SCALE, SEED = (10, 13), 0.03, 4


def made(folder: Path, load: float = 0.85, share: float = 0.3, seed: int = SEED,
         factors: tuple[float, float] = (1, 10)) -> Mixed:
    return mixed_workload(folder / "traces", DAYS, SCALE, load, seed, share, factors)


def devices(mixed: Mixed) -> int:
    return sum(g.devices * g.count for g in mixed.fleet.hosts)


@pytest.mark.parametrize(("load", "share"), [(0.7, 0.3), (1.15, 0.3), (0.85, 0.0), (0.5, 1.0)])
def test_the_offered_load_is_as_asked_within_a_host(public_data: Path, load: float,
                                                    share: float) -> None:
    mixed = made(public_data, load, share)
    work = demand(mixed.workload.arrivals)
    assert mixed.offered == best_assignment(work, mixed.fleet, 3 * DAY).load
    assert abs(mixed.offered - load) * devices(mixed) < 8
    serving = [a for a in mixed.workload.arrivals if a.slo_ms]
    alone = best_assignment(demand(serving), mixed.fleet, 3 * DAY).load if serving else 0
    assert abs(alone - load * share) * devices(mixed) < 8
    assert bool(serving) == (share > 0)
    assert (len(serving) == len(mixed.workload.arrivals)) == (share == 1)


def test_a_seed_is_a_workload(public_data: Path) -> None:
    one, again, two = (made(public_data, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.workload != two.workload


def test_limits_below_the_true_duration_cut_off_and_count_what_is_left(public_data: Path) -> None:
    mixed = made(public_data, factors=(0.5, 10))
    ratios = np.array([a.spec.time_limit_ms / a.durations[0][1] for a in mixed.workload.arrivals
                       if not a.slo_ms and a.durations[0][1] > 10_000])
    assert 0.5 <= ratios.min() < 0.6
    assert 9 < ratios.max() < 10.01
    assert abs(mixed.offered - 0.85) * devices(mixed) < 8


def test_gangs_stay_off_hosts_of_one_device_and_big_models_off_small_memory(
        public_data: Path) -> None:
    for arrival in made(public_data).workload.arrivals:
        chips = dict(arrival.spec.chips)
        if arrival.spec.devices > 1:
            assert "a10-24" not in chips
        if arrival.tenant == "serving-conversation":
            assert "gpu-series-1" not in chips  # rated as a card of 48 GB
        assert arrival.spec.chips[0][1] == 1_000_000


def test_a_run_says_how_many_replicas_started_in_time(public_data: Path) -> None:
    mixed = made(public_data)
    row = metrics(Arena(mixed.workload, [mixed.fleet], scheduler("best-fit", 1)).go(),
                  mixed.workload)
    assert row["unfinished"] == 0
    assert 0 < row["slo_attainment"] <= 1
    assert row["queueing_delay_serving_mean_s"] < row["queueing_delay_training_mean_s"]


@pytest.mark.parametrize(("changes", "said"), [
    ({"days": (10, 10)}, "days 10 to 10"), ({"days": (10, 126)}, "days 10 to 126"),
    ({"load": 0}, "load 0"),
    ({"load": float("nan")}, "load nan"), ({"inference_share": 1.1}, "inference share 1.1"),
    ({"factors": (0, 1)}, "limit factors"), ({"factors": (2, 1)}, "limit factors"),
    ({"scale": 0}, "scale 0")])
def test_arguments_out_of_range_are_named(tmp_path: Path, changes: dict[str, object],
                                          said: str) -> None:
    (tmp_path / "spot2026").mkdir()
    asked = {"days": DAYS, "scale": 0.1, "load": 0.85, "seed": 1, "inference_share": 0.3,
             "factors": (1, 10), **changes}
    with pytest.raises(InputError, match=said):
        mixed_workload(tmp_path, **asked)  # type: ignore[arg-type]


def test_too_small_a_share_of_inference_is_refused(public_data: Path) -> None:
    with pytest.raises(InputError, match="one replica of each service"):
        made(public_data, share=0.001)


def test_tokenflow_keeps_promises_that_best_fit_breaks(public_data: Path) -> None:
    mixed = made(public_data, load=1.0)
    kept = {name: metrics(Arena(mixed.workload, [mixed.fleet], scheduler(name, 1)).go(),
                          mixed.workload)["slo_attainment"] for name in ("tokenflow", "best-fit")}
    assert kept["tokenflow"] > 0.95 > kept["best-fit"]
