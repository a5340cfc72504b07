"""What is shown of auctions: phases, prices, and why an order was left."""

from typing import Any

import pytest
from pydantic import ValidationError
from tests.hall import BUY, SELL, Hall

from suanli.clearing import solve
from suanli.gateway import auctions
from suanli.gateway.auction_routes import command_of
from suanli.gateway.requests import AuctionOrderRequest
from suanli.market.auction.commands import (
    ClearWithout,
    Enter,
    EnterBlock,
    EnterCurve,
    EnterOffer,
)
from suanli.members.commands import SetParameter
from suanli.terms.errors import InputError


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


def scarce(hall: Hall) -> None:
    """A quarter is set aside; of 12,500 lots wanted at 1000 there are 12,000, at 800."""
    hall.must(1, SetParameter("set_aside_ppm", 250_000))
    hall.order(1, hall.curve(SELL, (800, 12_000)))
    hall.order(2, hall.curve(BUY, (1000, 12_500)))
    hall.order(2, hall.curve(BUY, (1000, 10), hour=1))  # nobody sells there: nothing is traded


def test_what_the_set_aside_cost_is_shown_where_something_was_traded(hall: Hall) -> None:
    scarce(hall)
    hall.close()
    frozen = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting)
    without = solve(frozen.without, seconds=5.0).clearing
    assert hall.clear(3, without, ClearWithout).code == 0
    before = auctions.auction(hall.rooms, hall.auction, hall.at)
    assert (before["withheld_lots"], before["set_aside_cost_micro_rmb"]) == (4000, None)
    assert hall.clear(2, solve(frozen.auction, seconds=5.0).clearing).code == 0
    hall.settle()
    found = auctions.auction(hall.rooms, hall.auction, hall.at)
    row, = found["prices"]
    assert (row["price_mrmb"], row["price_without_mrmb"], row["difference_mrmb"]) == (
        1000, 800, 200)
    assert found["set_aside_cost_micro_rmb"] == 12_000 * 200
    assert auctions.auctions(hall.rooms, hall.at)[0]["set_aside_cost_micro_rmb"] == 12_000 * 200


def test_what_nobody_solved_is_shown_as_unknown(hall: Hall) -> None:
    scarce(hall)
    found = auctions.auction(settled(hall), hall.auction, hall.at)
    row, = found["prices"]
    assert (row["price_mrmb"], row["price_without_mrmb"], row["difference_mrmb"]) == (
        1000, None, None)
    assert (found["withheld_lots"], found["set_aside_cost_micro_rmb"]) == (4000, None)


def test_a_cost_below_nothing_is_shown_as_it_is(hall: Hall) -> None:
    """With blocks more to sell may raise a price: a rival keeps out the block that made it low."""
    hall.must(1, SetParameter("set_aside_ppm", 250_000))
    hall.order(1, hall.curve(SELL, (400, 1)))
    hall.order(1, hall.block(SELL, 600, 11_000, (0,)))
    hall.order(2, hall.curve(BUY, (1000, 11_001)))
    hall.close()
    assert hall.rooms.market.tables["auctions"][hall.auction].withheld
    actual = hall.clearing(600, {0: 1, 1: 11_001}, {0: 1_000_000}, {0: 11_001})
    assert hall.clear(3, actual).code == 0
    without = hall.clearing(1000, {0: 1, 1: 4001, 2: 4000}, flows={0: 4001}, is_without=True)
    assert hall.clear(3, without, ClearWithout).code == 0
    hall.settle()
    found = auctions.auction(hall.rooms, hall.auction, hall.at)
    assert found["set_aside_cost_micro_rmb"] == 11_001 * (600 - 1000)


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


def test_an_offer_is_told_what_it_would_have_earned(hall: Hall) -> None:
    hall.order(1, hall.curve(SELL, (800, 100)))
    taken = hall.order(1, hall.offer(2_000, ((790, 50),), ((790, 50),)))
    short = hall.order(1, hall.offer(1_000_000, ((700, 100), (750, 50)), ((990, 10),)))
    dear = hall.order(1, hall.offer(5, ((995, 10),)))
    idle = hall.order(1, hall.offer(5, ((800, 10),), first=7))
    one_hour = hall.order(1, hall.curve(SELL, (700, 10), fixed_micro_rmb=1_000_000))
    for hour in range(2):
        hall.order(2, hall.curve(BUY, (1000, 50), (900, 50), hour=hour))  # from whoever sells
    assert why(hall, short)["why"] == "the auction is open"
    rooms = settled(hall)
    prices = {row["start"]: row["price_mrmb"] for row in auctions.auction(
        rooms, hall.auction, hall.at)["prices"]}
    first, second = (prices[hall.sitting.start_of(hour)] for hour in range(2))
    assert first == 800
    assert why(hall, taken)["why"] == "it was taken whole"
    assert why(hall, taken)["income_micro_rmb"] == 50 * (first - 790) + 50 * (second - 790) >= 2_000
    income = 100 * (first - 700) + 50 * (first - 750) + 10 * max(0, second - 990)
    assert why(hall, short)["why"] == (
        f"its income was short: it would have earned {income} of its fixed cost 1000000 micro-RMB "
        "at the prices found")
    assert why(hall, dear)["income_micro_rmb"] == 0
    assert why(hall, idle)["why"] == "nothing was traded in its hours"
    assert why(hall, one_hour)["income_micro_rmb"] == 10 * (first - 700)
    shown = {row["id"]: row for row in auctions.orders(rooms, 1)}[short]
    assert (shown["kind"], shown["side"], shown["price_mrmb"], shown["lots"],
            shown["fixed_micro_rmb"]) == ("offer", "sell", [700, 750, 990], 160, 1_000_000)
    assert auctions.auction(rooms, hall.auction, hall.at)["offers_left_out"] == 4


def test_a_sellers_price_is_that_of_the_buyers_it_reaches(hall: Hall) -> None:
    hall.order(1, hall.curve(SELL, (800, 100)))
    dear = hall.order(1, hall.curve(SELL, (950, 10)))
    hall.order(2, hall.curve(BUY, (1000, 50)))  # at the demand node of the area
    settled(hall)
    assert why(hall, dear)["price_needed_mrmb"] == 800
    assert "or less would have been in the money" in why(hall, dear)["why"]


SOLD = {"area": "a", "grade": "g", "start": 0, "lots": 5, "issuer": 1}


def asked(**fields: Any) -> Enter:
    return command_of(AuctionOrderRequest(auction=7, **{
        "side": "sell", "price_mrmb": 800, "fixed_micro_rmb": 900, "legs": [SOLD], **fields}))


def test_a_request_with_a_fixed_cost_is_an_offer_of_all_its_legs() -> None:
    later = {**SOLD, "start": 3_600_000, "steps": [[700, 2], [800, 3]]}
    place = (7, 1, "a", "g", "firm")
    assert asked(legs=[SOLD, later], order=4) == EnterOffer(
        *place, ((0, ((800, 5),)), (3_600_000, ((700, 2), (800, 3)))), 900, 4)
    assert asked(steps=[(700, 2)]) == EnterCurve(*place, 0, 1, ((700, 2),), 900, 0)
    assert isinstance(asked(fixed_micro_rmb=0), EnterBlock)
    for wrong in ({"side": "buy"}, {"legs": [SOLD, {**SOLD, "grade": "h"}]}):
        with pytest.raises(InputError, match="accepted"):
            asked(**wrong)


def why(hall: Hall, order: int) -> dict[str, Any]:
    found = auctions.explain_order(hall.rooms, order, hall.at)
    assert found is not None
    return found


def test_a_late_order_is_told_so(hall: Hall) -> None:
    hall.at = hall.sitting.last - 1
    late = hall.order(2, hall.curve(BUY, (1000, 100)))
    hall.close()
    assert hall.sitting.ends < hall.sitting.last - 1
    found = auctions.explain_order(hall.rooms, late, hall.at)
    assert found is not None
    assert "after the end that was drawn" in found["why"]


LEG = {"issuer": 0, "area": "area-1", "grade": "g", "tier": "firm", "start": 0, "lots": 1}


def test_a_curves_steps_are_read_as_json_has_them() -> None:
    fields = {"auction": 1, "legs": [LEG], "price_mrmb": 900}
    read = AuctionOrderRequest.model_validate(fields | {"steps": [[900, 5], [800, 7]]})
    assert read.steps == [(900, 5), (800, 7)]
    for steps in ([[900]], [[900, 5, 1]], [["900", 5]], [[900, 5.5]], [[900, None]], [900]):
        with pytest.raises(ValidationError):
            AuctionOrderRequest.model_validate(fields | {"steps": steps})
