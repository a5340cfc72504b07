"""A device offered in two grades from the command line, and delivered in the one that was asked."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.e2e.test_cli import Home
from tests.e2e.test_credits import served
from tests.e2e.test_deferred import Server
from tests.stage import FLEET, GANG, SINGLE

from suanli.adapters.shipped import datasheet_text
from suanli.adapters.verification import verify_file
from suanli.gateway.api import create_app
from suanli.simulation.world import EPOCH, World
from suanli.terms.instant import DAY, HOUR, MINUTE
from suanli.terms.quantity import TOKEN

WORLD = World("grades", 1, EPOCH, (("operator", FLEET),), ("tenant",), datasheet_text(), 10**9)
OPERATOR = 2
START = EPOCH + DAY + 8 * HOUR
HOUR_NAMED = time.strftime("%Y-%m-%dT%H", time.gmtime(START // 1000))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with served(tmp_path, WORLD) as made:
        yield made


def test_offered_in_two_grades_delivered_in_the_one_that_was_asked(server: Server,
                                                                   tmp_path: Path) -> None:
    home = Home(tmp_path)
    offer = ("auction", "offer", "area-1", SINGLE, HOUR_NAMED, "10", "--hours=2", "--limit=900",
             f"--also={GANG}", f"--issuer={OPERATOR}")
    server.until(EPOCH + 9 * HOUR + 10 * MINUTE)
    assert "an operator's sell of its own" in home(*offer, code=1).stderr
    assert home(*offer, "--as-operator").stdout.count("in auction 1") == 2
    assert home.rows("auction", "orders") == []
    offered = home.rows("auction", "orders", "--as-operator")
    assert [(row["kind"], row["lots"], row["side"]) for row in offered] == [
        ("curve", 10_000, "sell")] * 2
    home("auction", "cancel", str(offered[1]["id"]), "--as-operator")
    home("auction", "bid", "area-1", GANG, HOUR_NAMED, "4", "--limit=1200")
    server.until(EPOCH + 12 * HOUR + 30 * MINUTE, MINUTE // 2)
    row, = server.api.get(
        "/v1/auctions/1").json()["prices"]
    assert (row["grade"], row["lots"]) == (GANG, 4000)
    mine = {str(r["unit"]): r["available"] for r in home.rows("balance") if r["owner"] == "tenant"}
    assert mine[f"area-1/{GANG}/firm/{START}"] == 4 * TOKEN
    said = home("auction", "explain", str(offered[0]["id"])).stdout
    assert "4000 of 10000 lots were taken" in said
    server.theatre.engine.close()
    verify_file(tmp_path / "chain.db", True)


def test_a_credential_does_not_offer_for_the_operator(server: Server) -> None:
    client = TestClient(create_app(server.service, "secret", lambda: None, server.deferred),
                        headers={"authorization": "Bearer secret"})
    leg = {"area": "area-1", "grade": SINGLE, "issuer": OPERATOR, "lots": 5, "start": START}
    order = {"auction": 1, "legs": [leg], "side": "sell", "price_mrmb": 900, "as_operator": True}
    strip = {"area": "area-1", "grade": SINGLE, "start": START, "hours": 1, "lots": 1,
             "floor_mrmb": 900, "cap_mrmb": 900, "until": START}
    for refused in (client.post("/v1/auction-orders", json=order),
                    client.delete("/v1/auction-orders/1", params={"as_operator": True}),
                    client.post("/v1/strips", json=strip), client.delete("/v1/strips/1")):
        assert refused.status_code == 403
        assert "Unix socket" in refused.text
