"""Spot trading: how orders get into the books, are changed, and leave.

Theory of operation: an incoming order is checked, then asked what it would do now (`taking`). If
its kind may do that, all of it happens in one linked set: first what it replaces and what is over
gives its hold back, then each resting order that it meets is traded with, delivery against
payment, then what its issuer sells is issued and paid for, and last what is left is put on hold
and rests. A modified order comes in anew, under its old number, at the back of the queue.

Laws
----
* A refusal changes nothing; what would be gone without a trace is refused.
* What was over when an order came in takes no part in it, and is out afterwards.
* Where bands are in force (`halts`), an order trades up to its band's edge only, and not at all
  while its product is halted.

Order of checks: product, price, lots, kind, limits; whether its product is halted; whether its
kind may do what it would do; what it trades with its owner's own.
"""

from typing import Any

from suanli.ledger.row import Row, link
from suanli.market import postings
from suanli.market.book import BUY, SELL, Book
from suanli.market.book.messages import TRADED
from suanli.market.commands import Cancel, Modify, Order
from suanli.market.halts import Guard
from suanli.market.kinds import UNTIL, kind_refusal
from suanli.market.limits import Limits
from suanli.market.offers import Offers
from suanli.market.postings import Resting
from suanli.market.product import Product, ProductGrid
from suanli.market.resting import RestingOrders
from suanli.market.set_aside import SetAside
from suanli.market.taking import Incoming, Outcome, Taker
from suanli.market.watches import Watches
from suanli.terms.change import Change, Part, Write, one_part
from suanli.terms.quantity import INT64_MAX, LOTS_MAX
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import changed


class Spot:
    """Orders of the spot books, on tables of the market's room."""

    def __init__(self, tables: Any, limits: Limits, set_aside: SetAside, offers: Offers,
                 resting: RestingOrders, watches: Watches) -> None:
        self.tables = tables  # the market's
        self.limits = limits
        self.set_aside = set_aside
        self.offers = offers
        self.resting = resting
        self.watches = watches

    # -- commands --------------------------------------------------------------------------

    def order(self, command: Order, at: int, sender: int, grid: ProductGrid) -> Change | Refusal:
        """Let an order in."""
        id = int(self.tables["counters"].get("order") or 0) + 1
        product = Product(command.issuer, command.area, command.grade, command.tier, command.start)
        return self._admit(Incoming(id, product, command, sender, at, grid))

    def modify(self, command: Modify, at: int, sender: int,
               grid: ProductGrid) -> Change | Refusal:
        """Let an order of the sender's in anew."""
        old = self._own(command.order, sender)
        if isinstance(old, Refusal):
            return old
        return self._admit(Incoming(command.order, Product(*old.product), _again(old, command),
                                    sender, at, grid, old))

    def cancel(self, command: Cancel, sender: int) -> Change | Refusal:
        """Take an order of the sender's out."""
        old = self._own(command.order, sender)
        if isinstance(old, Refusal):
            return old
        return one_part(*self.resting.out(command.order),
                        rows=self.resting.void(command.order).pack(), order=command.order)

    def _own(self, id: int, sender: int) -> Resting | Refusal:
        order: Resting | None = self.tables["orders"].get(id)
        if order is None or order.owner != sender:
            return Refusal(Code.UNKNOWN_ORDER, f"you have no resting order {id}")
        return order

    # -- letting an order in ---------------------------------------------------------------

    def _admit(self, new: Incoming) -> Change | Refusal:
        """Check what can be said of an order alone, and let it in."""
        order, replaced = new.order, new.id if new.replaced else 0
        return (new.grid.refusal(new.product, new.at)
                or new.grid.price_refusal(order.price_mrmb, new.at)
                or _lots_refusal(order)
                or kind_refusal(order, new.at)
                or self.limits.refusal(replaced, new.product, order, new.sender, new.at, new.grid)
                or self._enter(new))

    def _enter(self, new: Incoming) -> Change | Refusal:
        """Trade what can be traded now, and rest or drop what is left."""
        guard = self.watches.guard(new.product, new.at)
        if guard.is_halted and (new.order.is_ioc or new.order.is_market):
            return Refusal(Code.PRODUCT_HALTED, "the product is halted; an order that may rest "
                           "is accepted, and takes part in the reopening")
        taker = self._taker(new, guard)
        outcome = taker.outcome()
        freed = self.resting.voids(taker.absent)
        return (taker.refusal(outcome)
                or self.limits.self_trade_refusal(outcome.trades, new.order.side, freed)
                or self._entered(taker, outcome, guard, freed))

    def _taker(self, new: Incoming, guard: Guard) -> Taker:
        """Show an order what is there for it: its band, its book, its issuer's price."""
        side, product = new.order.side, new.product
        limit = guard.limited(side, new.order.price_mrmb)
        order = changed(new.order, price_mrmb=limit)
        is_open = not guard.is_halted
        posted = self.offers.price(*product[:4]) if side == BUY and is_open else None
        return Taker(new, order, self.resting.book(product) if is_open else Book(), posted,
                     self.resting.due(product, new.at), self.tables["orders"], self.set_aside)

    # -- what is written -------------------------------------------------------------------

    def _entered(self, taker: Taker, outcome: Outcome, guard: Guard, freed: list[Row]) -> Change:
        """Return all that happens, as one part: it gives free, trades, and rests."""
        new = taker.new
        rows = [*freed, *self._trade_rows(taker, outcome)]
        writes = [*self.limits.counted(new.sender, new.at), *self.resting.out(*taker.over),
                  *self.resting.left_of(outcome.met),
                  *self.set_aside.drawn(outcome.drawn, new.sender, new.at),
                  *self.watches.after(guard, new.product, new.order.side, outcome.trades,
                                      outcome.is_held_back)]
        if outcome.left:
            rest = _resting(new, outcome)
            rows.append(postings.hold_row(new.id, rest, new.klass, rest.version))
            writes += self.resting.queued(new.id, rest,
                                          sum(each.is_refilled for each in outcome.met))
        elif new.replaced:
            writes += self.resting.out(new.id)
        if not new.replaced:
            writes.append(Write("market", "counters", "order", new.id))
        return Change((Part((*new.grid.writes(), *writes), link(rows)),),
                      _answer(new, outcome), spend=_spend(new, outcome))

    def _trade_rows(self, taker: Taker, outcome: Outcome) -> list[Row]:
        """Trade with each resting order, then issue and pay for what the issuer sells."""
        new, klass, orders = taker.new, taker.new.klass, self.tables["orders"]
        rows = [row for each in outcome.met
                for row in postings.met_rows(orders[each.maker], each, new.sender, klass)]
        if outcome.drawn and taker.posted:
            rows += postings.issue_rows(outcome.drawn, taker.posted, new.sender, klass,
                                        new.product.issuer)
        return rows


def _lots_refusal(order: Order) -> Refusal | None:
    lots, value, side = order.lots, order.lots * order.price_mrmb, order.side
    if 1 <= lots <= LOTS_MAX and value <= INT64_MAX and side in (BUY, SELL):
        return None
    return Refusal(Code.QUANTITY_OUT_OF_RANGE, f"{lots} lots for {value} micro-RMB, side "
                   f"{side}; 1 to {LOTS_MAX} lots of 0.001 token, for {INT64_MAX} at most, "
                   "side 0 (buy) or 1 (sell) are accepted")


def _again(old: Resting, command: Modify) -> Order:
    """Return a resting order as it comes in anew; it keeps its kind."""
    return Order(*old.product, old.side, command.price_mrmb, command.lots, False,
                 time_in_force=UNTIL if old.until else "", until=old.until,
                 is_post_only=old.is_post_only, visible_lots=old.visible_lots,
                 self_trade=old.self_trade)


def _resting(new: Incoming, outcome: Outcome) -> Resting:
    """Return what is left of an order as it rests; each modification has a hold of its own."""
    order = new.order
    return Resting(new.sender, new.product, order.side, outcome.price_mrmb, outcome.left,
                   new.replaced.version + 1 if new.replaced else 1, until=order.until,
                   is_post_only=order.is_post_only, visible_lots=order.visible_lots,
                   shown_lots=min(order.visible_lots, outcome.left), self_trade=order.self_trade)


def _answer(new: Incoming, outcome: Outcome) -> dict[str, Any]:
    answer = {"order": new.id, "left": outcome.left, "class": new.klass,
              "trades": [trade.told for trade in outcome.trades]}
    if outcome.price_mrmb != new.order.price_mrmb:
        answer["price_mrmb"] = outcome.price_mrmb  # the band's edge, or the last trade's
    if prevented := [[each.maker, each.quantity] for each in outcome.met if each.kind != TRADED]:
        answer["prevented"] = prevented  # orders of one's own, and what they lost
    return {**answer, "filled": outcome.filled}


def _spend(new: Incoming, outcome: Outcome) -> int:
    """Return what the sender commits to: what it buys, and what it bids for."""
    bought = sum(t.price_mrmb * t.lots for t in outcome.trades if t.buyer == new.sender)
    return bought + (outcome.left * outcome.price_mrmb if new.order.side == BUY else 0)
