"""Positions, resting orders, orders a minute; collateral to the unit."""

import pytest
from tests.stage import START, Stage
from tests.unit.market.test_state import order, owned

from suanli.ledger.commands import Batch, Grant
from suanli.ledger.row import CASH, Row, RowCode, account
from suanli.market.book import BUY, SELL
from suanli.market.commands import Cancel, Exempt, Modify
from suanli.members.commands import SetParameter
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import LOT
from suanli.terms.refusals import Code

ATTESTED = 16_000  # lots: sixteen devices of rating one for an hour


def bounded(stage: Stage, **parameters: int) -> Stage:
    for name, value in parameters.items():
        stage.must(1, SetParameter(name, value))
    return stage


def test_a_position_counts_what_is_held_and_bid_for(stage: Stage) -> None:
    bounded(stage, position_ppm_max=250_000)
    attested = stage.rooms.market.limits.attested(
        stage_product(), stage.rooms.grid()) // 3_600_000
    most = attested // 4
    stage.must(2, order(BUY, 1000, most - 1000, True))
    bid = stage.must(2, order(BUY, 800, 1000)).answer["order"]
    assert stage.say(2, order(BUY, 800, 1)).code == Code.POSITION_LIMIT_EXCEEDED
    assert stage.say(2, Modify(bid, 800, 1001)).code == Code.POSITION_LIMIT_EXCEEDED
    stage.must(2, Modify(bid, 810, 1000))
    stage.must(2, order(SELL, 1100, 500))  # what is on offer is still held
    assert stage.say(2, order(BUY, 800, 1)).code == Code.POSITION_LIMIT_EXCEEDED
    stage.must(2, Cancel(bid))
    stage.must(2, order(BUY, 800, 1000))
    stage.must(3, order(BUY, 800, most))  # everybody has a limit of their own


def stage_product() -> object:
    from suanli.market.product import Product
    found = order(BUY, 1, 1)
    return Product(found.issuer, found.area, found.grade, found.tier, found.start)


def test_a_hedger_has_a_limit_of_its_own(stage: Stage) -> None:
    bounded(stage, position_ppm_max=1)
    assert stage.say(2, order(BUY, 800, 1000)).code == Code.POSITION_LIMIT_EXCEEDED
    assert stage.say(2, Exempt(2, 500_000, "mine")).code == Code.ROLE_LACKS_RIGHT
    stage.must(1, Exempt(2, 500_000, "jobs queued"))
    stage.must(2, order(BUY, 800, 1000))
    assert stage.say(3, order(BUY, 800, 1000)).code == Code.POSITION_LIMIT_EXCEEDED
    stage.must(1, Exempt(2, 0, "over"))
    assert stage.say(2, order(BUY, 800, 1)).code == Code.POSITION_LIMIT_EXCEEDED
    assert stage.say(1, Exempt(99, 1, "")).code == Code.UNKNOWN_PARTICIPANT
    assert stage.say(1, Exempt(2, 1_000_001, "")).code == Code.AMOUNT_OUT_OF_RANGE


def test_the_rate_is_counted_by_minute_and_member(stage: Stage) -> None:
    bounded(stage, orders_per_minute_max=3)
    ids = [stage.must(2, order(BUY, 800, 1)).answer["order"] for _ in range(2)]
    stage.must(2, Modify(ids[0], 801, 1))
    assert stage.say(2, order(BUY, 800, 1)).code == Code.ORDER_RATE_EXCEEDED
    assert stage.say(2, Modify(ids[0], 802, 1)).code == Code.ORDER_RATE_EXCEEDED
    stage.must(2, Cancel(ids[1]))  # taking back is never refused
    stage.must(3, order(BUY, 800, 1))
    stage.at += MINUTE
    stage.must(2, order(BUY, 800, 1))


@pytest.mark.parametrize("sent", [50_000])
def test_a_flood_of_orders_is_refused_and_leaves_nothing(stage: Stage, sent: int) -> None:
    """Unsigned, straight at the room: what signatures cost is not the subject."""
    most = 100
    bounded(stage, orders_resting_max=most)
    for _ in range(most):
        stage.must(2, order(BUY, 800, 1))
    market, grid = stage.rooms.market, stage.rooms.grid()
    before, flood = market.root(), order(BUY, 800, 1)
    codes = {market.check(flood, stage.at, 2, grid).code for _ in range(sent)}
    assert codes == {Code.ORDERS_RESTING_EXCEEDED}
    assert market.root() == before
    assert len(market.tables["orders"]) == len(market.tables["queue"]) == most
    stage.must(2, order(BUY, 1000, 1, True))  # what does not rest is not counted
    stage.must(3, order(BUY, 800, 1))


def test_orders_coming_and_going_leave_the_state_no_wider(stage: Stage) -> None:
    bounded(stage, orders_resting_max=10)
    for turn in range(200):
        id = stage.must(2, order(BUY, 500 + turn, 1)).answer["order"]
        stage.must(2, Cancel(id))
    market = stage.rooms.market
    assert (market.tables["orders"].width, market.tables["queue"].width) == (1, 1)
    assert not market.books
    assert not market.limits._resting


@pytest.mark.parametrize(("price", "lots"), [(800, 1234), (1, 1), (999, 7)])
def test_cash_short_by_one_unit_is_refused(stage: Stage, price: int, lots: int) -> None:
    poor = stage.admit("poor", cash=price * lots - 1)
    assert stage.say(poor, order(BUY, price, lots)).code == Code.INSUFFICIENT_BALANCE
    stage.must(1, Grant(poor, 1))
    stage.must(poor, order(BUY, price, lots))


def test_tokens_short_by_one_lot_are_refused(stage: Stage) -> None:
    stage.must(2, order(BUY, 1000, 500, True))
    assert owned(stage, 2)[0] == 500
    assert stage.say(2, order(SELL, 900, 501)).code == Code.INSUFFICIENT_BALANCE
    stage.must(2, order(SELL, 900, 500))
    assert stage.rooms.ledger.class_id(1, "area-1", order(BUY, 1, 1).grade, "firm", START + HOUR)


# -- positions that come by transfer -------------------------------------------------------


def rows_to(stage: Stage, giver: int, taker: int, lots: int, **fields: object) -> Row:
    klass = stage.rooms.ledger.class_id(*stage_product())  # type: ignore[misc]
    return Row(RowCode.TRANSFER, 0, klass, account(giver, klass), account(taker, klass),
               lots * LOT)._replace(**fields)


def test_a_friends_transfer_counts_against_the_limit(stage: Stage) -> None:
    stage.must(3, order(BUY, 1000, 5000, True))
    bounded(stage, position_ppm_max=250_000)
    most = ATTESTED // 4
    stage.must(2, order(BUY, 800, 1000))
    before = stage.rooms.ledger.root()
    short = Batch(rows_to(stage, 3, 2, most - 999).pack())
    receipt = stage.say(3, short)
    assert receipt.code == Code.POSITION_LIMIT_EXCEEDED
    assert "participant 2" in receipt.reason
    halves = [rows_to(stage, 3, 2, most // 2).pack() for _ in range(2)]
    assert stage.say(3, Batch(b"".join(halves))).code == Code.POSITION_LIMIT_EXCEEDED
    assert stage.rooms.ledger.root() == before
    assert stage.must(3, Batch(rows_to(stage, 3, 2, most - 1000).pack())).codes == (0,)
    assert owned(stage, 2)[0] == most - 1000
    assert stage.say(3, Batch(rows_to(stage, 3, 2, 1).pack())).code == (
        Code.POSITION_LIMIT_EXCEEDED)


def test_a_hold_counts_when_it_is_posted(stage: Stage) -> None:
    stage.must(3, order(BUY, 1000, 5000, True))
    bounded(stage, position_ppm_max=250_000)
    hold = rows_to(stage, 3, 2, 4001, code=RowCode.HOLD, id=b"h" * 16)
    assert stage.must(3, Batch(hold.pack())).codes == (0,)
    post = hold._replace(code=RowCode.POST, id=bytes(16), hold=b"h" * 16)
    assert stage.say(2, Batch(post.pack())).code == Code.POSITION_LIMIT_EXCEEDED
    assert stage.must(2, Batch(post._replace(amount=4000 * LOT).pack())).codes == (0,)
    assert owned(stage, 2)[0] == 4000


def test_transfers_are_free_of_limits_that_do_not_bind(stage: Stage) -> None:
    stage.must(3, order(BUY, 1000, 9000, True))
    assert stage.must(3, Batch(rows_to(stage, 3, 2, 4001).pack())).codes == (0,)  # off
    bounded(stage, position_ppm_max=1)
    assert stage.say(3, Batch(rows_to(stage, 3, 2, 1).pack())).code == (
        Code.POSITION_LIMIT_EXCEEDED)
    assert stage.must(3, Batch(rows_to(stage, 3, 1, 10).pack())).codes == (0,)  # its issuer
    stage.must(1, Exempt(2, 1_000_000, "jobs queued"))
    assert stage.must(3, Batch(rows_to(stage, 3, 2, 10).pack())).codes == (0,)
    cash = Row(RowCode.TRANSFER, 0, CASH, account(3, CASH), account(2, CASH), 5)
    assert stage.must(3, Batch(cash.pack())).codes == (0,)
    stage.must(1, Exempt(2, 0, "over"))
    strange = rows_to(stage, 3, 2, 1, klass=999, debit=account(3, 999), credit=account(2, 999))
    assert stage.must(3, Batch(strange.pack())).codes == (Code.UNKNOWN_CLASS,)
