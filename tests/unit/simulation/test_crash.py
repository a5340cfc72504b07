"""The drill: same people, same chances; the bands take most of the fall away."""

import json
from pathlib import Path

import pytest

from suanli.bootstrap import datasheet_text
from suanli.cli.drill import bench_crash
from suanli.simulation.crash import PROTECTIONS, SWEEP_LOTS, Drill, cut_of, drill


@pytest.mark.parametrize("seed", [1, 2])
def test_the_protections_halve_the_fall_and_the_seller_still_sells(seed: int) -> None:
    found = drill(datasheet_text(), seed)
    without, protected = found["without"], found["with"]
    assert cut_of(found) >= 0.5
    assert (without.halted_s, without.limit_states) == (0, 0)
    assert protected.halted_s > 0
    assert without.seller_lots == protected.seller_lots == SWEEP_LOTS
    assert protected.seller_mean > without.seller_mean


def test_a_seed_says_everything() -> None:
    assert Drill(datasheet_text(), 3, PROTECTIONS).go() == Drill(
        datasheet_text(), 3, PROTECTIONS).go()


def test_the_bench_writes_what_it_ran(tmp_path: Path) -> None:
    """Also where nobody heeds a halt, the bands alone halve the fall."""
    bench_crash([4], True, tmp_path / "crash.json")
    found = json.loads((tmp_path / "crash.json").read_text())
    assert found["what"].startswith("simulated")
    assert [row["protections"] for row in found["runs"]] == ["without", "with"]
    falls = [row["drawdown"] for row in found["runs"]]
    assert found["drawdown_cut_min"] == pytest.approx(1 - falls[1] / falls[0], abs=0.01)
    assert found["drawdown_cut_min"] >= 0.5
