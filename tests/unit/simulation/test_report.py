"""The page: every picture, every figure defined, nothing loaded, the same bytes again."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from suanli.simulation.experiments import Experiment
from suanli.simulation.report.definitions import DEFINITIONS
from suanli.simulation.report.page import require_matplotlib, write_report
from suanli.simulation.trials import Result, Trial, run_trial
from suanli.terms.errors import InputError

PARAMETERS = {"trial", "trace", "policy", "seed", "load", "restore_s", "arena", "through",
              "state_root", "workload"}
TRIALS = tuple(Trial("generated", Path("generated"), policy, seed, load, arena=True)
               for load in (1.0, 0.7) for seed in (1, 2) for policy in ("best-fit", "fifo"))


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {trial.identity: run_trial(trial) for trial in TRIALS}


def page(folder: Path, results: dict[str, Result]) -> str:
    experiment = Experiment("A <day> & more", TRIALS, TRIALS[:4])
    return write_report(folder, experiment, results).read_text(encoding="utf-8")


def test_every_picture_and_nothing_to_load(tmp_path: Path, results: dict[str, Result]) -> None:
    text = page(tmp_path / "one", results)
    assert re.findall(r'<section id="([^"]+)"', text) == [
        "ranking", "factors", "queued_jobs", "queued_device_hours", "utilisation",
        "preemptions_a_day", "delays", "tenants", "gantt-best-fit", "gantt-fifo", "figures",
        "points"]
    assert text.count("<svg") == text.count("</svg>") == 12
    assert "No policy preempted anything." in text
    assert re.findall(r"https?:|//", re.sub(r"base64,[^\"]*", "", text)) == []
    assert all(target.startswith(("#", "data:"))
               for target in re.findall(r'(?:src|href)="([^"]*)', text))
    assert "<script" not in text
    assert "A &lt;day&gt; &amp; more" in text
    assert page(tmp_path / "two", results) == text


def test_preemptions_prices_and_what_was_due_are_drawn_where_there_are_any(
        tmp_path: Path, results: dict[str, Result]) -> None:
    changed = dict(results)
    first = TRIALS[0].identity
    series = dict(results[first].series or {})
    series["preemptions_a_day"] = [2.0] * len(series["queued_jobs"])
    series["prices"] = [[0.0, "z chip", 1.0], [5.0, "z chip", 2.5], [6.0, "y chip", 2.0]]
    series["tenants"] = [{**row, "due": 0.125} for row in series["tenants"]]
    changed[first] = replace(results[first], series=series)
    text = page(tmp_path, changed)
    assert 'id="prices"' in text
    assert "price of a device-hour" in text
    assert "No policy preempted" not in text
    assert ">due<" in text


def test_every_figure_of_a_row_has_a_definition(results: dict[str, Result]) -> None:
    for result in results.values():
        assert set(result.row) - PARAMETERS <= set(DEFINITIONS)


def test_rows_without_a_record_still_make_a_page(tmp_path: Path) -> None:
    trials = TRIALS[:2]
    made = {t.identity: Result({"trace": "generated", "policy": t.policy, "seed": 1, "devices": 8,
                                **t.options, "allocated_share": 0.9}) for t in trials}
    path = write_report(tmp_path, Experiment("arrivals only", trials, trials), made)
    assert "allocated" in path.read_text()


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"suanli\[report\]"):
        require_matplotlib()
