"""The trace reader: what it reads, and how it names what it cannot."""

from pathlib import Path

import pytest

from suanli.simulation.sizing import fleet_for
from suanli.simulation.traces.philly import CAP_MS, TRACE, Speeds, read_jobs, read_workload
from suanli.terms.errors import InputError
from suanli.terms.instant import DAY

HEADER = "vc,job_id,model,num_gpu,arrival_s,total_steps,duration_v100_s,throughput_extrapolated\n"
ROW = "v,j,A3C,1,0.0,1,10.5,0\n"


@pytest.mark.parametrize(("text", "said"), [
    ("vc,job_id\n", ":1: model: the column is missing"),
    (HEADER + ROW + "v,j,A3C,one,0,1,1,0\n", ":3: num_gpu: found 'one'"),
    (HEADER + "v,j,A3C,1.5,0,1,1,0\n", ":2: num_gpu: found '1.5'"),
    (HEADER + "v,j,A3C,0,0,1,1,0\n", ":2: num_gpu: found '0'"),
    (HEADER + "v,j,A3C,1,-3,1,1,0\n", ":2: arrival_s: found '-3'"),
    (HEADER + "v,j,A3C,1,nan,1,1,0\n", ":2: arrival_s: found 'nan'"),
    (HEADER + "v,j,A3C,1,0,1,1e99,0\n", ":2: duration_v100_s: found '1e99'"),
    (HEADER + "v,j,A3C,1\n", ":2: arrival_s: found None"),
    (HEADER + "v,,A3C,1,0,1,1,0\n", ":2: job_id: found nothing"),
])
def test_malformed_rows_are_named_by_file_line_and_column(tmp_path: Path, text: str,
                                                          said: str) -> None:
    path = tmp_path / TRACE
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_jobs(path)
    assert str(error.value).startswith(str(path))
    assert said in str(error.value)


def test_an_unknown_model_is_named(tmp_path: Path) -> None:
    (tmp_path / TRACE).write_text(HEADER + ROW.replace("A3C", "Oracle"))
    with pytest.raises(InputError, match="'Oracle'"):
        read_workload(tmp_path, (0, 1), 1, False)


def test_the_published_trace(public_data: Path) -> None:
    folder = public_data / "traces" / "philly"
    assert len(read_jobs(folder / TRACE)) == 15_264
    workload = read_workload(folder, (10, 50), 1, is_mixed=False)
    assert len(workload.arrivals) == 11_269
    assert "capped at 3 days" in workload.note
    assert max(a.duration_ms("v100-sxm-16") for a in workload.arrivals) == CAP_MS
    for arrival in workload.arrivals:
        limit, true = arrival.spec.time_limit_ms, arrival.duration_ms("v100-sxm-16")
        assert true < limit <= 10 * true + 1
    fleet, offered = fleet_for(workload, 40 * DAY, 0.85, is_mixed=False)
    assert fleet.hosts[0].count == 54
    assert abs(offered - 0.85) < 0.01


def test_a_seed_is_a_workload(public_data: Path) -> None:
    folder = public_data / "traces" / "philly"
    one, again, two = (read_workload(folder, (10, 11), seed, True) for seed in (1, 1, 2))
    assert one == again != two


def test_mixed_fleets_are_sized_by_what_could_be_sustained(public_data: Path) -> None:
    """On a mixed fleet the same work needs fewer V100 hosts, but more hosts in all."""
    folder = public_data / "traces" / "philly"
    span = 10 * DAY
    alone = fleet_for(read_workload(folder, (10, 20), 1, False), span, 0.85, False)[0]
    mixed, offered = fleet_for(read_workload(folder, (10, 20), 1, True), span, 0.85, True)
    counts = {group.chip: group.count for group in mixed.hosts}
    assert len(set(counts.values())) == 1
    assert counts["v100-sxm-16"] < alone.hosts[0].count < sum(counts.values())
    assert abs(offered - 0.85) < 0.02


def test_speeds_are_ratios_to_v100(public_data: Path) -> None:
    speeds = Speeds(public_data / "traces" / "philly" / "simulation_throughputs.json")
    assert speeds.relative("v100", "ResNet-18 (batch size 256)", 1) == 1
    assert 11 < 1 / speeds.relative("k80", "ResNet-18 (batch size 256)", 1) < 12
    assert speeds.relative("k80", "no such model", 1) == 0
