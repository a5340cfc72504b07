"""What happened in the week, day by day, heard from blocks as they are made.

A day's figures are of its delivery hours (auctions, refunds) or of what happened in it (trades on
the spot book, jobs).
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from suanli.ledger.commands import Batch, Sweep
from suanli.ledger.row import CASH, RowCode, owner_of, unpack
from suanli.market.auction.commands import SettleAuction
from suanli.market.auction.records import SETTLED
from suanli.market.auction.settling import paid_of
from suanli.market.commands import Convert, FixStrip, GrantCredit, Modify, Order, TakeStrip
from suanli.market.strip import Strip
from suanli.settlement.commands import MakeGood
from suanli.simulation.week.cleared import Cleared, cleared
from suanli.simulation.week.conservation import Credit
from suanli.simulation.week.hedging import Bought
from suanli.simulation.week.stage import BENEFICIARY, ENTERPRISES, SUNDAY
from suanli.terms.canonical import decode
from suanli.terms.instant import DAY, HOUR
from suanli.terms.quantity import LOT
from suanli.terms.refusals import Code


@dataclass(slots=True)
class Day:
    """What happened in one day."""

    trades: int = 0
    trade_lots: int = 0
    trade_cash: int = 0
    resales: int = 0
    refunds: int = 0  # owners
    refunded_tokens: int = 0
    refunded: int = 0  # micro-RMB
    payers: set[int] = field(default_factory=set)
    drawn_lots: int = 0  # of the set-aside's beneficiary


@dataclass(slots=True)
class Sold:
    """A strip that was taken, and at which prices its hours were fixed, by its hour's number."""

    strip: Strip
    buyer: int
    fixed: dict[int, int] = field(default_factory=dict)


class Record:
    """Listens to the blocks of a world."""

    def __init__(self, rooms: Any, names: dict[int, str], operators: set[int]) -> None:
        self.rooms = rooms
        self.names = names
        self.operators = operators
        self.days: dict[int, Day] = defaultdict(Day)
        self.cleared: list[Cleared] = []
        self.voided = 0
        self.refused: Counter[tuple[str, str]] = Counter()  # (kind, code)
        self.bought: Bought = {}
        self.refunded: dict[str, int] = defaultdict(int)  # enterprise -> micro-RMB
        self.strips: dict[int, Sold] = {}
        self.credits: dict[int, Credit] = defaultdict(Credit)  # by issuer
        self.converted: dict[int, int] = defaultdict(int)  # issuer -> lots
        self.sold_out: Counter[int] = Counter()  # issuer -> conversions that it could not serve
        self._hears: dict[str, Callable[[list[Any], Any, int], None]] = {
            Order.kind: self._trades, Modify.kind: self._trades,
            SettleAuction.kind: self._settled, MakeGood.kind: self._refunds,
            TakeStrip.kind: self._taken, FixStrip.kind: self._fixed, Sweep.kind: self._fixed,
            GrantCredit.kind: self._granted, Convert.kind: self._converted,
            Batch.kind: self._returned}

    def __call__(self, block: Any, finalised: Any) -> None:
        for data, receipt in zip(block.body.envelopes, finalised.receipts, strict=True):
            envelope = decode(data)
            kind, fields = envelope["command"]
            if receipt.code:
                self.refused[kind, Code(receipt.code).name.lower()] += 1
                if kind == Convert.kind:
                    self.sold_out[fields[0]] += receipt.code == Code.ISSUANCE_ABOVE_ATTESTATION
            elif kind in self._hears:
                self._hears[kind](fields, receipt, block.header.time)

    def _trades(self, fields: list[Any], receipt: Any, at: int) -> None:
        day = self.days[day_of(at)]
        for seller, buyer, price, lots in receipt.answer["trades"]:
            day.trades += 1
            day.trade_lots += lots
            day.trade_cash += price * lots
            day.resales += seller not in self.operators
            day.drawn_lots += lots * (self.names.get(buyer) == BENEFICIARY)
            self._note(buyer, self._start(receipt.answer["class"]), lots, price * lots)

    def _start(self, klass: int) -> int:
        return int(self.rooms.ledger.token_class(klass).start)

    def _note(self, buyer: int, start: int, lots: int, cash: int) -> None:
        """Note what an enterprise bought of an hour and paid."""
        name = self.names.get(buyer, "")
        if name in ENTERPRISES:
            before = self.bought.get((name, start), (0, 0))
            self.bought[name, start] = before[0] + lots, before[1] + cash

    def _refunds(self, fields: list[Any], receipt: Any, at: int) -> None:
        day = self.days[day_of(self._start(receipt.answer["class"]))]
        for row in unpack(receipt.rows):
            if row.klass == CASH:
                day.refunded += row.amount
                day.payers.add(owner_of(row.debit))
                self.refunded[self.names.get(owner_of(row.credit), "")] += row.amount
            else:
                day.refunds += 1
                day.refunded_tokens += row.amount

    def _settled(self, fields: list[Any], receipt: Any, at: int) -> None:
        for row in unpack(receipt.rows):
            if row.klass != CASH and row.code == RowCode.TRANSFER:
                self._note(owner_of(row.credit), self._start(row.klass), row.amount // LOT,
                           paid_of(row))
        sitting = self.rooms.market.tables["auctions"][fields[0]]
        if sitting.status == SETTLED:
            self.cleared.append(cleared(self.rooms, fields[0], sitting))
        else:
            self.voided += sitting.status == "void"

    # -- strips and credits ----------------------------------------------------------------

    def _taken(self, fields: list[Any], receipt: Any, at: int) -> None:
        id = receipt.answer["strip"]
        taken = self.rooms.market.tables["strips_taken"][id]
        self.strips[id] = Sold(taken.strip, taken.buyer)
        for product in taken.strip.products:
            self._note(taken.buyer, product.start, taken.strip.lots,
                       receipt.answer["paid"] // taken.strip.hours)

    def _fixed(self, fields: list[Any], receipt: Any, at: int) -> None:
        """Read what hours of strips were fixed at from the rows that resolve their holds."""
        for row in unpack(receipt.rows):
            if row.hold[:3] == b"stp":
                id, hour = (int.from_bytes(part, "big") for part in (row.hold[3:11], row.hold[11:]))
                sold = self.strips[id]
                sold.fixed[hour] = sold.strip.floor_mrmb + row.amount // sold.strip.lots
                self._note(sold.buyer, sold.strip.start + hour * HOUR, 0, row.amount)

    def _granted(self, fields: list[Any], receipt: Any, at: int) -> None:
        for row in unpack(receipt.rows):
            self.credits[owner_of(row.debit)].granted += row.amount

    def _converted(self, fields: list[Any], receipt: Any, at: int) -> None:
        self.credits[fields[0]].converted += receipt.answer["face_micro_rmb"]
        self.converted[fields[0]] += receipt.answer["lots"]

    def _returned(self, fields: list[Any], receipt: Any, at: int) -> None:
        """Nobody sends rows of its own in the week but who gives credit back."""
        for row in unpack(receipt.rows):
            self.credits[owner_of(row.credit)].returned += row.amount


def day_of(at: int) -> int:
    """Return the number of the day of an instant; 0 is the Sunday at the start."""
    return (at - SUNDAY) // DAY
