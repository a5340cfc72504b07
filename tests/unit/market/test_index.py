"""Candles, index and curve against sums spelled out over the trades themselves."""

import hypothesis.strategies as st
from hypothesis import given
from tests.stage import SINGLE, START, Stage
from tests.unit.market.test_state import order

from suanli.gateway.tape import Tape
from suanli.market.book import BUY, SELL
from suanli.market.commands import Modify
from suanli.market.index import (
    Candle,
    cap_proposal,
    forward_curve,
    mean_of,
    spot_index,
    ticker,
    with_trade,
)
from suanli.market.product import Product
from suanli.terms.command import encode_command
from suanli.terms.instant import HOUR, MINUTE

trades = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 10**6), st.integers(1, 10**6)),
                  min_size=1, max_size=40).map(sorted)
PRODUCT = Product(1, "area-1", SINGLE, "firm", START + HOUR)


@given(trades)
def test_candles_are_what_the_trades_were(said: list[tuple[int, int, int]]) -> None:
    candles: tuple[Candle, ...] = ()
    for at, price, lots in said:
        candles = with_trade(candles, at, price, lots, 10, 1000)
    for candle in candles:
        inside = [(p, n) for at, p, n in said if at // 10 * 10 == candle.start]
        of_price = [p for p, _ in inside]
        assert candle == Candle(candle.start, of_price[0], max(of_price), min(of_price),
                                of_price[-1], sum(p * n for p, n in inside),
                                sum(n for _, n in inside))
    assert mean_of(candles) == sum(p * n for _, p, n in said) // sum(n for *_, n in said)
    found = ticker(candles, 50)
    late = [trade for trade in said if trade[0] >= 50]
    assert (found is None) == (not late)
    if found:
        assert (found.last, found.change) == (late[-1][1], late[-1][1] - late[0][1])
        assert found.lots == sum(n for *_, n in late)


def test_candles_are_bounded() -> None:
    candles: tuple[Candle, ...] = ()
    for at in range(100):
        candles = with_trade(candles, at, 1, 1, 1, 7)
    assert [c.start for c in candles] == list(range(93, 100))


def test_the_index_weighs_all_issuers_of_an_hour_by_volume() -> None:
    here = [Product(issuer, "a", "g", "spot", 0) for issuer in (1, 2)]
    other = Product(1, "a", "g", "spot", HOUR)
    candles = {here[0]: with_trade((), 0, 1000, 30, 10, 9),
               here[1]: with_trade((), 0, 2000, 10, 10, 9), other: with_trade((), 0, 7, 1, 10, 9)}
    assert spot_index(candles) == {("a", "g", "spot", 0): (1250, 40),
                                   ("a", "g", "spot", HOUR): (7, 1)}


def test_the_tape_hears_every_kind_of_trade_and_the_curve_reads_the_book(stage: Stage) -> None:
    tape = Tape()

    def say(member: int, command: object) -> int:
        receipt = stage.must(member, command)
        tape.hear(encode_command(command), receipt.answer, stage.at)
        return int(receipt.answer["order"])

    say(2, order(BUY, 1000, 500, True))
    resting = say(2, order(SELL, 1200, 100))
    say(3, order(BUY, 900, 100))
    stage.at += 10 * MINUTE
    say(2, Modify(resting, 900, 40))
    assert [(c.close_mrmb, c.lots) for c in tape.candles[PRODUCT]] == [(1000, 500), (900, 40)]
    say(3, order(SELL, 950, 10))
    points = forward_curve(stage.rooms.market, *PRODUCT[:4], [START + HOUR, START + 2 * HOUR])
    assert [(p.bid, p.ask, p.posted, p.price) for p in points] == [
        (900, 950, 1000, 950), (None, None, 1000, 1000)]


def test_a_cap_is_proposed_when_a_price_comes_near_it() -> None:
    assert cap_proposal(599, 1000, 600_000, 250_000) is None
    assert cap_proposal(600, 1000, 600_000, 250_000) == 1250
    assert cap_proposal(1000, 1000, 0, 250_000) is None
