"""Credits: granted, converted at the last auction price, exact, and within what is attested."""

from typing import Any

import pytest
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall, refused
from tests.stage import CHIP, GANG, HOST, SINGLE, START, Stage

from suanli.chips.commands import SetHostState
from suanli.ledger.commands import Attest, Batch, Grant, Sweep
from suanli.ledger.row import Row, RowCode, account
from suanli.market.auction.commands import OpenAuction
from suanli.market.auction.prices import last_price
from suanli.market.commands import Convert, Entitle, GrantCredit, Order
from suanli.market.index import forward_curve
from suanli.market.product import Product, credit_of
from suanli.members.commands import SetParameter
from suanli.settlement.commands import MakeGood
from suanli.settlement.delivery import Contract
from suanli.terms.canonical import decode
from suanli.terms.instant import DAY, HOUR
from suanli.terms.quantity import INT64_MAX, LOT, LOTS_MAX, RMB
from suanli.terms.refusals import Code

GRANTED = 6 * RMB // 5  # 1.2 RMB: what a token of the operator's own was sold at
PRODUCT = Product(1, AREA, SINGLE, "firm", DAY_AHEAD)


@pytest.fixture
def hall() -> Hall:
    """The first hour of the next day traded at 800; tenant 2 has prepaid 1.2 RMB."""
    hall = Hall().opened()
    hall.priced(800)
    hall.must(1, GrantCredit(2, GRANTED))
    return hall


def convert(lots: int, **changes: Any) -> Convert:
    return Convert(**{**PRODUCT._asdict(), "lots": lots, **changes})


def face(hall: Stage, owner: int = 2) -> int:
    return int(hall.rooms.market.credits.face(1, owner))


# -- granting ------------------------------------------------------------------------------


def test_what_is_granted_is_owed_and_no_cash_moves(hall: Hall) -> None:
    before = hall.cash(1), hall.cash(2)
    assert hall.must(1, GrantCredit(2, 7)).answer["left_micro_rmb"] == GRANTED + 7
    hall.must(1, GrantCredit(3, 5))
    assert hall.rooms.market.credits.owed(1) == (GRANTED + 12, 0, 0, {2: GRANTED + 7, 3: 5})
    assert hall.rooms.market.credits.issuers() == [1]
    assert hall.rooms.market.credits.owed(2) == (0, 0, 0, {})
    assert (hall.cash(1), hall.cash(2)) == before
    assert hall.sums() == {}


@pytest.mark.parametrize(("sender", "command", "code"), [
    (1, GrantCredit(2, 0), Code.AMOUNT_OUT_OF_RANGE),
    (1, GrantCredit(2, -1), Code.AMOUNT_OUT_OF_RANGE),
    (1, GrantCredit(2, 2**63), Code.MALFORMED),
    (1, GrantCredit(2, INT64_MAX), Code.OVERFLOW),
    (1, GrantCredit(99, 1), Code.UNKNOWN_PARTICIPANT),
    (1, GrantCredit(0, 1), Code.UNKNOWN_PARTICIPANT),
    (1, GrantCredit(1, 1), Code.SAME_ACCOUNT),
    (2, GrantCredit(3, 1), Code.ROLE_LACKS_RIGHT),
    (1, convert(1), Code.ROLE_LACKS_RIGHT),
])
def test_grants_and_rights_refused(hall: Hall, sender: int, command: Any, code: Code) -> None:
    refused(hall, sender, command, code)


def test_the_first_grant_opens_the_class_and_a_refused_one_does_not() -> None:
    stage = Stage().opened()
    assert stage.say(1, GrantCredit(2, 0)).code
    assert stage.rooms.ledger.class_id(*credit_of(1)) is None
    stage.must(1, GrantCredit(2, 1))
    stage.must(1, GrantCredit(3, 1))
    assert len(stage.rooms.ledger.tables["classes"]) == 1


# -- converting ----------------------------------------------------------------------------


def test_face_becomes_tokens_reservation_and_contract(hall: Hall) -> None:
    cash = hall.cash(1), hall.cash(2)
    answer = hall.must(2, convert(1_000)).answer
    klass = answer["class"]
    assert (answer["lots"], answer["price_mrmb"]) == (1_000, 800)
    assert (answer["face_micro_rmb"], answer["left_micro_rmb"]) == (800_000, 400_000)
    assert (hall.lots(2), face(hall)) == (1_000, 400_000)
    assert hall.rooms.schedule.tables["reservations"][2, klass] == 1_000 * LOT
    assert hall.rooms.settlement.tables["contracts"][2, klass] == Contract(1_000 * LOT, 800_000)
    assert (hall.cash(1), hall.cash(2)) == cash
    assert hall.rooms.market.credits.owed(1) == (GRANTED, 800_000, 0, {2: 400_000})
    assert hall.sums() == {}
    again = Stage()
    again.domain.restore(decode(hall.domain.snapshot()))
    assert again.domain.roots() == hall.domain.roots()


def test_the_device_time_is_consumed_as_by_any_sale(hall: Hall) -> None:
    ledger = hall.rooms.ledger
    id = ledger.attestation_id(1, AREA, CHIP, DAY_AHEAD)
    before = ledger.attestation(id).consumed_ms
    hall.must(2, convert(1_000))
    assert ledger.attestation(id).consumed_ms - before == HOUR


def test_what_was_converted_can_be_sold(hall: Hall) -> None:
    hall.must(2, convert(1_500))
    sale = Order(*PRODUCT, SELL, 900, 1_500, False)
    hall.must(2, sale)
    hall.must(3, Order(*PRODUCT, BUY, 900, 1_500, True))
    assert (hall.lots(2), hall.lots(3)) == (0, 1_600)
    assert hall.cash(2) == 1000 * RMB + 1_500 * 900


def test_what_is_not_delivered_is_refunded_in_cash(hall: Hall) -> None:
    hall.must(1, GrantCredit(2, 100 * RMB))
    klass = hall.must(2, convert(15_900)).answer["class"]  # with the 100 sold, all there is
    hall.at = DAY_AHEAD
    hall.must(1, SetHostState(HOST, False))  # one of two hosts
    hall.at += HOUR
    before = hall.cash(2), face(hall)
    hall.must(1, Grant(1, 100 * RMB))
    hall.must(2, MakeGood(klass))
    paid = 7_950 * 800  # half of the tokens, at the face that they took
    assert hall.cash(2) - before[0] == paid * 5 // 4  # with the penalty of a quarter
    assert face(hall) == before[1]


def test_all_of_the_face_and_not_a_lot_more(hall: Hall) -> None:
    refused(hall, 2, convert(1_501), Code.INSUFFICIENT_BALANCE)
    said = hall.say(2, convert(1_501)).reason
    assert f"{GRANTED} micro-RMB" in said
    assert "1500 lots are accepted" in said
    hall.must(2, convert(1_500))
    assert face(hall) == 0
    refused(hall, 2, convert(1), Code.INSUFFICIENT_BALANCE)


def test_what_does_not_make_a_lot_stays_as_face(hall: Hall) -> None:
    hall.must(1, GrantCredit(3, 799))
    refused(hall, 3, convert(1), Code.INSUFFICIENT_BALANCE)
    hall.must(1, GrantCredit(3, 2))
    hall.must(3, convert(1))
    assert face(hall, 3) == 1


def test_never_above_attestation(hall: Hall) -> None:
    hall.must(1, GrantCredit(2, 100 * RMB))
    hall.must(2, convert(15_000))  # sixteen device-hours, 100 lots sold
    refused(hall, 2, convert(901), Code.ISSUANCE_ABOVE_ATTESTATION)
    assert "can issue 900 lots: 900 lots are accepted" in hall.say(2, convert(901)).reason
    hall.must(2, convert(900))
    refused(hall, 2, convert(1), Code.ISSUANCE_ABOVE_ATTESTATION)


def test_the_set_aside_and_the_headroom_are_kept(hall: Hall) -> None:
    hall.must(1, GrantCredit(2, 100 * RMB))
    hall.must(1, SetParameter("set_aside_ppm", 250_000))
    refused(hall, 2, convert(11_901), Code.ISSUANCE_ABOVE_ATTESTATION)
    hall.must(1, Entitle(2, "weather forecast"))
    hall.must(2, convert(11_901))
    used = hall.rooms.market.set_aside.withheld(
        hall.rooms.ledger.attestation_id(1, AREA, CHIP, DAY_AHEAD)).used_ms
    assert used == 4 * HOUR
    hall.must(1, SetParameter("headroom_ppm", 250_000))
    refused(hall, 2, convert(1), Code.ISSUANCE_ABOVE_ATTESTATION)


def test_position_and_rate_limits_hold(hall: Hall) -> None:
    hall.must(1, GrantCredit(2, 100 * RMB))
    hall.must(1, SetParameter("position_ppm_max", 62_500))  # one of sixteen devices
    refused(hall, 2, convert(1_001), Code.POSITION_LIMIT_EXCEEDED)
    hall.must(1, SetParameter("orders_per_minute_max", 1))
    hall.must(2, convert(1_000))
    refused(hall, 2, convert(1), Code.ORDER_RATE_EXCEEDED)
    hall.at += HOUR // 60
    refused(hall, 2, convert(1), Code.POSITION_LIMIT_EXCEEDED)


@pytest.mark.parametrize(("lots", "changes", "code"), [
    (0, {}, Code.QUANTITY_OUT_OF_RANGE),
    (-1, {}, Code.QUANTITY_OUT_OF_RANGE),
    (LOTS_MAX + 1, {}, Code.QUANTITY_OUT_OF_RANGE),
    (2**63, {}, Code.MALFORMED),
    (LOTS_MAX, {}, Code.INSUFFICIENT_BALANCE),
    (1, {"issuer": 99}, Code.UNKNOWN_GRADE),
    (1, {"issuer": 0}, Code.UNKNOWN_GRADE),
    (1, {"issuer": 2}, Code.UNKNOWN_GRADE),
    (1, {"area": "elsewhere"}, Code.UNKNOWN_AREA),
    (1, {"grade": "best"}, Code.UNKNOWN_GRADE),
    (1, {"tier": "credit", "area": "", "grade": "", "start": 0}, Code.UNKNOWN_PRODUCT),
    (1, {"start": DAY_AHEAD + 1}, Code.UNKNOWN_PRODUCT),
    (1, {"start": START}, Code.GATE_CLOSED),
    (1, {"start": -HOUR}, Code.GATE_CLOSED),
    (1, {"start": DAY_AHEAD + HOUR}, Code.NO_AUCTION_PRICE),
    (1, {"grade": GANG}, Code.NO_AUCTION_PRICE),
    (1, {"tier": "spot"}, Code.NO_AUCTION_PRICE),
    (1, {"start": DAY_AHEAD + 1000 * DAY}, Code.NO_AUCTION_PRICE),
])
def test_conversions_refused(hall: Hall, lots: int, changes: dict[str, Any], code: Code) -> None:
    refused(hall, 2, convert(lots, **changes), code)


def test_who_has_no_credit_gets_nothing(hall: Hall) -> None:
    refused(hall, 3, convert(1), Code.INSUFFICIENT_BALANCE)
    assert "0 lots are accepted" in hall.say(3, convert(1)).reason


def test_an_issuer_that_is_a_tenant_too_does_not_convert_what_came_back(hall: Hall) -> None:
    credit = hall.rooms.ledger.class_id(*credit_of(1))
    back = Row(RowCode.TRANSFER, 0, credit, account(2, credit), account(1, credit), 400_000)
    hall.must(2, Batch(back.pack()))
    assert hall.rooms.market.credits.owed(1) == (GRANTED, 0, 400_000, {2: 800_000})
    answer = hall.rooms.market.check(convert(1), hall.at, 1, hall.rooms.grid())
    assert answer.code is Code.SAME_ACCOUNT


def test_an_hour_that_is_over_is_not_converted_into(hall: Hall) -> None:
    hall.at = DAY_AHEAD + HOUR - 1
    assert hall.say(2, convert(1)).code == Code.ISSUANCE_ABOVE_ATTESTATION  # a millisecond left
    hall.at += 1
    refused(hall, 2, convert(1), Code.GATE_CLOSED)


# -- the price -----------------------------------------------------------------------------


def price(hall: Hall, hour: int = 0, issuer: int = 1) -> int | None:
    product = PRODUCT._replace(start=DAY_AHEAD + hour * HOUR, issuer=issuer)
    return last_price(hall.rooms.market.tables, product)


def test_a_book_trade_is_no_auction_price(hall: Hall) -> None:
    later = PRODUCT._replace(start=DAY_AHEAD + HOUR)
    hall.must(3, Order(*later, BUY, 1000, 10, True))
    assert price(hall, 1) is None


def test_an_open_or_void_auction_says_no_price() -> None:
    hall = Hall().opened()
    hall.order(1, hall.curve(SELL, (800, 10)))
    hall.order(3, hall.curve(BUY, (900, 10)))
    assert price(hall) is None
    hall.close()
    assert hall.clear(3, hall.clearing(850, {0: 10, 1: 10}, flows={0: 10})).code == 0
    assert price(hall) is None  # found, not yet settled
    hall.at = hall.sitting.deadline
    assert hall.settle() == "settled"
    assert price(hall) == 850
    void = Hall().opened()
    void.order(1, void.curve(SELL, (800, 10)))
    void.close()
    assert void.settle() == "void"
    assert price(void) is None


def test_the_last_auction_that_traded_it_counts(hall: Hall) -> None:
    assert price(hall) == 800
    hall.at = DAY_AHEAD - 11 * HOUR
    hall.auction = int(hall.must(2, OpenAuction("intraday-1", DAY_AHEAD)).answer["auction"])
    hall.priced(950, hour=3)
    assert (price(hall), price(hall, 3)) == (800, 950)
    hall.at = DAY_AHEAD - 4 * HOUR
    hall.auction = int(hall.must(2, OpenAuction("intraday-2", DAY_AHEAD)).answer["auction"])
    hall.priced(700)
    assert (price(hall), price(hall, 3)) == (700, 950)
    points = forward_curve(hall.rooms.market, *PRODUCT[:4], [DAY_AHEAD, DAY_AHEAD + HOUR])
    assert [point.last_auction for point in points] == [700, None]


def test_it_is_forgotten_with_its_auction(hall: Hall) -> None:
    hall.at = DAY_AHEAD + DAY
    hall.must(1, Attest(AREA, CHIP, hall.at, 1, 1))
    hall.must(1, Sweep(100))
    assert price(hall) is None
