"""The call auctions of a market: opening, orders in and out, closing, clearings, settlement.

Laws
----
* An order stands only with its collateral; a refusal changes nothing.
* Once trading has ended nobody's order can change, so all solvers see the same auction.
* The best clearing that `verify` lets stand is settled; of equals, the first. Without any, all
  holds are voided. Whatever solvers do, an auction ends.
"""

from collections.abc import Callable
from typing import Any, Final

from suanli.ledger.row import CASH, link
from suanli.ledger.state import Ledger
from suanli.market.auction import calendar, entry, positions
from suanli.market.auction.collateral import CASH_CELL, Collateral, class_of, needed
from suanli.market.auction.commands import (
    CancelOrder,
    Clear,
    ClearWithout,
    CloseAuction,
    Enter,
    EnterBlock,
    EnterCurve,
    EnterFlexible,
    EnterOffer,
    OpenAuction,
    SetLink,
    SettleAuction,
)
from suanli.market.auction.frozen import Frozen, froze
from suanli.market.auction.pages import Pages
from suanli.market.auction.phases import LATE, NO_CANCEL, Head, closed, phase
from suanli.market.auction.proposals import PROPOSED, judged
from suanli.market.auction.records import (
    CLEARING,
    CLOSING,
    OPEN,
    SETTLED,
    SETTLING,
    VOID,
    VOIDING,
    AuctionOrder,
    Held,
    Link,
    Orders,
    Sitting,
)
from suanli.market.auction.withheld import withheld_steps
from suanli.market.halts import rules_of
from suanli.market.limits import Limits
from suanli.market.product import ProductGrid
from suanli.market.set_aside import SetAside
from suanli.members.state import Members
from suanli.terms.change import Change, Part, Write, one_part
from suanli.terms.instant import HOUR
from suanli.terms.quantity import LOTS_MAX
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import changed
from suanli.terms.table import Table

FEE_MAX: Final = 10**9
GENESIS: Final = Head(b"", 0)
CURVES_ONLY_BLOCKS = "this session takes blocks and flexible orders; found a curve"


class Auctions:
    """The call auctions, on tables of the market's room."""

    def __init__(self, tables: dict[str, Table[Any, Any]], members: Members, ledger: Ledger,
                 limits: Limits, set_aside: SetAside) -> None:
        self.tables = tables
        self.members = members
        self.ledger = ledger
        self.limits = limits
        self.set_aside = set_aside
        self.pages = Pages(tables, ledger)
        self.head = GENESIS  # of the chain: set before each block
        # Order ids by (auction, owner); derived from `auction_orders`, no owner is empty.
        self.owned: dict[tuple[int, int], dict[int, None]] = {}
        self._frozen: dict[int, Frozen] = {}  # a memo: auctions as arrays once they are drawn
        self._checks: dict[type, Callable[..., Change | Refusal]] = {
            OpenAuction: self._open, EnterCurve: self._enter, EnterBlock: self._enter,
            EnterFlexible: self._enter, EnterOffer: self._enter, CancelOrder: self._cancel,
            CloseAuction: self._close, Clear: self._clear, ClearWithout: self._clear,
            SettleAuction: self._settle,
            SetLink: self._set_link}

    # -- reading ---------------------------------------------------------------------------

    def sitting(self, id: int) -> Sitting | None:
        found: Sitting | None = self.tables["auctions"].get(id)
        return found

    def orders_of(self, id: int, owner: int) -> Orders:
        """Return an owner's orders of an auction."""
        return {n: self.tables["auction_orders"][n] for n in self.owned.get((id, owner), ())}

    def orders(self, id: int) -> Orders:
        """Return all orders of an auction, oldest first."""
        ids = sorted(n for (auction, _), ids in self.owned.items() if auction == id for n in ids)
        return {n: self.tables["auction_orders"][n] for n in ids}

    def frozen(self, id: int, sitting: Sitting) -> Frozen:
        """Return an auction as arrays: for good once its end is drawn, before as it stands now."""
        if sitting.status in (OPEN, CLOSING):
            return froze(sitting, self.orders(id), self._links(), self.ledger)
        if id not in self._frozen:
            self._frozen[id] = froze(sitting, self.orders(id), sitting.links, self.ledger)
        return self._frozen[id]

    def follow(self, write: Write) -> None:
        """Keep the derived index beside the orders; called before the write is committed."""
        if write.table == "auction_orders":
            old = self.tables["auction_orders"].get(write.key)
            key = (old or write.value).auction, (old or write.value).owner
            ids = self.owned.setdefault(key, {})
            if write.value is None:
                del ids[write.key]
            else:
                ids[write.key] = None
            if not ids:
                del self.owned[key]
        elif write.table == "auctions" and (write.value is None
                                            or write.value.status in (SETTLED, VOID)):
            self._frozen.pop(write.key, None)

    def restored(self) -> None:
        """Derive the index anew from the tables."""
        self.owned, self._frozen = {}, {}
        for id, order in sorted(self.tables["auction_orders"].items()):
            self.owned.setdefault((order.auction, order.owner), {})[id] = None

    # -- commands --------------------------------------------------------------------------

    def check(self, command: Any, at: int, sender: int, grid: ProductGrid) -> Change | Refusal:
        """Answer one of the auctions' commands."""
        return self._checks[type(command)](command, at, sender, grid)

    def _next_id(self, counter: str) -> int:
        return int(self.tables["counters"].get(counter) or 0) + 1

    def _open(self, command: OpenAuction, at: int, sender: int,
              grid: ProductGrid) -> Change | Refusal:
        session = calendar.SESSIONS.get(command.session)
        if session is None or not calendar.is_in_calendar(self.members, session, command.start):
            return Refusal(Code.NOT_IN_THE_CALENDAR, f"session {command.session!r} from "
                           f"{command.start}; {', '.join(calendar.SESSIONS)}, each from the "
                           "start of its hours, are accepted")
        times = calendar.times(self.members, session, command.start)
        if not times.opens <= at < times.no_cancel_from:
            return Refusal(Code.NOT_IN_THE_CALENDAR, f"it is {at}; this auction can be opened "
                           f"from {times.opens} until {times.no_cancel_from}")
        key = (command.session, command.start)
        if key in self.tables["auction_ids"]:
            return Refusal(Code.AUCTION_EXISTS, f"it is auction {self.tables['auction_ids'][key]}")
        parameter = self.members.parameter
        most = min(parameter("price_mrmb_max", at), parameter("auction_price_mrmb_max"))
        id = self._next_id("auction")
        sitting = Sitting(command.session, command.start, session.hours, *times,
                          times.gate + parameter("auction_random_end_ms"),
                          min(parameter("price_mrmb_min", at), most), most, OPEN, (), 0, b"", 0, 0,
                          (), 0)
        return one_part(Write("market", "auctions", id, sitting),
                        Write("market", "auction_ids", key, id),
                        Write("market", "counters", "auction", id), auction=id)

    def _set_link(self, command: SetLink, at: int, sender: int,
                  grid: ProductGrid) -> Change | Refusal:
        areas = {zone.area for zone in grid.chips.tables["zones"].values()}
        if command.source == command.target or not {command.source, command.target} <= areas:
            return Refusal(Code.UNKNOWN_AREA, f"{command.source!r} to {command.target!r}; two "
                           "areas with zones are accepted")
        if not (0 <= command.capacity_lots <= LOTS_MAX and 0 <= command.fee_mrmb <= FEE_MAX):
            return Refusal(Code.QUANTITY_OUT_OF_RANGE, f"{command.capacity_lots} lots at "
                           f"{command.fee_mrmb}; 0 to {LOTS_MAX}, 0 to {FEE_MAX}")
        key = (command.source, command.target)
        known = key in self.tables["links"]
        if not command.capacity_lots:
            return one_part(*([Write("market", "links", key, None)] if known else []))
        return one_part(Write("market", "links", key,
                              Link(command.capacity_lots, command.fee_mrmb)))

    def _links(self) -> tuple[tuple[str, str, int, int], ...]:
        return tuple((*key, *link) for key, link in sorted(self.tables["links"].items()))

    # -- orders ----------------------------------------------------------------------------

    def _enter(self, command: Enter, at: int, sender: int, grid: ProductGrid) -> Change | Refusal:
        sitting = self._trading(command.auction, at, (OPEN, NO_CANCEL, LATE))
        if isinstance(sitting, Refusal):
            return sitting
        session = calendar.SESSIONS[sitting.session]
        if isinstance(command, (EnterCurve, EnterOffer)) and not session.takes_curves:
            return Refusal(Code.ORDER_MALFORMED, CURVES_ONLY_BLOCKS)
        if refusal := self.limits.rate_refusal(sender, at):
            return refusal
        drafted = entry.draft(command, sitting, sender, at, grid)
        if isinstance(drafted, Refusal):
            return drafted
        others = self.orders_of(command.auction, sender)
        id = command.order or self._next_id("auction_order")
        after = {**others, id: drafted.order}
        refusal = (self._change_refusal(command.order, drafted.order, others, sitting, at)
                   or entry.refusal(id, drafted.order, others, drafted.sitting)
                   or positions.refusal(self.limits, drafted.sitting, sender, after, grid))
        if refusal:
            return refusal
        return self._changed(command.auction, drafted.sitting, sender, at, grid, others, after,
                             id, *self.limits.counted(sender, at))

    def _change_refusal(self, id: int, new: AuctionOrder, others: Orders, sitting: Sitting,
                        at: int) -> Refusal | None:
        """Return why an order may not come in, or not take the place of one that is there."""
        most = self.members.parameter("auction_orders_max")
        if not id:
            if len(others) < most:
                return None
            return Refusal(Code.TOO_MANY_ORDERS, f"you have {len(others)} orders in this "
                           f"auction; {most} are accepted")
        if id not in others:
            return Refusal(Code.UNKNOWN_ORDER, f"you have no order {id} in this auction")
        now = phase(sitting, at)
        if now == OPEN or (now == NO_CANCEL and entry.improves(new, others[id])):
            return None
        return Refusal(Code.NOT_AN_IMPROVEMENT, f"the auction is {now}; an order may only "
                       f"improve from {sitting.no_cancel_from} and only until {sitting.gate}")

    def _cancel(self, command: CancelOrder, at: int, sender: int,
                grid: ProductGrid) -> Change | Refusal:
        order = self.tables["auction_orders"].get(command.order)
        if order is None or order.owner != sender:
            return Refusal(Code.UNKNOWN_ORDER, f"you have no auction order {command.order}")
        sitting = self._trading(order.auction, at, (OPEN,))
        if isinstance(sitting, Refusal):
            return sitting
        others = self.orders_of(order.auction, sender)
        children = [n for n, other in others.items() if other.parent == command.order]
        if children:
            return Refusal(Code.ORDER_MALFORMED, f"orders {children} are linked to it; they go "
                           "first")
        left = {n: other for n, other in others.items() if n != command.order}
        return self._changed(order.auction, sitting, sender, at, grid, others, left,
                             command.order)

    def _trading(self, id: int, at: int, phases: tuple[str, ...]) -> Sitting | Refusal:
        sitting = self.sitting(id)
        if sitting is None:
            return Refusal(Code.UNKNOWN_AUCTION, f"no auction {id}")
        now = phase(sitting, at)
        if now in phases:
            return sitting
        code = Code.GATE_CLOSED if at >= sitting.gate else Code.WRONG_AUCTION_PHASE
        return Refusal(code, f"auction {id} is {now}; accepted while it is {', '.join(phases)}: "
                       f"it is open from {sitting.opens}, without cancels from "
                       f"{sitting.no_cancel_from}, until {sitting.gate}")

    def _changed(self, auction: int, sitting: Sitting, owner: int, at: int, grid: ProductGrid,
                 before: Orders, after: Orders, id: int, *more: Write) -> Change | Refusal:
        """Return the change that takes an owner's orders, and their holds, to what they are now."""
        bound = sitting.value + sum(
            sign * entry.value_bound(orders[id], sitting.price_max)
            for sign, orders in ((1, after), (-1, before)) if id in orders)
        if bound > entry.VALUE_MAX:
            return Refusal(Code.QUANTITY_OUT_OF_RANGE, f"all lots of this auction at its highest "
                           f"price come to {bound}; {entry.VALUE_MAX} is accepted")
        old, new = needed(before), needed(after)
        cover = Collateral(auction, sitting, owner, at, grid, self.set_aside,
                           self._held(auction, owner))
        known = dict(cover.held)
        if refusal := cover.cover(old, new):
            return refusal
        writes = [*grid.writes(), *more,
                  Write("market", "auctions", auction, changed(sitting, value=bound)),
                  Write("market", "auction_orders", id, after.get(id))]
        if id not in before:
            writes.append(Write("market", "counters", "auction_order", id))
        for klass, held in cover.held.items():
            if held != known.get(klass):
                writes.append(Write("market", "auction_holds", (auction, owner, klass),
                                    held if held.amount else None))
        spend = max(0, new.get(CASH_CELL, 0) - old.get(CASH_CELL, 0))
        return Change((Part(tuple(writes), link(cover.rows)),),
                      {"auction": auction, "order": id, "held": new.get(CASH_CELL, 0)},
                      spend=spend)

    def _held(self, auction: int, owner: int) -> dict[int, Held]:
        """Return what an owner holds in an auction, by class; the classes its orders can name."""
        holds = self.tables["auction_holds"]
        classes = {CASH} | self._classes(auction, owner)
        return {klass: holds[auction, owner, klass] for klass in sorted(classes)
                if (auction, owner, klass) in holds}

    def _classes(self, auction: int, owner: int) -> set[int]:
        sitting = self.tables["auctions"][auction]
        cells = needed(self.orders_of(auction, owner)).keys() - {CASH_CELL}
        return {class_of(self.ledger, sitting, cell) for cell in cells}

    # -- closing and clearing --------------------------------------------------------------

    def _close(self, command: CloseAuction, at: int, sender: int,
               grid: ProductGrid) -> Change | Refusal:
        sitting = self.sitting(command.auction)
        if sitting is None:
            return Refusal(Code.UNKNOWN_AUCTION, f"no auction {command.auction}")
        after = closed(command.auction, sitting, at, self.head, self.members, self._links())
        if isinstance(after, Refusal):
            return after
        if after.status == CLEARING:
            after = changed(after, withheld=withheld_steps(after, self.orders(command.auction),
                                                           self.set_aside, at))
        return one_part(Write("market", "auctions", command.auction, after),
                        status=after.status, ends=after.ends, deadline=after.deadline)

    def _clear(self, command: Clear, at: int, sender: int,
               grid: ProductGrid) -> Change | Refusal:
        """Take a clearing of an auction, or of what it would be without the set-aside."""
        sitting = self.sitting(command.auction)
        if sitting is None:
            return Refusal(Code.UNKNOWN_AUCTION, f"no auction {command.auction}")
        if sitting.status != CLEARING or at >= sitting.deadline:
            return Refusal(Code.WRONG_AUCTION_PHASE, f"auction {command.auction} is "
                           f"{phase(sitting, at)}; clearings are taken until {sitting.deadline}")
        table = PROPOSED[type(command)]
        found = judged(command, sender, self.frozen(command.auction, sitting),
                       self.tables[table].get(command.auction))
        if isinstance(found, Refusal):
            return found
        return one_part(Write("market", table, command.auction, found), welfare=command.welfare)

    # -- settlement ------------------------------------------------------------------------

    def _settle(self, command: SettleAuction, at: int, sender: int,
                grid: ProductGrid) -> Change | Refusal:
        id = command.auction
        sitting = self.sitting(id)
        if sitting is None:
            return Refusal(Code.UNKNOWN_AUCTION, f"no auction {id}")
        if sitting.status not in (CLEARING, SETTLING, VOIDING) or at < sitting.deadline:
            return Refusal(Code.WRONG_AUCTION_PHASE, f"auction {id} is {phase(sitting, at)}; it "
                           f"can be settled from {sitting.deadline} on, once")
        return self.pages.next(id, sitting, at, self.orders(id), self.frozen(id, sitting),
                               rules_of(self.members).is_on)

    def past(self, at: int) -> list[Write]:
        """Return the writes that forget auctions whose last hour is over and that are done."""
        writes = []
        for id, sitting in self.tables["auctions"].items():
            if sitting.status not in (SETTLED, VOID) or at < sitting.start + sitting.hours * HOUR:
                continue
            writes += [Write("market", "auctions", id, None),
                       Write("market", "auction_ids", (sitting.session, sitting.start), None)]
            writes += [Write("market", "auction_orders", n, None) for n in self.orders(id)]
            if id in self.tables["auction_results"]:
                writes.append(Write("market", "auction_results", id, None))
        return writes
