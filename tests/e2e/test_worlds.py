"""Demo and replay as commands: same seed, same root; the result file has its keys."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

KEYS = {"policy", "load", "seed", "jobs", "queueing_delay_mean_s", "queueing_delay_p50_s",
        "queueing_delay_p95_s", "queueing_delay_p99_s", "jct_mean_s", "makespan_s", "utilisation",
        "allocated_share", "offered_load", "idle_held_share", "rho_worst", "rho_over_one_share",
        "blocks", "state_root"}


def suanli(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "suanli.cli.main", *words], text=True,
                          capture_output=True, check=True, timeout=300)


def test_demo_shows_it_all_and_repeats() -> None:
    said = [suanli("demo", "--seed", str(seed), "--jobs", "60").stdout for seed in (4, 4, 5)]
    roots = [re.findall(r"state root ([0-9a-f]{64})", text) for text in said]
    assert [len(found) for found in roots] == [1, 1, 1]
    assert roots[0] == roots[1] != roots[2]
    for text in said:
        for piece in ("operator-a", "operator-b", "operator-c", "inclusion proof verified",
                      "chain verified", "succeeded"):
            assert piece in text


def test_a_generated_replay_writes_its_row(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    done = suanli("replay", "generated", "--policy", "best-fit", "--against", "fifo",
                  "--load", "0.9", "--seeds", "2", "--json", str(file))
    rows = json.loads(file.read_text())
    assert [(r["seed"], r["policy"]) for r in rows] == [
        (1, "best-fit"), (1, "fifo"), (2, "best-fit"), (2, "fifo")]
    assert all(set(row) >= KEYS for row in rows)
    assert all(0 < row["utilisation"] <= row["allocated_share"] <= 1 for row in rows)
    assert done.stderr.count("chain verified") == 4


@pytest.mark.parametrize("fleet", ["v100", "mixed"])
def test_two_days_of_philly(public_data: Path, tmp_path: Path, fleet: str) -> None:
    file = tmp_path / "rows.json"
    suanli("replay", str(public_data / "traces" / "philly"), "--days", "10:12", "--fleet", fleet,
           "--seed", "3", "--json", str(file))
    row = json.loads(file.read_text())[0]
    assert row["jobs"] == 376
    assert abs(row["offered_load"] - 0.85) < 0.05
