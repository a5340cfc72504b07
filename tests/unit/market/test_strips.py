"""Strips: written, taken whole, fixed hour by hour, forgotten; and what is refused."""

from typing import Any

import pytest
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall, refused
from tests.stage import CHIP, SINGLE

from suanli.chips.commands import RegisterZone, SetHostState
from suanli.ledger.commands import Attest, Batch, Grant, Sweep
from suanli.ledger.row import CASH, Row, RowCode, account, class_of
from suanli.market.commands import (
    Entitle,
    FixStrip,
    Order,
    PostOffer,
    TakeStrip,
    WithdrawStrip,
    WriteStrip,
)
from suanli.market.halts import Watch
from suanli.market.product import Product
from suanli.members.commands import SetParameter
from suanli.settlement.commands import MakeGood
from suanli.settlement.delivery import Contract
from suanli.terms.canonical import decode
from suanli.terms.change import Write
from suanli.terms.instant import DAY, HOUR, MINUTE
from suanli.terms.quantity import LOT, RMB, TOKEN
from suanli.terms.refusals import Code
from suanli.units.commands import DeclareRating, DefineGrade

HOURS, LOTS, FLOOR, CAP = 4, 1000, 800, 1101
MIDDLE = 950  # of an odd sum, rounded down
HELD = HOURS * LOTS * (CAP - FLOOR)
GRACE = DAY


@pytest.fixture
def hall() -> Hall:
    return Hall().opened()


def strip(**changes: Any) -> WriteStrip:
    fields: dict[str, Any] = {
        "area": AREA, "grade": SINGLE, "tier": "firm", "start": DAY_AHEAD, "hours": HOURS,
        "lots": LOTS, "floor_mrmb": FLOOR, "cap_mrmb": CAP, "until": DAY_AHEAD, "copies": 1}
    return WriteStrip(**{**fields, **changes})


def written(hall: Hall, **changes: Any) -> int:
    return int(hall.must(1, strip(**changes)).answer["strip"])


def taken(hall: Hall, buyer: int = 2, **changes: Any) -> int:
    return int(hall.must(buyer, TakeStrip(written(hall, **changes))).answer["strip"])


def auctioned(hall: Hall, price: int, hour: int = 0, issuer: int = 0) -> None:
    """An auction in which tenant 3 buys ten lots of one hour at a price."""
    hall.order(1, hall.curve(SELL, (price, 10), hour=hour))
    hall.order(3, hall.curve(BUY, (price, 10), hour=hour, issuer=issuer))
    hall.close(bytes([hall.auction]) * 32)
    flows = {} if issuer else {0: 10}
    receipt = hall.clear(3, hall.clearing(price, {0: 10, 1: 10}, flows=flows))
    assert receipt.code == 0, receipt.reason
    assert hall.settle() == "settled"


def prices(hall: Hall, id: int) -> tuple[int, ...]:
    found: tuple[int, ...] = hall.rooms.market.tables["strips_taken"][id].prices
    return found


def contract(hall: Hall, hour: int = 0, owner: int = 2) -> Contract | None:
    klass = hall.rooms.ledger.class_id(1, AREA, SINGLE, "firm", DAY_AHEAD + hour * HOUR)
    found: Contract | None = hall.rooms.settlement.tables["contracts"].get((owner, klass))
    return found


# -- writing and taking --------------------------------------------------------------------


def test_a_taken_strip_is_delivered_at_once_and_paid_to_the_floor(hall: Hall) -> None:
    before = hall.cash(1), hall.cash(2)
    answer = hall.must(2, TakeStrip(written(hall))).answer
    assert (answer["paid"], answer["held"]) == (HOURS * LOTS * FLOOR, HELD)
    assert hall.cash(1) - before[0] == HOURS * LOTS * FLOOR
    assert before[1] - hall.cash(2) == HOURS * LOTS * CAP
    assert hall.held(2) == HELD
    assert [hall.lots(2, hour) for hour in range(HOURS + 1)] == [LOTS] * HOURS + [0]
    assert contract(hall) == Contract(TOKEN, LOTS * FLOOR)
    reserved = hall.rooms.schedule.tables["reservations"]
    assert sorted(reserved.values()) == [TOKEN] * HOURS
    assert prices(hall, answer["strip"]) == (0,) * HOURS
    assert hall.sums() == {}


def test_a_fixed_price_holds_nothing_and_needs_no_auction(hall: Hall) -> None:
    id = taken(hall, floor_mrmb=CAP)
    assert prices(hall, id) == (CAP,) * HOURS
    assert (hall.held(2), contract(hall)) == (0, Contract(TOKEN, LOTS * CAP))
    refused(hall, 2, FixStrip(id), Code.NOTHING_TO_FIX)


def test_copies_are_taken_one_by_one_and_then_it_is_gone(hall: Hall) -> None:
    id = written(hall, copies=2, lots=10)
    assert [hall.must(who, TakeStrip(id)).answer["strip"] for who in (3, 2)] == [id + 1, id + 2]
    refused(hall, 2, TakeStrip(id), Code.UNKNOWN_STRIP)
    assert not hall.rooms.market.tables["strips"]


def test_what_is_taken_stands_when_the_rest_is_withdrawn(hall: Hall) -> None:
    id = written(hall, copies=2)
    hall.must(2, TakeStrip(id))
    refused(hall, 2, WithdrawStrip(id), Code.ROLE_LACKS_RIGHT)
    hall.must(1, WithdrawStrip(id))
    for command in (TakeStrip(id), TakeStrip(id + 1)):
        refused(hall, 2, command, Code.UNKNOWN_STRIP)
    refused(hall, 1, WithdrawStrip(id), Code.UNKNOWN_STRIP)
    assert hall.lots(2) == LOTS


def test_one_hour_short_refuses_the_whole_and_says_what_is_missing(hall: Hall) -> None:
    """Hour 2 has a lot less than is left for the strip."""
    hall.must(3, Order(1, AREA, SINGLE, "firm", DAY_AHEAD + 2 * HOUR, BUY, 1000, 15_001, True))
    id = written(hall)
    said = refused(hall, 2, TakeStrip(id), Code.ISSUANCE_ABOVE_ATTESTATION)
    assert f"from {DAY_AHEAD + 2 * HOUR} 999 of 1000" in said
    assert "1 are missing" in said
    unattested = written(hall, start=DAY_AHEAD + 23 * HOUR, hours=2)
    said = refused(hall, 2, TakeStrip(unattested), Code.ISSUANCE_ABOVE_ATTESTATION)
    assert f"from {DAY_AHEAD + DAY} 0 of 1000" in said
    hall.must(1, Attest(AREA, CHIP, DAY_AHEAD + DAY, 1, 16))
    hall.must(2, TakeStrip(unattested))


def test_one_micro_rmb_short_is_said(hall: Hall) -> None:
    id = written(hall)
    pay = hall.cash(2) - HOURS * LOTS * CAP + 1
    hall.must(2, Batch(Row(RowCode.TRANSFER, 0, CASH, account(2, CASH), account(3, CASH),
                           pay).pack()))
    assert "1 are missing" in refused(hall, 2, TakeStrip(id), Code.INSUFFICIENT_BALANCE)
    hall.must(1, Grant(2, 1))
    hall.must(2, TakeStrip(id))
    assert hall.cash(2) == 0


def test_limits_on_one_participant_bind(hall: Hall) -> None:
    id = written(hall, copies=3)
    hall.must(1, SetParameter("position_ppm_max", 62_500))  # one of sixteen devices
    hall.must(2, TakeStrip(id))
    refused(hall, 2, TakeStrip(id), Code.POSITION_LIMIT_EXCEEDED)
    hall.must(1, SetParameter("position_ppm_max", 0))
    hall.must(1, SetParameter("orders_per_minute_max", 1))
    hall.must(2, TakeStrip(id))
    refused(hall, 2, TakeStrip(id), Code.ORDER_RATE_EXCEEDED)
    hall.must(1, SetParameter("orders_resting_max", 1))
    refused(hall, 1, strip(), Code.ORDERS_RESTING_EXCEEDED)
    hall.must(1, WithdrawStrip(id))
    hall.must(1, strip())
    refused(hall, 1, strip(), Code.ORDER_RATE_EXCEEDED)


def test_what_is_set_aside_is_for_beneficiaries(hall: Hall) -> None:
    hall.must(1, SetParameter("set_aside_ppm", 250_000))
    hall.must(1, Entitle(3, "weather forecast"))
    id = written(hall, lots=12_001)
    assert "12000 of 12001" in refused(hall, 2, TakeStrip(id), Code.ISSUANCE_ABOVE_ATTESTATION)
    hall.must(3, TakeStrip(id))
    attestation = hall.rooms.ledger.attestation_id(1, AREA, CHIP, DAY_AHEAD)
    assert hall.rooms.market.set_aside.withheld(attestation).used_ms == 4 * HOUR


def test_a_halted_hour_is_not_sold(hall: Hall) -> None:
    id = written(hall)
    hall.must(1, SetParameter("band_static_ppm", 1))
    watch = Watch(1000, (), limit_since=hall.at - MINUTE, limit_edge=1000)
    product = Product(1, AREA, SINGLE, "firm", DAY_AHEAD + 3 * HOUR)
    hall.rooms.market.commit([Write("market", "watches", product, watch)])
    refused(hall, 2, TakeStrip(id), Code.PRODUCT_HALTED)
    hall.rooms.market.commit([Write("market", "watches", product, None)])
    hall.must(2, TakeStrip(id))


def test_a_cap_that_came_later_binds_what_was_written_before(hall: Hall) -> None:
    id = written(hall)
    hall.must(1, SetParameter("price_mrmb_max", CAP - 1))
    refused(hall, 2, TakeStrip(id), Code.PRICE_OUT_OF_RANGE)
    refused(hall, 1, strip(), Code.PRICE_OUT_OF_RANGE)


def test_after_its_time_it_cannot_be_taken_and_a_sweep_forgets_it(hall: Hall) -> None:
    id = written(hall, until=hall.at + MINUTE)
    hall.at += MINUTE
    refused(hall, 2, TakeStrip(id), Code.GATE_CLOSED)
    hall.must(1, Sweep(10))
    refused(hall, 2, TakeStrip(id), Code.UNKNOWN_STRIP)


def test_one_does_not_take_ones_own(hall: Hall) -> None:
    refused(hall, 1, TakeStrip(written(hall)), Code.ROLE_LACKS_RIGHT)
    rival = hall.admit("rival", ("operator", "tenant"))
    hall.must(rival, RegisterZone("far", "area-2"))
    hall.must(rival, DeclareRating(CHIP, "llm-training", False, 0, 0, "formula"))
    hall.must(rival, DefineGrade(SINGLE, "llm-training", False, (CHIP,)))
    id = hall.must(rival, strip(area="area-2")).answer["strip"]
    refused(hall, rival, TakeStrip(id), Code.SELF_TRADE)


@pytest.mark.parametrize(("changes", "code"), [
    *(({name: value}, Code.QUANTITY_OUT_OF_RANGE) for name in ("hours", "lots", "copies")
      for value in (0, -1, 2**63 - 1)),
    ({"hours": 169}, Code.QUANTITY_OUT_OF_RANGE),
    *(({name: value}, Code.PRICE_OUT_OF_RANGE) for name in ("floor_mrmb", "cap_mrmb")
      for value in (0, -1, 2**63 - 1)),
    ({"floor_mrmb": CAP + 1}, Code.PRICE_OUT_OF_RANGE),
    ({"tier": "spot"}, Code.UNKNOWN_PRODUCT),
    ({"tier": ""}, Code.UNKNOWN_PRODUCT),
    ({"start": DAY_AHEAD + 1}, Code.UNKNOWN_PRODUCT),
    ({"start": -HOUR}, Code.GATE_CLOSED),
    ({"start": 2**63 // HOUR * HOUR}, Code.GATE_CLOSED),
    ({"start": DAY_AHEAD - DAY}, Code.GATE_CLOSED),  # its first hour is over
    ({"start": DAY_AHEAD - DAY + 9 * HOUR}, Code.GATE_CLOSED),  # and here it has begun
    ({"until": DAY_AHEAD + 1}, Code.GATE_CLOSED),
    ({"until": DAY_AHEAD - DAY + 9 * HOUR}, Code.GATE_CLOSED),
    ({"until": -1}, Code.GATE_CLOSED),
    ({"hours": 168, "start": DAY_AHEAD + 10 * HOUR}, Code.GATE_CLOSED),
    ({"grade": "nobody's"}, Code.UNKNOWN_GRADE),
    ({"area": "atlantis"}, Code.UNKNOWN_AREA),
    ({"cap_mrmb": 10**9, "lots": 10**12}, Code.AMOUNT_OUT_OF_RANGE),
])
def test_bad_strips_are_refused(hall: Hall, changes: dict[str, Any], code: Code) -> None:
    refused(hall, 1, strip(**changes), code)


def test_as_far_as_device_time_is_attested_it_is_written(hall: Hall) -> None:
    assert written(hall, hours=168, start=DAY_AHEAD + 9 * HOUR)


@pytest.mark.parametrize("id", [0, -1, 1, 99, 2**63 - 1])
def test_what_is_not_there_is_refused(hall: Hall, id: int) -> None:
    for member, command in ((1, WithdrawStrip(id)), (2, TakeStrip(id)), (2, FixStrip(id))):
        refused(hall, member, command, Code.UNKNOWN_STRIP)


def test_only_operators_write_and_only_what_is_theirs(hall: Hall) -> None:
    refused(hall, 2, strip(), Code.ROLE_LACKS_RIGHT)
    rival = hall.admit("rival", ("operator", "tenant"))
    refused(hall, rival, strip(), Code.UNKNOWN_GRADE)
    refused(hall, rival, WithdrawStrip(written(hall)), Code.UNKNOWN_STRIP)
    refused(hall, rival, TakeStrip(99), Code.UNKNOWN_STRIP)


# -- fixing --------------------------------------------------------------------------------


@pytest.mark.parametrize(("price", "fixed"), [(700, FLOOR), (FLOOR, FLOOR), (1000, 1000),
                                              (CAP, CAP), (1500, CAP)])
@pytest.mark.parametrize("issuer", [0, 1])
def test_an_auctions_price_fixes_its_hour(hall: Hall, price: int, fixed: int,
                                          issuer: int) -> None:
    id = taken(hall)
    auctioned(hall, price, hour=1, issuer=issuer)
    before = hall.cash(1), hall.cash(2)
    assert hall.must(3, FixStrip(id)).answer["fixed"] == [[DAY_AHEAD + HOUR, fixed]]
    assert hall.cash(1) - before[0] == (fixed - FLOOR) * LOTS
    assert hall.cash(2) - before[1] == (CAP - fixed) * LOTS
    assert prices(hall, id) == (0, fixed, 0, 0)
    assert contract(hall, 1) == Contract(TOKEN, LOTS * fixed)
    assert contract(hall, 0) == Contract(TOKEN, LOTS * FLOOR)
    assert hall.held(2) == HELD * 3 // 4
    refused(hall, 3, FixStrip(id), Code.NOTHING_TO_FIX)  # an hour is fixed once
    assert hall.sums() == {}


def test_without_an_auction_an_hour_is_fixed_at_the_middle_as_it_begins(hall: Hall) -> None:
    id = taken(hall)
    hall.at = DAY_AHEAD - 1
    refused(hall, 3, FixStrip(id), Code.NOTHING_TO_FIX)
    hall.at = DAY_AHEAD
    assert hall.must(3, FixStrip(id)).answer["fixed"] == [[DAY_AHEAD, MIDDLE]]
    hall.at = DAY_AHEAD + 3 * HOUR
    hall.must(1, FixStrip(id))
    assert (prices(hall, id), hall.held(2)) == ((MIDDLE,) * HOURS, 0)


def test_a_sweep_fixes_what_nobody_asked_for_and_forgets_with_the_last_hour(hall: Hall) -> None:
    id = taken(hall)
    hall.at = DAY_AHEAD + 2 * HOUR
    hall.must(1, Sweep(10))
    assert prices(hall, id) == (MIDDLE, MIDDLE, MIDDLE, 0)
    assert contract(hall, 2) == Contract(TOKEN, LOTS * MIDDLE)
    hall.at = DAY_AHEAD + HOURS * HOUR
    hall.must(1, Sweep(10))
    assert not hall.rooms.market.tables["strips_taken"]
    assert contract(hall, 3) == Contract(TOKEN, LOTS * MIDDLE)
    assert not hall.rooms.ledger.tables["holds"]


def test_all_fixed_it_is_forgotten_with_its_last_hour_and_not_before(hall: Hall) -> None:
    id = taken(hall, floor_mrmb=CAP)
    hall.at = DAY_AHEAD + HOURS * HOUR - 1
    hall.must(1, Sweep(10))
    assert id in hall.rooms.market.tables["strips_taken"]
    hall.at += 1
    hall.must(1, Sweep(10))
    refused(hall, 3, FixStrip(id), Code.UNKNOWN_STRIP)


def test_no_hold_blocks_or_outlives_the_sweep_of_its_classes(hall: Hall) -> None:
    """Nobody said anything for days: one sweep fixes, closes and forgets all."""
    taken(hall)
    before = hall.cash(1)
    hall.at = DAY_AHEAD + HOURS * HOUR + GRACE
    assert hall.must(1, Sweep(100)).answer["closed"] == HOURS
    assert not hall.rooms.ledger.tables["holds"]
    assert not hall.rooms.ledger.tables["classes"]
    assert not hall.rooms.settlement.tables["contracts"]
    assert not hall.rooms.market.tables["strips_taken"]
    assert hall.cash(1) - before == HOURS * LOTS * (MIDDLE - FLOOR)
    assert (hall.held(2), hall.sums()) == (0, {})


def test_neither_side_can_resolve_a_hold(hall: Hall) -> None:
    id = taken(hall)
    for hold, (debit, credit, amount, _) in list(hall.rooms.ledger.tables["holds"].items()):
        for member in (1, 2, 3):
            for code, asked in ((RowCode.POST, amount), (RowCode.VOID, 0)):
                row = Row(code, 0, class_of(debit), debit, credit, asked, hold=hold)
                assert hall.say(member, Batch(row.pack())).codes == (Code.DEBIT_NOT_YOURS,)
    hall.at = DAY_AHEAD + 3 * HOUR
    hall.must(2, FixStrip(id))


# -- what was really paid ------------------------------------------------------------------


def test_make_good_waits_for_the_price_and_refunds_what_was_really_paid(hall: Hall) -> None:
    """All hosts are away for the whole first hour: every token of it is owed."""
    id = taken(hall)
    klass = hall.rooms.ledger.class_id(1, AREA, SINGLE, "firm", DAY_AHEAD)
    hall.at = DAY_AHEAD
    for host in list(hall.rooms.chips.tables["hosts"]):
        hall.must(1, SetHostState(host, False))
    hall.at = DAY_AHEAD + HOUR
    assert str(id) in refused(hall, 2, MakeGood(klass), Code.STRIP_NOT_FIXED)
    hall.must(2, FixStrip(id))
    before = hall.cash(2)
    hall.must(2, MakeGood(klass))
    assert hall.cash(2) - before == LOTS * MIDDLE * 5 // 4  # with the penalty
    assert contract(hall) is None


def test_what_was_sold_on_takes_its_part_of_the_price_along(hall: Hall) -> None:
    """Three of four tokens go on to another, with what was paid for them until then.

    The rest counts a quarter of what is paid later.
    """
    id = taken(hall, lots=4000)
    hall.must(2, Order(1, AREA, SINGLE, "firm", DAY_AHEAD, SELL, 500, 3000, False))
    hall.must(3, Order(1, AREA, SINGLE, "firm", DAY_AHEAD, BUY, 500, 3000, True))
    hall.at = DAY_AHEAD
    hall.must(2, FixStrip(id))
    assert contract(hall) == Contract(1000 * LOT, 1000 * MIDDLE)
    assert contract(hall, owner=3) == Contract(3000 * LOT, 3000 * FLOOR)


def test_two_strips_of_one_hour_add_up_in_one_sweep(hall: Hall) -> None:
    id = written(hall, copies=2)
    for _ in range(2):
        hall.must(2, TakeStrip(id))
    hall.must(2, Order(1, AREA, SINGLE, "firm", DAY_AHEAD, BUY, 1000, 2000, True))
    hall.at = DAY_AHEAD
    hall.must(1, Sweep(10))
    assert contract(hall) == Contract(4 * TOKEN, 2000 * MIDDLE + 2000 * 1000)


def test_who_sold_everything_still_pays_and_has_no_contract(hall: Hall) -> None:
    id = taken(hall)
    hall.must(2, Order(1, AREA, SINGLE, "firm", DAY_AHEAD, SELL, 500, LOTS, False))
    hall.must(3, Order(1, AREA, SINGLE, "firm", DAY_AHEAD, BUY, 500, LOTS, True))
    hall.at, before = DAY_AHEAD, hall.cash(1)
    hall.must(2, FixStrip(id))
    assert hall.cash(1) - before == LOTS * (MIDDLE - FLOOR)
    assert contract(hall) is None


# -- restoring -----------------------------------------------------------------------------


def test_a_snapshot_restores_strips_and_without_any_there_are_no_tables(hall: Hall) -> None:
    assert not {"strips", "strips_taken"} & set(hall.rooms.market.snapshot())
    taken(hall, copies=2)
    again = Hall()
    again.domain.restore(decode(hall.domain.snapshot()))
    assert again.domain.roots() == hall.domain.roots()
    again.at, again.agents = DAY_AHEAD + 3 * HOUR, hall.agents
    again.must(2, FixStrip(2))
    assert prices(again, 2) == (MIDDLE,) * HOURS


def test_a_posted_price_takes_no_part(hall: Hall) -> None:
    hall.must(1, PostOffer(AREA, SINGLE, "firm", 0))
    id = taken(hall)
    hall.at = DAY_AHEAD
    assert hall.must(2, FixStrip(id)).answer["fixed"] == [[DAY_AHEAD, MIDDLE]]
    assert hall.rooms.ledger.available(account(2, CASH)) < 1000 * RMB
