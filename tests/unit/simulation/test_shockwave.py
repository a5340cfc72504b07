"""The Shockwave trace: batch sizes by hand, bad lines, the paper's rho, published figures."""

import json
from pathlib import Path

import numpy as np
import pytest

from suanli.simulation.shockwave import replay_shockwave, static_rho
from suanli.simulation.traces.shockwave import (
    GROWTH,
    THROUGHPUTS,
    TRACE,
    Growth,
    is_critical,
    read_jobs,
    workload_of,
)
from suanli.terms.errors import InputError

LINE = "\t".join(["LM (batch size 10)", "python3 main.py", "language_modeling", "--steps", "1",
                  "6000", "1", "static", "1", "-1.000000", "600", "0"])
SPEEDS = {"LM": {(5, 1): 10.0, (10, 1): 10.0, (20, 1): 10.0, (40, 1): 10.0, (80, 1): 10.0}}
FLAT = {("LM", batch, devices): speed for (batch, devices), speed in SPEEDS["LM"].items()}


def folder(tmp_path: Path, *lines: str) -> Path:
    (tmp_path / TRACE).write_text("".join(line + "\n" for line in lines))
    table = {f"('LM (batch size {batch})', {devices})": {"null": speed}
             for (batch, devices), speed in SPEEDS["LM"].items()}
    (tmp_path / THROUGHPUTS).write_text(json.dumps({"v100": table}))
    return tmp_path


def test_a_static_job_takes_its_steps_over_its_speed(tmp_path: Path) -> None:
    job, = read_jobs(folder(tmp_path, LINE))
    assert (job.duration_ms, job.limit_ms, job.devices, job.arrival_ms) == (600_000, 600_000, 1, 0)
    # 5,967.5 steps an epoch, 2 epochs begun.
    assert job.profile_ms == round(2 * 59_675 / 10 / 10 * 1000)


def test_batch_sizes_double_a_round_after_their_epoch() -> None:
    """LM at 40 doubles at epoch 11; epochs of 1,492 steps, rounds of 1,200."""
    growth = Growth("LM", 40, 1, "gns", FLAT, doubles_at=(11,))
    steps = 20 * 1492
    # Epoch 10 is in progress after more than 9 x 1,492 = 13,428 steps: 12 rounds of 1,200. It then
    # asks for epoch 11's size, runs round 13 (15,600 steps, 11 epochs begun), and has 9 epochs
    # of 746 steps to go.
    assert growth.alone_s(steps) == 13 * 120 + 9 * 746 / 10
    assert growth.profile_s(steps) == pytest.approx((11 * 59_675 / 40 + 9 * 59_675 / 80) / 10)


def test_accordion_leaves_the_critical_regime_once() -> None:
    growth = Growth("LM", 40, 1, "accordion", FLAT)
    # Ten epochs in progress after 9 x 1,492 steps, so again 12 rounds, one more, then 746 a epoch.
    assert growth.alone_s(20 * 1492) == 13 * 120 + 9 * 746 / 10
    assert is_critical("ResNet-50", 32, 61)
    assert not is_critical("ResNet-50", 32, 71)
    assert is_critical("ResNet-18", 256, 15)
    assert not is_critical("ResNet-18", 128, 15)


def test_a_size_without_a_measured_speed_is_not_taken() -> None:
    growth = Growth("LM", 40, 1, "gns", {("LM", 40, 1): 10.0}, doubles_at=(11,))
    assert growth.alone_s(20 * 1492) == pytest.approx(2 * 1492)


@pytest.mark.parametrize(("old", "new", "said"), [
    ("LM (batch", "GPT (batch", "'GPT (batch size 10)'"),
    ("size 10", "size 30", "no speed of"),
    ("\t600\t0", "\t600\t-1", ":1: arrival: found '-1'"),
    ("\t600\t0", "\t600\tnan", "arrival"),
    ("\t6000\t", "\t0\t", "steps: found '0'"),
    ("\t6000\t", "\t6000.5\t", "steps"),
    ("static", "magic", "mode: found 'magic'; static, accordion, gns"),
    ("\t1\tstatic", "\t3\tstatic", "on 3 v100"),
    ("\t600", "", "found 11 columns"),
])
def test_bad_lines_are_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in LINE
    with pytest.raises(InputError) as error:
        read_jobs(folder(tmp_path, LINE.replace(old, new, 1)))
    assert str(error.value).startswith(str(tmp_path / TRACE) + ":1: ")
    assert said in str(error.value)


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=THROUGHPUTS):
        read_jobs(tmp_path)
    with pytest.raises(InputError, match="no jobs"):
        read_jobs(folder(tmp_path))
    with pytest.raises(InputError, match=":2: arrival"):
        read_jobs(folder(tmp_path, LINE[:-1] + "5", LINE))
    (tmp_path / THROUGHPUTS).write_text('{"v100": {"x": {"null": -1}}}')
    with pytest.raises(InputError, match="steps per second"):
        read_jobs(tmp_path)


def test_measured_doublings_are_read_from_beside_the_trace(tmp_path: Path) -> None:
    path = folder(tmp_path, LINE.replace("static", "gns").replace("6000", "120000"))
    steady, = read_jobs(path)
    assert (steady.duration_ms, steady.profile_ms) == (12_000_000, 21 * 596_750)  # epochs begun
    assert f"no {GROWTH}: the measured doublings of 1 jobs" in workload_of([steady]).note
    (path / GROWTH).write_text("model,batch,devices,doubles_at\nLM,10,1,\n")
    constant, = read_jobs(path)
    (path / GROWTH).write_text("model,batch,devices,doubles_at\nLM,10,1,3 5\n")
    growing, = read_jobs(path)
    assert growing.duration_ms < constant.duration_ms == constant.limit_ms == growing.limit_ms
    (path / GROWTH).write_text("model,batch,devices\nLM,10,1\n")
    with pytest.raises(InputError, match="doubles_at: the column is missing"):
        read_jobs(path)
    (path / GROWTH).write_text("model,batch,devices,doubles_at\nLM,10,1,soon\n")
    with pytest.raises(InputError, match=f"{GROWTH}:2: .*whole numbers"):
        read_jobs(path)


def test_rho_of_the_paper() -> None:
    """Six jobs on three devices: an equal share is half a device each."""
    jct, profile = np.full(6, 300.0), np.array([150.0, 300, 100, 50, 600, 75])
    assert np.allclose(static_rho(jct, profile, 3), [1, 0.5, 1.5, 3, 0.25, 2])
    assert np.allclose(static_rho(jct[:2], profile[:2], 3), [2, 1])  # never less than one each


@pytest.fixture
def published(public_data: Path) -> Path:
    trace = public_data / "traces" / "shockwave"
    for name in (TRACE, GROWTH):
        if not (trace / name).is_file():
            pytest.skip(f"no {name} of the Shockwave trace at {trace}")
    return trace


def test_the_published_trace(published: Path) -> None:
    jobs = read_jobs(published)
    workload = workload_of(jobs)
    assert len(workload.tenants) == len(jobs) == 120
    assert {job.devices for job in jobs} == {1, 2, 4}
    assert all(job.duration_ms <= job.limit_ms for job in jobs)
    assert any(job.limit_ms > 2 * job.duration_ms for job in jobs)
    # Of the published run of max-min, the first three jobs: JCT in seconds, rho.
    for job, jct, rho in zip(jobs, (1182.6125, 3400.6454, 22806.5432),
                             (0.25748, 0.30268, 0.44805), strict=False):
        assert jct * 1000 / (job.profile_ms * 120 / 32) == pytest.approx(rho, abs=2e-5)


def test_max_min_agrees_with_its_published_row(published: Path) -> None:
    """scheduler/reproduce/pickles/tacc_32gpus: 33,208 s, 11,274 s, worst rho 2.95, 0.28 above 1."""
    row = replay_shockwave(published, "gavel", 1)
    assert row["unfinished"] == 0
    assert row["makespan_s"] == pytest.approx(33_208, rel=0.05)
    assert row["jct_mean_s"] == pytest.approx(11_274, rel=0.05)
    assert row["rho_worst"] == pytest.approx(2.95, rel=0.05)
    assert row["rho_over_one_share"] == pytest.approx(0.28, abs=0.03)


def test_shockwave_beats_max_min_as_published(published: Path) -> None:
    """Its row: 24,197 s, 9,958 s, 1.78, 0.07. Ours has an LP for its program, and less to go on."""
    row = replay_shockwave(published, "shockwave", 1)
    assert row == {**replay_shockwave(published, "shockwave", 2), "seed": 1,
                   "decision_p99_ms": row["decision_p99_ms"]}
    assert row["makespan_s"] == pytest.approx(24_197, rel=0.1)
    assert row["jct_mean_s"] == pytest.approx(9_958, rel=0.1)
    assert row["rho_worst"] < 1.78
    assert row["rho_over_one_share"] < 0.15


def test_tokenflow_keeps_its_distance_in_mean_and_share(published: Path) -> None:
    """Shockwave's row, 9,958 s and 0.07: these two columns hold whatever its constants."""
    row = replay_shockwave(published, "tokenflow", 1)
    assert row["unfinished"] == 0
    assert row["jct_mean_s"] < 9_958
    assert row["rho_over_one_share"] <= 0.07
