"""Minimum-income offers over several hours: holds, improvements, clearings, hostile input.

Goal: what the domain settles is the best that any choice of offers allows, and no offer is taken
short of its fixed cost. Method: small auctions through the domain, cleared by the real solver and
by trying every choice (`oracles.exhaustive`).
"""

import random
from collections.abc import Callable

import numpy as np
import pytest
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall, refused
from tests.oracles import exhaustive
from tests.stage import SINGLE, START

from suanli.clearing import solve
from suanli.market.auction.admission import LEGS_MAX, Grid
from suanli.market.auction.admission import refusal as admission_refusal
from suanli.market.auction.commands import CancelOrder, EnterOffer, OpenAuction
from suanli.market.auction.instance import NONE, Clearing
from suanli.market.auction.orders import CurveOrder, OfferOrder, assemble
from suanli.market.auction.records import AuctionOrder
from suanli.market.auction.verification import welfare_of
from suanli.market.commands import Order
from suanli.members.commands import SetParameter
from suanli.terms.canonical import decode, values_of
from suanli.terms.instant import DAY, HOUR
from suanli.terms.refusals import Code


@pytest.fixture
def hall() -> Hall:
    return Hall().opened()


def with_offers(hall: Hall, clearing: Clearing, accepted: list[int]) -> Clearing:
    auction = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting).auction
    found = clearing._replace(offer_accepted=np.array(accepted, np.int64))
    return found._replace(welfare=welfare_of(auction, found))


# -- rows ----------------------------------------------------------------------------------


def test_all_steps_of_an_offer_are_of_one_row() -> None:
    auction, index = assemble({
        3: OfferOrder(((1, ((5, 10), (7, 20))), (4, ((6, 30),))), 900),
        2: CurveOrder(1, 1, ((4, 1),), fixed_cost=50), 5: CurveOrder(1, 0, ((9, 8),))}, 2, 3)
    assert index.offers.tolist() == [2, 3]
    assert auction.offers.fixed.tolist() == [50, 900]
    assert auction.curves.offer.tolist() == [0, 1, 1, 1, NONE]
    assert auction.curves.cell.tolist() == [1, 1, 1, 4, 1]
    assert auction.curves.side.tolist() == [1, 1, 1, 1, 0]


def test_an_order_of_before_has_the_bytes_of_before() -> None:
    curve = CurveOrder(0, 1, ((5, 1),))
    assert len(values_of(AuctionOrder(1, 2, 3, curve, None, None, ()))) == 7
    offer = OfferOrder(((0, ((5, 1),)),), 9)
    assert len(values_of(AuctionOrder(1, 2, 3, None, None, None, (), offer=offer))) == 8


# -- holds and changes ---------------------------------------------------------------------


def test_an_offer_holds_each_hours_lots_and_gives_them_back(hall: Hall) -> None:
    order = hall.order(1, hall.offer(5_000, ((800, 100), (900, 50)), ((700, 20),)))
    refused(hall, 1, hall.curve(SELL, (800, 15_851)), Code.ISSUANCE_ABOVE_ATTESTATION)
    hall.order(1, hall.curve(SELL, (800, 15_850)))
    refused(hall, 1, hall.curve(SELL, (800, 15_981), hour=1), Code.ISSUANCE_ABOVE_ATTESTATION)
    hall.must(1, CancelOrder(order))
    hall.order(1, hall.curve(SELL, (800, 150)))
    assert hall.sums() == {}


def test_a_reseller_offers_what_it_has_to_the_lot(hall: Hall) -> None:
    two = hall.offer(1, ((800, 10),), ((800, 10),), issuer=1)
    refused(hall, 2, two, Code.INSUFFICIENT_BALANCE)
    buy_hours(hall, 2, 10, 2)
    refused(hall, 2, hall.offer(1, ((800, 10),), ((800, 6), (900, 5))), Code.INSUFFICIENT_BALANCE)
    hall.order(2, two)
    assert (hall.lots(2, 0), hall.lots(2, 1)) == (0, 0)


def buy_hours(hall: Hall, member: int, lots: int, hours: int) -> None:
    for hour in range(hours):
        hall.must(member, Order(1, AREA, SINGLE, "firm", DAY_AHEAD + hour * HOUR, BUY, 1000, lots,
                                True))


def test_it_takes_the_place_of_another_order_of_mine(hall: Hall) -> None:
    order = hall.order(1, hall.curve(SELL, (800, 16_000)))
    hall.order(1, hall.offer(5_000, ((800, 16_000),), ((800, 16_000),), order=order))
    hall.order(1, hall.offer(4_000, ((800, 16_000),), order=order))
    assert [o.offer.fixed_cost for o in
            hall.rooms.market.tables["auction_orders"].values()] == [4_000]
    hall.must(1, CancelOrder(order))
    assert not hall.rooms.market.tables["auction_holds"]
    assert not hall.rooms.ledger.tables["holds"]


def test_without_cancels_it_may_only_improve(hall: Hall) -> None:
    order = hall.order(1, hall.offer(5_000, ((800, 100), (900, 50)), ((700, 20),)))
    hall.at = hall.sitting.no_cancel_from
    refused(hall, 1, CancelOrder(order), Code.WRONG_AUCTION_PHASE)
    for worse in (
            hall.offer(5_001, ((800, 100), (900, 50)), ((700, 20),), order=order),
            hall.offer(5_000, ((800, 100), (900, 49)), ((700, 20),), order=order),
            hall.offer(5_000, ((801, 150),), ((700, 20),), order=order),
            hall.offer(5_000, ((800, 150),), order=order),  # an hour less
            hall.offer(5_000, ((800, 100), (900, 50)), ((700, 20),), first=1, order=order),
            hall.curve(SELL, (800, 150), order=order)):
        refused(hall, 1, worse, Code.NOT_AN_IMPROVEMENT)
    hall.order(1, hall.offer(4_999, ((700, 150),), ((700, 20),), ((900, 5),), order=order))
    hall.at = hall.sitting.gate
    refused(hall, 1, hall.offer(1, ((700, 150),), ((700, 20),), ((900, 5),), order=order),
            Code.NOT_AN_IMPROVEMENT)
    hall.order(1, hall.offer(1, ((700, 1),)))  # a new one, at its own risk
    hall.at = hall.sitting.last
    refused(hall, 1, hall.offer(1, ((700, 1),)), Code.GATE_CLOSED)


def test_limits_count_it_as_any_order(hall: Hall) -> None:
    hall.must(1, SetParameter("position_ppm_max", 1))  # it buys nothing: no position
    hall.must(1, SetParameter("orders_per_minute_max", 1))
    hall.order(1, hall.offer(1, ((800, 10),)))
    refused(hall, 1, hall.offer(1, ((800, 10),)), Code.ORDER_RATE_EXCEEDED)
    hall.must(1, SetParameter("orders_per_minute_max", 0))
    hall.must(1, SetParameter("auction_orders_max", 1))
    refused(hall, 1, hall.offer(1, ((800, 10),)), Code.TOO_MANY_ORDERS)


# -- clearing ------------------------------------------------------------------------------


def offered(hall: Hall, fixed: int) -> None:
    """100 lots at 800 in each of two hours; buyers give 900 in the first and 850 in the second."""
    hall.order(1, hall.offer(fixed, ((800, 100),), ((800, 100),)))
    hall.order(2, hall.curve(BUY, (900, 100), issuer=1))
    hall.order(2, hall.curve(BUY, (850, 100), issuer=1, hour=1))
    hall.close()


def at_buyers_prices(hall: Hall) -> Clearing:
    """The prices at which it earns most: 900 and 850, and all of it taken."""
    found = hall.clearing(800, {0: 100, 1: 100, 2: 100, 3: 100})
    prices = found.prices.copy()
    prices[:2] = 900, 850
    return with_offers(hall, found._replace(prices=prices), [1])


def test_the_income_of_both_hours_pays_for_one_fixed_cost(hall: Hall) -> None:
    offered(hall, 15_000)  # 10,000 of the first hour and 5,000 of the second
    earned = hall.cash(1)
    assert hall.clear(3, at_buyers_prices(hall)).code == 0
    assert hall.settle() == "settled"
    assert hall.cash(1) - earned == 90_000 + 85_000
    assert (hall.lots(2), hall.lots(2, 1)) == (100, 100)
    order, = (o for o in hall.rooms.market.tables["auction_orders"].values() if o.offer)
    assert order.filled == ((0, 100), (1, 100))
    assert hall.rooms.market.tables["auction_results"][hall.auction].welfare == 0
    assert not hall.rooms.ledger.tables["holds"]
    assert hall.sums() == {}


def test_an_offer_one_micro_rmb_short_is_not_to_be_taken(hall: Hall) -> None:
    offered(hall, 15_001)
    receipt = hall.clear(3, at_buyers_prices(hall))
    assert receipt.code == Code.CLEARING_REFUSED
    assert "rule R7" in receipt.reason


@pytest.mark.parametrize(("change", "rule"), [
    (lambda c: c._replace(prices=c.prices - (np.arange(c.prices.size) == 1)), "R7"),
    (lambda c: c._replace(offer_accepted=c.offer_accepted * 0), "R3"),  # taken, but not accepted
    (lambda c: c._replace(offer_accepted=c.offer_accepted * 2), "R1"),
    (lambda c: c._replace(curve_lots=c.curve_lots - (np.arange(4) % 2)), "R3"),  # an hour less
])
def test_what_is_altered_of_its_clearing_is_refused(
        hall: Hall, change: Callable[[Clearing], Clearing], rule: str) -> None:
    offered(hall, 15_000)
    auction = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting).auction
    altered = change(at_buyers_prices(hall))
    altered = altered._replace(welfare=welfare_of(auction, altered))
    receipt = hall.clear(3, altered)
    assert receipt.code == Code.CLEARING_REFUSED
    assert f"rule {rule}," in receipt.reason


@pytest.mark.parametrize("seed", range(12))
def test_the_domain_settles_the_best_of_all_choices(hall: Hall, seed: int) -> None:
    chance = random.Random(seed)

    def steps(side: int) -> tuple[tuple[int, int], ...]:
        prices = sorted(chance.sample(range(600, 1000, 10), 2), reverse=side == BUY)
        return tuple((price, chance.randint(1, 40)) for price in prices)

    for _ in range(3):
        hours = [steps(SELL) for _ in range(chance.randint(1, 3))]
        hall.order(1, hall.offer(chance.choice([500, 3_000, 9_000]), *hours,
                                 first=chance.randint(0, 3 - len(hours))))
    for hour in range(3):
        hall.order(1, hall.curve(SELL, *steps(SELL), hour=hour))
        hall.order(2, hall.curve(BUY, *steps(BUY), hour=hour))
        hall.order(3, hall.curve(BUY, *steps(BUY), hour=hour, issuer=1))
    hall.order(3, hall.block(BUY, chance.randint(700, 950), 20, (0, 1, 2)))
    hall.close()
    auction = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting).auction
    clearing = solve(auction, seconds=10.0).clearing
    assert clearing.welfare == pytest.approx(exhaustive.best(auction).welfare, rel=1e-6)
    assert hall.clear(3, clearing).code == 0
    assert hall.settle() == "settled"
    prices = clearing.prices.tolist()
    for order in hall.rooms.market.auctions.orders(hall.auction).values():
        if order.offer and order.filled:
            curves = {curve.cell: curve for curve in order.offer.curves}
            income = sum(max(0, prices[cell] - price) * lots for cell, curve in curves.items()
                         for price, lots in curve.steps)
            assert income >= order.offer.fixed_cost
    assert not hall.rooms.ledger.tables["holds"]
    assert hall.sums() == {}


def test_one_that_earns_its_cost_is_taken_and_one_that_does_not_is_left(hall: Hall) -> None:
    cheap = hall.order(1, hall.offer(1_000, ((800, 50),), ((800, 50),)))
    hall.order(1, hall.offer(30_000, ((700, 50),), ((700, 50),)))
    for hour in range(2):
        hall.order(2, hall.curve(BUY, (900, 100), hour=hour))
    hall.close()
    frozen = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting)
    clearing = solve(frozen.auction, seconds=5.0).clearing
    assert clearing.offer_accepted.tolist() == [1, 0]
    assert frozen.fills(clearing)[cheap] == [(0, 50), (1, 50)]


def test_a_snapshot_restores_with_it(hall: Hall) -> None:
    hall.order(1, hall.offer(5_000, ((800, 100),), ((700, 20),)))
    again = Hall()
    again.domain.restore(decode(hall.domain.snapshot()))
    assert again.domain.roots() == hall.domain.roots()
    assert (again.rooms.market.tables["auction_orders"][1]
            == hall.rooms.market.tables["auction_orders"][1])


# -- hostile input -------------------------------------------------------------------------

STEP = ((800, 1),)
BAD: list[tuple[Code, Callable[[Hall], EnterOffer]]] = [
    (Code.UNKNOWN_AUCTION, lambda h: h.offer(1, STEP, auction=9)),
    (Code.UNKNOWN_ORDER, lambda h: h.offer(1, STEP, order=77)),
    (Code.ORDER_MALFORMED, lambda h: h.offer(0, STEP)),
    (Code.ORDER_MALFORMED, lambda h: h.offer(-1, STEP)),
    (Code.QUANTITY_OUT_OF_RANGE, lambda h: h.offer(2**56 + 1, STEP)),
    (Code.QUANTITY_OUT_OF_RANGE, lambda h: h.offer(2**63 - 1, STEP)),
    (Code.MALFORMED, lambda h: h.offer(2**63, STEP)),
    (Code.ORDER_MALFORMED, lambda h: h.offer(1)),
    (Code.ORDER_MALFORMED, lambda h: h.offer(1, STEP, ())),
    (Code.ORDER_MALFORMED, lambda h: h.offer(1, hours=((DAY_AHEAD, STEP), (DAY_AHEAD, STEP)))),
    (Code.ORDER_MALFORMED, lambda h: h.offer(1, STEP, ((900, 1), (800, 1)))),
    (Code.ORDER_MALFORMED, lambda h: h.offer(1, tuple((700 + n, 1) for n in range(51)))),
    (Code.ORDER_MALFORMED, lambda h: h.offer(1, *24 * [tuple((700 + n, 1) for n in range(42))])),
    (Code.ORDER_MALFORMED, lambda h: h.offer(1, *1001 * [STEP])),
    (Code.QUANTITY_OUT_OF_RANGE, lambda h: h.offer(1, STEP, ((800, 0),))),
    (Code.QUANTITY_OUT_OF_RANGE, lambda h: h.offer(1, ((800, -1),))),
    (Code.QUANTITY_OUT_OF_RANGE, lambda h: h.offer(1, ((800, 2**63 - 1),))),
    (Code.QUANTITY_OUT_OF_RANGE, lambda h: h.offer(1, *24 * [((800, 10**12),)])),
    (Code.PRICE_OUT_OF_RANGE, lambda h: h.offer(1, ((0, 1),))),
    (Code.PRICE_OUT_OF_RANGE, lambda h: h.offer(1, STEP, ((2**63 - 1, 1),))),
    (Code.UNKNOWN_PRODUCT, lambda h: h.offer(1, STEP, first=-1)),
    (Code.UNKNOWN_PRODUCT, lambda h: h.offer(1, STEP, STEP, first=23)),
    (Code.UNKNOWN_PRODUCT, lambda h: h.offer(1, hours=((DAY_AHEAD + 1, STEP),))),
    (Code.UNKNOWN_PRODUCT, lambda h: h.offer(1, hours=((2**63 - 1, STEP),))),
    (Code.MALFORMED, lambda h: h.offer(1, hours=((2**63, STEP),))),
    (Code.UNKNOWN_PRODUCT, lambda h: h.offer(1, STEP, issuer=0)),
    (Code.UNKNOWN_PRODUCT, lambda h: h.offer(1, STEP, tier="soft")),
    (Code.UNKNOWN_GRADE, lambda h: h.offer(1, STEP, grade="tin")),
    (Code.UNKNOWN_AREA, lambda h: h.offer(1, STEP, area="moon")),
    (Code.INSUFFICIENT_BALANCE, lambda h: h.offer(1, STEP)),  # nothing of it is tenant 2's
]


@pytest.mark.parametrize(("code", "make"), BAD)
def test_bad_input_changes_nothing_and_says_what_is_accepted(
        hall: Hall, code: Code, make: Callable[[Hall], EnterOffer]) -> None:
    reason = refused(hall, 2, make(hall), code)
    assert reason


def test_another_ones_offer_is_unknown(hall: Hall) -> None:
    order = hall.order(1, hall.offer(1, STEP))
    refused(hall, 2, CancelOrder(order), Code.UNKNOWN_ORDER)
    refused(hall, 2, hall.offer(1, STEP, order=order), Code.UNKNOWN_ORDER)


def test_a_session_of_blocks_takes_no_offers(hall: Hall) -> None:
    monday = START + 4 * DAY
    hall.at = monday - 13 * HOUR
    weekly = hall.must(2, OpenAuction("weekly", monday)).answer["auction"]
    refused(hall, 1, hall.offer(1, auction=weekly, hours=((monday, STEP),)), Code.ORDER_MALFORMED)


def test_as_many_steps_and_as_much_cost_as_are_accepted() -> None:
    grid = Grid(1, 24, 0, 1000)
    steps = tuple((n, 1) for n in range(LEGS_MAX // 25))
    hours = tuple((cell, steps) for cell in range(24))
    assert admission_refusal(1, OfferOrder(hours, 1), {}, grid) is None
    assert admission_refusal(1, OfferOrder(hours[:1], 2**56 - 2000 * len(steps)), {}, grid) is None
    over = admission_refusal(1, OfferOrder(hours[:1], 2**56 - 2000 * len(steps) + 1), {}, grid)
    assert over is not None
    assert over.code == Code.QUANTITY_OUT_OF_RANGE
