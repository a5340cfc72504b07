"""Buy, and sell again, through the API with the fields of each kind, in a virtual world."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.test_deferred import Server
from tests.stage import FLEET, SINGLE

from suanli.simulation.world import EPOCH
from suanli.terms.instant import HOUR, MINUTE

NORTH = 2
POSTED = FLEET.price_mrmb


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.until(EPOCH + 10 * MINUTE)
    yield made
    made.close()


def ordered(server: Server, side: str, price: int, lots: int, code: int = 201,
            **fields: Any) -> Any:
    response = server.api.post("/v1/orders", json={
        "issuer": NORTH, "area": "area-1", "grade": SINGLE, "start": EPOCH + 2 * HOUR,
        "side": side, "price_mrmb": price, "lots": lots, **fields})
    assert response.status_code == code, response.text
    return response.json()


def test_what_was_bought_is_sold_again(server: Server) -> None:
    bought = ordered(server, "buy", POSTED, 700, time_in_force="fok")
    assert (bought["filled"], bought["left"]) == (700, 0)
    until = server.clock.at + 30 * MINUTE
    sale = ordered(server, "sell", POSTED - 10, 500, is_ioc=False, visible_lots=100,
                   time_in_force="until", until=until)
    assert sale["left"] == 500
    for fields, name in (({"is_ioc": False, "is_post_only": True}, "would_take"),
                         ({"self_trade": "newest"}, "self_trade")):
        refusal = ordered(server, "buy", POSTED - 10, 10, 409, **fields)
        assert name in str(refusal)
    taken = ordered(server, "buy", POSTED - 10, 150, self_trade="decrement")
    assert (taken["filled"], taken["prevented"]) == (0, [[sale["id"], 150]])
    row, = server.api.get("/v1/orders").json()
    assert (row["id"], row["side"], row["lots"]) == (sale["id"], "sell", 350)
    server.until(until + MINUTE)
    resting = ordered(server, "buy", POSTED - 20, 10, is_ioc=False)
    assert [row["id"] for row in server.api.get("/v1/orders").json()] == [resting["id"]]


def test_market_to_limit_through_the_api(server: Server) -> None:
    ordered(server, "buy", POSTED, 100)
    bid = ordered(server, "buy", POSTED - 50, 60, is_ioc=False)
    sold = ordered(server, "sell", POSTED - 60, 100, is_ioc=False, is_market=True)
    assert (sold["filled"], sold["left"], sold["price_mrmb"]) == (60, 40, POSTED - 50)
    assert [row["id"] for row in server.api.get("/v1/orders").json()] == [sold["id"]] != [bid["id"]]
