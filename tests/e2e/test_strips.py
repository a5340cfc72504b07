"""Strips from end to end: the production planner through an auction, and the command line.

Goal: a collar is fixed by its auction and, where there was none, as its hour begins, without
anybody asking, on a virtual clock; the chain verifies. Then the same verbs on a real server, whose
cores are declared to be worth whole lots.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.test_auctions import ALICE, TOMORROW, Show
from tests.stage import SINGLE

from suanli.adapters.discovery import CPU_CHIP
from suanli.adapters.verification import verify_file
from suanli.bootstrap import OPERATOR, open_service
from suanli.clearing.workers import AtOnce
from suanli.config import Settings
from suanli.gateway import strips
from suanli.gateway.service import Answer
from suanli.ledger.row import CASH, account
from suanli.market.auction.commands import EnterCurve
from suanli.market.commands import TakeStrip, WriteStrip
from suanli.simulation.world import EPOCH
from suanli.terms.instant import HOUR
from suanli.units.commands import DeclareRating, DefineGrade

FLOOR, CAP, LOTS = 900, 1400, 1000
MIDDLE = 1150


def test_a_collar_in_a_world_that_nobody_asks(tmp_path: Path) -> None:
    """Three hours, of which the auction prices the first two, at the operator's posted 1000."""
    show = Show(tmp_path / "chain.db", AtOnce())
    show.until(EPOCH + 10 * HOUR)
    start = TOMORROW + 8 * HOUR
    show.ask("north", WriteStrip("area-1", SINGLE, "firm", start, 3, LOTS, FLOOR, CAP, start, 1))
    show.until(EPOCH + 10 * HOUR + 1)
    show.ask("alice", TakeStrip(1))
    show.until(EPOCH + 10 * HOUR + 2)
    assert show.refused == []  # what was written was attested before the hour turned
    paid = 10**12 - show.rooms.ledger.available(account(ALICE, CASH))
    assert paid == 3 * LOTS * CAP
    for hour in (8, 9):
        show.ask("bob", EnterCurve(1, 0, "area-1", SINGLE, "firm", TOMORROW + hour * HOUR, 0,
                                   ((1200, 500),), 0, 0))
    show.until(EPOCH + 13 * HOUR)
    assert show.sitting().status == "settled"
    row, = strips.taken_strips(show.rooms)
    fixed = [hour["price_mrmb"] for hour in strips.strip(  # type: ignore[index]
        show.rooms, 2)["prices"]]
    assert all(1000 <= price <= 1200 for price in fixed[:2])
    assert (row["buyer"], row["fixed_hours"], row["held_micro_rmb"]) == (
        ALICE, 2, LOTS * (CAP - FLOOR))
    show.until(start + 2 * HOUR - 1)
    assert strips.taken_strips(show.rooms)[0]["fixed_hours"] == 2
    show.until(start + 2 * HOUR)
    one = strips.strip(show.rooms, 2)
    assert one is not None
    assert [hour["price_mrmb"] for hour in one["prices"]] == [*fixed[:2], MIDDLE]
    cost = LOTS * (sum(fixed[:2]) + MIDDLE)
    assert (one["paid_micro_rmb"], one["held_micro_rmb"]) == (cost, 0)
    assert 10**12 - show.rooms.ledger.available(account(ALICE, CASH)) == cost
    show.until(start + 3 * HOUR)
    assert (strips.taken_strips(show.rooms), strips.strip(show.rooms, 2)) == ([], None)
    assert show.refused == []
    show.theatre.engine.close()
    verify_file(tmp_path / "chain.db", True)


GRADE = "worth-lots"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory = tmp_path_factory.mktemp("home") / "s"
    service, _ = open_service(directory, Settings())
    service.start()
    for command in (DeclareRating(CPU_CHIP, "llm-decode", False, 0, 500_000, "for whole lots"),
                    DefineGrade(GRADE, "llm-decode", False, (CPU_CHIP,))):
        assert isinstance(service.ask(OPERATOR, command), Answer)
    service.stop()
    service.driver.cluster.close()  # type: ignore[attr-defined]
    service.driver.engine.close()

    def suanli(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([sys.executable, "-m", "suanli.cli.main", *words], text=True,
                              capture_output=True, check=False, timeout=60,
                              env={**os.environ, "SUANLI_HOME": str(directory)})
        assert done.returncode == code, done.stdout + done.stderr
        return done

    yield suanli
    suanli("down")


def rows(home: Any, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(home(*words, "-o", "json").stdout)
    return found


def in_hours(hours: int) -> str:
    return time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + hours * 3600))


def test_a_strip_from_the_command_line(home: Any) -> None:
    assert "nothing to list" in home("strip", "list").stdout
    said = home("strip", "write", "local", GRADE, in_hours(30), "0.2", "--hours", "3",
                "--floor", "800", "--cap", "1100", "--copies", "2").stdout
    assert "strip 1 is offered" in said
    row, = rows(home, "strip", "list")
    assert (row["id"], row["lots"], row["floor_mrmb"], row["cap_mrmb"], row["copies"]) == (
        1, 200, 800, 1100, 2)
    assert "nobody has taken this one" in home("strip", "show", "1").stdout
    said = home("strip", "take", "1").stdout
    assert "strip 2 is yours" in said
    assert "0.48 RMB paid, 0.18 RMB held" in said
    assert [(row["id"], row["fixed_hours"]) for row in rows(home, "strip", "list", "--taken")] == [
        (2, 0)]
    shown = home("strip", "show", "2").stdout
    assert "open" in shown
    assert "0 of 3 hours fixed, 0.48 RMB paid, 0.18 RMB held" in shown
    assert any(b["held"] == 180_000 for b in rows(home, "balance"))
    assert rows(home, "strip", "show", "2")[0]["prices"][0]["paid_micro_rmb"] == 160_000
    home("strip", "withdraw", "1")
    assert rows(home, "strip", "list") == []


def test_a_fixed_price_is_fixed_as_it_is_taken(home: Any) -> None:
    home("strip", "write", "local", GRADE, in_hours(3), "0.1", "--hours", "1", "--floor", "900")
    offered = rows(home, "strip", "list")[-1]
    assert "0.09 RMB paid, at a fixed price" in home("strip", "take", str(offered["id"])).stdout
    taken = rows(home, "strip", "list", "--taken")[-1]
    assert (taken["fixed_hours"], taken["paid_micro_rmb"], taken["held_micro_rmb"]) == (
        1, 90_000, 0)
    assert "0.09 RMB paid" in home("strip", "show", str(taken["id"])).stdout


def test_what_cannot_be_is_said(home: Any) -> None:
    write = ("strip", "write", "local", GRADE)
    assert "floor up to the cap" in home(*write, in_hours(3), "0.1", "--floor", "2", "--cap", "1",
                                         code=1).stderr.replace("\n", " ")
    assert "gate_closed" in home(*write, in_hours(0), "0.1", "--floor", "2", code=1).stderr
    assert "2026-12-01T15" in home(*write, "soon", "0.1", "--floor", "2", code=2).stderr
    assert "0.001" in home(*write, in_hours(3), "0", "--floor", "2", code=2).stderr
    for words in (("take", "99"), ("show", "99"), ("withdraw", "99")):
        assert "unknown_strip" in home("strip", *words, code=1).stderr
    home(*write, in_hours(3), "999", "--floor", "1", "--hours", "1")
    huge = rows(home, "strip", "list")[-1]["id"]
    assert "are missing" in home("strip", "take", str(huge), code=1).stderr.replace("\n", " ")


def test_the_chain_replays(home: Any) -> None:
    home("down")
    assert "re-executed" in home("verify", "--replay").stdout
