"""A buy order whose limit is above the posted price goes on to dearer asks once that is sold out.

Goal: the book is never crossed, each kind of order sees all of what it would do, and what is on
hold is what the resting orders need. Method: an issuer with few lots left at 1000, asks below, at
and above that price.
"""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from tests.stage import CHIP, START, Stage
from tests.unit.market.test_kinds import PRODUCT, fok, holds, kind, needs, offer, queue, refused
from tests.unit.market.test_state import order, owned

from suanli.ledger.commands import Attest
from suanli.market.book import BUY, SELL
from suanli.market.commands import Modify
from suanli.members.commands import SetParameter
from suanli.terms.instant import HOUR
from suanli.terms.refusals import Code

LEFT = 500  # lots that the issuer can still back


def is_crossed(stage: Stage) -> bool:
    book = stage.rooms.market.books.get(PRODUCT)
    bid, ask = (book.best(side) if book else None for side in (BUY, SELL))
    return bool(bid and ask and bid >= ask)


@pytest.fixture
def scarce(stage: Stage) -> Iterator[Stage]:
    """Tenants 2 and 3 have bought all but 500 lots at the posted price of 1000."""
    sellable = stage.must(2, order(BUY, 1000, 10**6, True)).answer["filled"]
    stage = Stage().opened()
    for member in (2, 3):
        stage.must(member, order(BUY, 1000, (sellable - LEFT) // 2, True))
    yield stage
    assert not is_crossed(stage)
    assert holds(stage) == needs(stage)


def test_it_takes_what_the_issuer_has_and_then_dearer_asks(scarce: Stage) -> None:
    offer(scarce, 3, 900, 100)
    offer(scarce, 3, 1000, 50)
    offer(scarce, 3, 1050, 200)
    offer(scarce, 3, 1200, 100)
    lots, cash = owned(scarce, 2)
    answer = scarce.must(2, kind(BUY, 1100, 1000)).answer
    assert [t[0:1] + t[2:] for t in answer["trades"]] == [
        [3, 900, 100], [3, 1000, 50], [1, 1000, LEFT], [3, 1050, 200]]
    assert (answer["filled"], answer["left"]) == (850, 150)
    assert queue(scarce, BUY) == [(answer["order"], 1100, 150, 0, 2)]
    paid = 90_000 + 50_000 + 1000 * LEFT + 210_000
    assert owned(scarce, 2) == (lots + 850, cash - paid - 150 * 1100)


def test_one_that_was_sold_out_before_stands_in_nobodys_way(scarce: Stage) -> None:
    scarce.must(3, kind(BUY, 1000, LEFT, is_ioc=True))
    ask = offer(scarce, 3, 1050, 200)
    answer = scarce.must(2, kind(BUY, 1100, 150)).answer
    assert answer["trades"] == [[3, 2, 1050, 150]]
    assert queue(scarce, SELL) == [(ask, 1050, 50, 0, 3)]


def test_fill_or_kill_sees_the_whole(scarce: Stage) -> None:
    offer(scarce, 3, 1050, 200)
    refused(scarce, 2, fok(BUY, 1100, LEFT + 201), Code.NOT_FILLED_WHOLE)
    refused(scarce, 2, fok(BUY, 1049, LEFT + 1), Code.NOT_FILLED_WHOLE)
    assert scarce.must(2, fok(BUY, 1050, LEFT + 200)).answer["filled"] == LEFT + 200


def test_market_to_limit_rests_at_the_dearest_ask_it_took(scarce: Stage) -> None:
    offer(scarce, 3, 1050, 200)
    answer = scarce.must(2, kind(BUY, 1100, LEFT + 250, is_market=True)).answer
    assert (answer["left"], answer["price_mrmb"]) == (50, 1050)
    assert queue(scarce, BUY) == [(answer["order"], 1050, 50, 0, 2)]


def test_post_only_is_refused_for_a_dearer_ask_too(scarce: Stage) -> None:
    scarce.must(3, kind(BUY, 1000, LEFT, is_ioc=True))
    offer(scarce, 3, 1050, 200)
    refused(scarce, 2, kind(BUY, 1050, 10, is_post_only=True), Code.WOULD_TAKE)
    scarce.must(2, kind(BUY, 1049, 10, is_post_only=True))


def test_an_issuer_buys_back_at_dearer_asks_but_not_of_itself(scarce: Stage) -> None:
    offer(scarce, 3, 1050, 200)
    answer = scarce.must(1, kind(BUY, 1050, 300)).answer
    assert answer["trades"] == [[3, 1, 1050, 200]]


def test_a_modified_bid_goes_on_too(scarce: Stage) -> None:
    bid = scarce.must(2, kind(BUY, 800, LEFT + 100)).answer["order"]
    offer(scarce, 3, 1050, 200, visible_lots=30)
    answer = scarce.must(2, Modify(bid, 1060, LEFT + 100)).answer
    assert (answer["filled"], answer["left"]) == (LEFT + 100, 0)


@pytest.mark.parametrize(("mode", "filled", "left"), [
    ("", 100, 0), ("newest", 20, 0), ("oldest", 40, 60), ("both", 20, 0), ("decrement", 40, 30)])
def test_own_dearer_asks_are_met_after_the_issuer(scarce: Stage, mode: str, filled: int,
                                                  left: int) -> None:
    scarce.must(2, kind(BUY, 1000, LEFT - 20, is_ioc=True))
    own = offer(scarce, 2, 1050, 30 if mode == "decrement" else 60)
    offer(scarce, 3, 1060, 20)
    answer = scarce.must(2, kind(BUY, 1100, 100, self_trade=mode)).answer
    assert (answer["filled"], answer["left"]) == (filled, left)
    assert answer["trades"][0] == [1, 2, 1000, 20]
    assert (own in scarce.rooms.market.tables["orders"]) == (mode == "newest")


def test_a_band_bounds_what_is_beyond_the_posted_price(scarce: Stage) -> None:
    scarce.must(1, SetParameter("band_static_ppm", 100_000))
    offer(scarce, 3, 1050, 200)
    offer(scarce, 3, 1150, 200)
    answer = scarce.must(2, kind(BUY, 1200, LEFT + 300)).answer
    assert (answer["filled"], answer["left"], answer["price_mrmb"]) == (LEFT + 200, 100, 1100)
    assert scarce.rooms.market.guard(PRODUCT, scarce.at).watch.limit_since == scarce.at


@pytest.mark.parametrize("seed", range(6))
def test_whatever_comes_the_book_is_not_crossed(stage: Stage, seed: int) -> None:
    """Random orders around a posted price that is sold out, backed again, and sold out."""
    chance = random.Random(seed)
    dearer = 0
    for step in range(150):
        if step % 40 == 39:
            stage.at += HOUR // 8
            stage.must(1, Attest("area-1", CHIP, START, 4, 16))
        fields: dict[str, Any] = chance.choice([
            {}, {}, {"is_ioc": True}, {"is_market": True}, {"visible_lots": 500},
            {"self_trade": "oldest"}, {"self_trade": "decrement"}])
        side, price = chance.choice([BUY, BUY, SELL]), chance.randrange(960, 1080, 10)
        receipt = stage.say(chance.choice([2, 3]), kind(side, price, chance.randint(1, 3000),
                                                        **fields))
        dearer += any(t[0] != 1 and t[2] > 1000 for t in receipt.answer.get("trades", ()))
        assert not is_crossed(stage)
        assert holds(stage) == needs(stage)
    assert dearer
