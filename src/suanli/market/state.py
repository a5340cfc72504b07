"""The market's room: its tables, who answers which command, and what follows its writes.

Theory of operation: the room holds the tables, and one holder for each thing that is done on
them; a holder reads the tables of all, and writes what it answers for.

| holder      | answers for                                                                   |
|-------------|-------------------------------------------------------------------------------|
| `offers`    | the issuers' posted prices                                                    |
| `spot`      | orders of the spot books: in, changed, out                                    |
| `resting`   | those that rest: their books, their place in the queue, what they hold        |
| `watches`   | price bands, halts, and the reopening of a halted product                     |
| `limits`    | how much one participant may hold and send                                    |
| `set_aside` | what an issuer can still sell at need, and to whom                            |
| `credits`   | what operators were paid for elsewhere, and its conversion                    |
| `auctions`  | call auctions                                                                 |
| `strips`    | hours in a row, sold whole                                                    |

Laws
----
* What a holder derives from a table follows each write of it, and is derived anew on `restore`.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from suanli.ledger.state import Ledger
from suanli.market.auction.records import TABLES as AUCTION_TABLES
from suanli.market.auction.state import Auctions
from suanli.market.book import Book
from suanli.market.commands import (
    STRIPS,
    Cancel,
    Convert,
    Entitle,
    Exempt,
    GrantCredit,
    Modify,
    Order,
    PostOffer,
    Reopen,
)
from suanli.market.credits import Credits
from suanli.market.halts import Guard, Rules, Watch
from suanli.market.limits import Exemption, Limits
from suanli.market.offers import Offers
from suanli.market.postings import Resting
from suanli.market.product import Product, ProductGrid
from suanli.market.resting import RestingOrders
from suanli.market.set_aside import SetAside
from suanli.market.spot import Spot
from suanli.market.strip import TABLES as STRIP_TABLES
from suanli.market.strips import Strips
from suanli.market.watches import Watches
from suanli.members.state import Members
from suanli.terms.canonical import values_of
from suanli.terms.change import Change, Part, Write
from suanli.terms.refusals import Refusal
from suanli.terms.room import Room


class Market(Room):
    """Who gets it, at what price."""

    name: ClassVar[str] = "market"
    schema: ClassVar[dict[str, tuple[Any, Any]]] = {
        "offers": (tuple[int, str, str, str], int),  # issuer, area, grade, tier -> milli-RMB
        "orders": (int, Resting),
        # order -> place in the queue: the sequence number that its last (re)entry got
        "queue": (int, int),
        "counters": (str, int),
    }
    schema_later: ClassVar[dict[str, tuple[Any, Any]]] = {
        **AUCTION_TABLES,
        "watches": (tuple[int, str, str, str, int], Watch),  # product -> where its band stands
        "rates": (int, tuple[int, int]),  # member -> (running minute, orders sent in it)
        "exemptions": (int, Exemption),  # member -> its own position limit
        "beneficiaries": (int, str),  # member -> why it may draw on the set-aside
        # (start, attestation) -> device-ms of the set-aside that beneficiaries have bought
        "set_aside": (tuple[int, int], int),
        **STRIP_TABLES,
    }

    def __init__(self, members: Members, ledger: Ledger) -> None:
        super().__init__()
        self.members = members
        self.offers = Offers(self.tables)
        self.limits = Limits(members, ledger, self.tables)
        self.set_aside = SetAside(members, ledger, self.tables)
        self.resting = RestingOrders(ledger, self.tables, self.limits)
        self.watches = Watches(members, self.tables, self.offers, self.resting)
        self.spot = Spot(self.tables, self.limits, self.set_aside, self.offers, self.resting,
                         self.watches)
        self.credits = Credits(members, ledger, self.tables, self.limits, self.set_aside)
        self.auctions = Auctions(self.tables, members, ledger, self.limits, self.set_aside)
        self.strips = Strips(members, ledger, self.tables, self.limits, self.set_aside)
        # Table -> who derives something from it.
        self._followers: dict[str, Callable[[Write], None]] = {
            "orders": self.resting.follow, "watches": self.watches.follow,
            "auctions": self.auctions.follow, "auction_orders": self.auctions.follow}

    # -- the tables ------------------------------------------------------------------------

    def commit(self, writes: Any) -> None:
        """Apply writes, each once its follower has taken notice of it."""
        for write in writes:
            if follow := self._followers.get(write.table):
                follow(write)
            super().commit((write,))

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over a snapshot, and derive the rest from it."""
        super().restore(snapshot)
        self.resting.restored()
        self.auctions.restored()
        self.watches.restored()

    def void_past(self, at: int) -> list[Part]:
        """Return what a sweep ends: a part for each order, and for each strip with hours to fix.

        What was kept of past hours, and strips that are over, are forgotten in one more.
        """
        past = [*self.resting.past(at), *self.strips.fixings(at)]
        forgotten = (*self.watches.over(at), *self.set_aside.over(at), *self.strips.over(at))
        return [*past, Part(forgotten)] if forgotten else past

    # -- commands --------------------------------------------------------------------------

    def check(self, command: Any, at: int, sender: int, grid: ProductGrid) -> Change | Refusal:
        """Answer one of this room's commands."""
        match command:
            case Order():
                return self.spot.order(command, at, sender, grid)
            case Modify():
                return self.spot.modify(command, at, sender, grid)
            case Cancel():
                return self.spot.cancel(command, sender)
            case PostOffer():
                return self.offers.post(command, at, sender, grid)
            case Reopen():
                return self.watches.reopen(Product(*values_of(command)), at, grid)
            case Exempt():
                return self.limits.exempt(command)
            case Entitle():
                return self.set_aside.entitle(command)
            case GrantCredit():
                return self.credits.grant(command, sender, grid)
            case Convert():
                return self.credits.convert(command, at, sender, grid)
        holder = self.strips if isinstance(command, STRIPS) else self.auctions
        return holder.check(command, at, sender, grid)

    # -- reading ---------------------------------------------------------------------------

    @property
    def books(self) -> dict[tuple[int, str, str, str, int], Book]:
        """The book of each product in which an order rests."""
        return self.resting.books

    def offer(self, issuer: int, area: str, grade: str, tier: str) -> int | None:
        """Return an issuer's posted price, milli-RMB a token."""
        return self.offers.price(issuer, area, grade, tier)

    def rules(self) -> Rules:
        """Return the governed parameters of bands and halts."""
        return self.watches.rules()

    def guard(self, product: Product, at: int) -> Guard:
        """Return a product's band, and where it stands, at an instant."""
        return self.watches.guard(product, at)

    def reopenings(self) -> list[tuple[int, Product]]:
        """Return (instant, product) of what will be waiting for its reopening, by instant."""
        return self.watches.reopenings()
