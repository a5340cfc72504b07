"""Credits from the command line to a job: an auction settles at a price, credit converts at it.

A virtual world whose clock is set by hand, stepped by the server's own thread and served on a Unix
socket; the command line talks to it as to any server.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient
from tests.e2e.test_cli import Home
from tests.e2e.test_deferred import JOB, Server
from tests.stage import CHIP, FLEET, SINGLE

from suanli.adapters.shipped import datasheet_text
from suanli.adapters.verification import verify_file
from suanli.gateway.api import create_app
from suanli.gateway.server import SOCKET
from suanli.gateway.server import Server as Listener
from suanli.gateway.service import Answer
from suanli.market.auction.commands import EnterCurve
from suanli.market.commands import Order
from suanli.simulation.world import EPOCH, World
from suanli.terms.instant import DAY, HOUR, MINUTE
from suanli.terms.quantity import RMB, TOKEN

WORLD = World("credits", 1, EPOCH, (("operator", FLEET),), ("tenant", "other"), datasheet_text(),
              10**9)
OPERATOR, TENANT = 2, 3
START = EPOCH + DAY + 8 * HOUR
HOUR_NAMED = time.strftime("%Y-%m-%dT%H", time.gmtime(START // 1000))
CONVERT = ("credit", "convert", "area-1", SINGLE, HOUR_NAMED)


@contextmanager
def served(directory: Path, world: World) -> Iterator[Server]:
    """A virtual world behind a real socket, for real commands."""
    made = Server(directory, world)
    listener = Listener(uvicorn.Config(made.api.app, uds=str(directory / SOCKET),
                                       log_level="error"))
    thread = threading.Thread(target=listener.run)
    thread.start()
    made.wait(lambda: listener.started)
    yield made
    listener.should_exit = True
    thread.join()
    made.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with served(tmp_path, WORLD) as made:
        yield made


def auctioned(server: Server) -> None:
    """An hour that the operator posts at 1000 changes hands at 700 in the day-ahead auction."""
    server.until(EPOCH + 9 * HOUR + 10 * MINUTE)
    place = (OPERATOR, "area-1", SINGLE, "firm", START)
    for who, command in (("other", Order(*place, 0, 1000, 500, True)),
                         ("other", EnterCurve(1, *place, 1, ((700, 500),), 0, 0)),
                         ("tenant", EnterCurve(1, 0, *place[1:], 0, ((900, 300),), 0, 0))):
        assert isinstance(server.service.ask(who, command), Answer)
    server.until(EPOCH + 12 * HOUR + 30 * MINUTE, MINUTE // 2)
    price, = server.api.get("/v1/auctions/1").json()["prices"]
    assert (price["price_mrmb"], price["lots"]) == (700, 300)


def test_prepaid_at_the_posted_price_converted_at_the_auctions(server: Server,
                                                               tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert "1.2 RMB of credit" in home("credit", "grant", "tenant", "1.2").stdout
    early = home(*CONVERT, "0.001", f"--issuer={OPERATOR}", code=1).stderr
    assert "no_auction_price" in early
    auctioned(server)
    cash = server.service.rooms.ledger.available(TENANT << 40 | 1)
    most = home(*CONVERT, "1.715", f"--issuer={OPERATOR}", code=1).stderr
    assert "insufficient_balance" in most
    assert "1714 lots are accepted" in most
    said = home(*CONVERT, "1.714", f"--issuer={OPERATOR}").stdout
    assert "1.714 token at 700 milli-RMB a token: 1.1998 RMB of face, 0.0002 left" in said
    row, = home.rows("credit", "list")
    assert (row["granted"], row["converted"], row["owed"], row["mine"]) == (
        1_200_000, 1_199_800, 200, 200)
    assert "operator owes 0.0002 RMB" in home("credit", "list").stdout
    mine = {str(r["unit"]): r for r in home.rows("balance") if r["owner"] == "tenant"}
    assert mine["credit of operator"]["in_words"] == "0.000200 RMB of face"
    assert mine[f"area-1/{SINGLE}/firm/{START}"]["available"] == (300 + 1714) * TOKEN // 1000
    assert mine["cash"]["available"] == cash
    curve = {r["start"]: r["last_auction"] for r in server.api.get("/v1/curve").json()
             if (r["grade"], r["tier"]) == (SINGLE, "firm")}
    assert curve[START] == 700
    server.until(START, HOUR)
    assert server.api.post("/v1/jobs", json=JOB | {"time_limit_ms": HOUR}).status_code == 201
    server.until(START + 90 * MINUTE)
    job, = server.api.get("/v1/jobs").json()
    assert (job["outcome"], job["chip"], job["tokens"], job["cash_micro_rmb"]) == (
        "succeeded", CHIP, TOKEN, 0)
    server.theatre.engine.close()
    verify_file(tmp_path / "chain.db", True)


def test_a_credential_does_not_speak_for_the_operator(server: Server) -> None:
    app = create_app(server.service, "secret", lambda: None, server.deferred)
    client = TestClient(app, headers={"authorization": "Bearer secret"})
    wish = {"member": "tenant", "micro_rmb": RMB}
    refused = client.post("/v1/credits", json=wish)
    assert refused.status_code == 403
    assert "Unix socket" in refused.text
    assert client.get("/v1/credits").json() == []
    assert server.api.post("/v1/credits", json=wish).status_code == 201
    assert [row["mine"] for row in client.get("/v1/credits").json()] == [RMB]


@pytest.mark.parametrize(("fields", "status", "said"), [
    ({"member": "nobody"}, 403, "unknown_participant"),
    ({"member": "9" * 200}, 403, "unknown_participant"),
    ({"member": str(OPERATOR)}, 409, "same_account"),
    ({"micro_rmb": 0}, 422, "greater than 0"),
    ({"micro_rmb": 2**63}, 422, "less than or equal"),
    ({"cash": 1}, 422, "extra"),
])
def test_grants_that_cannot_be(server: Server, fields: dict[str, object], status: int,
                               said: str) -> None:
    wish = {"member": str(TENANT), "micro_rmb": 1} | fields
    answer = server.api.post("/v1/credits", json=wish)
    assert answer.status_code == status
    assert said in answer.text.lower()
    assert server.api.get("/v1/credits").json() == []
