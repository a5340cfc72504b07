"""What the set-aside keeps out of an auction: counted once, only where it could have been sold."""

import pytest
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall
from tests.stage import GANG, SINGLE

from suanli.market.auction.commands import CloseAuction
from suanli.market.auction.instance import NONE
from suanli.market.auction.records import WithheldStep
from suanli.market.commands import Entitle, Order
from suanli.members.commands import SetParameter
from suanli.terms.canonical import decode, encode
from suanli.terms.instant import DAY

QUARTER = 250_000  # of sixteen devices: four device-hours, 4,000 lots of the reference chip


@pytest.fixture
def hall() -> Hall:
    made = Hall().opened()
    made.must(1, SetParameter("set_aside_ppm", QUARTER))
    return made


def cell(hall: Hall, grade: str = SINGLE, hour: int = 0, tier: str = "firm") -> int:
    return hall.sitting.nodes.index((1, AREA, grade, tier)) * hall.sitting.hours + hour


def withheld(hall: Hall) -> list[WithheldStep]:
    """Close, and return what was written down, which a snapshot keeps."""
    hall.close()
    again = Hall()
    again.domain.restore(decode(hall.domain.snapshot()))
    assert again.domain.roots() == hall.domain.roots()
    return list(hall.sitting.withheld)


def test_a_curve_goes_on_at_its_dearest_step(hall: Hall) -> None:
    hall.order(1, hall.curve(SELL, (800, 100), (850, 50)))
    hall.order(1, hall.curve(SELL, (900, 10), hour=3))
    hall.order(1, hall.curve(SELL, (870, 10)))
    assert withheld(hall) == [(cell(hall), 4000, 870), (cell(hall, hour=3), 4000, 900)]


def test_an_offer_goes_on_in_each_of_its_hours(hall: Hall) -> None:
    hall.order(1, hall.offer(500, ((800, 100), (850, 50)), ((700, 10),)))
    hall.order(1, hall.curve(SELL, (820, 10), hour=1))
    assert withheld(hall) == [(cell(hall), 4000, 850), (cell(hall, hour=1), 4000, 820)]


def test_two_grades_of_a_chip_share_what_is_withheld_in_the_order_of_nodes(hall: Hall) -> None:
    hall.order(1, hall.curve(SELL, (900, 100), grade=GANG))
    hall.order(1, hall.curve(SELL, (800, 100)))
    hall.order(1, hall.curve(SELL, (700, 100), tier="spot"))
    assert withheld(hall) == [(cell(hall, GANG), 4000, 900)]


def test_nodes_named_the_other_way_round_give_it_to_the_other_grade(hall: Hall) -> None:
    hall.order(1, hall.curve(SELL, (800, 100)))
    hall.order(1, hall.curve(SELL, (900, 100), grade=GANG))
    assert withheld(hall) == [(cell(hall), 4000, 800)]


def test_what_beneficiaries_bought_is_withheld_no_more(hall: Hall) -> None:
    hall.must(1, Entitle(3, "weather forecast"))
    hall.must(3, Order(1, AREA, SINGLE, "firm", DAY_AHEAD, BUY, 1000, 1000, True))
    hall.order(1, hall.curve(SELL, (800, 100)))
    assert withheld(hall) == [(cell(hall), 3000, 800)]


def test_what_was_sold_before_there_was_a_set_aside_could_not_be_sold_again(hall: Hall) -> None:
    hall.must(1, SetParameter("set_aside_ppm", 0))
    hall.order(1, hall.curve(SELL, (800, 15_000)))
    hall.must(1, SetParameter("set_aside_ppm", QUARTER))
    assert withheld(hall) == [(cell(hall), 1000, 800)]


def test_nothing_where_no_curve_of_the_issuer_sells(hall: Hall) -> None:
    hall.must(2, Order(1, AREA, SINGLE, "firm", DAY_AHEAD, BUY, 1000, 70, True))
    hall.order(2, hall.curve(SELL, (800, 50)))  # a reseller's
    hall.order(3, hall.curve(BUY, (900, 40), hour=1))
    hall.order(1, hall.block(SELL, 800, 10))
    assert withheld(hall) == []


def test_nothing_of_an_order_that_came_too_late(hall: Hall) -> None:
    hall.order(1, hall.curve(SELL, (800, 50)))
    hall.at = hall.sitting.last - 1
    hall.order(1, hall.curve(SELL, (950, 50)))
    late = hall.order(1, hall.curve(SELL, (900, 50), hour=1))
    steps = withheld(hall)
    assert hall.rooms.market.auctions.orders(hall.auction)[late].entered > hall.sitting.ends
    assert steps == [(cell(hall), 4000, 800)]


@pytest.mark.parametrize("changes", [{"set_aside_ppm": 0}, {"set_aside_release_ms": DAY}])
def test_switched_off_or_released_nothing_is_written_down(hall: Hall,
                                                          changes: dict[str, int]) -> None:
    for name, value in changes.items():
        hall.must(1, SetParameter(name, value))
    hall.order(1, hall.curve(SELL, (800, 50)))
    assert withheld(hall) == []
    later = ["withheld"]
    assert len(decode(encode(hall.sitting))) == len(hall.sitting.__slots__) - len(later)
    assert hall.rooms.market.auctions.frozen(hall.auction, hall.sitting).without is None


def test_the_auction_without_has_the_steps_behind_all_others_and_room_on_its_arcs(
        hall: Hall) -> None:
    hall.order(1, hall.curve(SELL, (800, 100)))
    hall.order(2, hall.curve(BUY, (1000, 5000)))
    step, = withheld(hall)
    frozen = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting)
    more = frozen.without
    assert [field.tolist()[-1] for field in more.curves] == [step.cell, SELL, 800, 4000, NONE]
    assert [field.tolist()[:-1] for field in more.curves] == [
        field.tolist() for field in frozen.auction.curves]
    assert (frozen.auction.arcs.capacity.tolist(), more.arcs.capacity.tolist()) == ([101], [4101])


def test_who_looks_before_the_draw_does_not_fix_what_is_drawn(hall: Hall) -> None:
    hall.order(1, hall.curve(SELL, (800, 100)))
    hall.at = hall.sitting.last
    hall.must(2, CloseAuction(hall.auction))
    auctions = hall.rooms.market.auctions
    assert auctions.frozen(hall.auction, hall.sitting).without is None
    hall.domain.follows(b"\x01" * 32, hall.at)
    hall.must(2, CloseAuction(hall.auction))
    found = auctions.frozen(hall.auction, hall.sitting)
    assert found.without is not None
    assert auctions.frozen(hall.auction, hall.sitting) is found


def test_what_could_overflow_is_left_out(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    hall.order(1, hall.curve(SELL, (800, 100)))
    hall.order(1, hall.curve(SELL, (800, 100), hour=1))
    room = 2 * 4000 * hall.sitting.price_max
    monkeypatch.setattr("suanli.market.auction.withheld.VALUE_MAX", hall.sitting.value + room)
    assert withheld(hall) == [(cell(hall), 4000, 800)]


