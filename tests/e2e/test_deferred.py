"""A job by a deadline within a budget: flexible order -> reservation -> placement, through the API.

A virtual world whose clock is set by hand; the server's own thread steps it, and every request goes
through the API.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.stage import CHIP, FLEET, SINGLE

from suanli.adapters.shipped import datasheet_text
from suanli.clearing.workers import AtOnce
from suanli.gateway.api import create_app
from suanli.gateway.deferred import DeferredJobs
from suanli.gateway.service import ReceiptIndex, Service
from suanli.planning.auctioneer import Auctioneer
from suanli.planning.policies import POLICIES
from suanli.simulation.world import EPOCH, Theatre, World
from suanli.terms.instant import DAY, HOUR, MINUTE
from suanli.terms.quantity import RMB

WORLD = World("deferred", 1, EPOCH, (("north", FLEET),), ("tenant",), datasheet_text(), 10**12)
TOMORROW = EPOCH + DAY
JOB = {"argv": ["train"], "time_limit_ms": 2 * HOUR, "max_hourly_cost": 10 * RMB, "chips": [CHIP]}


class Set:
    """A clock that is set by hand."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at


class Server:
    """The API over a virtual world."""

    def __init__(self, directory: Path, world: World = WORLD) -> None:
        self.directory = directory
        theatre = Theatre(world, directory / "chain.db", POLICIES["best-fit"],
                          lambda job, spec, host: HOUR, Auctioneer(AtOnce(), ("day-ahead",)))
        self.theatre, self.clock = theatre, Set(EPOCH)
        receipts = ReceiptIndex()
        theatre.driver.listeners.append(receipts)
        self.service = Service(theatre.driver, self.clock, theatre.agents, receipts)
        self.deferred = DeferredJobs(self.service, directory)
        self.api = TestClient(create_app(self.service, None, lambda: None, self.deferred))
        self.service.start()

    def until(self, at: int, step: int = 10 * MINUTE) -> None:
        """Let time pass in steps; at each, whatever is due is done."""
        while self.clock.at < at:
            self.clock.at = min(at, self.clock.at + step)
            self.wait(lambda: self.service.driver.engine.application.time >= self.clock.at - HOUR)
            with self.service.lock:
                self.service.step()
            self.deferred.look()

    def wait(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def state(self) -> str:
        return str(self.api.get("/v1/deferred").json()[-1]["state"])

    def close(self) -> None:
        self.service.stop()
        self.theatre.engine.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def defer(server: Server, budget: int = 4 * RMB, by: int = TOMORROW + 12 * HOUR,
          **job: Any) -> Any:
    return server.api.post("/v1/deferred", json={"job": JOB | job, "by": by, "budget": budget})


def test_it_bids_buys_and_runs_in_its_hours(server: Server) -> None:
    assert defer(server).status_code == 201
    assert server.state() == "waits for an auction"
    server.until(EPOCH + 9 * HOUR + 10 * MINUTE)
    assert server.state() == "order 1"
    order, = server.api.get("/v1/auction-orders").json()
    assert (order["kind"], order["lots"]) == ("flexible", 2000)
    server.until(EPOCH + 12 * HOUR + 30 * MINUTE, MINUTE // 2)
    assert server.state() == "bought"
    assert "taken" in server.api.get("/v1/auction-orders/1/explanation").json()["why"]
    server.until(TOMORROW + 12 * HOUR)
    assert server.state() == "job 1"
    job, = server.api.get("/v1/jobs").json()
    assert (job["phase"], job["outcome"], job["cash_micro_rmb"]) == ("ended", "succeeded", 0)
    assert server.api.get("/v1/receipts/1").status_code == 200


def test_a_budget_below_the_price_is_given_up_when_no_auction_is_left(server: Server) -> None:
    defer(server, budget=RMB)  # two hours of a device cost 2 RMB at the posted price
    server.until(EPOCH + 9 * HOUR + 10 * MINUTE)
    server.until(EPOCH + 12 * HOUR + 30 * MINUTE, MINUTE // 2)
    assert server.state() == "waits for an auction"
    server.until(TOMORROW + 11 * HOUR, HOUR)
    assert server.state().startswith("given up: no auction")
    assert server.api.get("/v1/jobs").json() == []


def test_a_restart_goes_on_where_it_was(server: Server) -> None:
    defer(server)
    server.until(EPOCH + 9 * HOUR + 10 * MINUTE)
    server.deferred = DeferredJobs(server.service, server.directory)
    server.until(EPOCH + 12 * HOUR + 30 * MINUTE, MINUTE // 2)
    server.until(TOMORROW - HOUR, HOUR)
    before = DeferredJobs(server.service, server.directory)  # a process that dies after submitting
    server.until(TOMORROW + 12 * HOUR)
    before.look()
    assert [row["job"] for row in before.rows()] == [1]
    assert len(server.api.get("/v1/jobs").json()) == 1


def test_a_budget_beyond_the_highest_price_bids_that_and_pays_what_clears(server: Server) -> None:
    defer(server, budget=10**15)
    server.until(EPOCH + 9 * HOUR + 10 * MINUTE)
    order, = server.api.get("/v1/auction-orders").json()
    assert order["price_mrmb"] == server.service.rooms.market.auctions.sitting(1).price_max


def test_an_order_whose_number_was_lost_in_a_crash_is_found_again(server: Server) -> None:
    defer(server)
    before = DeferredJobs(server.service, server.directory)  # dies once the order is in
    server.until(EPOCH + 9 * HOUR + 10 * MINUTE)
    assert server.state() == "order 1"
    before.look()
    assert [row["order"] for row in before.rows()] == [1]
    assert len(server.api.get("/v1/auction-orders").json()) == 1


def test_what_the_engine_cannot_store_now_is_tried_again(server: Server) -> None:
    defer(server)
    server.clock.at = EPOCH + 9 * HOUR
    server.wait(lambda: len(server.api.get("/v1/auctions").json()) == 1)
    server.service.stop()  # asked now, nothing answers
    server.service.broken = RuntimeError("stopped")
    server.deferred.look()
    assert server.state() == "waits for an auction"
    server.service.broken = None


@pytest.mark.parametrize(("fields", "said"), [
    ({"by": EPOCH + HOUR}, "before the deadline"),
    ({"time_limit_ms": 49 * HOUR}, "at most 48 h"),
    ({"budget": 0}, "greater than 0"),
])
def test_what_cannot_be_deferred(server: Server, fields: dict[str, int], said: str) -> None:
    answer = defer(server, **fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert server.api.get("/v1/deferred").json() == []


def test_nothing_offered_on_its_chips_is_said(server: Server) -> None:
    defer(server, chips=["t4-16"])
    server.until(EPOCH + 9 * HOUR + 10 * MINUTE)
    assert server.state() == "given up: nothing is offered on its chips"


def test_a_quote_names_the_cheapest_hours(server: Server) -> None:
    server.until(EPOCH + MINUTE)
    rows = server.api.post("/v1/quotes", json=JOB).json()
    assert [row["when"] for row in rows] == ["now", "tonight", "this week"]
    assert {(row["grade"], row["cost_micro_rmb"], row["hours"]) for row in rows} == {
        (SINGLE, 2 * RMB, 2)}
    refused = server.api.post("/v1/quotes", json=JOB | {"chips": ["t4-16"]})
    assert refused.status_code == 409
    assert "nothing is offered" in refused.text


def test_the_calendar_and_unknown_numbers(server: Server) -> None:
    sessions = server.api.get("/v1/sessions").json()
    assert {row["session"] for row in sessions} >= {"day-ahead", "weekly"}
    assert all(row["opens"] < row["gate"] < row["start"] for row in sessions)
    for path in ("/v1/auctions/99", "/v1/auction-orders/99/explanation"):
        assert server.api.get(path).status_code == 404
