"""From an order to a job receipt through a day-ahead auction, in a virtual world.

Goal: order -> auction -> reservation -> placement -> job receipt, with the production planner,
auctioneer, solver and engine; then the chain verifies and the naive ledger agrees. A rival solver
proposes too, and a world whose solver dies still ends its auction.
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.stage import CHIP, FLEET, SINGLE, spec

from suanli.adapters.clocks import HostClock
from suanli.adapters.discovery import CPU_CHIP
from suanli.adapters.local_cluster import LocalCluster
from suanli.adapters.shipped import datasheet_text
from suanli.adapters.verification import verify_file
from suanli.clearing.workers import AtOnce
from suanli.ledger.row import CASH, account
from suanli.market.auction.commands import EnterBlock, EnterCurve, Leg
from suanli.market.auction.instance import Auction
from suanli.planning.auctioneer import Auctioneer
from suanli.planning.onboarding import Fleet, HostGroup
from suanli.planning.policies import POLICIES
from suanli.schedule.commands import Submit
from suanli.simulation.world import EPOCH, Theatre, World
from suanli.terms.canonical import decode
from suanli.terms.instant import DAY, HOUR
from suanli.terms.quantity import TOKEN

WORLD = World("auctions", 1, EPOCH, (("north", FLEET),), ("alice", "bob"), datasheet_text(), 10**12)
NORTH, ALICE, BOB = 2, 3, 4
TOMORROW = EPOCH + DAY


class Show:
    """A world that is stepped from instant to instant."""

    def __init__(self, path: Path, solver: AtOnce, world: World = WORLD) -> None:
        self.auctioneer = Auctioneer(solver, ("day-ahead",))
        self.theatre = Theatre(world, path, POLICIES["best-fit"], lambda job, spec, host: HOUR,
                               self.auctioneer)
        self.at = EPOCH
        self.leaves: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.theatre.driver.listeners.append(self._hear)

    @property
    def rooms(self) -> Any:
        return self.theatre.driver.rooms

    def _hear(self, block: Any, finalised: Any) -> None:
        self.leaves += [decode(leaf) for receipt in finalised.receipts for leaf in receipt.leaves]
        self.refused += [receipt.reason for receipt in finalised.receipts if receipt.code]

    def ask(self, who: str, command: Any) -> None:
        assert self.theatre.driver.request(self.theatre.agents[who].sign(command), self.at) is None

    def until(self, instant: int) -> None:
        """Step through everything that is due up to an instant, and at it."""
        while True:
            self.theatre.driver.step(self.at)
            if self.theatre.planner.has_more():
                continue
            if self.at >= instant:
                return
            ahead = [self.theatre.planner.next_instant(self.at + 1),
                     self.theatre.cluster.next_instant(), instant]
            self.at = max(self.at, min(i for i in ahead if i is not None))

    def sitting(self) -> Any:
        return self.rooms.market.tables["auctions"].get(1)


def block(price: int, hours: tuple[int, ...], grade: str = SINGLE, lots: int = 1000) -> EnterBlock:
    """One device for some hours of tomorrow, from whoever sells it there."""
    legs = tuple(Leg(0, "area-1", grade, "firm", TOMORROW + hour * HOUR, lots) for hour in hours)
    return EnterBlock(1, 0, price, 1_000_000, legs, 0, "", 0)


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Show]:
    made = Show(tmp_path / "chain.db", AtOnce())
    yield made
    made.theatre.engine.close()


def test_from_an_order_to_a_job_receipt(show: Show) -> None:
    show.until(EPOCH + 10 * HOUR)
    assert show.sitting().status == "open"
    show.ask("alice", block(1500, (8, 9)))
    show.ask("bob", block(900, (8,)))  # below the operator's posted price of 1000
    show.ask("bob", EnterCurve(1, 0, "area-1", SINGLE, "firm", TOMORROW + 8 * HOUR, 0,
                               ((1200, 500),), 0, 0))
    show.until(EPOCH + 13 * HOUR)
    assert show.sitting().status == "settled"
    assert show.refused == []
    indicative = show.auctioneer.indicative[1]
    assert [found.volumes.sum() for found in indicative] == [2500, 2500]
    bought = {(owner, show.rooms.ledger.token_class(klass).start): tokens for (owner, klass), tokens
              in show.rooms.schedule.tables["reservations"].items()}
    assert bought == {(ALICE, TOMORROW + 8 * HOUR): TOKEN, (ALICE, TOMORROW + 9 * HOUR): TOKEN,
                      (BOB, TOMORROW + 8 * HOUR): TOKEN // 2}
    paid = 10**12 - show.rooms.ledger.available(account(ALICE, CASH))
    assert 2 * 1000 * 1000 <= paid <= 2 * 1500 * 1000
    show.until(TOMORROW + 8 * HOUR)
    show.ask("alice", Submit(spec(chips=((CHIP, 1_000_000),))))
    show.until(TOMORROW + 10 * HOUR)
    leaf, = show.leaves
    assert (leaf["chip"], leaf["device_ms"]) == (CHIP, HOUR)
    usage = show.rooms.settlement.usage(1, 1)
    assert usage == (HOUR, TOKEN, 0)  # its hour ran on tokens from the auction: no more cash
    assert 10**12 - show.rooms.ledger.available(account(ALICE, CASH)) == paid


def test_the_chain_verifies(show: Show, tmp_path: Path) -> None:
    show.until(EPOCH + 10 * HOUR)
    show.ask("alice", block(1500, (8, 9)))
    show.until(EPOCH + 13 * HOUR)
    assert show.sitting().status == "settled"
    show.theatre.engine.close()
    verify_file(tmp_path / "chain.db", True)


class Dies(AtOnce):
    """A solver that dies in the middle of every auction."""

    def ask(self, key: tuple[int, int], auction: Auction, seconds: float) -> None:
        """Be asked, and never answer."""


def test_a_dead_solver_leaves_no_hold(tmp_path: Path) -> None:
    show = Show(tmp_path / "chain.db", Dies())
    show.until(EPOCH + 10 * HOUR)
    show.ask("alice", block(1500, (8, 9)))
    show.until(EPOCH + 13 * HOUR)
    assert show.sitting().status == "void"
    assert not show.rooms.ledger.tables["holds"]
    assert show.rooms.ledger.available(account(ALICE, CASH)) == 10**12
    show.theatre.engine.close()


class HostTime:
    """The host's clock from a chosen instant on."""

    def __init__(self, at: int) -> None:
        self._offset = at - HostClock().now()

    def now(self) -> int:
        return HostClock().now() + self._offset


CORES = Fleet((HostGroup("here", "area-1", CPU_CHIP, 2, 1),), 1000,
              ((CPU_CHIP, 500_000, "so that a core-hour is worth whole lots"),))
CORE_SINGLE = f"{CPU_CHIP}-llm-training-single"


def test_a_real_process_runs_on_hours_from_an_auction(tmp_path: Path) -> None:
    """The day before passes in virtual time; then a process of this machine runs and is paid."""
    world = replace(WORLD, operators=(("north", CORES),))
    show = Show(tmp_path / "chain.db", AtOnce(), world)
    show.until(EPOCH + 10 * HOUR)
    show.ask("alice", block(1500, (8,), CORE_SINGLE, 500))
    show.until(TOMORROW + 8 * HOUR)
    assert show.sitting().status == "settled"
    paid = 10**12 - show.rooms.ledger.available(account(ALICE, CASH))
    assert 500 * 1000 <= paid <= 500 * 1500
    driver, clock = show.theatre.driver, HostTime(show.at)
    driver.cluster = LocalCluster(tmp_path / "jobs", show.theatre.engine.genesis.chain, clock)
    argv = (sys.executable, "-c", "print('on bought hours', flush=True)")
    show.ask("alice", Submit(spec(argv=argv, chips=((CPU_CHIP, 1_000_000),),
                                  directory=str(tmp_path))))
    deadline = time.monotonic() + 20
    while not show.leaves:
        assert time.monotonic() < deadline
        driver.step(clock.now())
        time.sleep(0.01)
    job = show.rooms.schedule.job(1)
    assert (job.outcome, job.exit_code) == ("succeeded", 0)
    leaf, = show.leaves
    assert leaf["chip"] == CPU_CHIP
    device_ms, tokens, cash = show.rooms.settlement.usage(1, 1)
    assert device_ms > 0
    assert tokens == device_ms * 500_000 * 1000 // 1_000_000
    assert cash == 0  # the tokens were its own
    assert any("on bought hours" in file.read_text() for file in (tmp_path / "jobs").rglob("*")
               if file.is_file())
    driver.cluster.close()
    show.theatre.engine.close()
    verify_file(tmp_path / "chain.db", True)
