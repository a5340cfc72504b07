"""Limit state, halt and reopening of one product: what its price band leads to.

Theory of operation: a taker trades up to the band's edge. Where more would have traded beyond it,
the product is in *limit state*: it trades on, but not past that edge. A trade back inside ends
it; else, after `band_limit_ms`, the product is *halted*: orders are taken and rest, nothing
trades. After `band_halt_ms` more it waits for its *reopening*, a call auction at one price. All
of this follows from one record and the instant, so no clock has to tick for it.

Laws
----
* A taker never buys above the band or sells below it; what rests of it rests at the edge.
* Between the limit state's end without return and the reopening there is no trade.
* The reopening's price is that of the largest volume; then of the least imbalance; then the one
  nearest to the reference; then the lower.

In a band, takers are bound on their own side only: a resting bid above the band (one that a
reopening left there) may still be sold to.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from suanli.market.bands import Band, Bucket, band_of, mean_price, with_trades
from suanli.market.book import BUY
from suanli.members.state import Members
from suanli.terms.quantity import INT64_MAX

OPEN, LIMIT, HALTED, REOPENING = "open", "limit", "halted", "reopening"
Levels = list[tuple[int, int]]  # (price, lots), best first


class Rules(NamedTuple):
    """The governed parameters of bands and halts."""

    static_ppm: int
    dynamic_ppm: int
    limit_ms: int
    halt_ms: int

    @property
    def is_on(self) -> bool:
        return bool(self.static_ppm or self.dynamic_ppm)


def rules_of(members: Members) -> Rules:
    """Return the parameters as they stand."""
    return Rules(*(members.parameter(f"band_{name}") for name in Rules._fields))


@dataclass(frozen=True, slots=True)
class Watch:
    """What a product's band is drawn from, and where the product stands."""

    reference_mrmb: int = 0  # price of the last auction; before that, of the first trade; 0: none
    trades: tuple[Bucket, ...] = ()  # of the last five minutes
    limit_since: int = 0  # instant at which limit state began; 0: it is not in it
    limit_side: int = BUY  # the side whose takers are held back
    limit_edge: int = 0  # the price at which they are

    def reopens_at(self, rules: Rules) -> int:
        """Return when a limit state without return leads to a reopening."""
        return self.limit_since + rules.limit_ms + rules.halt_ms

    def phase(self, rules: Rules, at: int) -> str:
        """Return where the product stands at an instant."""
        if not self.limit_since:
            return OPEN
        if at < self.limit_since + rules.limit_ms:
            return LIMIT
        return HALTED if at < self.reopens_at(rules) else REOPENING

    def is_halted(self, rules: Rules, at: int) -> bool:
        """Say whether nothing may trade at an instant."""
        return self.phase(rules, at) in (HALTED, REOPENING)


class Guard(NamedTuple):
    """The band as one incoming order meets it."""

    watch: Watch
    rules: Rules
    band: Band
    at: int

    @property
    def is_halted(self) -> bool:
        return self.watch.is_halted(self.rules, self.at)

    def limited(self, side: int, price: int) -> int:
        """Return the price up to which an order may trade now, and at which its rest waits."""
        if self.is_halted:
            return price
        return min(price, self.band.high) if side == BUY else max(price, self.band.low)

    def after(self, side: int, trades: Iterable[tuple[int, int]], is_held_back: bool) -> Watch:
        """Return the watch after an order's trades, as (price, lots)."""
        trades, old = list(trades), self.watch
        since, limit_side, edge = old.limit_since, old.limit_side, old.limit_edge
        if since and any(is_inside(price, limit_side, edge) for price, _ in trades):
            since, limit_side, edge = 0, BUY, 0
        if is_held_back and not since:
            since, limit_side = self.at, side
            edge = self.band.high if side == BUY else self.band.low
        reference = old.reference_mrmb or (trades[0][0] if trades else 0)
        return Watch(reference, with_trades(old.trades, trades, self.at), since, limit_side, edge)


def is_inside(price: int, side: int, edge: int) -> bool:
    """Say whether a price lies back from the edge that stopped takers of a side."""
    return price < edge if side == BUY else price > edge


def guard_of(watch: Watch, rules: Rules, posted: int | None, at: int) -> Guard:
    """Return the guard of a product; before any trade its posted price is the reference.

    In limit state the edge that was reached stays where it was.
    """
    reference = watch.reference_mrmb or posted
    band = band_of(reference, mean_price(watch.trades, at), rules.static_ppm, rules.dynamic_ppm)
    if watch.phase(rules, at) == LIMIT and rules.is_on:
        band = (band._replace(high=watch.limit_edge) if watch.limit_side == BUY
                else band._replace(low=watch.limit_edge))
    return Guard(watch, rules, band, at)


# -- the reopening -------------------------------------------------------------------------


def uncrossing(buys: Levels, sells: Levels, reference: int) -> tuple[int, int]:
    """Return (price, lots) of the call auction; lots 0 and the reference where nothing crosses.

    Where nothing crosses, the reference moves to the nearest price between the best bid and the
    best ask: else a band about a price that nobody gives any more would keep the product halted.
    Cost: O(n log n) in the levels that cross.
    """
    bid = buys[0][0] if buys else 0
    ask = sells[0][0] if sells else INT64_MAX
    if bid < ask:
        return max(bid, min(ask, reference)), 0
    wanted = Curve([(-price, lots) for price, lots in buys if price >= ask])
    given = Curve([(price, lots) for price, lots in sells if price <= bid])

    def demerit(price: int) -> tuple[int, int, int, int]:
        demand, supply = wanted.up_to(-price), given.up_to(price)
        return -min(demand, supply), abs(demand - supply), abs(price - reference), price

    price = min(_candidates(wanted, given, reference), key=demerit)
    return price, min(wanted.up_to(-price), given.up_to(price))


class Curve:
    """Lots up to each price, from levels whose (signed) prices rise."""

    def __init__(self, levels: Levels) -> None:
        self.prices = [price for price, _ in levels]
        self._lots = [0]
        for _, lots in levels:
            self._lots.append(self._lots[-1] + lots)

    def up_to(self, price: int) -> int:
        return self._lots[bisect_right(self.prices, price)]


def _candidates(wanted: Curve, given: Curve, reference: int) -> set[int]:
    """Return every price that can be best: volume and imbalance change only at limit prices."""
    limits = {-price for price in wanted.prices} | set(given.prices)
    near = {price + step for price in limits for step in (-1, 0, 1)} | {reference}
    least, most = min(limits), max(limits)
    return {price for price in near if least <= price <= most}
