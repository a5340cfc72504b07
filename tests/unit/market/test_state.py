"""Orders, standing offers, delivery against payment, reservations."""

import pytest
from tests.stage import SINGLE, START, Stage

from suanli.ledger.commands import Sweep
from suanli.ledger.row import CASH, account
from suanli.market.book import BUY, SELL
from suanli.market.commands import Cancel, Modify, Order, PostOffer
from suanli.terms.instant import DAY, HOUR
from suanli.terms.quantity import RMB, TOKEN
from suanli.terms.refusals import Code


def order(side: int, price: int, lots: int, is_ioc: bool = False, **changes: object) -> Order:
    fields = {"issuer": 1, "area": "area-1", "grade": SINGLE, "tier": "firm", "start": START + HOUR}
    return Order(**{**fields, **changes}, side=side, price_mrmb=price,  # type: ignore[arg-type]
                 lots=lots, is_ioc=is_ioc)


def owned(stage: Stage, member: int) -> tuple[int, int]:
    """Lots and micro-RMB that a member may spend."""
    ledger = stage.rooms.ledger
    klass = ledger.class_id(1, "area-1", SINGLE, "firm", START + HOUR)
    return ledger.available(account(member, klass)) * 1000 // TOKEN, ledger.available(
        account(member, CASH))


def test_a_firm_purchase_is_delivered_paid_and_reserved(stage: Stage) -> None:
    answer = stage.must(2, order(BUY, 1000, 1500, True)).answer
    assert answer["filled"] == 1500
    assert owned(stage, 2) == (1500, 1000 * RMB - 1_500_000)
    assert stage.rooms.ledger.available(account(1, CASH)) == 1_500_000
    assert dict(stage.rooms.schedule.tables["reservations"].items()) == {
        (2, answer["class"]): 3 * TOKEN // 2}


def test_people_trade_at_the_makers_price_before_the_posted_one(stage: Stage) -> None:
    stage.must(2, order(BUY, 1000, 1000, True))
    stage.must(2, order(SELL, 900, 600))
    answer = stage.must(3, order(BUY, 1000, 1000, True)).answer
    assert [t[2:] for t in answer["trades"]] == [[900, 600], [1000, 400]]
    assert owned(stage, 2) == (400, 1000 * RMB - 1_000_000 + 540_000)
    reservations = stage.rooms.schedule.tables["reservations"]
    assert [reservations[m, answer["class"]] for m in (2, 3)] == [2 * TOKEN // 5, TOKEN]


def test_resting_orders_hold_what_they_need_and_give_it_back(stage: Stage) -> None:
    id = stage.must(3, order(BUY, 800, 1000)).answer["order"]
    assert owned(stage, 3)[1] == 1000 * RMB - 800_000
    stage.must(3, Modify(id, 700, 500))
    assert owned(stage, 3)[1] == 1000 * RMB - 350_000
    stage.must(3, Cancel(id))
    assert owned(stage, 3)[1] == 1000 * RMB
    assert not stage.rooms.market.books


def test_a_partly_filled_order_keeps_its_place_and_its_hold(stage: Stage) -> None:
    first = stage.must(2, order(BUY, 800, 1000)).answer["order"]
    stage.must(2, order(BUY, 1000, 500, True))
    stage.must(3, order(BUY, 800, 1000))
    stage.must(2, order(BUY, 1000, 300, True))
    seller = stage.admit("seller")
    stage.must(seller, order(BUY, 1000, 700, True))
    stage.must(seller, order(SELL, 800, 400, True))
    assert stage.rooms.market.tables["orders"][first].lots == 600
    stage.must(seller, order(SELL, 800, 300, True))
    assert stage.rooms.market.tables["orders"][first].lots == 300
    stage.must(2, Cancel(first))
    holds = list(stage.rooms.ledger.tables["holds"].values())
    assert [h[2] for h in holds] == [800_000]


def test_past_orders_are_voided(stage: Stage) -> None:
    stage.must(3, order(BUY, 800, 1000))
    stage.at = START + 2 * HOUR
    stage.must(1, Sweep(10))
    assert owned(stage, 3)[1] == 1000 * RMB
    assert len(stage.rooms.market.tables["orders"]) == 0
    stage.at += DAY
    assert stage.must(1, Sweep(10)).answer["closed"] == 1


@pytest.mark.parametrize(("command", "code"), [
    (order(BUY, 1000, 0), Code.QUANTITY_OUT_OF_RANGE),
    (order(BUY, 1000, -1), Code.QUANTITY_OUT_OF_RANGE),
    (order(BUY, 1000, 2**62), Code.QUANTITY_OUT_OF_RANGE),
    (order(BUY, 10**9, 10**12), Code.QUANTITY_OUT_OF_RANGE),
    (order(7, 1000, 1), Code.QUANTITY_OUT_OF_RANGE),
    (order(BUY, 0, 1), Code.PRICE_OUT_OF_RANGE),
    (order(BUY, 2**62, 1), Code.PRICE_OUT_OF_RANGE),
    (order(BUY, 1, 1, True), Code.NO_OFFER),
    (order(BUY, 900, 10**9), Code.INSUFFICIENT_BALANCE),
    (order(SELL, 900, 1), Code.INSUFFICIENT_BALANCE),
    (order(BUY, 900, 1, tier="gold"), Code.UNKNOWN_PRODUCT),
    (order(BUY, 900, 1, start=START + 1), Code.UNKNOWN_PRODUCT),
    (order(BUY, 900, 1, grade="platinum"), Code.UNKNOWN_GRADE),
    (order(BUY, 900, 1, area="atlantis"), Code.UNKNOWN_AREA),
    (order(BUY, 900, 1, start=START - HOUR), Code.GATE_CLOSED),
    (Cancel(99), Code.UNKNOWN_ORDER),
    (Modify(99, 1, 1), Code.UNKNOWN_ORDER),
])
def test_refusals_change_nothing(stage: Stage, command: object, code: Code) -> None:
    before = {k: v for k, v in stage.domain.roots().items() if k != "members"}
    assert stage.say(2, command).code == code
    assert {k: v for k, v in stage.domain.roots().items() if k != "members"} == before


def test_another_tenants_order_is_not_mine(stage: Stage) -> None:
    id = stage.must(3, order(BUY, 800, 1)).answer["order"]
    assert stage.say(2, Cancel(id)).code == Code.UNKNOWN_ORDER


@pytest.mark.parametrize(("command", "code"), [
    (PostOffer("atlantis", SINGLE, "spot", 5), Code.UNKNOWN_AREA),
    (PostOffer("area-1", "platinum", "spot", 5), Code.UNKNOWN_GRADE),
    (PostOffer("area-1", SINGLE, "gold", 5), Code.UNKNOWN_PRODUCT),
    (PostOffer("area-1", SINGLE, "spot", -5), Code.PRICE_OUT_OF_RANGE),
])
def test_offer_refusals(stage: Stage, command: PostOffer, code: Code) -> None:
    assert stage.say(1, command).code == code


def test_an_offer_can_be_withdrawn(stage: Stage) -> None:
    stage.must(1, PostOffer("area-1", SINGLE, "firm", 0))
    assert stage.say(2, order(BUY, 1000, 1, True)).code == Code.NO_OFFER


def test_books_are_rebuilt_in_queue_order(stage: Stage) -> None:
    from suanli.terms.canonical import decode
    first = stage.must(2, order(BUY, 800, 1)).answer["order"]
    stage.must(3, order(BUY, 800, 1))
    stage.must(2, Modify(first, 800, 2))  # to the back
    again = Stage()
    again.domain.restore(decode(stage.domain.snapshot()))
    assert again.domain.roots() == stage.domain.roots()
    fills = [next(iter(d.rooms.market.books.values())).match(SELL, 1, 3) for d in (stage, again)]
    assert fills[0] == fills[1]
