"""Bands in whole milli-RMB, and the mean of the last five minutes."""

from fractions import Fraction

import hypothesis.strategies as st
from hypothesis import given

from suanli.market.bands import (
    BUCKET_MS,
    BUCKETS,
    NO_BAND,
    PPM,
    Band,
    around,
    band_of,
    mean_price,
    with_trades,
)

prices, parts = st.integers(1, 10**9), st.integers(0, 2 * PPM)


@given(prices, parts)
def test_a_band_is_the_whole_prices_inside_the_exact_one(price: int, ppm: int) -> None:
    band = around(price, ppm)
    exact = Fraction(price) * (1 - Fraction(ppm, PPM)), Fraction(price) * (1 + Fraction(ppm, PPM))
    assert max(0, exact[0]) <= band.low < max(0, exact[0]) + 1
    assert exact[1] - 1 < band.high <= exact[1]


@given(st.lists(st.tuples(st.integers(0, 20 * BUCKET_MS), prices, st.integers(1, 10**6)),
                max_size=60))
def test_the_mean_is_that_of_the_recent_trades_and_memory_is_bounded(
        trades: list[tuple[int, int, int]]) -> None:
    buckets, at = (), 0
    trades.sort()
    for at, price, lots in trades:
        buckets = with_trades(buckets, [(price, lots)], at)
        assert len(buckets) <= BUCKETS
    recent = [(p, n) for t, p, n in trades if t // BUCKET_MS > at // BUCKET_MS - BUCKETS]
    cash, lots = sum(p * n for p, n in recent), sum(n for _, n in recent)
    assert mean_price(buckets, at) == (cash // lots if lots else None)
    assert mean_price(buckets, at + BUCKETS * BUCKET_MS) is None


def test_both_bands_bind_and_the_static_one_wins_where_they_do_not_meet() -> None:
    assert band_of(1000, 1050, 100_000, 20_000) == Band(1029, 1071)
    assert band_of(1000, 2000, 100_000, 20_000) == Band(900, 1100)
    assert band_of(1000, None, 100_000, 20_000) == Band(900, 1100)
    assert band_of(None, 1000, 100_000, 20_000) == Band(980, 1020)
    assert band_of(None, None, 100_000, 20_000) == NO_BAND
    assert band_of(1000, 1000, 0, 0) == NO_BAND
