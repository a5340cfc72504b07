"""A day of the simulated week: its laws hold every hour, who fails pays, a seed is a week.

Goal: the whole market at once (auctions, spot, jobs, deliveries, a failure, a cap), judged by code
that only reads tables. The judge itself is judged in tests/unit/simulation/test_conservation.py.
"""

from pathlib import Path
from typing import Any

import pytest

from suanli.adapters.shipped import datasheet_text
from suanli.adapters.verification import verify_file
from suanli.simulation.week.figures import figures
from suanli.simulation.week.report import page
from suanli.simulation.week.run import Week
from suanli.simulation.week.stage import FAILING, LOWERED_CAP_MRMB, Plan

HOURS = 24 * 2 + 2  # the Sunday, the day, and what is judged after it


def lived(path: Path, is_replayed: bool) -> dict[str, Any]:
    """Run a day in a directory and verify its chain; return its figures."""
    week = Week(Plan(1, 1), path / "chain.db", datasheet_text())
    outcome = week.go()
    week.theatre.engine.close()
    verdict = verify_file(path / "chain.db", is_replayed)
    assert verdict.state_root == outcome.state_root
    return figures(outcome) | {"rows": verdict.rows}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return lived(tmp_path_factory.mktemp("week"), True)


def test_conservation_was_checked_every_hour(found: dict[str, Any]) -> None:
    assert found["hours_checked"] == HOURS


def test_everything_happened(found: dict[str, Any]) -> None:
    day, = found["by_day"]
    assert day["auctions"] == 1
    for what in ("tokens", "welfare_rmb", "spot_trades", "resales", "jobs_on_own"):
        assert day[what] > 0, what
    assert found["auctions_void"] == 0
    assert found["weekly"][0]["tokens"] > 0


def test_who_fails_to_deliver_pays(found: dict[str, Any]) -> None:
    day, = found["by_day"]
    assert found["paid_refunds"] == [FAILING.name]
    assert day["refunds"] > 0
    assert day["refunded_rmb"] > 0
    assert day["jobs_lost"] > 0


def test_jobs_run_at_the_posted_price_too(found: dict[str, Any]) -> None:
    day, = found["by_day"]
    assert day["jobs_ended"] > day["jobs_on_own"] + day["jobs_lost"]


def test_the_announced_cap_is_reached_and_shares_out(found: dict[str, Any]) -> None:
    day, = found["by_day"]
    assert day["cap"] == day["price_max"] == LOWERED_CAP_MRMB
    assert day["cap_hours"] > 0
    assert 0 < day["cap_filled"] < 1


def test_the_strip_has_one_price_and_the_collar_stays_near_it(found: dict[str, Any]) -> None:
    bills = {bill["way"].split()[0]: bill for bill in found["hedging"][:3]}
    collar = found["hedging"][3]
    strip = bills["weekly"]["price_mrmb"]
    assert bills["weekly"]["served"] == 1
    assert 0.9 * strip <= collar["price_mrmb"] <= 1.1 * strip
    assert bills["spot,"]["served"] > 0.5
    assert bills["day-ahead"]["price_mrmb"] <= LOWERED_CAP_MRMB


def test_the_page_tells_it(found: dict[str, Any]) -> None:
    text = page(found)
    assert f"`suanli bench week --days 1 --seed {found['seed']} --report FILE`" in text
    assert "simulated" in text
    assert found["state_root"] in text
    day, = found["by_day"]
    assert f"| {day['day']} | {day['spot_trades']} | {day['resales']} |" in text


def test_the_same_seed_is_the_same_day(found: dict[str, Any], tmp_path: Path) -> None:
    assert lived(tmp_path, False) == found
