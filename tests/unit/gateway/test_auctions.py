"""What is shown of auctions: phases, prices, and why an order was left."""

from typing import Any

import pytest
from tests.hall import BUY, SELL, Hall

from suanli.clearing import solve
from suanli.gateway import auctions


@pytest.fixture
def hall() -> Hall:
    return Hall().opened()


def settled(hall: Hall) -> Any:
    """Close, clear and settle; return the rooms."""
    hall.close()
    frozen = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting)
    assert hall.clear(2, solve(frozen.auction, seconds=5.0).clearing).code == 0
    hall.settle()
    return hall.rooms


def test_an_auction_from_opening_to_prices(hall: Hall) -> None:
    row, = auctions.auctions(hall.rooms, hall.at)
    assert (row["phase"], row["orders"], row["welfare_micro_rmb"]) == ("open", 0, None)
    hall.order(1, hall.curve(SELL, (800, 150)))
    hall.order(2, hall.curve(BUY, (1000, 100)))
    rooms = settled(hall)
    found = auctions.auction(rooms, hall.auction, hall.at)
    assert found is not None
    assert (found["phase"], found["orders"], found["blocks_rejected"]) == ("settled", 2, 0)
    price, = found["prices"]
    assert (price["price_mrmb"], price["lots"], price["issuer"]) == (800, 100, None)
    assert auctions.auction(rooms, 99, hall.at) is None


def test_why_an_order_was_left(hall: Hall) -> None:
    hall.order(1, hall.curve(SELL, (800, 150)))
    hall.order(2, hall.curve(BUY, (1000, 100)))
    low = hall.order(2, hall.curve(BUY, (700, 100)))
    part = hall.order(3, hall.block(BUY, 900, 200, (0,), ratio_ppm=100_000))
    nobody = hall.order(3, hall.curve(BUY, (900, 10), hour=5))
    cheap = hall.order(3, hall.flexible(500, 10, 1))
    rooms = settled(hall)

    def why(id: int) -> dict[str, Any]:
        found = auctions.explain_order(rooms, id, hall.at)
        assert found is not None
        return found

    prices = hall.rooms.market.tables["auction_results"][hall.auction]
    assert why(2)["why"] == "it was taken whole"
    needed = why(low)["price_needed_mrmb"]
    assert needed >= 800
    assert str(needed) in why(low)["why"]
    assert why(part)["filled_lots"] in (0, 50)
    assert why(nobody)["why"] == "nothing was traded in its hours"
    assert why(cheap)["price_needed_mrmb"] == needed
    assert auctions.explain_order(rooms, 99, hall.at) is None
    assert [row["id"] for row in auctions.orders(rooms, 3)] == [part, nobody, cheap]
    assert prices.solver == 2


def test_a_late_order_is_told_so(hall: Hall) -> None:
    hall.at = hall.sitting.last - 1
    late = hall.order(2, hall.curve(BUY, (1000, 100)))
    hall.close()
    assert hall.sitting.ends < hall.sitting.last - 1
    found = auctions.explain_order(hall.rooms, late, hall.at)
    assert found is not None
    assert "after the end that was drawn" in found["why"]
