"""What the market's trades say: candles, tickers, the spot index, the forward curve.

Laws
----
* Pure functions over trades and tables, in integers; nothing here is state.
* Prices are milli-RMB a token, volumes lots; means are weighted by volume and rounded down.
* Candles are bounded: the oldest give way.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from suanli.market.auction.prices import last_price
from suanli.market.book import BUY, SELL
from suanli.market.product import Product
from suanli.market.state import Market
from suanli.terms.quantity import PPM


class Candle(NamedTuple):
    """What traded in [start, start + interval); `cash` in micro-RMB."""

    start: int
    open_mrmb: int
    high_mrmb: int
    low_mrmb: int
    close_mrmb: int
    cash: int
    lots: int


class Ticker(NamedTuple):
    """What the span before an instant saw, milli-RMB a token; `change` is close less open."""

    last: int
    high: int
    low: int
    mean: int
    change: int
    lots: int


class Point(NamedTuple):
    """One delivery hour of a forward curve, milli-RMB a token; None: nobody says such a price."""

    start: int
    bid: int | None
    ask: int | None  # the best in the book
    posted: int | None
    last_auction: int | None  # without a call auction: what its band is drawn about

    @property
    def price(self) -> int | None:
        """Return the price to buy at now; else what was paid last, else what is bid."""
        asked = [price for price in (self.ask, self.posted) if price is not None]
        return min(asked) if asked else self.last_auction or self.bid


def with_trade(candles: tuple[Candle, ...], at: int, price: int, lots: int, interval_ms: int,
               count_max: int) -> tuple[Candle, ...]:
    """Return the candles with one more trade, which is not before their last."""
    start = at - at % interval_ms
    if candles and candles[-1].start == start:
        last = candles[-1]
        grown = Candle(start, last.open_mrmb, max(last.high_mrmb, price),
                       min(last.low_mrmb, price), price, last.cash + price * lots, last.lots + lots)
        return (*candles[:-1], grown)
    fresh = Candle(start, price, price, price, price, price * lots, lots)
    return (*candles, fresh)[-count_max:]


def mean_of(candles: Iterable[Candle]) -> int | None:
    """Return the volume-weighted mean price; None: nothing traded."""
    cash, lots = 0, 0
    for candle in candles:
        cash, lots = cash + candle.cash, lots + candle.lots
    return cash // lots if lots else None


def ticker(candles: Iterable[Candle], since: int) -> Ticker | None:
    """Return the ticker over the candles that start at an instant or later."""
    seen = [candle for candle in candles if candle.start >= since]
    mean = mean_of(seen)
    if mean is None:
        return None
    return Ticker(seen[-1].close_mrmb, max(c.high_mrmb for c in seen),
                  min(c.low_mrmb for c in seen), mean,
                  seen[-1].close_mrmb - seen[0].open_mrmb, sum(c.lots for c in seen))


def spot_index(candles: Mapping[Product, tuple[Candle, ...]]
               ) -> dict[tuple[str, str, str, int], tuple[int, int]]:
    """Return (price, lots) by area, grade, tier and delivery hour, over all issuers."""
    sums: dict[tuple[str, str, str, int], tuple[int, int]] = {}
    for product, kept in candles.items():
        cash, lots = sums.get(product[1:], (0, 0))
        sums[product[1:]] = (cash + sum(c.cash for c in kept), lots + sum(c.lots for c in kept))
    return {key: (cash // lots, lots) for key, (cash, lots) in sums.items() if lots}


def forward_curve(market: Market, issuer: int, area: str, grade: str, tier: str,
                  starts: Iterable[int]) -> list[Point]:
    """Return what the book, the posted price and the last auction say of each delivery hour."""
    posted = market.offer(issuer, area, grade, tier)
    points = []
    for start in starts:
        product = Product(issuer, area, grade, tier, start)
        book, watch = market.books.get(product), market.tables["watches"].get(product)
        points.append(Point(start, book.best(BUY) if book else None,
                            book.best(SELL) if book else None, posted,
                            last_price(market.tables, product)
                            or (watch.reference_mrmb or None if watch else None)))
    return points


def cap_proposal(high: int, cap: int, touch_ppm: int, step_ppm: int) -> int | None:
    """Return the cap that a price near today's calls for; None: it is far enough away.

    A proposal only: a regulator announces it or leaves it. Source: harmonised maximum price of
    the European day-ahead coupling, which was raised by itself in 2022 and then had to be stopped.
    """
    if not touch_ppm or high * PPM < cap * touch_ppm:
        return None
    return cap + cap * step_ppm // PPM
