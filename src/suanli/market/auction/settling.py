"""From a clearing to ledger rows: delivery against payment at uniform prices.

Order of rows: every hold is resolved into the clearing account (owner 0), what issuers did not
sell is retired; then sellers are paid and buyers get their tokens; what is left of the cash is
rent and fees, and goes to an account of its own. So no row can fail, wherever a page ends, and
over the whole auction the clearing account is left as it was.

What was offered in several grades is retired in its own and issued in the one that it was taken in,
one set (`substitution`), before anything of it is delivered.

A buyer at a demand node gets the products that flow in: products in the order of their arcs are
handed to orders in the order of their numbers, so that each order draws on as few as can be.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import numpy as np

from suanli.ledger.row import CASH, CLEARING, NO_ID, Row, RowCode, account
from suanli.ledger.state import Ledger
from suanli.market.auction import substitution
from suanli.market.auction.collateral import class_of, resolution, retired
from suanli.market.auction.frozen import Fills
from suanli.market.auction.instance import Auction, Clearing
from suanli.market.auction.records import Held, Orders, Sitting
from suanli.market.book import BUY
from suanli.market.pairing import paired
from suanli.terms.quantity import LOT

# Congestion rent and fees: an owner that no participant can be, ring-fenced from all others.
RENT: Final = 2**24 - 1
Holds = dict[tuple[int, int], Held]  # (owner, class)


class Settlement:
    """What a clearing gives and takes, by owner."""

    def __init__(self, id: int, sitting: Sitting, orders: Orders, fills: Fills,
                 ledger: Ledger) -> None:
        self.id = id
        self.sitting = sitting
        self.orders = orders
        self.fills = fills
        self.ledger = ledger
        self.paid: dict[int, int] = defaultdict(int)  # owner -> micro-RMB
        self.earned: dict[int, int] = defaultdict(int)
        self.sold: dict[tuple[int, int], int] = defaultdict(int)  # (owner, class) -> lots
        self.sold_in: set[int] = set()  # cells of products that were sold
        # (owner, class held) -> {class: lots issued in it instead}
        self.regraded: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
        self.bought: dict[tuple[int, int], int] = defaultdict(int)
        self.price: dict[tuple[int, int], int] = defaultdict(int)  # what was paid for `bought`

    def read(self, auction: Auction, clearing: Clearing) -> None:
        """Sum up what each owner pays, earns, gives and gets."""
        prices = clearing.prices.tolist()
        wanted: dict[int, list[tuple[int, int]]] = defaultdict(list)  # cell -> (owner, lots)
        for id, order in self.orders.items():
            for cell, lots in self.fills.get(id, ()):
                if order.side == BUY:
                    self.paid[order.owner] += lots * prices[cell]
                    wanted[cell].append((order.owner, lots))
                elif not order.curve or not order.curve.spare:
                    self.earned[order.owner] += lots * prices[cell]
                    self.sold[order.owner, self._class(cell)] += lots
                    self.sold_in.add(cell)
        self._substitute(auction, clearing)
        inflow = self._inflow(auction, clearing)
        for cell, buyers in wanted.items():
            self._hand_out(buyers, prices[cell], self._sources(cell, inflow))

    def _class(self, cell: int) -> int:
        return class_of(self.ledger, self.sitting, cell)

    def _substitute(self, auction: Auction, clearing: Clearing) -> None:
        """Sum up what was offered in several grades: sold in its own, or issued in another."""
        for source, target, lots in substitution.arrivals(self.sitting, auction, clearing):
            owner = self.sitting.nodes[source // self.sitting.hours][0]
            held, klass = self._class(source), self._class(target)
            self.earned[owner] += lots * int(clearing.prices[target])
            self.sold_in.add(target)
            if klass == held:
                self.sold[owner, klass] += lots
            else:
                regraded = self.regraded[owner, held]
                regraded[klass] = regraded.get(klass, 0) + lots

    def _inflow(self, auction: Auction, clearing: Clearing) -> dict[int, list[tuple[int, int]]]:
        """Return by demand cell the (source cell, lots) that flow in."""
        inflow: dict[int, list[tuple[int, int]]] = defaultdict(list)
        arcs = auction.arcs
        for arc in np.flatnonzero(clearing.flows).tolist():
            inflow[int(arcs.target[arc])].append((int(arcs.source[arc]),
                                                  int(clearing.flows[arc])))
        return inflow

    def _sources(self, cell: int, inflow: dict[int, list[tuple[int, int]]]) -> Iterator[
            tuple[int, int]]:
        """Yield (class, lots) of what is delivered at a cell."""
        if self.sitting.nodes[cell // self.sitting.hours][0]:
            yield self._class(cell), 2**62  # all buyers want this one
        for source, lots in inflow[cell]:
            yield self._class(source), lots

    def _hand_out(self, buyers: list[tuple[int, int]], price: int,
                  sources: Iterator[tuple[int, int]]) -> None:
        for owner, klass, lots in paired(buyers, sources):
            self.bought[owner, klass] += lots
            self.price[owner, klass] += lots * price

    def _paid(self, owner: int, klass: int) -> bytes:
        """Return the correlation of a delivery: the auction, and the micro-RMB paid for it."""
        return self.id.to_bytes(8, "big") + self.price[owner, klass].to_bytes(8, "big")

    @property
    def rent(self) -> int:
        """Return what buyers pay beyond what sellers earn, micro-RMB."""
        return sum(self.paid.values()) - sum(self.earned.values())

    def rows(self, holds: Holds) -> list[Row]:
        """Return all rows, in an order that depends on nothing but the state."""
        rows: list[Row] = []
        for (owner, klass), held in sorted(holds.items()):
            amount = self.paid[owner] if klass == CASH else self.sold[owner, klass] * LOT
            rows += resolved(self.id, owner, klass, held, amount)
            rows += substitution.regraded_rows(owner, held, self.regraded[owner, klass])
        rows += [_from_clearing(CASH, owner, cash)
                 for owner, cash in sorted(self.earned.items()) if cash]
        rows += [_from_clearing(klass, owner, lots * LOT, self._paid(owner, klass))
                 for (owner, klass), lots in sorted(self.bought.items())]
        if self.rent:
            rows.append(_from_clearing(CASH, RENT, self.rent))
        return rows


def resolved(id: int, owner: int, klass: int, held: Held, amount: int) -> list[Row]:
    """Return the rows that post `amount` of a hold (0: void it) and retire what was not sold."""
    if not held.amount:
        return []
    code = RowCode.POST if amount else RowCode.VOID
    unsold = held.amount - amount if held.issued else 0
    return [resolution(id, owner, klass, code, amount),
            *retired(owner, klass, held.issued, unsold)[0]]


def paid_of(delivery: Row) -> int:
    """Return what the buyer of a delivery paid for it, micro-RMB."""
    return int.from_bytes(delivery.user[8:], "big")


def _from_clearing(klass: int, owner: int, amount: int, user: bytes = NO_ID) -> Row:
    return Row(RowCode.TRANSFER, 0, klass, account(CLEARING, klass), account(owner, klass), amount,
               user=user)
