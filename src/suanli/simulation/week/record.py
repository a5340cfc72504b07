"""What happened in the week, day by day, heard from blocks as they are made.

A day's figures are of its delivery hours (auctions, refunds) or of what happened in it (trades on
the spot book, jobs).
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from suanli.ledger.row import CASH, RowCode, owner_of, unpack
from suanli.market.auction.commands import SettleAuction
from suanli.market.auction.records import SETTLED, Sitting, from_bytes
from suanli.market.auction.settling import paid_of
from suanli.market.book import BUY
from suanli.market.commands import Modify, Order
from suanli.settlement.commands import MakeGood
from suanli.simulation.week.hedging import Bought
from suanli.simulation.week.stage import ENTERPRISES, SUNDAY
from suanli.terms.canonical import decode
from suanli.terms.instant import DAY
from suanli.terms.quantity import LOT
from suanli.terms.refusals import Code


@dataclass(slots=True)
class Cleared:
    """One settled auction: prices in milli-RMB a token, welfare in micro-RMB."""

    session: str
    start: int
    price_min: int
    price_mean: float  # by volume
    price_max: int
    lots: int
    welfare: int
    rejected: int
    cap: int
    cap_hours: int
    cap_wanted: int  # lots wanted at the cap, by curves, in those hours
    cap_filled: int


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

    def __call__(self, block: Any, finalised: Any) -> None:
        at = block.header.time
        for data, receipt in zip(block.body.envelopes, finalised.receipts, strict=True):
            kind, fields = decode(data)["command"]
            if receipt.code:
                self.refused[kind, Code(receipt.code).name.lower()] += 1
            elif kind in (Order.kind, Modify.kind):
                self._trades(receipt.answer, at)
            elif kind == SettleAuction.kind:
                self._settled(fields[0], receipt)
            elif kind == MakeGood.kind:
                self._refunds(receipt)

    def _trades(self, answer: dict[str, Any], at: int) -> None:
        day = self.days[day_of(at)]
        for seller, buyer, price, lots in answer["trades"]:
            day.trades += 1
            day.trade_lots += lots
            day.trade_cash += price * lots
            day.resales += seller not in self.operators
            self._note(buyer, answer["class"], lots, price * lots)

    def _note(self, buyer: int, klass: int, lots: int, cash: int) -> None:
        """Note what an enterprise bought and paid."""
        name = self.names.get(buyer, "")
        if name in ENTERPRISES:
            key = name, self.rooms.ledger.token_class(klass).start
            before = self.bought.get(key, (0, 0))
            self.bought[key] = before[0] + lots, before[1] + cash

    def _refunds(self, receipt: Any) -> None:
        klass = self.rooms.ledger.token_class(receipt.answer["class"])
        day = self.days[day_of(klass.start)]
        for row in unpack(receipt.rows):
            if row.klass == CASH:
                day.refunded += row.amount
                day.payers.add(owner_of(row.debit))
            else:
                day.refunds += 1
                day.refunded_tokens += row.amount

    def _settled(self, id: int, receipt: Any) -> None:
        for row in unpack(receipt.rows):
            if row.klass != CASH and row.code == RowCode.TRANSFER:
                self._note(owner_of(row.credit), row.klass, row.amount // LOT, paid_of(row))
        sitting = self.rooms.market.tables["auctions"][id]
        if sitting.status == SETTLED:
            self.cleared.append(_cleared(self.rooms, id, sitting))
        else:
            self.voided += sitting.status == "void"


def _cleared(rooms: Any, id: int, sitting: Sitting) -> Cleared:
    result = rooms.market.tables["auction_results"][id]
    prices, volumes = from_bytes(result.prices), from_bytes(result.volumes)
    traded = volumes > 0
    at_cap = np.flatnonzero(traded & (prices == sitting.price_max))
    wanted, filled = _at_cap(rooms.market.auctions.orders(id), set(at_cap.tolist()),
                             sitting.price_max)
    lots = int(volumes.sum())
    mean = float((prices * volumes).sum() / lots) if lots else 0.0
    return Cleared(sitting.session, sitting.start, int(prices[traded].min(initial=2**40)) * (
        lots > 0), mean, int(prices[traded].max(initial=0)), lots, result.welfare,
        result.rejected, sitting.price_max, len(set((at_cap % sitting.hours).tolist())), wanted,
        filled)


def _at_cap(orders: Any, cells: set[int], cap: int) -> tuple[int, int]:
    """Return the lots that curves wanted at the cap in some cells, and what they got of them."""
    wanted = filled = 0
    for order in orders.values():
        curve = order.curve
        if curve and curve.side == BUY and curve.cell in cells and curve.steps[0][0] == cap:
            wanted += curve.steps[0][1]
            filled += sum(lots for _, lots in order.filled)
    return wanted, filled


def day_of(at: int) -> int:
    """Return the number of the day of an instant; 0 is the Sunday at the start."""
    return (at - SUNDAY) // DAY
