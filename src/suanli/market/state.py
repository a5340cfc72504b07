"""Standing offers, resting orders and trades: one price-time book a product.

Theory of operation: an incoming order takes, best price first, what rests in the book at or
below (above) its limit; among those prices a buy order takes of the issuer's standing offer in its
turn, tokens being issued as they are sold. A resting order's cash or tokens are on hold with the
clearing account (owner 0), so a trade can never fail for want of either. Every trade is delivery
against payment in one linked set. Where bands are in force (`halts`), an order trades up to its
band's edge only, and not at all while its product is halted. What kinds of orders there are,
`kinds` says; an iceberg holds all of it.
"""

from typing import Any, ClassVar

from suanli.ledger.row import Row, link
from suanli.ledger.state import Ledger
from suanli.market import postings
from suanli.market.auction import commands as auction_commands
from suanli.market.auction.records import TABLES as AUCTION_TABLES
from suanli.market.auction.state import Auctions
from suanli.market.bands import with_trades
from suanli.market.book import BUY, SELL, Book, Fill
from suanli.market.book.levels import Match
from suanli.market.book.messages import TRADED
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
from suanli.market.halts import REOPENING, Guard, Rules, Watch, guard_of, rules_of, uncrossing
from suanli.market.kinds import MODES, UNTIL, Expiries, Met, kind_refusal, met_by, outcome_refusal
from suanli.market.limits import Exemption, Limits
from suanli.market.pairing import paired
from suanli.market.postings import Resting, Trade
from suanli.market.product import TIERS, Product, ProductGrid
from suanli.market.set_aside import SetAside
from suanli.market.strip import TABLES as STRIP_TABLES
from suanli.market.strips import Strips
from suanli.members.state import Members
from suanli.terms.canonical import values_of
from suanli.terms.change import Change, Part, Write, one_part
from suanli.terms.errors import present
from suanli.terms.instant import HOUR
from suanli.terms.quantity import INT64_MAX, LOTS_MAX
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import Room, changed


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
        self.ledger = ledger
        self.limits = Limits(members, ledger, self.tables)
        self.set_aside = SetAside(members, ledger, self.tables)
        self.credits = Credits(members, ledger, self.tables, self.limits, self.set_aside)
        self.books: dict[tuple[int, str, str, str, int], Book] = {}  # derived from `orders`
        self.expiries = Expiries()  # derived from `orders`
        self.limited: set[Product] = set()  # derived: the watches that stand at their band
        self.auctions = Auctions(self.tables, members, ledger, self.limits, self.set_aside)
        self.strips = Strips(members, ledger, self.tables, self.limits, self.set_aside)

    def offer(self, issuer: int, area: str, grade: str, tier: str) -> int | None:
        """Return an issuer's posted price, milli-RMB a token."""
        found: int | None = self.tables["offers"].get((issuer, area, grade, tier))
        return found

    def commit(self, writes: Any) -> None:
        """Apply writes and bring the books into line with the orders."""
        for write in writes:
            if write.table == "orders":
                self._rebook(write.key, self.tables["orders"].get(write.key), write.value)
            elif write.table == "watches":
                self._mark(write.key, write.value)
            self.auctions.follow(write)
            super().commit((write,))

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over a snapshot and rebuild the books in queue order."""
        super().restore(snapshot)
        self.books, self.expiries = {}, Expiries()
        self.limits.forget()
        queue = self.tables["queue"]
        for id, order in sorted(self.tables["orders"].items(), key=lambda item: queue[item[0]]):
            self._rebook(id, None, order)
        self.auctions.restored()
        self.limited = set()
        for product, watch in self.tables["watches"].items():
            self._mark(product, watch)

    def _mark(self, product: tuple[int, str, str, str, int], watch: Watch | None) -> None:
        if watch is not None and watch.limit_since:
            self.limited.add(Product(*product))
        else:
            self.limited.discard(Product(*product))

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

    # -- commands --------------------------------------------------------------------------

    def check(self, command: Any, at: int, sender: int, grid: ProductGrid) -> Change | Refusal:
        """Answer one of this room's commands."""
        if isinstance(command, auction_commands.COMMANDS):
            return self.auctions.check(command, at, sender, grid)
        if isinstance(command, STRIPS):
            return self.strips.check(command, at, sender, grid)
        if isinstance(command, PostOffer):
            return self._post_offer(command, sender, at, grid)
        if isinstance(command, Exempt):
            return self.limits.exempt(command)
        if isinstance(command, Entitle):
            return self.set_aside.entitle(command)
        if isinstance(command, GrantCredit):
            return self.credits.grant(command, sender, grid)
        if isinstance(command, Convert):
            return self.credits.convert(command, at, sender, grid)
        if isinstance(command, Reopen):
            return self._reopen(Product(*values_of(command)), at, grid)
        if isinstance(command, Order):
            product = Product(command.issuer, command.area, command.grade, command.tier,
                              command.start)
            return (grid.refusal(product, at)
                    or grid.price_refusal(command.price_mrmb, at)
                    or self._lots_refusal(command, command.side)
                    or kind_refusal(command, at)
                    or self.limits.refusal(0, product, command, sender, at, grid)
                    or self._enter(self.next_id("order"), product, command, sender, at, grid, ()))
        order = self.tables["orders"].get(command.order)
        if order is None or order.owner != sender:
            return Refusal(Code.UNKNOWN_ORDER, f"you have no resting order {command.order}")
        if isinstance(command, Cancel):
            return one_part(*self._out(command.order), rows=self._void(command.order, order).pack(),
                            order=command.order)
        return self._modify(command, order, sender, at, grid)

    def next_id(self, counter: str) -> int:
        return int(self.tables["counters"].get(counter) or 0) + 1

    def _post_offer(self, command: PostOffer, sender: int, at: int,
                    grid: ProductGrid) -> Change | Refusal:
        if command.tier not in TIERS:
            return Refusal(Code.UNKNOWN_PRODUCT, f"tier {command.tier!r}; {', '.join(TIERS)}")
        if grid.units.grade(sender, command.grade) is None:
            return Refusal(Code.UNKNOWN_GRADE, f"you have no grade {command.grade!r}")
        if not grid.chips.has_area(command.area, sender):
            return Refusal(Code.UNKNOWN_AREA, f"you have no zone in area {command.area!r}")
        key = (sender, command.area, command.grade, command.tier)
        if command.price_mrmb == 0:
            known = key in self.tables["offers"]
            return one_part(*([Write(self.name, "offers", key, None)] if known else []))
        if refusal := grid.price_refusal(command.price_mrmb, at):
            return refusal
        return one_part(Write(self.name, "offers", key, command.price_mrmb))

    @staticmethod
    def _lots_refusal(command: Order | Modify, side: int) -> Refusal | None:
        lots, value = command.lots, command.lots * command.price_mrmb
        if 1 <= lots <= LOTS_MAX and value <= INT64_MAX and side in (BUY, SELL):
            return None
        return Refusal(Code.QUANTITY_OUT_OF_RANGE, f"{lots} lots for {value} micro-RMB, side "
                       f"{side}; 1 to {LOTS_MAX} lots of 0.001 token, for {INT64_MAX} at most, "
                       "side 0 (buy) or 1 (sell) are accepted")

    def _modify(self, command: Modify, order: Resting, sender: int, at: int,
                grid: ProductGrid) -> Change | Refusal:
        product = Product(*order.product)
        if refusal := (grid.refusal(product, at) or grid.price_refusal(command.price_mrmb, at)
                       or self._lots_refusal(command, order.side)):
            return refusal
        again = Order(*product, order.side, command.price_mrmb, command.lots, False,
                      time_in_force=UNTIL if order.until else "", until=order.until,
                      is_post_only=order.is_post_only, visible_lots=order.visible_lots,
                      self_trade=order.self_trade)
        if refusal := (kind_refusal(again, at) or self.limits.refusal(
                command.order, product, again, sender, at, grid)):
            return refusal
        return self._enter(command.order, product, again, sender, at, grid,
                           (self._void(command.order, order),))

    def void_past(self, at: int) -> list[Part]:
        """Return a part for each order that is over, or its hour: out, and its hold void.

        One for each taken strip with hours to fix. What was watched and set aside of past hours,
        and strips that are over, are forgotten in one more.
        """
        past = [Part(tuple(self._out(id)), self._void(id, order).pack())
                for id, order in self.tables["orders"].items()
                if order.product[4] + HOUR <= at or order.is_over(at)]
        forgotten = [Write(self.name, "watches", product, None)
                     for product in self.tables["watches"] if product[4] + HOUR <= at]
        forgotten += [Write(self.name, "set_aside", key, None)
                      for key in self.tables["set_aside"] if key[0] + HOUR <= at]
        forgotten += self.strips.over(at)
        past += self.strips.fixings(at)
        return [*past, Part(tuple(forgotten))] if forgotten else past

    # -- bands and halts -------------------------------------------------------------------

    def rules(self) -> Rules:
        """Return the governed parameters of bands and halts."""
        return rules_of(self.members)

    def guard(self, product: Product, at: int) -> Guard:
        """Return a product's band, and where it stands, at an instant."""
        watch = self.tables["watches"].get(product) or Watch()
        return guard_of(watch, self.rules(), self.offer(*product[:4]), at)

    def reopenings(self) -> list[tuple[int, Product]]:
        """Return (instant, product) of what will be waiting for its reopening, by instant."""
        rules = self.rules() if self.limited else None
        return sorted((self.tables["watches"][product].reopens_at(rules), product)
                      for product in self.limited)

    def _watched(self, guard: Guard, product: Product, order: Order, trades: list[Trade],
                 is_held_back: bool) -> list[Write]:
        """Return what an order leaves in the watch of its product, where bands are in force.

        What it trades with its owner's own says nothing of a price.
        """
        if guard.is_halted or not (guard.rules.is_on or product in self.tables["watches"]):
            return []
        prices = [(t.price_mrmb, t.lots) for t in trades if t.buyer != t.seller]
        watch = guard.after(order.side, prices, is_held_back)
        return [Write(self.name, "watches", product, watch)] if watch != guard.watch else []

    def _reopen(self, product: Product, at: int, grid: ProductGrid) -> Change | Refusal:
        """Clear a halted product's book at one price, and open it again."""
        guard = self.guard(product, at)
        phase = guard.watch.phase(guard.rules, at)
        if refusal := grid.refusal(product, at):
            return refusal
        if phase != REOPENING:
            return Refusal(Code.NOT_REOPENING, f"the product is {phase}; one whose halt is over "
                           "is reopened")
        book, klass = self.books.get(product) or Book(), grid.class_of(product)
        over = self.expiries.due(product, at)
        price, lots = uncrossing(book.offered(BUY, over), book.offered(SELL, over),
                                 guard.watch.reference_mrmb)
        sells = book.match(BUY, price, lots, over)
        buys = book.match(SELL, price, lots, over)
        rows, writes = self._out_of_time(over)
        orders = self.tables["orders"]
        met = [*met_by(sells, orders), *met_by(buys, orders)]
        for each in met:
            rows += postings.given_rows(orders[each.maker], each, price, klass)
        writes += self._left_of(met)
        trades = []
        for seller, buyer, part in paired([(f.maker, f.quantity) for f in sells],
                                          [(f.maker, f.quantity) for f in buys]):
            trades.append(Trade(self.tables["orders"][buyer].owner,
                                self.tables["orders"][seller].owner, klass, price, part))
            rows += postings.taken_rows(trades[-1])
        traded = with_trades((), [(price, lots)] if lots else [], at)
        writes.append(Write(self.name, "watches", product, Watch(price, traded)))
        answer = {"price_mrmb": price, "lots": lots, "class": klass,
                  "trades": [[t.seller, t.buyer, t.price_mrmb, t.lots] for t in trades]}
        return Change((Part((*grid.writes(), *writes), link(rows)),), answer)

    # -- matching --------------------------------------------------------------------------

    def _enter(self, id: int, product: Product, order: Order, sender: int, at: int,
               grid: ProductGrid, before: tuple[Row, ...]) -> Change | Refusal:
        """Trade what can be traded now and rest or drop what is left."""
        guard, wanted = self.guard(product, at), order.price_mrmb
        if guard.is_halted and (order.is_ioc or order.is_market):
            return Refusal(Code.PRODUCT_HALTED, "the product is halted; an order that may rest "
                           "is accepted, and takes part in the reopening")
        order = changed(order, price_mrmb=guard.limited(order.side, wanted))
        klass = grid.class_of(product)
        posted = self.offer(*product[:4]) if order.side == BUY and not guard.is_halted else None
        over = self.expiries.due(product, at)
        absent = (id, *over)
        nothing = Match([], order.lots, False)
        found, drawn, further = (nothing, [], nothing) if guard.is_halted else self._taken(
            product, order, posted, klass, sender, at, grid, absent)
        rows, writes = self._out_of_time(over)
        freed = [*before, *rows]
        rows, writes = [*freed], [*self.limits.counted(sender, at), *writes]
        orders = self.tables["orders"]
        met = met_by([*found.fills, *further.fills], orders)
        for each in met:
            rows += postings.met_rows(orders[each.maker], each, sender, klass)
        writes += self._left_of(met)
        trades = self._trades(found, order.side, sender, klass)
        if drawn and posted:
            rows += postings.issue_rows(drawn, posted, sender, klass, product.issuer)
            writes += self.set_aside.drawn(drawn, sender, at)
            trades.append(Trade(sender, product.issuer, klass, posted, _lots_of(drawn)))
        trades += self._trades(further, order.side, sender, klass)
        left, is_stopped = further.left, further.is_stopped
        is_known = id in self.tables["orders"]
        is_held_back = (left > 0 and not is_stopped and wanted != order.price_mrmb
                        and self._has_more(product, order, wanted, sender, absent))
        filled, is_touched = sum(t.lots for t in trades), bool(trades or met)
        if refusal := (outcome_refusal(order, filled, is_touched, is_stopped, is_held_back)
                       or self.limits.self_trade_refusal(trades, order.side, freed)):
            return refusal
        writes += self._watched(guard, product, order, trades, is_held_back)
        is_at_once = order.is_ioc or (order.is_market and not trades)
        if is_at_once and not is_touched and not is_held_back:
            return Refusal(Code.NO_OFFER, self._nothing(product, order, posted, sum(
                lots for _, _, lots in self.set_aside.sources(product, klass, sender, at, grid))))
        if is_at_once or is_stopped:
            left = 0
        elif order.is_market:
            order = changed(order, price_mrmb=trades[-1].price_mrmb)
        if left:
            resting = self._resting_of(id, product, order, sender, left)
            rows.append(postings.hold_row(id, resting, klass, resting.version))
            writes += self._queued(id, resting, sum(each.is_refilled for each in met))
        elif is_known:
            writes += self._out(id)
        if not is_known:
            writes.append(Write(self.name, "counters", "order", id))
        answer = {"order": id, "left": left, "class": klass,
                  "trades": [[t.seller, t.buyer, t.price_mrmb, t.lots] for t in trades]}
        if order.price_mrmb != wanted:
            answer["price_mrmb"] = order.price_mrmb  # the band's edge, or the last trade's
        if prevented := [[each.maker, each.quantity] for each in met if each.kind != TRADED]:
            answer["prevented"] = prevented  # orders of one's own, and what they lost
        spend = sum(t.price_mrmb * t.lots for t in trades if t.buyer == sender)
        if order.side == BUY:
            spend += left * order.price_mrmb
        part = Part((*grid.writes(), *writes), link(rows))
        return Change((part,), {**answer, "filled": filled}, spend=spend)

    def _look(self, product: Product, order: Order, price: int, sender: int,
              absent: tuple[int, ...]) -> Match:
        """Return what an order would do to the book at a price."""
        book = self.books.get(product) or Book()
        return book.look(order.side, price, order.lots, absent, sender, MODES[order.self_trade])

    def _taken(self, product: Product, order: Order, posted: int | None, klass: int, sender: int,
               at: int, grid: ProductGrid,
               absent: tuple[int, ...]) -> tuple[Match, list[tuple[int, int, int]], Match]:
        """Return what an order takes of the book, then of the issuer, then beyond its price."""
        if posted is None or posted > order.price_mrmb:
            found = self._look(product, order, order.price_mrmb, sender, absent)
            return found, [], Match([], found.left, found.is_stopped)
        found = self._look(product, order, posted, sender, absent)
        if found.is_stopped or not found.left:
            return found, [], Match([], found.left, found.is_stopped)
        drawn = [] if sender == product.issuer else self.set_aside.to_issue(
            found.left, product, klass, sender, at, grid)
        rest = changed(order, lots=found.left - _lots_of(drawn))
        met = (fill.maker for fill in found.fills)  # taken whole, as more was wanted
        return found, drawn, self._look(product, rest, order.price_mrmb, sender, (*absent, *met))

    def _has_more(self, product: Product, order: Order, wanted: int, sender: int,
                  absent: tuple[int, ...]) -> bool:
        """Say whether an order would trade on, past its band, at the price it came with."""
        posted = self.offer(*product[:4]) if order.side == BUY else None
        inside, all_of_it = (
            sum(fill.kind == TRADED
                for fill in self._look(product, order, price, sender, absent).fills)
            for price in (order.price_mrmb, wanted))
        return (all_of_it > inside
                or (posted is not None and order.price_mrmb < posted <= wanted))

    def _nothing(self, product: Product, order: Order, posted: int | None, left: int) -> str:
        book = self.books.get(product)
        best = book.best(1 - order.side) if book else None
        posting = f"{posted}, with {left} lots left" if order.side == BUY and posted else "none"
        return (f"nothing at {order.price_mrmb} milli-RMB a token; best in the book: "
                f"{best or 'none'}, posted price: {posting}")

    def _trades(self, found: Match, side: int, taker: int, klass: int) -> list[Trade]:
        return [self._trade(fill, side, taker, klass) for fill in found.fills
                if fill.kind == TRADED]

    def _trade(self, fill: Fill, side: int, taker: int, klass: int) -> Trade:
        maker = self.tables["orders"][fill.maker].owner
        buyer, seller = (taker, maker) if side == BUY else (maker, taker)
        return Trade(buyer, seller, klass, fill.price, fill.quantity)

    def _left_of(self, met: list[Met]) -> list[Write]:
        """Return what is left of resting orders; icebergs with a new part are at the back."""
        writes, place = [], self.next_id("place")
        for each in met:
            maker: Resting = self.tables["orders"][each.maker]
            left = maker.lots - each.quantity
            if not left:
                writes += self._out(each.maker)
                continue
            shown = each.shown if maker.visible_lots else 0
            writes.append(Write(self.name, "orders", each.maker,
                                changed(maker, lots=left, shown_lots=shown)))
            if each.is_refilled:
                writes += self._placed(each.maker, place)
                place += 1
        return writes

    def _out_of_time(self, over: list[int]) -> tuple[list[Row], list[Write]]:
        """Take good-till orders out, and give back what they hold."""
        orders = self.tables["orders"]
        return ([self._void(id, orders[id]) for id in over],
                [write for id in over for write in self._out(id)])

    # -- holds -----------------------------------------------------------------------------

    def _void(self, id: int, order: Resting) -> Row:
        klass = self.ledger.class_id(*order.product) or 0
        return postings.void_row(id, order, klass)

    def _resting_of(self, id: int, product: Product, order: Order, owner: int,
                    lots: int) -> Resting:
        known = self.tables["orders"].get(id)
        return Resting(owner, product, order.side, order.price_mrmb, lots,
                       known.version + 1 if known else 1, until=order.until,
                       is_post_only=order.is_post_only, visible_lots=order.visible_lots,
                       shown_lots=min(order.visible_lots, lots), self_trade=order.self_trade)

    def _queued(self, id: int, resting: Resting, places_taken: int) -> list[Write]:
        """Rest an order at the back; others have gone there in the same change."""
        return [Write(self.name, "orders", id, resting),
                *self._placed(id, self.next_id("place") + places_taken)]

    def _placed(self, id: int, place: int) -> list[Write]:
        return [Write(self.name, "queue", id, place),
                Write(self.name, "counters", "place", place)]

    def _out(self, id: int) -> list[Write]:
        return [Write(self.name, "orders", id, None), Write(self.name, "queue", id, None)]


def _lots_of(drawn: list[tuple[int, int, int]]) -> int:
    """Return the lots that attestations back: (attestation, micro-CU, lots) each."""
    return sum(lots for _, _, lots in drawn)
