"""One device offered in several grades: what is asked, held, cleared, issued and refused."""

from typing import Any

import pytest
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall, refused
from tests.stage import CHIP, GANG, SINGLE
from tests.unit.market.auction.test_state import second_area

from suanli.clearing import solve
from suanli.ledger.commands import Attest
from suanli.market.auction.commands import CancelOrder, SetLink
from suanli.market.auction.substitution import node_of
from suanli.members.commands import SetParameter
from suanli.terms.instant import HOUR
from suanli.terms.quantity import LOT, RMB
from suanli.terms.refusals import Code
from suanli.units.commands import DeclareRating, DefineGrade

INFER = "infer"


@pytest.fixture
def hall() -> Hall:
    return graded(1_412_345)


def graded(ucu: int) -> Hall:
    """A hall whose chip has a second grade, at a rating of its own."""
    hall = Hall().opened()
    hall.must(1, DeclareRating(CHIP, "llm-prefill", False, 0, ucu, "measured"))
    hall.must(1, DefineGrade(INFER, "llm-prefill", False, (CHIP,)))
    return hall


def joint(hall: Hall, price: int, lots: int, **changes: Any) -> Any:
    return hall.curve(SELL, (price, lots), also=(INFER,), **changes)


def cleared(hall: Hall) -> str:
    """Close, solve, propose and settle; every class sums to nothing after each page."""
    hall.close()
    auction = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting).auction
    receipt = hall.clear(3, solve(auction).clearing)
    assert receipt.code == 0, receipt.reason
    status = hall.settle()
    assert hall.sums() == {}
    return status


def rating(hall: Hall, grade: str) -> int:
    return int(hall.rooms.units.grade(1, grade).factors[0][1])


def infer_buy(hall: Hall, price: int, lots: int, **changes: Any) -> Any:
    return hall.curve(BUY, (price, lots), grade=INFER, **changes)


def attestation(hall: Hall) -> Any:
    ledger = hall.rooms.ledger
    return ledger.attestation(ledger.attestation_id(1, AREA, CHIP, DAY_AHEAD))


# -- what it does --------------------------------------------------------------------------


def test_a_device_sells_where_it_is_worth_more(hall: Hall) -> None:
    hall.order(1, joint(hall, 800, 1000))
    hall.order(2, hall.curve(BUY, (900, 1000)))
    hall.order(3, infer_buy(hall, 900, 1412))
    before = hall.cash(1)
    assert cleared(hall) == "settled"
    # a device hour is 1.0 tokens at 900 or 1.41 at 900
    assert hall.lots(2) == 0
    assert hall.lots(3, grade=INFER) == 1412
    assert hall.cash(1) - before == 1000 * RMB - hall.cash(3) > 0
    assert hall.rooms.schedule.tables["reservations"][3, hall.rooms.ledger.class_id(
        1, AREA, INFER, "firm", DAY_AHEAD)] == 1412 * LOT


def test_both_grades_are_served_from_one_offer(hall: Hall) -> None:
    hall.order(1, joint(hall, 800, 15_998))
    hall.order(2, hall.curve(BUY, (1000, 8_000)))
    hall.order(3, infer_buy(hall, 1000, 9_000))
    cleared(hall)
    assert (hall.lots(2), hall.lots(3, grade=INFER)) == (8_000, 9_000)
    used = 8_000 * LOT * 1000 // rating(hall, SINGLE) + 9_000 * LOT * 1000 // rating(hall, INFER)
    assert used <= attestation(hall).consumed_ms <= used + 2


def test_the_other_grade_may_be_wanted_at_the_cap(hall: Hall) -> None:
    # a lot on offer is then worth more than the cap, which binds what is paid
    hall.order(1, joint(hall, 800, 60))
    hall.order(3, infer_buy(hall, hall.sitting.price_max, 90))
    assert cleared(hall) == "settled"
    assert hall.lots(3, grade=INFER) == 84
    assert 1000 * RMB - hall.cash(3) == 84 * hall.sitting.price_max == hall.cash(1)


def test_what_is_not_sold_is_retired(hall: Hall) -> None:
    order = hall.order(1, joint(hall, 800, 15_999))
    assert attestation(hall).consumed_ms == 16 * HOUR  # a lot more is held
    hall.order(1, joint(hall, 800, 10, order=order))
    assert attestation(hall).consumed_ms == 11 * 3600
    hall.must(1, CancelOrder(order))
    assert attestation(hall).consumed_ms == 0
    hall.order(1, joint(hall, 800, 4000))
    cleared(hall)
    assert attestation(hall).consumed_ms == 0
    assert hall.cash(1) == 0


def test_plain_and_joint_offers_of_a_grade_share_one_hold(hall: Hall) -> None:
    hall.order(1, hall.curve(SELL, (700, 100)))
    hall.order(1, joint(hall, 800, 200))
    klass = hall.rooms.ledger.class_id(1, AREA, SINGLE, "firm", DAY_AHEAD)
    assert hall.rooms.market.tables["auction_holds"][hall.auction, 1, klass].amount == 301 * LOT
    hall.order(2, hall.curve(BUY, (900, 150)))
    hall.order(3, infer_buy(hall, 900, 100))
    cleared(hall)
    assert (hall.lots(2), hall.lots(3, grade=INFER)) == (150, 100)


def test_demand_nodes_and_links_are_reached_in_the_other_grade(hall: Hall) -> None:
    second_area(hall)
    hall.must(1, SetLink(AREA, "area-2", 500, 20))
    hall.order(1, joint(hall, 800, 1000))
    hall.order(2, infer_buy(hall, 1000, 300, issuer=0))
    hall.order(3, infer_buy(hall, 1000, 300, issuer=0, area="area-2"))
    cleared(hall)
    assert (hall.lots(2, grade=INFER), hall.lots(3, grade=INFER)) == (300, 300)


@pytest.mark.parametrize("ucu", [333_333, 999_999, 1_000_000, 1_000_001, 1_412_345, 2_718_281])
@pytest.mark.parametrize("lots", [1, 2, 7, 999, 5_003])
def test_rounding_never_needs_more_than_was_attested(ucu: int, lots: int) -> None:
    hall = graded(ucu)
    # all of the hour's devices are on offer, and less a lot for rounding all are asked for
    hall.order(1, joint(hall, 500, 15_999))
    hall.order(2, infer_buy(hall, 5000, lots))
    hall.order(3, hall.curve(BUY, (900, 16_000)))
    cleared(hall)
    assert hall.lots(2, grade=INFER) == lots
    assert attestation(hall).consumed_ms <= 16 * HOUR
    spent = 2000 * RMB - hall.cash(2) - hall.cash(3)
    assert hall.cash(1) == spent


def test_it_is_delivered_though_less_is_attested_now(hall: Hall) -> None:
    """An order that stood when less was attested, or more kept back, is settled all the same."""
    hall.order(1, joint(hall, 800, 15_999))
    hall.order(2, infer_buy(hall, 1000, 20_000))
    hall.must(1, Attest(AREA, CHIP, DAY_AHEAD, 24, 1))
    hall.must(1, SetParameter("headroom_ppm", 500_000))
    cleared(hall)
    assert hall.lots(2, grade=INFER) == 20_000


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
def test_no_page_ends_between_retiring_and_issuing(hall: Hall, rows: int,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suanli.market.auction.pages.PAGE_ROWS", rows)
    hall.order(1, joint(hall, 800, 4000))
    hall.order(1, joint(hall, 700, 4000))
    hall.order(2, hall.curve(BUY, (1000, 2_000)))
    hall.order(3, infer_buy(hall, 1000, 3_000))
    hall.must(1, SetParameter("headroom_ppm", 900_000))
    cleared(hall)
    assert (hall.lots(2), hall.lots(3, grade=INFER)) == (2_000, 3_000)


def test_results_show_what_was_taken_of_it(hall: Hall) -> None:
    order = hall.order(1, joint(hall, 800, 1000))
    hall.order(2, infer_buy(hall, 1000, 500))
    cleared(hall)
    filled = hall.rooms.market.tables["auction_orders"][order].filled
    assert [lots for _, lots in filled] == [pytest.approx(500 * 1_000_000 / 1_412_345, abs=1)]


# -- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "changes"), [
    (Code.ORDER_MALFORMED, {"also": (SINGLE,)}),
    (Code.ORDER_MALFORMED, {"also": (INFER, INFER)}),
    (Code.UNKNOWN_GRADE, {"also": ("tin",)}),
    (Code.UNKNOWN_GRADE, {"also": ("",)}),
    (Code.UNKNOWN_GRADE, {"grade": f"{SINGLE}|{INFER}"}),
    (Code.ORDER_MALFORMED, {"side": BUY}),
    (Code.ISSUANCE_ABOVE_ATTESTATION, {"steps": ((800, 16_000),)}),
])
def test_refused(hall: Hall, code: Code, changes: dict[str, Any]) -> None:
    fields = {"also": (INFER,), "steps": ((800, 100),), **changes}
    steps = fields.pop("steps")
    refused(hall, 1, hall.curve(fields.pop("side", SELL), *steps, issuer=1, **fields), code)


def test_seven_others_are_accepted(hall: Hall) -> None:
    grades = tuple(f"g{n}" for n in range(8))
    for name in grades:
        hall.must(1, DefineGrade(name, "llm-prefill", False, (CHIP,)))
    refused(hall, 1, hall.curve(SELL, (800, 100), also=grades), Code.ORDER_MALFORMED)
    hall.order(1, hall.curve(SELL, (800, 100), also=grades[1:]))


def test_only_an_issuer_may(hall: Hall) -> None:
    refused(hall, 2, joint(hall, 800, 1), Code.ORDER_MALFORMED)


def test_a_grade_of_another_chip_is_refused(hall: Hall) -> None:
    hall.must(1, DeclareRating("h800-sxm-80", "llm-prefill", False, 0, 900_000, "measured"))
    hall.must(1, DefineGrade("far", "llm-prefill", False, ("h800-sxm-80",)))
    hall.must(1, DefineGrade("mixed", "llm-prefill", False, (CHIP, "h800-sxm-80")))
    refused(hall, 1, hall.curve(SELL, (800, 1), also=("far",)), Code.ORDER_MALFORMED)
    refused(hall, 1, hall.curve(SELL, (800, 1), grade="mixed", also=(INFER,)),
            Code.ORDER_MALFORMED)
    hall.order(1, hall.curve(SELL, (800, 1), also=("mixed", GANG)))


def test_its_node_names_all_its_grades(hall: Hall) -> None:
    command = joint(hall, 800, 5)
    hall.order(1, command)
    assert node_of(command) == (1, AREA, f"{SINGLE}|{INFER}", "firm")
    assert node_of(command) in hall.sitting.nodes
