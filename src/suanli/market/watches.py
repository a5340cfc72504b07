"""The watched products: which band an order meets, what it leaves there, and how a halt ends.

Theory of operation: `halts` says what follows from one product's watch; here are the watches of
all products, a table of the market's room. An order asks for its guard before it trades and
leaves the watch that its trades make. A halted product is opened again by a *reopening*: both
sides of its book meet at one price, out of what they hold, and the watch begins anew from that
price.

Laws
----
* Where bands have never been in force nothing is watched, and nothing written.
* `limited` is each product whose watch stands at its band: what will be waiting to be reopened.
"""

from typing import Any, NamedTuple

from suanli.ledger.row import Row, link
from suanli.market import postings
from suanli.market.bands import with_trades
from suanli.market.book import BUY, SELL, Book, Fill
from suanli.market.halts import REOPENING, Guard, Rules, Watch, guard_of, rules_of, uncrossing
from suanli.market.kinds import Met, met_by
from suanli.market.offers import Offers
from suanli.market.pairing import paired
from suanli.market.postings import Trade
from suanli.market.product import Product, ProductGrid
from suanli.market.resting import RestingOrders
from suanli.members.state import Members
from suanli.terms.change import Change, Part, Write
from suanli.terms.instant import HOUR
from suanli.terms.refusals import Code, Refusal


class Crossing(NamedTuple):
    """What trades in a reopening; the fills of both sides come to `lots`."""

    price: int
    lots: int
    sells: list[Fill]
    buys: list[Fill]


class Watches:
    """Where each product stands to its band, on a table of the market's room."""

    def __init__(self, members: Members, tables: Any, offers: Offers,
                 resting: RestingOrders) -> None:
        self.members = members
        self.tables = tables  # the market's
        self.offers = offers
        self.resting = resting
        self.limited: set[Product] = set()  # derived: the watches that stand at their band

    # -- reading ---------------------------------------------------------------------------

    def rules(self) -> Rules:
        """Return the governed parameters of bands and halts."""
        return rules_of(self.members)

    def guard(self, product: Product, at: int) -> Guard:
        """Return a product's band, and where it stands, at an instant."""
        watch = self.tables["watches"].get(product) or Watch()
        return guard_of(watch, self.rules(), self.offers.price(*product[:4]), at)

    def reopenings(self) -> list[tuple[int, Product]]:
        """Return (instant, product) of what will be waiting for its reopening, by instant."""
        rules = self.rules() if self.limited else None
        return sorted((self.tables["watches"][product].reopens_at(rules), product)
                      for product in self.limited)

    # -- following the table ---------------------------------------------------------------

    def follow(self, write: Write) -> None:
        """Take notice of a write of `watches`."""
        self._mark(write.key, write.value)

    def restored(self) -> None:
        """Derive anew what stands at its band."""
        self.limited = set()
        for product, watch in self.tables["watches"].items():
            self._mark(product, watch)

    def _mark(self, product: tuple[int, str, str, str, int], watch: Watch | None) -> None:
        if watch is not None and watch.limit_since:
            self.limited.add(Product(*product))
        else:
            self.limited.discard(Product(*product))

    # -- what is written -------------------------------------------------------------------

    def after(self, guard: Guard, product: Product, side: int, trades: list[Trade],
              is_held_back: bool) -> list[Write]:
        """Return what an order leaves in the watch of its product, where bands are in force.

        What it trades with its owner's own says nothing of a price.
        """
        if guard.is_halted or not (guard.rules.is_on or product in self.tables["watches"]):
            return []
        prices = [(t.price_mrmb, t.lots) for t in trades if t.buyer != t.seller]
        watch = guard.after(side, prices, is_held_back)
        return [Write("market", "watches", product, watch)] if watch != guard.watch else []

    def over(self, at: int) -> list[Write]:
        """Return what forgets the products whose hour is over."""
        return [Write("market", "watches", product, None)
                for product in self.tables["watches"] if product[4] + HOUR <= at]

    # -- the reopening ---------------------------------------------------------------------

    def reopen(self, product: Product, at: int, grid: ProductGrid) -> Change | Refusal:
        """Clear a halted product's book at one price, and open it again.

        Order of checks: product, phase.
        """
        guard = self.guard(product, at)
        if refusal := grid.refusal(product, at) or _phase_refusal(guard):
            return refusal
        over, klass = self.resting.due(product, at), grid.class_of(product)
        crossed = _crossing(self.resting.book(product), over, guard.watch.reference_mrmb)
        trades = self._trades(crossed, klass)
        watch = Watch(crossed.price, with_trades((), [(crossed.price, crossed.lots)], at))
        makers = [*met_by(crossed.sells, self.tables["orders"]),
                  *met_by(crossed.buys, self.tables["orders"])]
        rows = [*self.resting.voids(over), *self._rows(makers, trades, crossed.price, klass)]
        writes = (*grid.writes(), *self.resting.out(*over), *self.resting.left_of(makers),
                  Write("market", "watches", product, watch))
        return Change((Part(writes, link(rows)),), {
            "price_mrmb": crossed.price, "lots": crossed.lots, "class": klass,
            "trades": [trade.told for trade in trades]})

    def _trades(self, crossed: Crossing, klass: int) -> list[Trade]:
        """Return who trades with whom: on both sides, who was first in the queue comes first."""
        orders = self.tables["orders"]
        return [Trade(orders[buyer].owner, orders[seller].owner, klass, crossed.price, lots)
                for seller, buyer, lots in paired(((f.maker, f.quantity) for f in crossed.sells),
                                                  ((f.maker, f.quantity) for f in crossed.buys))]

    def _rows(self, makers: list[Met], trades: list[Trade], price: int, klass: int) -> list[Row]:
        """Give all that trades to the clearing account, and hand it over from there."""
        orders = self.tables["orders"]
        given = [row for each in makers
                 for row in postings.given_rows(orders[each.maker], each, price, klass)]
        return given + [row for trade in trades for row in postings.taken_rows(trade)]


def _phase_refusal(guard: Guard) -> Refusal | None:
    phase = guard.watch.phase(guard.rules, guard.at)
    if phase == REOPENING:
        return None
    return Refusal(Code.NOT_REOPENING,
                   f"the product is {phase}; one whose halt is over is reopened")


def _crossing(book: Book, over: list[int], reference: int) -> Crossing:
    """Return what both sides of a book trade at one price, without what is over."""
    price, lots = uncrossing(book.offered(BUY, over), book.offered(SELL, over), reference)
    return Crossing(price, lots, book.match(BUY, price, lots, over),
                   book.match(SELL, price, lots, over))
