"""Order kinds on the whole domain: what trades, what rests, what is on hold, what is refused.

After every test what everybody owns is what it was, and each resting order has its hold.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.stage import SINGLE, START, Stage
from tests.unit.market.test_state import order, owned

from suanli.ledger.commands import Sweep
from suanli.ledger.row import CASH, account
from suanli.market.book import BUY, SELL
from suanli.market.commands import Cancel, Modify, Order, PostOffer, Reopen
from suanli.market.product import Product
from suanli.members.commands import SetParameter
from suanli.terms.canonical import decode
from suanli.terms.command import encode_command
from suanli.terms.instant import HOUR, MINUTE, SECOND
from suanli.terms.quantity import LOT
from suanli.terms.refusals import Code

PRODUCT = Product(1, "area-1", SINGLE, "firm", START + HOUR)


def kind(side: int, price: int, lots: int, **fields: Any) -> Order:
    return order(side, price, lots, fields.pop("is_ioc", False), **fields)


def fok(side: int, price: int, lots: int, **fields: Any) -> Order:
    return kind(side, price, lots, is_ioc=True, time_in_force="fok", **fields)


def till(at: int) -> dict[str, Any]:
    return {"time_in_force": "until", "until": at}


def totals(stage: Stage) -> tuple[int, int]:
    """What everybody has of cash and of the product, on hold or not; clearing keeps nothing."""
    ledger = stage.rooms.ledger
    klass = ledger.class_id(*PRODUCT)
    owned = [ledger.balance(account(member, unit))
             for unit in (CASH, klass) for member in (0, 1, 2, 3)]
    have = [credits - debits for debits, credits, *_ in owned]
    assert have[0] == have[4] == 0
    return sum(have[:4]), sum(have[4:])


def holds(stage: Stage) -> list[int]:
    return sorted(hold[2] for hold in stage.rooms.ledger.tables["holds"].values())


def needs(stage: Stage) -> list[int]:
    """What the resting orders must have on hold."""
    return sorted(o.lots * (o.price_mrmb if o.side == BUY else LOT)
                  for o in stage.rooms.market.tables["orders"].values())


def queue(stage: Stage, side: int) -> list[tuple[int, int, int, int, int]]:
    """(order, price, visible, hidden, owner) as they would trade."""
    book = stage.rooms.market.books.get(PRODUCT)
    return [(id, o.price, o.visible, o.hidden, o.owner)
            for id, o in (book.queue(side) if book else ())]


def restored(stage: Stage) -> Stage:
    again = Stage()
    again.domain.restore(decode(stage.domain.snapshot()))
    again.at, again.agents = stage.at, stage.agents
    return again


def roots(stage: Stage) -> dict[str, bytes]:
    return {name: root for name, root in stage.domain.roots().items() if name != "members"}


def refused(stage: Stage, member: int, command: object, code: Code) -> None:
    before = roots(stage)
    assert stage.say(member, command).code == code
    assert roots(stage) == before


@pytest.fixture
def market(stage: Stage) -> Iterator[Stage]:
    """Both tenants own 5000 lots that they bought of the issuer, who then offers no more."""
    for member in (2, 3):
        stage.must(member, order(BUY, 1000, 5000, True))
    stage.must(1, PostOffer("area-1", SINGLE, "firm", 0))
    before = totals(stage)
    yield stage
    assert totals(stage) == before
    assert holds(stage) == needs(stage)
    again = restored(stage)
    assert again.domain.roots() == stage.domain.roots()
    assert [queue(again, side) for side in (BUY, SELL)] == [
        queue(stage, side) for side in (BUY, SELL)]


def banded(stage: Stage) -> None:
    """A band of a tenth about 1000, at which tenant 2 bought of an issuer that offers no more."""
    stage.must(1, SetParameter("band_static_ppm", 100_000))
    stage.must(2, order(BUY, 1000, 1000, True))
    stage.must(1, PostOffer("area-1", SINGLE, "firm", 0))


def offer(stage: Stage, member: int, price: int, lots: int, **fields: Any) -> int:
    """Rest a sale; return its order."""
    answer = stage.must(member, kind(SELL, price, lots, **fields)).answer
    assert answer["left"] == lots
    return int(answer["order"])


# -- fill-or-kill --------------------------------------------------------------------------


def test_fok_trades_in_full_over_levels_and_hidden_parts(market: Stage) -> None:
    offer(market, 3, 900, 100)
    offer(market, 3, 910, 100, visible_lots=10)
    answer = market.must(2, fok(BUY, 910, 200)).answer
    assert (answer["filled"], answer["left"]) == (200, 0)
    assert queue(market, SELL) == []


def test_fok_short_by_one_lot_changes_nothing(market: Stage) -> None:
    offer(market, 3, 900, 100)
    offer(market, 3, 920, 100)
    refused(market, 2, fok(BUY, 910, 101), Code.NOT_FILLED_WHOLE)
    refused(market, 2, fok(SELL, 1, 1), Code.NOT_FILLED_WHOLE)


@pytest.mark.parametrize("mode", ["newest", "oldest", "both", "decrement"])
def test_fok_does_not_count_its_owners_own_orders(market: Stage, mode: str) -> None:
    offer(market, 3, 900, 100)
    offer(market, 2, 900, 100)
    refused(market, 2, fok(BUY, 900, 150, self_trade=mode), Code.NOT_FILLED_WHOLE)


def test_fok_counts_what_the_issuer_can_still_issue(stage: Stage) -> None:
    left = stage.must(2, order(BUY, 1000, 10**6 - 1, True)).answer["filled"]
    stage = restored(Stage().opened())
    refused(stage, 2, fok(BUY, 1000, left + 1), Code.NOT_FILLED_WHOLE)
    assert stage.must(2, fok(BUY, 1000, left)).answer["filled"] == left


# -- good-till -----------------------------------------------------------------------------


def test_what_is_over_takes_no_part_and_gives_its_hold_back_at_first_touch(market: Stage) -> None:
    offer(market, 3, 900, 100, **till(START + MINUTE))
    kept = offer(market, 3, 905, 100, **till(START + 2 * MINUTE))
    assert owned(market, 3)[0] == 4800
    market.at = START + MINUTE
    answer = market.must(2, kind(BUY, 950, 50)).answer
    assert [t[2:] for t in answer["trades"]] == [[905, 50]]
    assert [row[0] for row in queue(market, SELL)] == [kept]
    assert owned(market, 3)[0] == 4900


def test_the_sweep_voids_what_is_over(market: Stage) -> None:
    cash = owned(market, 3)[1]
    market.must(3, kind(BUY, 800, 100, **till(START + MINUTE)))
    market.at = START + MINUTE - 1
    market.must(1, Sweep(10))
    assert owned(market, 3)[1] == cash - 80_000
    market.at += 1
    market.must(1, Sweep(10))
    assert owned(market, 3)[1] == cash
    assert not market.rooms.market.books


def test_what_is_over_cannot_be_modified_but_cancelled(market: Stage) -> None:
    id = offer(market, 3, 900, 100, **till(START + MINUTE))
    market.must(3, Modify(id, 910, 200))
    assert market.rooms.market.tables["orders"][id].until == START + MINUTE
    market.at = START + MINUTE
    refused(market, 3, Modify(id, 900, 100), Code.ORDER_EXPIRED)
    refused(market, 2, kind(BUY, 910, 1, is_ioc=True), Code.NO_OFFER)
    market.must(3, Cancel(id))


def test_money_of_an_order_that_is_over_pays_for_the_next(market: Stage) -> None:
    cash = owned(market, 3)[1]
    market.must(3, kind(BUY, 100_000, cash // 100_000, **till(START + MINUTE)))
    refused(market, 3, kind(BUY, 100_000, 100), Code.INSUFFICIENT_BALANCE)
    market.at = START + MINUTE
    market.must(3, kind(BUY, 100_000, 100))


# -- post-only -----------------------------------------------------------------------------


def test_post_only_rests_or_is_refused(market: Stage) -> None:
    offer(market, 3, 900, 100)
    refused(market, 2, kind(BUY, 900, 10, is_post_only=True), Code.WOULD_TAKE)
    id = market.must(2, kind(BUY, 899, 10, is_post_only=True)).answer["order"]
    refused(market, 2, Modify(id, 900, 10), Code.WOULD_TAKE)
    market.must(2, Modify(id, 898, 20))
    assert queue(market, BUY) == [(id, 898, 20, 0, 2)]


@pytest.mark.parametrize("mode", ["newest", "oldest", "both", "decrement"])
def test_post_only_is_refused_where_it_meets_its_owners_order(market: Stage, mode: str) -> None:
    offer(market, 2, 900, 100)
    refused(market, 2, kind(BUY, 900, 1, is_post_only=True, self_trade=mode), Code.WOULD_TAKE)


def test_post_only_takes_nothing_of_the_posted_price_nor_past_its_band(stage: Stage) -> None:
    refused(stage, 3, kind(BUY, 1000, 1, is_post_only=True), Code.WOULD_TAKE)
    banded(stage)
    offer(stage, 2, 1300, 100)
    refused(stage, 3, kind(BUY, 1300, 1, is_post_only=True), Code.WOULD_TAKE)
    assert stage.must(3, kind(BUY, 1299, 1, is_post_only=True)).answer["price_mrmb"] == 1100


# -- iceberg -------------------------------------------------------------------------------


def test_an_icebergs_next_part_is_behind_its_level(market: Stage) -> None:
    iceberg = offer(market, 3, 900, 100, visible_lots=40)
    plain = offer(market, 2, 900, 50)
    assert market.rooms.market.books[PRODUCT].depth(SELL) == [(900, 90)]
    first = market.must(2, kind(BUY, 900, 30)).answer
    assert first["trades"] == [[3, 2, 900, 30]]
    assert queue(market, SELL) == [(iceberg, 900, 10, 60, 3), (plain, 900, 50, 0, 2)]
    market.must(3, kind(BUY, 900, 10))
    assert queue(market, SELL) == [(plain, 900, 50, 0, 2), (iceberg, 900, 40, 20, 3)]
    assert holds(market) == [50 * LOT, 60 * LOT]


def test_two_icebergs_take_turns_and_keep_their_order_over_a_restart(market: Stage) -> None:
    first = offer(market, 3, 900, 100, visible_lots=10)
    second = offer(market, 2, 900, 100, visible_lots=20)
    answer = market.must(2, kind(BUY, 900, 65)).answer
    assert [(t[0], t[3]) for t in answer["trades"]] == [
        (3, 10), (2, 20), (3, 10), (2, 20), (3, 5)]
    assert queue(market, SELL) == [(first, 900, 5, 70, 3), (second, 900, 20, 40, 2)]
    again = restored(market)
    for stage in (market, again):
        stage.must(2, kind(BUY, 900, 30, is_ioc=True))
    assert roots(again) == roots(market)
    assert queue(again, SELL) == queue(market, SELL)
    assert queue(market, SELL) == [(first, 900, 5, 60, 3), (second, 900, 20, 20, 2)]


def test_an_iceberg_refilled_twice_is_behind_one_refilled_once(market: Stage) -> None:
    first = offer(market, 3, 900, 100, visible_lots=10)
    second = offer(market, 2, 900, 100, visible_lots=20)
    market.must(2, kind(BUY, 900, 45))
    assert queue(market, SELL) == [(second, 900, 15, 60, 2), (first, 900, 10, 70, 3)]


def test_an_order_that_rests_comes_behind_parts_that_it_brought_forward(market: Stage) -> None:
    bid = market.must(3, kind(BUY, 900, 30, visible_lots=10)).answer["order"]
    market.must(2, kind(SELL, 900, 10))
    behind = market.must(2, kind(BUY, 900, 10)).answer["order"]
    assert [row[0] for row in queue(market, BUY)] == [bid, behind]
    assert market.rooms.market.tables["queue"][bid] < market.rooms.market.tables["queue"][behind]
    market.must(3, Modify(bid, 900, 30))
    assert [row[:4] for row in queue(market, BUY)] == [(behind, 900, 10, 0), (bid, 900, 10, 20)]
    refused(market, 3, Modify(bid, 900, 1001), Code.VISIBLE_OUT_OF_RANGE)


def test_a_reopening_counts_hidden_parts_and_leaves_nothing_crossed(market: Stage) -> None:
    market.must(2, kind(BUY, 1000, 10))
    offer(market, 3, 1500, 10)
    market.must(3, kind(SELL, 1000, 10))  # the first trade of the watch: a reference
    market.must(1, SetParameter("band_static_ppm", 100_000))
    market.must(2, kind(BUY, 1000, 10))
    market.must(3, kind(SELL, 1000, 10))
    assert market.must(2, kind(BUY, 1500, 5)).answer["price_mrmb"] == 1100
    assert market.rooms.market.guard(PRODUCT, market.at).watch.limit_since
    market.at += 15 * SECOND
    market.must(2, kind(BUY, 1200, 100, visible_lots=10))
    market.must(3, kind(SELL, 1150, 90, visible_lots=10))
    market.must(3, kind(SELL, 1150, 50, **till(market.at + MINUTE)))
    market.at += 5 * MINUTE
    answer = market.must(2, Reopen(*PRODUCT)).answer
    assert answer["lots"] == 90
    assert [row[1:4] for row in queue(market, BUY)] == [(1200, 10, 0), (1100, 5, 0)]
    assert [row[1:4] for row in queue(market, SELL)] == [(1500, 10, 0)]


# -- market-to-limit -----------------------------------------------------------------------


def test_market_to_limit_rests_at_its_last_trade(market: Stage) -> None:
    offer(market, 3, 900, 100)
    offer(market, 3, 910, 100)
    offer(market, 3, 990, 100)
    cash = owned(market, 2)[1]
    answer = market.must(2, kind(BUY, 950, 300, is_market=True)).answer
    assert (answer["filled"], answer["left"], answer["price_mrmb"]) == (200, 100, 910)
    assert queue(market, BUY) == [(answer["order"], 910, 100, 0, 2)]
    assert owned(market, 2)[1] == cash - 100 * 900 - 100 * 910 - 100 * 910


def test_market_to_limit_without_a_trade_does_not_rest(market: Stage) -> None:
    offer(market, 3, 990, 100)
    refused(market, 2, kind(BUY, 950, 300, is_market=True), Code.NO_OFFER)


def test_market_to_limit_stops_at_its_band(stage: Stage) -> None:
    banded(stage)
    offer(stage, 2, 1050, 100)
    offer(stage, 2, 1300, 100)
    answer = stage.must(3, kind(BUY, 2000, 150, is_market=True)).answer
    assert (answer["filled"], answer["left"], answer["price_mrmb"]) == (100, 50, 1050)
    assert stage.rooms.market.guard(PRODUCT, stage.at).watch.limit_since == stage.at


# -- self-trade ----------------------------------------------------------------------------


def own_then_other(stage: Stage) -> tuple[int, int]:
    """The taker's own sale of 100 before another's of 100, at one price."""
    return offer(stage, 2, 900, 100), offer(stage, 3, 900, 100)


def test_without_a_mode_one_trades_with_oneself(market: Stage) -> None:
    own_then_other(market)
    answer = market.must(2, kind(BUY, 900, 150)).answer
    assert [t[:2] for t in answer["trades"]] == [[2, 2], [3, 2]]
    assert "prevented" not in answer


@pytest.mark.parametrize("has", [0, 1, 99])
def test_a_seller_does_not_trade_what_it_lacks_with_its_own_bid(stage: Stage, has: int) -> None:
    """Before: the trade was told, though there was no token to move. Now it is refused."""
    if has:
        stage.must(3, kind(BUY, 1000, has, is_ioc=True))
    stage.must(1, PostOffer("area-1", SINGLE, "firm", 0))
    stage.must(3, kind(BUY, 900, 100))
    refused(stage, 3, kind(SELL, 900, 100), Code.INSUFFICIENT_BALANCE)
    refused(stage, 3, kind(SELL, 900, 100, is_ioc=True), Code.INSUFFICIENT_BALANCE)
    stage.must(2, kind(BUY, 900, 100))
    refused(stage, 3, kind(SELL, 900, has + 1), Code.INSUFFICIENT_BALANCE)
    if has:
        answer = stage.must(3, kind(SELL, 900, has)).answer
        assert answer["trades"] == [[3, 3, 900, has]]
        assert owned(stage, 3)[0] == has


def test_a_buyer_does_not_pay_itself_what_it_lacks(market: Stage) -> None:
    cash = owned(market, 3)[1]
    offer(market, 3, cash // 100 + 1, 100)
    refused(market, 3, kind(BUY, cash // 100 + 1, 100), Code.INSUFFICIENT_BALANCE)
    answer = market.must(3, kind(BUY, cash // 100 + 1, 99)).answer
    assert answer["filled"] == 99
    assert owned(market, 3)[1] == cash


def test_a_modified_order_may_trade_with_its_owners_own_what_it_held(market: Stage) -> None:
    ask = offer(market, 3, 1100, 5000)
    market.must(3, kind(BUY, 900, 5000))
    market.must(3, Modify(ask, 900, 5000))
    assert owned(market, 3)[0] == 5000
    assert market.rooms.market.books == {}
    late = offer(market, 3, 1100, 5000, **till(market.at + MINUTE))
    market.must(3, kind(BUY, 900, 5000))
    refused(market, 3, kind(SELL, 900, 1), Code.INSUFFICIENT_BALANCE)
    market.at += MINUTE
    market.must(3, kind(SELL, 900, 5000))  # what the one that is over gives back is there
    assert late not in market.rooms.market.tables["orders"]


def test_a_trade_with_oneself_pays_nothing_and_says_nothing_of_a_price(stage: Stage) -> None:
    """Before: it raised what the issuer owes for a failed delivery, and moved the band."""
    klass = stage.must(3, kind(BUY, 1000, 100, is_ioc=True)).answer["class"]
    stage.must(1, PostOffer("area-1", SINGLE, "firm", 0))
    stage.must(1, SetParameter("band_dynamic_ppm", 500_000))
    contract = stage.rooms.settlement.tables["contracts"][3, klass]
    assert contract == (100 * LOT, 100_000)
    offer(stage, 3, 9000, 100)
    assert stage.must(3, kind(BUY, 9000, 100)).answer["filled"] == 100
    assert stage.rooms.settlement.tables["contracts"][3, klass] == contract
    assert PRODUCT not in stage.rooms.market.tables["watches"]
    poor = stage.admit("poor")
    stage.must(poor, kind(BUY, 9000, 100))
    refused(stage, poor, kind(SELL, 9000, 100), Code.INSUFFICIENT_BALANCE)
    assert (poor, klass) not in stage.rooms.settlement.tables["contracts"]


def test_newest_stops_the_incoming_order(market: Stage) -> None:
    own, other = own_then_other(market)
    refused(market, 2, kind(BUY, 900, 150, self_trade="newest"), Code.SELF_TRADE)
    offer(market, 3, 890, 20)
    answer = market.must(2, kind(BUY, 900, 150, self_trade="newest")).answer
    assert (answer["filled"], answer["left"]) == (20, 0)
    assert [row[0] for row in queue(market, SELL)] == [own, other]
    assert queue(market, BUY) == []


def test_oldest_takes_the_resting_order_out(market: Stage) -> None:
    own, _ = own_then_other(market)
    answer = market.must(2, kind(BUY, 900, 150, self_trade="oldest")).answer
    assert (answer["filled"], answer["left"]) == (100, 50)
    assert answer["prevented"] == [[own, 100]]
    assert queue(market, SELL) == []


def test_both_takes_both_out(market: Stage) -> None:
    own, other = own_then_other(market)
    answer = market.must(2, kind(BUY, 900, 150, self_trade="both")).answer
    assert (answer["filled"], answer["left"], answer["prevented"]) == (0, 0, [[own, 100]])
    assert [row[0] for row in queue(market, SELL)] == [other]
    assert queue(market, BUY) == []


@pytest.mark.parametrize(("lots", "filled", "left", "own_left"), [
    (60, 0, 0, 40), (100, 0, 0, 0), (150, 50, 0, 0), (250, 100, 50, 0)])
def test_decrement_takes_the_smaller_quantity_off_both(market: Stage, lots: int, filled: int,
                                                       left: int, own_left: int) -> None:
    own, _ = own_then_other(market)
    answer = market.must(2, kind(BUY, 900, lots, self_trade="decrement")).answer
    assert (answer["filled"], answer["left"]) == (filled, left)
    assert answer["prevented"] == [[own, min(lots, 100)]]
    assert sum(row[2] for row in queue(market, SELL) if row[0] == own) == own_left


@pytest.mark.parametrize("mode", ["oldest", "both", "decrement"])
def test_an_own_icebergs_hold_goes_with_it(market: Stage, mode: str) -> None:
    own = offer(market, 2, 900, 100, visible_lots=10)
    answer = market.must(2, kind(BUY, 900, 15, self_trade=mode)).answer
    assert answer["prevented"] == [[own, 15 if mode == "decrement" else 100]]
    assert holds(market) == needs(market)


def test_a_modified_order_keeps_its_mode(market: Stage) -> None:
    offer(market, 3, 900, 100, self_trade="newest")
    bid = market.must(3, kind(BUY, 800, 10, self_trade="newest")).answer["order"]
    refused(market, 3, Modify(bid, 900, 10), Code.SELF_TRADE)
    assert queue(market, BUY) == [(bid, 800, 10, 0, 3)]


# -- fields --------------------------------------------------------------------------------


@pytest.mark.parametrize(("fields", "code"), [
    ({"time_in_force": "gtc"}, Code.ORDER_KIND_CONTRADICTS),
    ({"time_in_force": "fok"}, Code.ORDER_KIND_CONTRADICTS),
    ({"time_in_force": "until"}, Code.ORDER_KIND_CONTRADICTS),
    ({"until": START + HOUR}, Code.ORDER_KIND_CONTRADICTS),
    ({"is_ioc": True, **till(START + HOUR)}, Code.ORDER_KIND_CONTRADICTS),
    ({"is_ioc": True, "is_post_only": True}, Code.ORDER_KIND_CONTRADICTS),
    ({"is_ioc": True, "visible_lots": 10}, Code.ORDER_KIND_CONTRADICTS),
    ({"is_ioc": True, "is_market": True}, Code.ORDER_KIND_CONTRADICTS),
    ({"is_post_only": True, "is_market": True}, Code.ORDER_KIND_CONTRADICTS),
    ({"self_trade": "mine"}, Code.ORDER_KIND_CONTRADICTS),
    (till(START), Code.ORDER_EXPIRED),
    (till(-1), Code.ORDER_EXPIRED),
    ({"visible_lots": 9}, Code.VISIBLE_OUT_OF_RANGE),
    ({"visible_lots": -10}, Code.VISIBLE_OUT_OF_RANGE),
    ({"visible_lots": 2**62}, Code.VISIBLE_OUT_OF_RANGE),
])
def test_fields_that_do_not_go_together_change_nothing(market: Stage, fields: dict[str, Any],
                                                       code: Code) -> None:
    refused(market, 2, kind(BUY, 900, 1000, **fields), code)


def test_halted_products_take_what_may_rest(market: Stage) -> None:
    market.must(1, SetParameter("band_static_ppm", 100_000))
    market.must(2, kind(BUY, 1000, 10))
    market.must(3, kind(SELL, 1000, 10))
    offer(market, 3, 1500, 10)
    market.must(2, kind(BUY, 1500, 10))
    market.at += 15 * SECOND
    for command in (fok(BUY, 1500, 1), kind(BUY, 1500, 1, is_market=True)):
        refused(market, 2, command, Code.PRODUCT_HALTED)
    market.must(2, kind(BUY, 1500, 10, is_post_only=True))
    market.at += 5 * MINUTE
    assert market.must(2, Reopen(*PRODUCT)).answer["lots"] == 10


def test_an_order_of_before_has_the_bytes_of_before() -> None:
    plain = order(BUY, 900, 5)
    assert encode_command(plain) == ["market.order", [1, "area-1", SINGLE, "firm", START + HOUR,
                                                      0, 900, 5, False]]
    assert len(encode_command(kind(BUY, 900, 5, **till(START + 1)))[1]) == 11
