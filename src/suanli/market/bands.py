"""Price bands: how far from a reference, and from the recent mean, a trade may lie.

Laws
----
* The bounds are whole milli-RMB inside the exact ones: the lower is rounded up, the upper down.
* What is remembered of trades is bounded: a few buckets of sums, whatever the number of trades.

Sources: the limit-up limit-down plan of the United States' share markets (NMS plan, sections V
and VII) for bands around a five-minute mean; exchanges' volatility interruptions (static and
dynamic range) for the two kinds of band.
"""

from collections.abc import Iterable
from typing import NamedTuple

from suanli.terms.instant import SECOND
from suanli.terms.quantity import INT64_MAX, PPM

BUCKET_MS = 30 * SECOND
BUCKETS = 10  # five minutes, the running bucket among them


class Band(NamedTuple):
    """The prices, both ends included, at which a product may trade; milli-RMB a token."""

    low: int
    high: int


NO_BAND = Band(0, INT64_MAX)


class Bucket(NamedTuple):
    """What traded in one span: `span` is the instant over BUCKET_MS, `cash` in micro-RMB."""

    span: int
    cash: int
    lots: int


def around(price: int, ppm: int) -> Band:
    """Return the band of so many parts per million about a price.

    >>> around(1005, 100_000)
    Band(low=905, high=1105)
    """
    low = -(-price * (PPM - ppm) // PPM)
    return Band(max(0, low), price * (PPM + ppm) // PPM)


def recent(buckets: tuple[Bucket, ...], at: int) -> tuple[Bucket, ...]:
    """Return the buckets of the last five minutes."""
    return tuple(b for b in buckets if b.span > at // BUCKET_MS - BUCKETS)


def with_trades(buckets: tuple[Bucket, ...], trades: Iterable[tuple[int, int]],
                at: int) -> tuple[Bucket, ...]:
    """Return the buckets with trades, as (price, lots), added at an instant."""
    span, kept = at // BUCKET_MS, recent(buckets, at)
    last = kept[-1] if kept and kept[-1].span == span else Bucket(span, 0, 0)
    for price, lots in trades:
        last = Bucket(span, last.cash + price * lots, last.lots + lots)
    before = kept[:-1] if kept and kept[-1].span == span else kept
    return (*before, last) if last.lots else before


def mean_price(buckets: tuple[Bucket, ...], at: int) -> int | None:
    """Return the volume-weighted mean of the last five minutes, rounded down; None: no trade."""
    kept = recent(buckets, at)
    lots = sum(b.lots for b in kept)
    return sum(b.cash for b in kept) // lots if lots else None


def band_of(reference: int | None, mean: int | None, static_ppm: int, dynamic_ppm: int) -> Band:
    """Return the prices inside both bands; the static one alone where they do not meet."""
    static = around(reference, static_ppm) if reference and static_ppm else NO_BAND
    dynamic = around(mean, dynamic_ppm) if mean and dynamic_ppm else NO_BAND
    both = Band(max(static.low, dynamic.low), min(static.high, dynamic.high))
    return both if both.low <= both.high else static
