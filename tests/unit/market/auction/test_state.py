"""The life of a call auction: orders and holds, phases, clearings, settlement, bad input."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall, refused
from tests.stage import CHIP, GANG, SINGLE, START, Stage

from suanli.chips.commands import RegisterZone
from suanli.ledger.commands import Attest, Sweep
from suanli.market.auction.commands import (
    CancelOrder,
    CloseAuction,
    EnterBlock,
    Leg,
    OpenAuction,
    SetLink,
    SettleAuction,
)
from suanli.market.auction.instance import UNIT
from suanli.market.auction.settling import RENT
from suanli.market.commands import Order
from suanli.members.commands import SetParameter
from suanli.terms.canonical import decode, sha256
from suanli.terms.instant import DAY, HOUR, MINUTE
from suanli.terms.quantity import LOT, RMB
from suanli.terms.refusals import Code


@pytest.fixture
def hall() -> Hall:
    return Hall().opened()


# -- opening -------------------------------------------------------------------------------


@pytest.mark.parametrize(("effective", "cap"), [
    (START + 8 * HOUR, 5_000), (START + 9 * HOUR, 5_000), (START + 10 * HOUR, 10_000_000)])
def test_an_announced_cap_binds_auctions_opened_from_then_on(effective: int, cap: int) -> None:
    stage = Stage().opened()
    stage.must(1, SetParameter("price_mrmb_max", 5_000, effective=effective))
    stage.at = START + 9 * HOUR
    auction = stage.must(2, OpenAuction("day-ahead", DAY_AHEAD)).answer["auction"]
    assert stage.rooms.market.tables["auctions"][auction].price_max == cap


def test_opened_once_and_only_in_its_time(hall: Hall) -> None:
    refused(hall, 3, OpenAuction("day-ahead", DAY_AHEAD), Code.AUCTION_EXISTS)
    refused(hall, 3, OpenAuction("day-ahead", DAY_AHEAD + DAY), Code.NOT_IN_THE_CALENDAR)
    refused(hall, 3, OpenAuction("day-ahead", DAY_AHEAD + HOUR), Code.NOT_IN_THE_CALENDAR)
    refused(hall, 3, OpenAuction("lunch", DAY_AHEAD), Code.NOT_IN_THE_CALENDAR)
    hall.at = START + 12 * HOUR
    refused(hall, 3, OpenAuction("intraday-3", START + DAY + 12 * HOUR), Code.NOT_IN_THE_CALENDAR)
    assert hall.must(3, OpenAuction("intraday-1", DAY_AHEAD)).answer["auction"] == 2


def test_weekly_opens_for_a_monday_and_takes_no_curves(hall: Hall) -> None:
    monday = START + 4 * DAY  # 2026-01-05
    hall.at = monday - 13 * HOUR
    weekly = hall.must(2, OpenAuction("weekly", monday)).answer["auction"]
    refused(hall, 2, hall.curve(BUY, (900, 5), auction=weekly, start=monday), Code.ORDER_MALFORMED)
    legs = tuple(Leg(0, AREA, SINGLE, "firm", monday + hour * HOUR, 10) for hour in range(168))
    assert hall.must(2, EnterBlock(weekly, 0, 900, 500_000, legs, 0, "", 0)).answer["held"] == (
        168 * 10 * 900)


def test_a_market_without_auctions_has_the_root_it_always_had() -> None:
    market = Stage().opened().rooms.market
    old = ("offers", "orders", "queue", "counters")
    assert market.root() == sha256(b"room", *(market.tables[name].root() for name in old))


# -- holds ---------------------------------------------------------------------------------


def test_a_buyer_holds_its_limit_and_gets_it_back(hall: Hall) -> None:
    order = hall.order(2, hall.curve(BUY, (1200, 100), (900, 50)))
    assert hall.held(2) == 1200 * 100 + 900 * 50
    hall.order(2, hall.curve(BUY, (700, 10), order=order))
    assert hall.held(2) == 7000
    hall.must(2, CancelOrder(order))
    assert (hall.held(2), hall.cash(2)) == (0, 1000 * RMB)


def test_collateral_short_by_one_unit(hall: Hall) -> None:
    lots = 1000 * RMB // 1000
    refused(hall, 2, hall.curve(BUY, (1000, lots - 1), (1, 1001)), Code.INSUFFICIENT_BALANCE)
    hall.order(2, hall.curve(BUY, (1000, lots - 1), (1, 1000)))
    assert hall.cash(2) == 0


def test_an_exclusive_group_holds_its_dearest_member_once(hall: Hall) -> None:
    hall.order(2, hall.block(BUY, 900, 10, (0, 1), group="g"))
    hall.order(2, hall.block(BUY, 1000, 10, (2, 3), group="g"))
    assert hall.held(2) == 2 * 10 * 1000
    hall.order(2, hall.flexible(500, 4, 6))
    assert hall.held(2) == 2 * 10 * 1000 + 500 * 4 * 6


def test_an_issuer_issues_at_entry_and_retires_at_exit(hall: Hall) -> None:
    ledger = hall.rooms.ledger
    id = ledger.attestation_id(1, AREA, CHIP, DAY_AHEAD)
    order = hall.order(1, hall.curve(SELL, (800, 16_000)))
    assert ledger.sellable_ms(id, hall.at) == 0
    refused(hall, 1, hall.curve(SELL, (800, 1)), Code.ISSUANCE_ABOVE_ATTESTATION)
    hall.order(1, hall.curve(SELL, (800, 4000), order=order))
    assert ledger.sellable_ms(id, hall.at) == 12 * HOUR
    hall.must(1, CancelOrder(order))
    assert ledger.sellable_ms(id, hall.at) == 16 * HOUR
    assert not hall.rooms.market.tables["auction_holds"]


def test_a_seller_of_what_it_has_not_is_refused(hall: Hall) -> None:
    refused(hall, 2, hall.curve(SELL, (800, 5)), Code.INSUFFICIENT_BALANCE)
    hall.must(2, Order(1, AREA, SINGLE, "firm", DAY_AHEAD, BUY, 1000, 70, True))
    refused(hall, 2, hall.curve(SELL, (800, 71)), Code.INSUFFICIENT_BALANCE)
    hall.order(2, hall.curve(SELL, (800, 70)))
    assert hall.lots(2) == 0


def test_a_reseller_hands_over_its_claim_and_its_contract(hall: Hall) -> None:
    hall.must(2, Order(1, AREA, SINGLE, "firm", DAY_AHEAD, BUY, 1000, 70, True))
    hall.order(2, hall.curve(SELL, (800, 50)))
    hall.order(3, hall.curve(BUY, (900, 40)))
    hall.close()
    assert hall.clear(3, hall.clearing(800, {0: 40, 1: 40}, flows={0: 40})).code == 0
    hall.settle()
    klass = hall.rooms.ledger.class_id(1, AREA, SINGLE, "firm", DAY_AHEAD)
    reservations = hall.rooms.schedule.tables["reservations"]
    assert (reservations[2, klass], reservations[3, klass]) == (30 * LOT, 40 * LOT)
    contracts = hall.rooms.settlement.tables["contracts"]
    assert (contracts[2, klass], contracts[3, klass]) == ((30 * LOT, 30_000), (40 * LOT, 32_000))
    assert (hall.lots(2), hall.lots(3)) == (30, 40)


def test_what_is_set_aside_is_not_auctioned_until_released(hall: Hall) -> None:
    hall.must(1, SetParameter("set_aside_ppm", 250_000))
    hall.must(1, SetParameter("set_aside_release_ms", HOUR))
    refused(hall, 1, hall.curve(SELL, (800, 12_001)), Code.ISSUANCE_ABOVE_ATTESTATION)
    hall.order(1, hall.curve(SELL, (800, 12_000)))


def test_position_and_rate_limits(hall: Hall) -> None:
    hall.must(1, SetParameter("position_ppm_max", 100_000))  # of 16,000 lots an hour
    hall.order(2, hall.block(BUY, 10, 1600, group="either"))
    hall.order(2, hall.block(BUY, 10, 1600, group="either"))
    refused(hall, 2, hall.curve(BUY, (10, 1)), Code.POSITION_LIMIT_EXCEEDED)
    refused(hall, 2, hall.flexible(10, 1, 1), Code.POSITION_LIMIT_EXCEEDED)
    hall.order(2, hall.curve(BUY, (10, 1600), hour=2))
    hall.order(3, hall.curve(BUY, (10, 1600)))
    hall.must(1, SetParameter("position_ppm_max", 0))
    hall.must(1, SetParameter("orders_per_minute_max", 2))
    hall.order(3, hall.curve(BUY, (10, 1)))
    hall.order(3, hall.curve(BUY, (10, 1)))
    refused(hall, 3, hall.curve(BUY, (10, 1)), Code.ORDER_RATE_EXCEEDED)


# -- phases --------------------------------------------------------------------------------


def test_cancels_end_and_improvements_go_on_until_the_gate(hall: Hall) -> None:
    order = hall.order(2, hall.curve(BUY, (900, 10), (500, 10)))
    block = hall.order(2, hall.block(BUY, 900, 10, ratio_ppm=500_000))
    hall.at = hall.sitting.no_cancel_from
    refused(hall, 2, CancelOrder(order), Code.WRONG_AUCTION_PHASE)
    for worse in (hall.curve(BUY, (900, 9), (500, 11), order=order),
                  hall.curve(BUY, (899, 10), (500, 10), order=order),
                  hall.curve(BUY, (900, 20), hour=1, order=order),
                  hall.block(BUY, 899, 10, ratio_ppm=500_000, order=block),
                  hall.block(BUY, 900, 10, ratio_ppm=500_001, order=block),
                  hall.block(BUY, 900, 11, ratio_ppm=500_000, order=block)):
        refused(hall, 2, worse, Code.NOT_AN_IMPROVEMENT)
    hall.order(2, hall.curve(BUY, (950, 10), (500, 11), order=order))
    hall.order(2, hall.block(BUY, 901, 10, ratio_ppm=400_000, order=block))
    hall.at = hall.sitting.gate
    better = hall.curve(BUY, (990, 10), (500, 11), order=order)
    refused(hall, 2, better, Code.NOT_AN_IMPROVEMENT)
    refused(hall, 2, CancelOrder(order), Code.GATE_CLOSED)
    hall.order(2, hall.curve(BUY, (990, 10)))  # new ones at their own risk
    hall.at = hall.sitting.last
    refused(hall, 2, hall.curve(BUY, (990, 10)), Code.GATE_CLOSED)


def test_the_end_is_drawn_a_block_after_trading_and_late_orders_are_out(hall: Hall) -> None:
    refused(hall, 2, CloseAuction(hall.auction), Code.WRONG_AUCTION_PHASE)
    hall.order(1, hall.curve(SELL, (800, 100)))
    hall.at = hall.sitting.gate + 30_000
    late = hall.order(2, hall.curve(BUY, (900, 100)))
    hall.at = hall.sitting.last
    hall.must(2, CloseAuction(hall.auction))
    refused(hall, 2, CloseAuction(hall.auction), Code.WRONG_AUCTION_PHASE)
    ends = set()
    for n in range(60):
        hall.domain.follows(bytes([n]) * 32, hall.at)
        before = hall.rooms.market.tables["auctions"][hall.auction]
        after = hall.domain.rooms.market.check(CloseAuction(hall.auction), hall.at, 2, None)
        ends.add(after.answer["ends"] - before.gate)
    assert len(ends) > 50
    assert all(0 <= end < MINUTE for end in ends)
    hall.must(2, CloseAuction(hall.auction))
    frozen = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting)
    assert (late in frozen.index.steps.tolist()) == (hall.sitting.ends >= late_entered(hall, late))


def late_entered(hall: Hall, order: int) -> int:
    return int(hall.rooms.market.tables["auction_orders"][order].entered)


# -- clearing and settlement ---------------------------------------------------------------


def one_trade(hall: Hall) -> None:
    """100 lots at 900 between 800 and 1000: from the operator to tenant 2."""
    hall.order(1, hall.curve(SELL, (800, 150)))
    hall.order(2, hall.curve(BUY, (1000, 100)))
    hall.close()


def test_delivery_against_payment(hall: Hall) -> None:
    one_trade(hall)
    clearing = hall.clearing(800, {0: 100, 1: 100}, flows={0: 100})
    earned = hall.cash(1)
    assert hall.clear(3, clearing).code == 0
    assert hall.settle() == "settled"
    assert (hall.cash(2), hall.held(2)) == (1000 * RMB - 80_000, 0)
    assert hall.cash(1) - earned == 80_000
    assert (hall.lots(2), hall.lots(1), hall.lots(0)) == (100, 0, 0)
    klass = hall.rooms.ledger.class_id(1, AREA, SINGLE, "firm", DAY_AHEAD)
    assert hall.rooms.schedule.tables["reservations"][2, klass] == 100 * LOT
    assert hall.rooms.settlement.tables["contracts"][2, klass] == (100 * LOT, 80_000)
    id = hall.rooms.ledger.attestation_id(1, AREA, CHIP, DAY_AHEAD)
    assert hall.rooms.ledger.attestation(id).consumed_ms == 100 * HOUR // 1000
    assert not hall.rooms.market.tables["auction_holds"]
    assert not hall.rooms.ledger.tables["holds"]
    assert hall.rooms.market.tables["auction_results"][hall.auction].welfare == 20_000
    assert hall.sums() == {}


def test_the_better_clearing_wins_and_the_first_of_equals(hall: Hall) -> None:
    hall.order(3, hall.block(BUY, 900, 20, (0,)))
    one_trade(hall)
    without = hall.clearing(800, {0: 100, 1: 100}, {0: 0}, {0: 100})  # a block may be left out
    best = hall.clearing(800, {0: 120, 1: 100}, {0: UNIT}, {0: 120})
    assert hall.clear(2, without).code == 0
    assert hall.clear(3, without).code == Code.CLEARING_NOT_BETTER
    assert hall.clear(3, best).code == 0
    assert hall.clear(1, best).code == Code.CLEARING_NOT_BETTER
    hall.settle()
    result = hall.rooms.market.tables["auction_results"][hall.auction]
    assert (result.solver, result.welfare, result.rejected) == (3, 22_000, 0)
    assert (hall.lots(2), hall.lots(3)) == (100, 20)


def test_blocks_left_out_in_the_money_are_counted(hall: Hall) -> None:
    hall.order(3, hall.block(BUY, 900, 20, (0,)))
    one_trade(hall)
    assert hall.clear(2, hall.clearing(800, {0: 100, 1: 100}, {0: 0}, {0: 100})).code == 0
    hall.settle()
    assert hall.rooms.market.tables["auction_results"][hall.auction].rejected == 1
    assert (hall.lots(3), hall.held(3)) == (0, 0)


WRONG: list[tuple[str, Callable[[Any], Any]]] = [
    ("R1", lambda c: c._replace(prices=c.prices[:-1])),
    ("R1", lambda c: c._replace(curve_lots=c.curve_lots * 2)),
    ("R2", lambda c: c._replace(flows=c.flows - 1)),
    ("R3", lambda c: c._replace(prices=c.prices + 1)),
    ("R8", lambda c: c._replace(prices=c.prices * 0 + [800 if n < 24 else 801
                                                       for n in range(c.prices.size)])),
    ("R9", lambda c: c._replace(welfare=c.welfare + 1)),
]


@pytest.mark.parametrize(("rule", "change"), WRONG)
def test_a_wrong_clearing_is_refused_with_its_rule(hall: Hall, rule: str,
                                                   change: Callable[[Any], Any]) -> None:
    one_trade(hall)
    right = hall.clearing(800, {0: 100, 1: 100}, flows={0: 100})
    before = hall.domain.roots()["market"]
    receipt = hall.clear(3, change(right))
    assert (receipt.code, receipt.reason[:7]) == (Code.CLEARING_REFUSED, f"rule {rule}")
    assert hall.domain.roots()["market"] == before
    assert hall.clear(3, right).code == 0


def test_without_a_solver_all_is_voided(hall: Hall) -> None:
    hall.order(1, hall.curve(SELL, (800, 150)))
    hall.order(2, hall.block(BUY, 900, 10))
    hall.close()
    refused(hall, 3, SettleAuction(hall.auction), Code.WRONG_AUCTION_PHASE)
    assert hall.settle() == "void"
    assert (hall.held(2), hall.cash(2)) == (0, 1000 * RMB)
    id = hall.rooms.ledger.attestation_id(1, AREA, CHIP, DAY_AHEAD)
    assert hall.rooms.ledger.sellable_ms(id, hall.at) == 16 * HOUR
    assert not hall.rooms.ledger.tables["holds"]
    refused(hall, 3, SettleAuction(hall.auction), Code.WRONG_AUCTION_PHASE)


def test_settled_too_late_is_called_off(hall: Hall) -> None:
    one_trade(hall)
    assert hall.clear(3, hall.clearing(800, {0: 100, 1: 100}, flows={0: 100})).code == 0
    hall.at = DAY_AHEAD + HOUR
    assert hall.settle() == "void"
    assert not hall.rooms.ledger.tables["holds"]


def test_a_clearing_after_the_deadline_is_not_heard(hall: Hall) -> None:
    one_trade(hall)
    right = hall.clearing(800, {0: 100, 1: 100}, flows={0: 100})
    hall.at = hall.sitting.deadline
    assert hall.clear(3, right).code == Code.WRONG_AUCTION_PHASE


def test_a_settlement_in_pages_ends_as_in_one(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suanli.market.auction.pages.PAGE_ROWS", 2)
    one_trade(hall)
    assert hall.clear(3, hall.clearing(800, {0: 100, 1: 100}, flows={0: 100})).code == 0
    hall.at = hall.sitting.deadline
    pages = 0
    while hall.sitting.status != "settled":
        hall.must(3, SettleAuction(hall.auction))
        assert hall.sums() == {}
        pages += 1
    assert pages == 3  # two holds, a retirement, a payment, a delivery
    assert (hall.lots(2), hall.cash(2)) == (100, 1000 * RMB - 80_000)


def test_a_link_carries_and_its_fee_and_rent_are_set_aside(hall: Hall) -> None:
    other = second_area(hall)
    hall.must(1, SetLink(AREA, "area-2", 60, 50))
    hall.order(1, hall.curve(SELL, (800, 150)))
    hall.order(2, hall.curve(BUY, (1000, 100), area="area-2"))
    hall.close()
    clearing = hall.clearing(1000, {0: 60, 1: 60}, flows={0: 60})
    cell = 24 * hall.sitting.nodes.index((1, AREA, SINGLE, "firm"))
    clearing.prices[cell:cell + 24] = 800
    assert hall.clear(3, clearing).code == 0, other
    hall.settle()
    assert hall.cash(RENT) == 60 * (1000 - 800)
    assert hall.lots(2) == 60
    assert hall.sums() == {}
    assert hall.rooms.market.tables["auction_results"][hall.auction].rent == 60 * 200


def second_area(hall: Hall) -> int:
    hall.must(1, RegisterZone("z2", "area-2"))
    return 1


def test_past_auctions_are_forgotten(hall: Hall) -> None:
    one_trade(hall)
    hall.settle()
    hall.at = DAY_AHEAD + DAY
    hall.must(1, Sweep(10))
    for table in ("auctions", "auction_ids", "auction_orders", "auction_results"):
        assert not hall.rooms.market.tables[table]


def test_a_snapshot_restores_in_every_phase(hall: Hall) -> None:
    def same() -> None:
        again = Hall()
        again.domain.restore(decode(hall.domain.snapshot()))
        assert again.domain.roots() == hall.domain.roots()
        assert again.rooms.market.auctions.owned == hall.rooms.market.auctions.owned

    hall.order(2, hall.flexible(500, 4, 6))
    same()
    one_trade(hall)
    same()
    hall.settle()
    same()


# -- bad input -----------------------------------------------------------------------------


BAD: list[tuple[Code, Callable[[Hall], Any]]] = [
    (Code.UNKNOWN_AUCTION, lambda h: h.curve(BUY, (900, 1), auction=9)),
    (Code.QUANTITY_OUT_OF_RANGE, lambda h: h.curve(BUY, (900, 0))),
    (Code.QUANTITY_OUT_OF_RANGE, lambda h: h.curve(BUY, (900, -5))),
    (Code.QUANTITY_OUT_OF_RANGE, lambda h: h.curve(BUY, (900, 2**62))),
    (Code.QUANTITY_OUT_OF_RANGE, lambda h: h.curve(BUY, (1_000_000, 10**12))),
    (Code.PRICE_OUT_OF_RANGE, lambda h: h.curve(BUY, (0, 5))),
    (Code.PRICE_OUT_OF_RANGE, lambda h: h.curve(BUY, (10_000_001, 5))),
    (Code.PRICE_OUT_OF_RANGE, lambda h: h.block(BUY, -3, 5)),
    (Code.ORDER_MALFORMED, lambda h: h.curve(BUY)),
    (Code.ORDER_MALFORMED, lambda h: h.curve(BUY, (900, 5), (900, 5))),
    (Code.ORDER_MALFORMED, lambda h: h.curve(BUY, *((n, 1) for n in range(99, 48, -1)))),
    (Code.ORDER_MALFORMED, lambda h: h.curve(BUY, (900, 5), fixed_micro_rmb=1)),
    (Code.ORDER_MALFORMED, lambda h: h.curve(2, (900, 5), issuer=1)),
    (Code.ORDER_MALFORMED, lambda h: h.block(BUY, 900, 5, ratio_ppm=0)),
    (Code.ORDER_MALFORMED, lambda h: h.block(BUY, 900, 5, ratio_ppm=1_000_001)),
    (Code.ORDER_MALFORMED, lambda h: h.block(BUY, 900, 5, (0, 0))),
    (Code.ORDER_MALFORMED, lambda h: h.block(BUY, 900, 5, ())),
    (Code.ORDER_MALFORMED, lambda h: h.block(BUY, 900, 5, group="g" * 65)),
    (Code.UNKNOWN_PRODUCT, lambda h: h.block(BUY, 900, 5, (23, 24))),
    (Code.UNKNOWN_PRODUCT, lambda h: h.curve(BUY, (900, 5), hour=-1)),
    (Code.UNKNOWN_PRODUCT, lambda h: h.curve(BUY, (900, 5), start=DAY_AHEAD + 1)),
    (Code.UNKNOWN_PRODUCT, lambda h: h.curve(BUY, (900, 5), tier="soft")),
    (Code.UNKNOWN_PRODUCT, lambda h: h.curve(SELL, (900, 5), issuer=0)),
    (Code.UNKNOWN_GRADE, lambda h: h.curve(BUY, (900, 5), grade="tin")),
    (Code.UNKNOWN_GRADE, lambda h: h.curve(BUY, (900, 5), issuer=3)),
    (Code.UNKNOWN_AREA, lambda h: h.curve(BUY, (900, 5), area="moon")),
    (Code.UNKNOWN_ORDER, lambda h: h.curve(BUY, (900, 5), order=77)),
    (Code.UNKNOWN_ORDER, lambda h: h.block(BUY, 900, 5, parent=77)),
    (Code.ORDER_MALFORMED, lambda h: h.flexible(900, 5, 25)),
    (Code.ORDER_MALFORMED, lambda h: h.flexible(900, 5, 0)),
    (Code.UNKNOWN_PRODUCT, lambda h: h.flexible(900, 5, 2, latest=DAY_AHEAD + DAY + HOUR)),
    (Code.UNKNOWN_PRODUCT, lambda h: h.flexible(900, 5, 2, latest=DAY_AHEAD)),
    (Code.QUANTITY_OUT_OF_RANGE, lambda h: SetLink(AREA, "area-2", -1, 0)),
    (Code.UNKNOWN_AREA, lambda h: SetLink(AREA, AREA, 1, 0)),
    (Code.UNKNOWN_AUCTION, lambda h: CloseAuction(9)),
    (Code.UNKNOWN_AUCTION, lambda h: SettleAuction(9)),
    (Code.UNKNOWN_ORDER, lambda h: CancelOrder(9)),
]


@pytest.mark.parametrize(("code", "make"), BAD)
def test_bad_input_changes_nothing(hall: Hall, code: Code, make: Callable[[Hall], Any]) -> None:
    second_area(hall)
    command = make(hall)
    refused(hall, 1 if isinstance(command, SetLink) else 2, command, code)


def test_cyclic_and_deep_links(hall: Hall) -> None:
    first = hall.order(2, hall.block(BUY, 900, 1))
    second = hall.order(2, hall.block(BUY, 900, 1, parent=first))
    third = hall.order(2, hall.block(BUY, 900, 1, parent=second))
    refused(hall, 2, hall.block(BUY, 900, 1, parent=third), Code.ORDER_MALFORMED)
    refused(hall, 2, hall.block(BUY, 900, 1, parent=third, order=first), Code.ORDER_MALFORMED)
    refused(hall, 2, hall.block(BUY, 900, 1, parent=first, order=first), Code.ORDER_MALFORMED)
    refused(hall, 2, CancelOrder(first), Code.ORDER_MALFORMED)
    refused(hall, 3, hall.block(BUY, 900, 1, parent=first), Code.UNKNOWN_ORDER)
    refused(hall, 2, hall.curve(BUY, (900, 1), order=first), Code.ORDER_MALFORMED)


def test_linked_blocks_are_of_one_side(hall: Hall) -> None:
    sell = hall.order(1, hall.block(SELL, 900, 1))
    refused(hall, 1, hall.block(BUY, 900, 1, parent=sell), Code.ORDER_MALFORMED)


def test_groups_and_orders_are_bounded(hall: Hall) -> None:
    for _ in range(24):
        hall.order(2, hall.block(BUY, 900, 1, group="g"))
    refused(hall, 2, hall.block(BUY, 900, 1, group="g"), Code.ORDER_MALFORMED)
    hall.order(3, hall.block(BUY, 900, 1, group="g"))  # another's group
    hall.must(1, SetParameter("auction_orders_max", 24))
    refused(hall, 2, hall.block(BUY, 900, 1), Code.TOO_MANY_ORDERS)


def test_another_grade_of_the_same_device_is_another_node(hall: Hall) -> None:
    hall.must(1, Attest(AREA, CHIP, DAY_AHEAD, 1, 16))
    hall.order(1, hall.curve(SELL, (800, 8000)))
    hall.order(1, hall.curve(SELL, (800, 1000), grade=GANG))
    hall.order(2, hall.curve(BUY, (900, 10), grade=GANG))
    hall.close()
    auction = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting).auction
    assert auction.arcs.source.size == 1
    assert auction.cells == 3 * 24
