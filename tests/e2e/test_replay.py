"""`suanli replay` as a command: experiments that resume, the page, and how mistakes are told."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

EXPERIMENT = """
trace = "generated"
policies = ["best-fit", "fifo"]
seeds = [1, 2, 3]
[centre]
arena = true
[vary]
load = [0.7]
"""
TRIALS = 12
MEASURED = {"seconds", "decision_p99_ms"}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "suanli.cli.main", "replay", *words]


def suanli(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), text=True, capture_output=True, timeout=120,
                          env={**os.environ, "COLUMNS": "200"})


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k not in MEASURED}
            for row in json.loads(file.read_text())]


def lines_of(journal: Path) -> list[bytes]:
    return journal.read_bytes().splitlines(keepends=True) if journal.exists() else []


def test_a_killed_experiment_goes_on_and_comes_to_the_same_rows(tmp_path: Path) -> None:
    """Killed once a few trials are on the disk; nothing is redone, no process is left behind."""
    (tmp_path / "e.toml").write_text(EXPERIMENT)
    killed, whole = tmp_path / "killed.json", tmp_path / "whole.json"
    journal = tmp_path / "killed.json.journal"
    words = ["--experiment", str(tmp_path / "e.toml"), "--jobs", "2", "--json"]
    running = subprocess.Popen(command(*words, str(killed)), stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(lines_of(journal)) < 3:
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    children = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGKILL)
    running.wait()
    kept = [line for line in lines_of(journal) if line.endswith(b"\n")]
    assert 3 <= len(kept) < TRIALS
    assert not killed.exists()
    assert psutil.wait_procs(children, timeout=20)[1] == []

    again = suanli(*words, str(killed), "--report", str(tmp_path / "page"))
    assert again.returncode == 0, again.stderr
    assert f"{len(kept)} of {TRIALS} trials are in the journal" in again.stderr
    assert lines_of(journal)[:len(kept)] == kept
    identities = [json.loads(line)["trial"] for line in lines_of(journal)]
    assert len(identities) == len(set(identities)) == TRIALS
    assert "<svg" in (tmp_path / "page" / "index.html").read_text()

    assert suanli("--experiment", words[1], "--jobs", "1", "--json", str(whole)).returncode == 0
    assert rows_of(killed) == rows_of(whole)
    assert [row["trial"] for row in rows_of(whole)] == list(dict.fromkeys(
        row["trial"] for row in rows_of(whole)))


def test_several_loads_and_seeds_are_one_line_each_with_their_interval(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = suanli("generated", "--policy", "fifo,best-fit", "--load", "0.7,0.9", "--seeds", "2",
                  "--arena", "--jobs", "1", "--json", str(file))
    assert done.returncode == 0, done.stderr
    assert [(r["load"], r["seed"], r["policy"], r["through"]) for r in rows_of(file)] == [
        (load, seed, policy, "arena") for load in (0.7, 0.9) for seed in (1, 2)
        for policy in ("fifo", "best-fit")]
    table = done.stdout.splitlines()[2:]
    assert [line.split()[:3] for line in table] == [
        [policy, load, "2"] for load in ("0.7", "0.9") for policy in ("fifo", "best-fit")]
    assert all("±" in line for line in table)


@pytest.mark.parametrize(("words", "said"), [
    (["generated", "--fleet", "mixed"], "fleet: a generated trace does not know this option; "
     "load, restore_s, arena are accepted"),
    (["generated", "--demand", "2"], "demand: a generated trace does not know"),
    (["generated", "--policy", "fifo,magic"], "policy 'magic'; tokenflow, best-fit, fifo"),
    (["generated", "--policy", ","], "policy: found nothing"),
    (["generated", "--load", "high"], "--load: found 'high'; a number from 0.001 to 100"),
    (["generated", "--load", "0.7,-1"], "--load: found -1.0; a number"),
    (["generated", "--restore", "-1"], "--restore: found -1"),
    (["mixed", "--data", "/nowhere"], "trace '/nowhere/traces'; generated, mixed, or a folder"),
    (["generated", "--scale", "0.1"], "scale: a generated trace does not know this option"),
    (["generated", "--scale", "2"], "--scale: found 2.0; a number from 0.001 to 1"),
    (["generated", "--part", "training"], "--part: found 'training'; all or inference"),
    (["nowhere"], "trace 'nowhere'; generated, mixed, or a folder with the files of a trace"),
    (["--experiment", "nowhere.toml"], "nowhere.toml"),
    (["generated", "--experiment", "e.toml"], "--experiment: the file says what to run"),
    (["--experiment", "e.toml", "--load", "1"], "--experiment: the file says what to run"),
    (["generated", "--json", "/nowhere/rows.json"], "--json /nowhere/rows.json: its folder"),
])
def test_mistakes_are_told_before_anything_runs(words: list[str], said: str) -> None:
    done = suanli(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(("words", "said"), [
    (["--days", "50:10"], "--days: found [50, 10]; two whole days"),
    (["--days", "all"], "--days: found 'all'; two whole days"),
    (["--limits", "0:2"], "--limits: found [0, 2]; two numbers"),
    (["--fleet", "tpu"], "fleet 'tpu'; v100 or mixed is accepted"),
    (["--workload", "default"], "workload: a philly trace does not know this option"),
])
def test_mistakes_about_philly(public_data: Path, words: list[str], said: str) -> None:
    done = suanli(str(public_data / "traces" / "philly"), *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_limits_below_the_duration_end_jobs_early(public_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = suanli(str(public_data / "traces" / "philly"), "--days", "10:12", "--limits", "0.5:1",
                  "--arena", "--json", str(file))
    assert done.returncode == 0, done.stderr
    row = rows_of(file)[0]
    assert (row["jobs"], row["unfinished"], row["limit_factors"]) == (376, 0, [0.5, 1.0])
    assert row["ended_at_limit"] > 300


def test_mixed_is_a_word_and_its_rows_say_what_was_promised_and_what_is_possible(
        public_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = suanli("mixed", "--policy", "best-fit", "--against", "kueue", "--load", "0.5",
                  "--days", "10:12", "--scale", "0.01", "--data", str(public_data), "--jobs", "1",
                  "--json", str(file))
    assert done.returncode == 0, done.stderr
    for row in rows_of(file):
        assert (row["trace"], row["days"], row["scale"], row["part"], row["through"]) == (
            "mixed", [10, 12], 0.01, "all", "arena")
        assert 0 <= row["slo_attainment"] <= 1 <= row["rho_worst"]
        assert row["above_bound_s"] == row["queueing_delay_mean_s"] - row["srpt_bound_s"]
    assert "started in time" in done.stdout.splitlines()[1]
    assert "above SRPT bound s" in done.stdout.splitlines()[1]


def test_a_mixed_trace_says_what_it_accepts(public_data: Path) -> None:
    done = suanli("mixed", "--arena", "--data", str(public_data))
    assert done.returncode == 2
    assert "load, days, scale, part, limit_factors, restore_s are accepted" in done.stderr


def test_inference_alone_is_replicas_alone(public_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = suanli("mixed", "--policy", "best-fit", "--part", "inference", "--days", "10:12",
                  "--scale", "0.01", "--data", str(public_data), "--json", str(file))
    assert done.returncode == 0, done.stderr
    row = rows_of(file)[0]
    assert row["replicas"] == row["jobs"] > 0


def test_explain_tells_why_jobs_waited_and_how_often_predictions_came_true(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    ran = suanli("generated", "--policy", "tokenflow-unfair,best-fit", "--load", "1.2", "--seed",
                 "1", "--jobs", "1", "--explain", "704", "--json", str(file))
    assert ran.returncode == 0, ran.stderr
    rows = {row["policy"]: row for row in rows_of(file)}
    assert rows["tokenflow-unfair"]["intervals"] > 0
    assert "interval_coverage" not in rows["best-fit"]  # its future is not played ahead
    assert sum(rows["best-fit"]["waited_for"].values()) == pytest.approx(1)
    assert [line["constraint"] for line in rows["best-fit"]["explained"]][0::99] == ["capacity"]
    assert "job 704, after 0 s: capacity" in ran.stdout
    assert "starts came within the interval" in ran.stdout


@pytest.mark.parametrize(("trace", "typed", "told"), [
    ("generated", "0", "numbers of jobs by comma"),
    ("generated", "all", "`coverage`"),
    ("generated", "1001", "jobs 1 to 1000"),
])
def test_explain_says_what_it_accepts(trace: str, typed: str, told: str) -> None:
    ran = suanli(trace, "--policy", "best-fit", "--explain", typed)
    assert ran.returncode == 2
    assert told in ran.stderr
