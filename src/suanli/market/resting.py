"""The resting orders of all products: their books, their place in the queue, and what they hold.

Theory of operation: the tables `orders` and `queue` are the state. The books, which of the orders
are over when, and what the limits count are derived from it, and follow each write. Whoever
trades with resting orders, takes them out or rests one more asks here for the writes and rows.

Laws
----
* Each order of the table is in its product's book, in queue order; no book is empty.
* What a resting order may have to give, cash or tokens, is on hold with the clearing account
  (owner 0), so a trade can never fail for want of either.
* An order that goes to the back gets the next number of the queue.
"""

from collections.abc import Iterable
from typing import Any

from suanli.ledger.row import Row
from suanli.ledger.state import Ledger
from suanli.market import postings
from suanli.market.book import Book
from suanli.market.kinds import Expiries, Met
from suanli.market.limits import Limits
from suanli.market.postings import Resting
from suanli.terms.change import Part, Write
from suanli.terms.errors import present
from suanli.terms.instant import HOUR
from suanli.terms.room import changed


class RestingOrders:
    """Orders that wait, on tables of the market's room."""

    def __init__(self, ledger: Ledger, tables: Any, limits: Limits) -> None:
        self.ledger = ledger
        self.tables = tables  # the market's
        self.limits = limits
        self.books: dict[tuple[int, str, str, str, int], Book] = {}  # derived from `orders`
        self.expiries = Expiries()  # derived from `orders`

    # -- the books -------------------------------------------------------------------------

    def book(self, product: tuple[int, str, str, str, int]) -> Book:
        return self.books.get(product) or Book()

    def follow(self, write: Write) -> None:
        """Bring the books into line with a write of `orders`, before it is committed."""
        self._rebook(write.key, self.tables["orders"].get(write.key), write.value)

    def restored(self) -> None:
        """Rebuild the books from the tables, in queue order."""
        self.books, self.expiries = {}, Expiries()
        self.limits.forget()
        queue = self.tables["queue"]
        for id, order in sorted(self.tables["orders"].items(), key=lambda item: queue[item[0]]):
            self._rebook(id, None, order)

    def _rebook(self, id: int, old: Resting | None, new: Resting | None) -> None:
        some = present(new or old, "a write is of an order that is or will be there")
        self.limits.note(id, some, new)
        self.expiries.note(id, old, new)
        book = self.books.setdefault(some.product, Book())
        if old and new and (old.price_mrmb, old.version) == (new.price_mrmb, new.version):
            book.reduce(id, old.lots - new.lots)
            return
        if old:
            book.remove(id)
        if new:
            book.add(id, new.side, new.price_mrmb, new.lots, new.visible_lots, new.owner,
                     new.shown_lots)
        if not len(book):
            del self.books[some.product]

    # -- resting ---------------------------------------------------------------------------

    def queued(self, id: int, order: Resting, places_taken: int) -> list[Write]:
        """Rest an order at the back; others have gone there in the same change."""
        return [Write("market", "orders", id, order),
                *_placed(id, self._next_place() + places_taken)]

    def left_of(self, met: list[Met]) -> list[Write]:
        """Return what is left of resting orders; icebergs with a new part are at the back."""
        writes, place = [], self._next_place()
        for each in met:
            maker: Resting = self.tables["orders"][each.maker]
            left = maker.lots - each.quantity
            if not left:
                writes += self.out(each.maker)
                continue
            shown = each.shown if maker.visible_lots else 0
            writes.append(Write("market", "orders", each.maker,
                                changed(maker, lots=left, shown_lots=shown)))
            if each.is_refilled:
                writes += _placed(each.maker, place)
                place += 1
        return writes

    def _next_place(self) -> int:
        return int(self.tables["counters"].get("place") or 0) + 1

    # -- leaving ---------------------------------------------------------------------------

    def out(self, *ids: int) -> list[Write]:
        """Take orders out; what they hold, `void` gives back."""
        return [Write("market", table, id, None) for id in ids for table in ("orders", "queue")]

    def void(self, id: int) -> Row:
        """Give back what an order holds."""
        order: Resting = self.tables["orders"][id]
        return postings.void_row(id, order, self.ledger.class_id(*order.product) or 0)

    def voids(self, ids: Iterable[int]) -> list[Row]:
        return [self.void(id) for id in ids]

    def due(self, product: tuple[int, str, str, str, int], at: int) -> list[int]:
        """Return the orders of a product that are over, though they are still there."""
        return self.expiries.due(product, at)

    def past(self, at: int) -> list[Part]:
        """Return a part for each order that is over, or its hour: out, and its hold void."""
        return [Part(tuple(self.out(id)), self.void(id).pack())
                for id, order in self.tables["orders"].items()
                if order.product[4] + HOUR <= at or order.is_over(at)]


def _placed(id: int, place: int) -> list[Write]:
    return [Write("market", "queue", id, place), Write("market", "counters", "place", place)]
