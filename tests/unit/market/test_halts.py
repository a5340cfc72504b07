"""Limit state, halt, reopening: one product's way through its band, on the whole domain."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from tests.stage import SINGLE, START, Stage
from tests.unit.market.test_state import order, owned

from suanli.ledger.commands import Sweep
from suanli.ledger.row import CASH, account
from suanli.market.book import BUY, SELL
from suanli.market.commands import Cancel, Modify, Order, PostOffer, Reopen
from suanli.market.halts import HALTED, LIMIT, OPEN, REOPENING, uncrossing
from suanli.market.product import Product
from suanli.members.commands import SetParameter
from suanli.planning.planner import Planner
from suanli.planning.policies import live
from suanli.terms.canonical import decode
from suanli.terms.instant import HOUR, MINUTE, SECOND
from suanli.terms.quantity import RMB
from suanli.terms.refusals import Code

PRODUCT = Product(1, "area-1", SINGLE, "firm", START + HOUR)


def phase(stage: Stage) -> str:
    market = stage.rooms.market
    return str(market.guard(PRODUCT, stage.at).watch.phase(market.rules(), stage.at))


def watched(stage: Stage, lots: int = 5_000) -> Stage:
    """A band of a tenth about the posted price of 1000; both tenants own tokens and cash."""
    for member in (2, 3):
        stage.must(member, order(BUY, 1000, lots, True))
    stage.must(1, SetParameter("band_static_ppm", 100_000))
    return stage


def cash_of(stage: Stage) -> int:
    ledger = stage.rooms.ledger
    return sum(ledger.available(account(m, CASH)) for m in (0, 1, 2, 3))


def test_a_sweep_trades_to_the_edge_and_its_rest_waits_there(stage: Stage) -> None:
    watched(stage)
    for price in (950, 900, 850):
        stage.must(2, order(BUY, price, 100))
    answer = stage.must(3, order(SELL, 1, 500)).answer
    assert [t[2:] for t in answer["trades"]] == [[950, 100], [900, 100]]
    assert answer["price_mrmb"] == 900
    resting = stage.rooms.market.tables["orders"][answer["order"]]
    assert (resting.price_mrmb, resting.lots) == (900, 300)
    assert phase(stage) == LIMIT


def test_a_halted_product_takes_orders_but_does_not_trade(stage: Stage) -> None:
    limit_state(stage)
    stage.at += 15 * SECOND
    assert phase(stage) == HALTED
    assert stage.say(2, order(BUY, 950, 1, True)).code == Code.PRODUCT_HALTED
    crossed = stage.must(2, order(BUY, 2000, 10)).answer
    assert crossed["trades"] == []
    stage.must(2, Cancel(crossed["order"]))
    assert stage.say(2, Reopen(*PRODUCT)).code == Code.NOT_REOPENING
    stage.at += 5 * MINUTE
    assert phase(stage) == REOPENING
    assert stage.must(2, order(BUY, 2000, 10)).answer["trades"] == []


def limit_state(stage: Stage) -> int:
    """One bid inside the band is taken, one below it is not; the seller's rest is at 900."""
    watched(stage)
    stage.must(2, order(BUY, 950, 100))
    stage.must(2, order(BUY, 700, 200))
    seller: int = stage.must(3, order(SELL, 600, 300)).answer["order"]
    assert phase(stage) == LIMIT
    return seller


def test_trading_resumes_at_one_price_and_everything_is_conserved(stage: Stage) -> None:
    seller = limit_state(stage)
    stage.at += 15 * SECOND
    total = cash_of(stage) + 200 * 700
    stage.must(3, Modify(seller, 650, 200))
    stage.must(1, order(BUY, 690, 50))
    stage.at += 5 * MINUTE
    before = owned(stage, 2)
    answer = stage.must(3, Reopen(*PRODUCT)).answer
    assert (answer["price_mrmb"], answer["lots"]) == (700, 200)
    assert [t[:2] for t in answer["trades"]] == [[3, 2]]
    assert owned(stage, 2) == (before[0] + 200, before[1])
    assert cash_of(stage) == total - 50 * 690
    assert phase(stage) == OPEN
    assert stage.rooms.market.tables["watches"][PRODUCT].reference_mrmb == 700
    reservations = stage.rooms.schedule.tables["reservations"]
    assert reservations[2, answer["class"]] == (5_000 + 100 + 200) * 3_600_000
    assert stage.say(3, Reopen(*PRODUCT)).code == Code.NOT_REOPENING


def test_a_buyer_gets_back_what_the_reopening_is_below_its_limit(stage: Stage) -> None:
    limit_state(stage)
    stage.at += 15 * SECOND
    cash = owned(stage, 2)[1]
    stage.must(2, order(BUY, 1500, 400))
    assert owned(stage, 2)[1] == cash - 400 * 1500
    stage.at += 5 * MINUTE
    answer = stage.must(2, Reopen(*PRODUCT)).answer
    assert (answer["price_mrmb"], answer["lots"]) == (950, 200)
    assert owned(stage, 2)[1] == cash - 200 * 950 - 200 * 1500  # 200 lots rest


def test_a_trade_back_inside_ends_limit_state(stage: Stage) -> None:
    watched(stage)
    stage.must(2, order(BUY, 950, 100))
    stage.must(2, order(BUY, 700, 100))
    stage.must(3, order(SELL, 600, 200, True))
    assert phase(stage) == LIMIT
    stage.must(2, order(BUY, 940, 10))
    assert phase(stage) == LIMIT
    stage.must(3, order(SELL, 940, 10, True))
    assert phase(stage) == OPEN
    stage.at += 6 * MINUTE
    assert phase(stage) == OPEN


def test_an_order_that_only_the_band_stops_is_heard(stage: Stage) -> None:
    """Without it, sellers at the edge would be refused for ever and no halt would come."""
    watched(stage)
    stage.must(2, order(BUY, 700, 100))
    answer = stage.must(3, order(SELL, 600, 100, True)).answer
    assert (answer["filled"], answer["trades"]) == (0, [])
    assert phase(stage) == LIMIT
    assert len(stage.rooms.market.tables["orders"]) == 1


def test_the_posted_price_is_bound_too(stage: Stage) -> None:
    watched(stage)
    stage.must(2, order(SELL, 1000, 10))
    stage.must(3, order(BUY, 1000, 10))  # the reference is now a trade's price
    stage.must(1, PostOffer("area-1", SINGLE, "firm", 1300))
    answer = stage.must(3, order(BUY, 1400, 10)).answer
    assert answer["trades"] == []
    assert phase(stage) == LIMIT
    assert stage.rooms.market.tables["orders"][answer["order"]].price_mrmb == 1100


def test_the_dynamic_band_follows_the_last_five_minutes(stage: Stage) -> None:
    for member in (2, 3):
        stage.must(member, order(BUY, 1000, 5_000, True))
    stage.must(1, SetParameter("band_dynamic_ppm", 50_000))
    stage.must(1, PostOffer("area-1", SINGLE, "firm", 0))
    stage.must(2, order(BUY, 990, 100))
    stage.must(3, order(SELL, 990, 100))
    stage.must(2, order(BUY, 900, 100))
    assert stage.must(3, order(SELL, 900, 50)).answer["trades"] == []
    stage.at += 5 * MINUTE  # what was a limit state is over: a halt and nothing inside
    assert phase(stage) == HALTED


def test_nothing_crossing_moves_the_reference_to_the_nearest_quote(stage: Stage) -> None:
    limit_state(stage)
    stage.at += 6 * MINUTE
    answer = stage.must(1, Reopen(*PRODUCT)).answer
    assert (answer["price_mrmb"], answer["lots"]) == (900, 0)
    assert phase(stage) == OPEN


def test_a_snapshot_holds_a_halt_and_a_past_product_is_forgotten(stage: Stage) -> None:
    limit_state(stage)
    again = Stage()
    again.domain.restore(decode(stage.domain.snapshot()))
    assert again.domain.roots() == stage.domain.roots()
    assert again.rooms.market.reopenings() == stage.rooms.market.reopenings() != []
    stage.at = START + 2 * HOUR
    stage.must(1, Sweep(10))
    assert len(stage.rooms.market.tables["watches"]) == 0
    assert stage.rooms.market.reopenings() == []


def test_the_planner_reopens(stage: Stage) -> None:
    limit_state(stage)
    planner = Planner(live("best-fit"), [1])
    planner.decide(stage.rooms, stage.at)
    due = stage.at + 15 * SECOND + 5 * MINUTE
    assert planner.next_instant(stage.at) == due
    stage.at = due
    said = [c for _, c in planner.decide(stage.rooms, stage.at) if isinstance(c, Reopen)]
    assert said == [Reopen(*PRODUCT)]
    stage.must(1, said[0])
    assert not any(isinstance(c, Reopen) for _, c in planner.decide(stage.rooms, stage.at))


def test_without_bands_nothing_is_watched(stage: Stage) -> None:
    market = stage.rooms.market
    stage.must(2, order(BUY, 1000, 100, True))
    stage.must(2, order(SELL, 1, 100))
    stage.must(3, order(BUY, 10**6, 100))
    assert [market.tables[name].width for name in market.schema_later] == [0] * len(
        market.schema_later)
    assert not set(market.schema_later) & set(market.snapshot())


@pytest.mark.parametrize("start", [START, START + 5 * HOUR])
def test_only_a_product_that_waits_for_it_is_reopened(stage: Stage, start: int) -> None:
    assert stage.say(2, Reopen(1, "area-1", SINGLE, "firm", start)).code == Code.NOT_REOPENING


# -- the auction's price against every price there is ------------------------------------------

levels = st.dictionaries(st.integers(1, 30), st.integers(1, 50), max_size=8)


@settings(max_examples=300)
@given(levels, levels, st.integers(1, 30))
def test_the_reopening_price_is_the_best_of_all(buys: dict[int, int], sells: dict[int, int],
                                                reference: int) -> None:
    def merit(price: int) -> tuple[int, int, int, int]:
        wanted = sum(n for p, n in buys.items() if p >= price)
        given = sum(n for p, n in sells.items() if p <= price)
        return -min(wanted, given), abs(wanted - given), abs(price - reference), price

    price, lots = uncrossing(sorted(buys.items(), reverse=True), sorted(sells.items()), reference)
    best = min(range(1, 31), key=merit)
    assert lots == -merit(best)[0]
    if lots:
        assert price == best


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([2, 3]), st.sampled_from([BUY, SELL]),
                          st.integers(700, 1300), st.integers(1, 40)), min_size=1, max_size=25))
def test_a_reopened_book_is_uncrossed_and_nothing_is_lost(
        said: list[tuple[int, int, int, int]]) -> None:
    stage = Stage().opened()
    limit_state(stage)
    stage.at += 15 * SECOND
    for who, side, price, lots in said:
        stage.must(who, Order(*PRODUCT, side, price, lots, False))
    stage.at += 5 * MINUTE
    ledger, market = stage.rooms.ledger, stage.rooms.market
    stage.must(1, Reopen(*PRODUCT))
    book = market.books.get(PRODUCT)
    if book and book.best(BUY) and book.best(SELL):
        assert book.best(BUY) < book.best(SELL)
    for order_id in list(market.tables["orders"]):
        stage.must(market.tables["orders"][order_id].owner, Cancel(order_id))
    cash = sum(ledger.available(account(m, CASH)) for m in (1, 2, 3))
    assert (cash, len(ledger.tables["holds"])) == (2000 * RMB, 0)
    klass = ledger.class_id(*PRODUCT)
    assert sum(ledger.available(account(m, klass)) for m in (1, 2, 3)) == 10_000 * 3_600_000
