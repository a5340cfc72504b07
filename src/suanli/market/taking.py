"""What an incoming order does at once, and what is left of it. It only looks, and changes nothing.

Theory of operation: an order takes, best price first, what rests in the book at its limit or
better. A buy order also takes of the issuer's standing offer, in its turn: after all that rests at
the posted price or below, before all that rests above it. What the issuer sells is issued at need,
out of the device time attested; who buys of itself issues nothing. Its limit is the price that it
came with, or its band's edge where that is nearer; while its product is halted nothing is there
to take.

Laws
----
* The book comes before the issuer at the same price, and nothing is taken beyond the limit.
* What rests afterwards is what was wanted less what traded, and less what prevention took off; of
  an order that may not rest, or must stop, it is nothing.
* A market-to-limit order rests at the price of its last trade, any other at its limit.

`kinds` says what kinds of orders there are.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from suanli.market.book import BUY, Book, Fill
from suanli.market.book.levels import Match
from suanli.market.book.messages import TRADED
from suanli.market.commands import Order
from suanli.market.kinds import MODES, Met, met_by, outcome_refusal
from suanli.market.postings import Resting, Trade
from suanli.market.product import Product, ProductGrid
from suanli.market.set_aside import SetAside, Sources, lots_backed
from suanli.terms.refusals import Code, Refusal


class Incoming(NamedTuple):
    """An order as it comes in: what of, from whom, when."""

    id: int  # that of the order that it modifies, or a new one
    product: Product
    order: Order
    sender: int
    at: int
    grid: ProductGrid
    replaced: Resting | None = None  # the order that it modifies, which leaves for it

    @property
    def klass(self) -> int:
        """The token class of its product, opened at first need."""
        return self.grid.class_of(self.product)


class Taken(NamedTuple):
    """What an order takes in turn; `drawn` is what its issuer issues."""

    before: list[Fill]  # of the book, up to the posted price
    drawn: Sources
    after: list[Fill]  # of the book, beyond the posted price
    left: int
    is_stopped: bool  # it met an order of its owner's, and may not go on


class Outcome(NamedTuple):
    """What an order does to others, and what is left of it."""

    met: list[Met]  # the resting orders that it trades with, or takes something off
    trades: list[Trade]  # in turn, the issuer's among them
    drawn: Sources
    price_mrmb: int  # at which it rests
    left: int  # the lots that rest
    is_stopped: bool
    is_held_back: bool  # its band keeps it from a trade

    @property
    def filled(self) -> int:
        return sum(trade.lots for trade in self.trades)

    @property
    def is_touched(self) -> bool:
        """Say whether it trades, or takes one of its owner's orders out."""
        return bool(self.trades or self.met)


class Taker:
    """An incoming order before what is there for it."""

    def __init__(self, new: Incoming, order: Order, book: Book, posted: int | None,
                 over: list[int], orders: Any, set_aside: SetAside) -> None:
        self.new = new
        self.order = order  # the same at its limit: the price that its band leaves it
        self.book = book  # empty while the product is halted
        self.posted = posted  # the issuer's price, where it may buy of it
        self.over = over  # what is in the book and has ended
        self.absent = (*((new.id,) if new.replaced else ()), *over)  # not there for it
        self.orders = orders  # the market's table, of `Resting`
        self.set_aside = set_aside

    def outcome(self) -> Outcome:
        """Return what would happen if the order came in now."""
        taken = self._taken()
        trades = self._trades(taken)
        price, left = self._rest(taken, trades)
        return Outcome(met_by([*taken.before, *taken.after], self.orders), trades, taken.drawn,
                       price, left, taken.is_stopped,
                       taken.left > 0 and not taken.is_stopped and self._is_held_back())

    def refusal(self, outcome: Outcome) -> Refusal | None:
        """Return why an order of its kind may not do that, or None."""
        return outcome_refusal(
            self.order, outcome.filled, outcome.is_touched, outcome.is_stopped,
            outcome.is_held_back) or self._idle_refusal(outcome)

    # -- taking ----------------------------------------------------------------------------

    def _taken(self) -> Taken:
        """Take of the book, then of the issuer, then of the book beyond its price."""
        limit, lots = self.order.price_mrmb, self.order.lots
        if self.posted is None or self.posted > limit:
            return self._all_before(self._look(limit, lots))
        found = self._look(self.posted, lots)
        if found.is_stopped or not found.left:
            return self._all_before(found)
        drawn = self._drawn(found.left)
        makers = (fill.maker for fill in found.fills)  # taken whole, as more was wanted
        further = self._look(limit, found.left - lots_backed(drawn), makers)
        return Taken(found.fills, drawn, *further)

    @staticmethod
    def _all_before(found: Match) -> Taken:
        return Taken(found.fills, [], [], found.left, found.is_stopped)

    def _look(self, price: int, lots: int, taken: Iterable[int] = ()) -> Match:
        """Return what it would take of the book up to a price, without orders taken before."""
        return self.book.look(self.order.side, price, lots, (*self.absent, *taken),
                              self.new.sender, MODES[self.order.self_trade])

    def _drawn(self, wanted: int) -> Sources:
        new = self.new
        if new.sender == new.product.issuer:
            return []
        return self.set_aside.to_issue(wanted, new.product, new.klass, new.sender, new.at, new.grid)

    def _trades(self, taken: Taken) -> list[Trade]:
        new, klass, drawn = self.new, self.new.klass, []
        if taken.drawn and self.posted:
            drawn = [Trade(new.sender, new.product.issuer, klass, self.posted,
                           lots_backed(taken.drawn))]
        return [*self._met(taken.before, klass), *drawn, *self._met(taken.after, klass)]

    def _met(self, fills: list[Fill], klass: int) -> list[Trade]:
        found = []
        for fill in fills:
            if fill.kind == TRADED:
                sides = self.new.sender, self.orders[fill.maker].owner
                buyer, seller = sides if self.order.side == BUY else sides[::-1]
                found.append(Trade(buyer, seller, klass, fill.price, fill.quantity))
        return found

    # -- what is left ----------------------------------------------------------------------

    def _rest(self, taken: Taken, trades: list[Trade]) -> tuple[int, int]:
        """Return at which price how many lots of it rest."""
        if self._is_at_once(trades) or taken.is_stopped:
            return self.order.price_mrmb, 0
        return (trades[-1].price_mrmb if self.order.is_market else self.order.price_mrmb,
                taken.left)

    def _is_at_once(self, trades: list[Trade]) -> bool:
        """Say whether what does not trade is dropped."""
        return self.order.is_ioc or (self.order.is_market and not trades)

    def _is_held_back(self) -> bool:
        """Say whether it would trade on, past its band, at the price that it came with."""
        limit, wanted = self.order.price_mrmb, self.new.order.price_mrmb
        if limit == wanted:
            return False
        inside, all_of_it = (
            sum(fill.kind == TRADED for fill in self._look(price, self.order.lots).fills)
            for price in (limit, wanted))
        return (all_of_it > inside
                or (self.posted is not None and limit < self.posted <= wanted))

    def _idle_refusal(self, outcome: Outcome) -> Refusal | None:
        """Return what there is instead, for an order that would be gone without a trace."""
        if not self._is_at_once(outcome.trades) or outcome.is_touched or outcome.is_held_back:
            return None
        new, best, posting = self.new, self.book.best(1 - self.order.side), "none"
        if self.posted:
            left = lots_backed(self.set_aside.sources(new.product, new.klass, new.sender, new.at,
                                                      new.grid))
            posting = f"{self.posted}, with {left} lots left"
        return Refusal(Code.NO_OFFER, f"nothing at {self.order.price_mrmb} milli-RMB a token; best "
                       f"in the book: {best or 'none'}, posted price: {posting}")
