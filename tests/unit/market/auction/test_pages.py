"""What the last page of a settlement leaves behind: an auction's price is the bands' reference."""

from typing import Any

import pytest
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall
from tests.stage import SINGLE

from suanli.market.auction.commands import SettleAuction
from suanli.market.bands import Band
from suanli.market.commands import Order
from suanli.market.halts import HALTED, LIMIT, OPEN, REOPENING
from suanli.market.product import Product
from suanli.members.commands import SetParameter
from suanli.terms.instant import HOUR, MINUTE, SECOND

PRODUCT = Product(1, AREA, SINGLE, "firm", DAY_AHEAD)
FIFTH = 200_000


@pytest.fixture
def hall() -> Hall:
    made = Hall().opened()
    made.must(1, SetParameter("band_static_ppm", FIFTH))
    return made


def watch(hall: Hall) -> Any:
    return hall.rooms.market.tables["watches"].get(PRODUCT)


def one_trade(hall: Hall) -> None:
    """100 lots at 800, from the operator to tenant 2, as soon as it is settled."""
    hall.order(1, hall.curve(SELL, (800, 150)))
    hall.order(1, hall.curve(SELL, (1300, 150), hour=1))
    hall.order(2, hall.curve(BUY, (1000, 100)))
    hall.close()
    steps = {0: 100, 2: 100}
    assert hall.clear(3, hall.clearing(800, steps, flows={0: 100})).code == 0


def spot(side: int, price: int, lots: int, is_ioc: bool = False) -> Order:
    return Order(*PRODUCT, side, price, lots, is_ioc)


def test_a_band_is_around_the_price_of_the_auction(hall: Hall) -> None:
    market = hall.rooms.market
    assert market.guard(PRODUCT, hall.at).band == Band(800, 1200)  # about the posted price
    one_trade(hall)
    hall.settle()
    assert watch(hall).reference_mrmb == 800
    assert market.guard(PRODUCT, hall.at).band == Band(640, 960)


def test_only_of_products_that_were_sold(hall: Hall) -> None:
    one_trade(hall)
    hall.settle()
    assert list(hall.rooms.market.tables["watches"]) == [PRODUCT]  # no demand node, no other hour


def test_the_last_page_writes_it(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suanli.market.auction.pages.PAGE_ROWS", 2)
    one_trade(hall)
    hall.at = hall.sitting.deadline
    while hall.sitting.status != "settled":
        assert watch(hall) is None
        hall.must(3, SettleAuction(hall.auction))
    assert watch(hall).reference_mrmb == 800


def test_a_voided_auction_writes_nothing(hall: Hall) -> None:
    one_trade(hall)
    hall.at = DAY_AHEAD + HOUR
    assert hall.settle() == "void"
    assert hall.rooms.market.tables["watches"].width == 0


def test_without_bands_nothing_is_watched() -> None:
    hall = Hall().opened()
    one_trade(hall)
    hall.settle()
    assert hall.rooms.market.tables["watches"].width == 0


@pytest.mark.parametrize(("after", "phase"), [
    (0, LIMIT), (15 * SECOND, HALTED), (5 * MINUTE + 15 * SECOND, REOPENING)])
def test_a_limit_state_is_neither_ended_nor_begun(hall: Hall, after: int, phase: str) -> None:
    hall.must(3, spot(BUY, 1000, 200, True))
    hall.must(2, spot(BUY, 700, 50))
    one_trade(hall)
    hall.at = hall.sitting.deadline
    hall.must(3, spot(SELL, 600, 100))  # stopped at 800: the band's edge about 1000
    before = watch(hall)
    assert before.limit_since
    hall.at += after
    hall.settle()
    now = watch(hall)
    assert (before.reference_mrmb, now.reference_mrmb) == (1000, 800)
    assert (now.limit_since, now.limit_side, now.limit_edge, now.trades) == (
        before.limit_since, SELL, 800, before.trades)
    market = hall.rooms.market
    assert now.phase(market.rules(), hall.at) == phase
    assert [product for _, product in market.reopenings()] == [PRODUCT]


def test_what_rests_outside_a_new_band_starts_no_halt(hall: Hall) -> None:
    hall.must(3, spot(BUY, 1000, 200, True))
    hall.must(3, spot(SELL, 1190, 10))
    one_trade(hall)
    hall.settle()
    market = hall.rooms.market
    assert market.guard(PRODUCT, hall.at).band.high < 1190
    assert watch(hall).phase(market.rules(), hall.at) == OPEN
    assert market.reopenings() == []
