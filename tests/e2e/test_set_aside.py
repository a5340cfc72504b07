"""What a set-aside costs buyers, from a governed parameter to the command line, in a virtual world.

The production planner offers, the auctioneer asks the solver twice, the API shows both prices, and
the command prints them.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from tests.e2e.test_deferred import Server
from tests.stage import FLEET, SINGLE
from typer.testing import CliRunner

from suanli.adapters.verification import verify_file
from suanli.cli import auctions
from suanli.market.bands import Band
from suanli.market.product import Product
from suanli.members.commands import SetParameter
from suanli.sdk.client import Client
from suanli.simulation.world import EPOCH
from suanli.terms.instant import DAY, HOUR, MINUTE

NORTH = 2
POSTED, LIMIT = FLEET.price_mrmb, 1500


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def governed(server: Server, name: str, value: int) -> None:
    command = server.theatre.agents["governor"].sign(SetParameter(name, value))
    with server.service.lock:
        assert server.theatre.driver.request(command, server.clock.at) is None


def bid(server: Server, lots: int) -> None:
    leg = {"issuer": 0, "area": "area-1", "grade": SINGLE, "tier": "firm",
           "start": EPOCH + DAY + 8 * HOUR, "lots": lots}
    response = server.api.post("/v1/auction-orders", json={
        "auction": 1, "legs": [leg], "side": "buy", "steps": [[LIMIT, lots]],
        "price_mrmb": LIMIT})
    assert response.status_code == 201, response.text


def printed(server: Server, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """Return what the command prints when its client talks to this server."""
    client = Client()
    client._http = server.api
    monkeypatch.setattr("suanli.cli.auctions.client_for", lambda data_dir: client)
    app = typer.Typer()
    auctions.register(app)
    found = CliRunner().invoke(app, ["auction", "results", "1", *words])
    assert found.exit_code == 0, found.output
    return found.output


@pytest.mark.parametrize(("ppm", "price", "cost"), [
    (250_000, LIMIT, "6"),
    # the operator offers what is asked for, so any price between the two limits would do
    (0, (POSTED + LIMIT) // 2, None)])
def test_the_price_without_it_stands_beside_the_price(
        server: Server, monkeypatch: pytest.MonkeyPatch, ppm: int, price: int,
        cost: str | None) -> None:
    governed(server, "set_aside_ppm", ppm)
    governed(server, "band_static_ppm", 200_000)
    server.until(EPOCH + 9 * HOUR + 10 * MINUTE)
    bid(server, 14_000)
    server.until(EPOCH + 12 * HOUR + 30 * MINUTE, MINUTE // 2)
    found = server.api.get("/v1/auctions/1").json()
    row, = found["prices"]
    assert (found["phase"], row["price_mrmb"]) == ("settled", price)
    assert row["price_without_mrmb"] == (POSTED if cost else None)
    said = printed(server, monkeypatch)
    assert ("without set-aside" in said) == (cost is not None)
    assert ("cost of the set-aside to buyers" in said) == (cost is not None)
    assert f"cost of the set-aside to buyers: {cost} RMB" in said or cost is None
    assert json.loads(printed(server, monkeypatch, "-o", "json")) == found["prices"]
    product = Product(NORTH, "area-1", SINGLE, "firm", row["start"])
    band = server.service.rooms.market.guard(product, server.clock.at).band
    assert band == Band(price * 8 // 10, price * 12 // 10)
    server.service.stop()
    server.theatre.engine.close()
    verify_file(server.directory / "chain.db", True)
