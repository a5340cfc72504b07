"""Strips: hours in a row, sold whole, each at its auction's price between a floor and a cap.

Theory of operation: an operator writes a strip, a buyer takes it in one linked set: the tokens of
every hour are issued and handed over, the floor is paid, and what the cap is above it is held, an
hour a hold. An hour is *fixed* when a settled auction has a price for it, at that price within
floor and cap; without one when it begins, at their middle, rounded down. What the price is above
the floor goes to the seller, the rest of the hold returns. Where floor and cap are equal the price
is fixed as the strip is taken, and nothing is held. All of it is physical: no cash moves but for
tokens. Holds are for the clearing account (owner 0), so that neither side can resolve them.

Laws
----
* A buyer pays floor x lots an hour at least and cap x lots at most; what is held always pays.
* An hour is fixed once, by the first sweep after it has begun at the latest: so no hold outlives
  its class, and with its last hour a strip is forgotten.
* A strip is taken whole or not at all.

Order of checks of taking one: it is there and open, not one's own, its prices still in range; hour
by hour the product, its halt, the buyer's limits, what is attested; then the cash.
"""

from collections.abc import Iterable
from typing import Any, Final

from suanli.ledger.row import CASH, Row, account, link
from suanli.ledger.state import HOURS_AHEAD_MAX, Ledger
from suanli.market.auction.prices import last_price
from suanli.market.book import BUY
from suanli.market.commands import FixStrip, Order, TakeStrip, WithdrawStrip, WriteStrip
from suanli.market.halts import rules_of
from suanli.market.limits import Limits
from suanli.market.postings import issue_rows
from suanli.market.product import FIRM, Product, ProductGrid
from suanli.market.set_aside import SetAside, lots_backed
from suanli.market.strip import Strip, Taken, Written, fixed_rows, hold_row
from suanli.members.state import Members
from suanli.terms.change import Change, Part, Write, one_part
from suanli.terms.instant import HOUR, hour_of
from suanli.terms.quantity import INT64_MAX, LOTS_MAX
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import changed

HOURS_MAX: Final = 168  # a week, as the longest session
COPIES_MAX: Final = 1_000_000  # far above any fleet


class Strips:
    """What strips are written and taken, on tables of the market's room."""

    def __init__(self, members: Members, ledger: Ledger, tables: Any, limits: Limits,
                 set_aside: SetAside) -> None:
        self.members = members
        self.ledger = ledger
        self.tables = tables  # the market's
        self.limits = limits
        self.set_aside = set_aside

    # -- reading ---------------------------------------------------------------------------

    def due(self, taken: Taken, at: int) -> dict[int, int]:
        """Return the price of each open hour that can be fixed now, by the hour's number."""
        found = {}
        for hour, product in enumerate(taken.strip.products):
            if not taken.prices[hour]:
                price = last_price(self.tables, product)
                if price is not None or at >= product.start:
                    found[hour] = taken.strip.fixed(price)
        return found

    def unfixed(self, product: Product) -> int | None:
        """Return a taken strip in which a product's hour is not fixed, or None."""
        for id, taken in self.tables["strips_taken"].items():
            hour = (product.start - taken.strip.start) // HOUR
            if (0 <= hour < taken.strip.hours and taken.strip.product(hour) == product
                    and not taken.prices[hour]):
                return int(id)
        return None

    def horizon(self, issuers: Iterable[int]) -> int:
        """Return the end of the last hour that some issuers have written a strip of, or 0."""
        return max((written.strip.end for written in self.tables["strips"].values()
                    if written.strip.issuer in issuers), default=0)

    # -- commands --------------------------------------------------------------------------

    def check(self, command: Any, at: int, sender: int, grid: ProductGrid) -> Change | Refusal:
        """Answer one of the strips' commands."""
        if isinstance(command, WriteStrip):
            return self._write(command, at, sender, grid)
        if isinstance(command, WithdrawStrip):
            return self._withdraw(command.strip, sender)
        if isinstance(command, TakeStrip):
            return self._take(command.strip, at, sender, grid)
        return self._fix(command, at)

    def _next_id(self) -> int:
        return int(self.tables["counters"].get("strip") or 0) + 1

    def _write(self, command: WriteStrip, at: int, sender: int,
               grid: ProductGrid) -> Change | Refusal:
        strip = Strip(sender, command.area, command.grade, command.tier, command.start,
                      command.hours, command.lots, command.floor_mrmb, command.cap_mrmb)
        refusal = (self.limits.rate_refusal(sender, at) or self._size_refusal(command)
                   or grid.refusal(strip.product(0), at)
                   or self._time_refusal(strip, command.until, at)
                   or self._price_refusal(strip, at, grid) or self._count_refusal(sender))
        if refusal:
            return refusal
        id = self._next_id()
        return one_part(*self.limits.counted(sender, at), Write("market", "counters", "strip", id),
                        Write("market", "strips", id,
                              Written(strip, command.until, command.copies)), strip=id)

    @staticmethod
    def _size_refusal(command: WriteStrip) -> Refusal | None:
        if command.tier != FIRM:
            return Refusal(Code.UNKNOWN_PRODUCT, f"tier {command.tier!r}; strips are of {FIRM!r}")
        if (1 <= command.hours <= HOURS_MAX and 1 <= command.lots <= LOTS_MAX
                and 1 <= command.copies <= COPIES_MAX):
            return None
        return Refusal(Code.QUANTITY_OUT_OF_RANGE, f"{command.hours} hours, {command.lots} lots, "
                       f"{command.copies} copies; 1 to {HOURS_MAX} hours, 1 to {LOTS_MAX} lots, "
                       f"1 to {COPIES_MAX} copies are accepted")

    @staticmethod
    def _time_refusal(strip: Strip, until: int, at: int) -> Refusal | None:
        last = hour_of(at).start + HOURS_AHEAD_MAX * HOUR
        if at < until <= strip.start and strip.end <= last:
            return None
        return Refusal(Code.GATE_CLOSED, f"offered until {until}, from {strip.start} to "
                       f"{strip.end}; an instant after {at} and not after its start, and an end "
                       f"by {last}, as far as device time is attested, are accepted")

    @staticmethod
    def _price_refusal(strip: Strip, at: int, grid: ProductGrid) -> Refusal | None:
        """Return why a strip's prices are not accepted; caps may have changed since it was made."""
        for price in (strip.floor_mrmb, strip.cap_mrmb):
            if refusal := grid.price_refusal(price, at):
                return refusal
        if strip.floor_mrmb > strip.cap_mrmb:
            return Refusal(Code.PRICE_OUT_OF_RANGE, f"a floor of {strip.floor_mrmb} and a cap of "
                           f"{strip.cap_mrmb}; a floor up to the cap is accepted")
        if strip.cost_max <= INT64_MAX:
            return None
        return Refusal(Code.AMOUNT_OUT_OF_RANGE, f"at its cap it costs {strip.cap_mrmb} x "
                       f"{strip.lots} x {strip.hours} micro-RMB; up to {INT64_MAX} is accepted")

    def _count_refusal(self, sender: int) -> Refusal | None:
        most = self.members.parameter("orders_resting_max")
        mine = sum(written.strip.issuer == sender for written in self.tables["strips"].values())
        if mine < most:
            return None
        return Refusal(Code.ORDERS_RESTING_EXCEEDED,
                       f"you have written {mine} strips that stand; {most} are accepted")

    def _withdraw(self, id: int, sender: int) -> Change | Refusal:
        written = self.tables["strips"].get(id)
        if written is None or written.strip.issuer != sender:
            return Refusal(Code.UNKNOWN_STRIP, f"you have written no strip {id} that stands")
        return one_part(Write("market", "strips", id, None), strip=id)

    # -- taking ----------------------------------------------------------------------------

    def _take(self, id: int, at: int, sender: int, grid: ProductGrid) -> Change | Refusal:
        written = self.tables["strips"].get(id)
        if written is None:
            return Refusal(Code.UNKNOWN_STRIP, f"no strip {id} is offered")
        strip = written.strip
        if at >= written.until:
            return Refusal(Code.GATE_CLOSED, f"it is {at}; strip {id} was offered until "
                           f"{written.until}")
        if sender == strip.issuer:
            return Refusal(Code.SELF_TRADE, f"strip {id} is your own; another's is accepted")
        rows: list[Row] = []
        writes = self.limits.counted(sender, at)
        if refusal := (self._price_refusal(strip, at, grid)
                       or self._deliver(strip, sender, at, grid, rows, writes)
                       or self._cash_refusal(strip, sender)):
            return refusal
        new, left = self._next_id(), written.copies - 1
        is_open = strip.spread > 0
        taken = Taken(strip, sender, (0 if is_open else strip.floor_mrmb,) * strip.hours)
        rows += [hold_row(new, hour, taken) for hour in range(strip.hours) if is_open]
        writes += [Write("market", "counters", "strip", new),
                   Write("market", "strips_taken", new, taken),
                   Write("market", "strips", id, changed(written, copies=left) if left else None)]
        answer = {"strip": new, "paid": strip.floor_mrmb * strip.lots * strip.hours,
                  "held": strip.spread * strip.hours}
        return Change((Part((*grid.writes(), *writes), link(rows)),), answer,
                      spend=answer["paid"] + answer["held"])

    def _deliver(self, strip: Strip, buyer: int, at: int, grid: ProductGrid, rows: list[Row],
                 writes: list[Write]) -> Refusal | None:
        """Add what issues every hour's tokens and hands them over at the floor, or say why not."""
        for product in strip.products:
            order = Order(*product, BUY, strip.cap_mrmb, strip.lots, True)
            if refusal := (grid.refusal(product, at) or self._halt_refusal(product, at)
                           or self.limits.refusal(0, product, order, buyer, at, grid)):
                return refusal
            klass = grid.class_of(product)
            drawn = self.set_aside.to_issue(strip.lots, product, klass, buyer, at, grid)
            there = lots_backed(drawn)
            if there < strip.lots:
                return Refusal(Code.ISSUANCE_ABOVE_ATTESTATION, f"of the hour from "
                               f"{product.start} {there} of {strip.lots} lots can be issued to "
                               f"you: {strip.lots - there} are missing")
            rows += issue_rows(drawn, strip.floor_mrmb, buyer, klass, strip.issuer)
            writes += self.set_aside.drawn(drawn, buyer, at)
        return None

    def _halt_refusal(self, product: Product, at: int) -> Refusal | None:
        watch = self.tables["watches"].get(product)
        if watch is None or not watch.is_halted(rules_of(self.members), at):
            return None
        return Refusal(Code.PRODUCT_HALTED, f"the hour from {product.start} is halted; accepted "
                       "after its reopening")

    def _cash_refusal(self, strip: Strip, buyer: int) -> Refusal | None:
        needed = strip.cost_max
        there = self.ledger.available(account(buyer, CASH))
        if there >= needed:
            return None
        return Refusal(Code.INSUFFICIENT_BALANCE, f"at its cap it costs {needed} micro-RMB and "
                       f"you have {there}: {needed - there} are missing")

    # -- fixing ----------------------------------------------------------------------------

    def _fix(self, command: FixStrip, at: int) -> Change | Refusal:
        taken = self.tables["strips_taken"].get(command.strip)
        if taken is None:
            return Refusal(Code.UNKNOWN_STRIP, f"nobody has taken a strip {command.strip}, or it "
                           "is over")
        due = self.due(taken, at)
        if not due:
            return Refusal(Code.NOTHING_TO_FIX, f"of strip {command.strip} no open hour has a "
                           "price; it can be fixed after an auction of it, or when it begins")
        part = _fixing(command.strip, taken, due)
        fixed = [[taken.strip.start + hour * HOUR, price] for hour, price in due.items()]
        return Change((part,), {"strip": command.strip, "fixed": fixed})

    def fixings(self, at: int) -> list[Part]:
        """Return a part for each taken strip with hours to fix; those that are over go with it."""
        parts = []
        for id, taken in self.tables["strips_taken"].items():
            if due := self.due(taken, at):
                part = _fixing(id, taken, due)
                gone = (Write("market", "strips_taken", id, None),)
                parts.append(part._replace(writes=gone) if taken.strip.end <= at else part)
        return parts

    def over(self, at: int) -> list[Write]:
        """Return what forgets strips that nobody can take, and taken ones that are all over."""
        return [*(Write("market", "strips", id, None)
                  for id, written in self.tables["strips"].items() if written.until <= at),
                *(Write("market", "strips_taken", id, None)
                  for id, taken in self.tables["strips_taken"].items()
                  if taken.strip.end <= at and all(taken.prices))]


def _fixing(id: int, taken: Taken, due: dict[int, int]) -> Part:
    prices = tuple(due.get(hour, price) for hour, price in enumerate(taken.prices))
    rows = [row for hour, price in due.items() for row in fixed_rows(id, hour, taken, price)]
    return Part((Write("market", "strips_taken", id, changed(taken, prices=prices)),), link(rows))
