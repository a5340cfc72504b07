"""A day of the simulated week: its laws hold every hour, who fails pays, a seed is a week.

Goal: the whole market at once (auctions, spot, jobs, strips, credits, grades offered together, a
start cost, a set-aside, deliveries, a failure, a cap), judged by code that only reads tables. The
judge itself is judged in tests/unit/simulation/test_conservation.py.
"""

from pathlib import Path
from typing import Any

import pytest

from suanli.adapters.shipped import datasheet_text
from suanli.adapters.verification import verify_file
from suanli.ledger.row import CASH, account
from suanli.simulation.week.figures import figures
from suanli.simulation.week.hedging import WAYS
from suanli.simulation.week.report import page
from suanli.simulation.week.run import Week
from suanli.simulation.week.stage import (
    BUYS_AHEAD,
    ENTERPRISES,
    FAILING,
    LOWERED_CAP_MRMB,
    OPERATORS,
    TAKES_COLLAR,
    TAKES_FIXED,
    TENANT_CASH,
    Plan,
)

HOURS = 24 * 2 + 2  # the Sunday, the day, and what is judged after it


def lived(path: Path, is_replayed: bool) -> tuple[Week, dict[str, Any]]:
    """Run a day in a directory and verify its chain; return it with its figures."""
    week = Week(Plan(1, 1), path / "chain.db", datasheet_text())
    outcome = week.go()
    week.theatre.engine.close()
    verdict = verify_file(path / "chain.db", is_replayed)
    assert verdict.state_root == outcome.state_root
    return week, figures(outcome) | {"rows": verdict.rows}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Week, dict[str, Any]]:
    return lived(tmp_path_factory.mktemp("week"), True)


@pytest.fixture(scope="module")
def found(both: tuple[Week, dict[str, Any]]) -> dict[str, Any]:
    return both[1]


@pytest.fixture(scope="module")
def lived_week(both: tuple[Week, dict[str, Any]]) -> Week:
    return both[0]


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


def test_every_enterprise_paid_what_its_bill_says(lived_week: Week) -> None:
    """Told by receipts, held against the accounts: to the micro-RMB, with nothing left on hold."""
    record, ledger = lived_week.record, lived_week.rooms.ledger
    for name in ENTERPRISES:
        debits, credits, held, _ = ledger.balance(account(lived_week.members[name], CASH))
        paid = sum(cash for (who, _), (_, cash) in record.bought.items() if who == name)
        assert paid > 0
        assert (TENANT_CASH - credits + debits, held) == (paid - record.refunded[name], 0)


def test_strips_cost_what_was_agreed(found: dict[str, Any]) -> None:
    bills = {bill["way"]: bill for bill in found["hedging"]}
    fixed, collar = (next(strip for strip in found["strips"] if strip["buyer"] == name)
                     for name in (TAKES_FIXED, TAKES_COLLAR))
    assert fixed["floor"] == fixed["cap"] == bills[WAYS[TAKES_FIXED]]["price_mrmb"]
    assert collar["floor"] < bills[WAYS[TAKES_COLLAR]]["price_mrmb"] < collar["cap"]
    assert bills[WAYS[TAKES_FIXED]]["served"] == bills[WAYS[TAKES_COLLAR]]["served"] == 1
    assert bills[WAYS[BUYS_AHEAD]]["price_mrmb"] <= LOWERED_CAP_MRMB
    assert len(found["strips"]) == 2 * len(OPERATORS)
    for strip in found["strips"]:
        if strip["floor"] < strip["cap"]:
            assert strip["at_floor"] + strip["between"] + strip["at_cap"] == strip["hours"]


def test_hours_of_strips_that_were_not_delivered_are_refunded(lived_week: Week) -> None:
    record = lived_week.record
    of_the_failing = [lived_week.names[sold.buyer] for sold in record.strips.values()
                      if lived_week.names[sold.strip.issuer] == FAILING.name]
    assert len(of_the_failing) == 2
    assert any(record.refunded[name] for name in of_the_failing)


def test_credits_are_converted_given_back_or_owed(found: dict[str, Any]) -> None:
    assert any(row["tokens"] > 0 for row in found["credits"])
    for row, operator in zip(found["credits"], OPERATORS, strict=True):
        assert row["price"] == operator.price_mrmb
        assert row["returned_rmb"] > 0
        assert row["granted_rmb"] == pytest.approx(
            row["converted_rmb"] + row["returned_rmb"] + row["owed_rmb"], abs=0.02)
        if row["tokens"]:
            # what was prepaid at one price is converted at another
            assert row["worth"] == pytest.approx(row["price"] / row["mean"], rel=0.001)


def test_grades_are_offered_together_and_a_start_cost_is_earned(found: dict[str, Any]) -> None:
    day, = found["by_day"]
    assert 0 < day["decode_tokens"] < day["tokens"]
    assert day["started_tokens"] > 0
    assert day["start_earned_rmb"] >= day["start_cost_rmb"] > 0


def test_the_set_aside_is_drawn_on_and_costs_the_others(found: dict[str, Any]) -> None:
    day, = found["by_day"]
    assert day["withheld_tokens"] > 0
    assert day["drawn_tokens"] > 0
    assert day["set_aside_cost_rmb"] == pytest.approx(
        (day["price_mean"] - day["without_mean"]) * day["tokens"] / 1000, abs=day["tokens"] / 1000)


def test_the_page_tells_it(found: dict[str, Any]) -> None:
    text = page(found)
    assert f"`suanli bench week --days 1 --seed {found['seed']} --report FILE`" in text
    assert "simulated" in text
    assert found["state_root"] in text
    for row in found["strips"]:
        assert f"| {row['operator']} | {row['buyer']} | {row['floor']:,} | {row['cap']:,} |" in text
    for row in found["credits"]:
        assert f"| {row['operator']} | {row['price']:,} |" in text
    day, = found["by_day"]
    assert f"| {day['day']} | {day['spot_trades']} | {day['resales']} |" in text


def test_the_same_seed_is_the_same_day(found: dict[str, Any], tmp_path: Path) -> None:
    assert lived(tmp_path, False)[1] == found
