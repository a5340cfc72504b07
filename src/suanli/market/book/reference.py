"""The engine's semantics once more, in plain Python over dictionaries: the judge of the engine.

It shares no line with the engine but the numbers of `messages` and the bytes of `snapshot`. It is
meant to be read: what an order type does stands here as shortly as we can say it.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from suanli.market.book.levels import Book, Resting
from suanli.market.book.memory import IS_POST_ONLY, TRAITS_STP_SHIFT, Ints
from suanli.market.book.messages import (
    ACCEPTED,
    ALREADY_EXPIRED,
    BAD_CODE,
    BOOK_FULL,
    BUY,
    CANCEL,
    CANCEL_REFUSED,
    CANCELLED,
    CODE_MAX,
    COLUMNS,
    EXPIRED,
    FOK,
    IOC,
    MARKET_TO_LIMIT,
    MODIFIED,
    MODIFY,
    MODIFY_REFUSED,
    NEW,
    ORDER_EXISTS,
    ORDER_UNKNOWN,
    ORDERS_MAX,
    PARTS_MAX,
    POST_ONLY,
    PRICE_MAX,
    PRICE_OUT_OF_RANGE,
    PRICED,
    QUANTITY_MAX,
    QUANTITY_OUT_OF_RANGE,
    REFUSED,
    SELL,
    STP_DECREMENT,
    STP_SHIFT,
    TRADED,
    VISIBLE_OUT_OF_RANGE,
    WOULD_TAKE,
)
from suanli.market.book.snapshot import FIELDS, Snapshot


class Reference:
    """One product's book, the slow way; rows are appended to `rows`, six numbers each."""

    def __init__(self, orders_max: int = ORDERS_MAX) -> None:
        self.book = Book()
        self.rows: list[int] = []
        self.orders_max = orders_max
        self.sequence = 0
        self.clock = 0
        self._traits: dict[int, int] = {}  # order -> post-only and mode, where it has either
        self._until: dict[int, int] = {}  # order -> instant, where it expires

    def submit_many(self, messages: Iterable[Sequence[int]]) -> Ints:
        """Answer messages (rows of `engine.Messages`) in turn; return all report rows."""
        self.rows = []
        submit = self.submit
        for message in messages:
            submit(*message)
        return self.reports()

    def reports(self) -> Ints:
        """Return the rows so far, (row, Column)."""
        return np.array(self.rows, np.int64).reshape(-1, COLUMNS)

    def submit(self, code: int, order: int, price: int = 0, quantity: int = 0, owner: int = 0,
               visible: int = 0, until: int = 0) -> None:
        """Answer one message."""
        sequence = self.sequence
        self.sequence = sequence + 1
        kind = code & 3
        if not 0 <= code <= CODE_MAX:
            self.rows.extend((REFUSED, sequence, BAD_CODE, order, price, quantity))
        elif kind == NEW:
            self._new(sequence, code, order, price, quantity, owner, visible, until)
        elif kind == CANCEL:
            if order in self.book:
                self._out(sequence, CANCELLED, order)
            else:
                self.rows.extend((CANCEL_REFUSED, sequence, ORDER_UNKNOWN, order, price,
                                  quantity))
        elif kind == MODIFY:
            self._modify(sequence, order, price, quantity)
        else:
            self._expire(sequence, until)

    def snapshot(self) -> bytes:
        """Return the book's canonical bytes; see `snapshot`."""
        orders = [self._words(order, resting) for side in (SELL, BUY)
                  for order, resting in self.book.queue(side)]
        table = np.array(orders, np.int64).reshape(-1, len(FIELDS))
        return Snapshot(self.orders_max, self.sequence, self.clock, table).pack()

    def _words(self, order: int, resting: Resting) -> tuple[int, ...]:
        return (order, resting.side | self._traits.get(order, 0), resting.price, resting.visible,
                resting.hidden, resting.part, resting.owner, self._until.get(order, 0))

    # -- one answer a kind -----------------------------------------------------------------------

    def _new(self, sequence: int, code: int, order: int, price: int, quantity: int, owner: int,
             visible: int, until: int) -> None:
        side, type, stp = code >> 2 & 1, code >> 3 & 7, code >> STP_SHIFT
        reason = self._refusal(side, type, stp, order, price, quantity, visible, until)
        if reason:
            self.rows.extend((REFUSED, sequence, reason, order, price, quantity))
            return
        self.rows.extend((ACCEPTED, sequence, side, order, price, quantity))
        if type == FOK and not self._fills_whole(side, price, quantity, owner, stp):
            self.rows.extend((CANCELLED, sequence, side, order, price, quantity))
            return
        left, is_stopped, last = self._take(sequence, side, order, price, quantity, owner, stp)
        if not left:
            return
        if type == MARKET_TO_LIMIT and last:
            price = last
        is_dead = type in (IOC, FOK) or (type == MARKET_TO_LIMIT and not last)
        if is_stopped or is_dead:
            self.rows.extend((CANCELLED, sequence, side, order, price, left))
            return
        if type == MARKET_TO_LIMIT:
            self.rows.extend((PRICED, sequence, side, order, price, left))
        traits = (IS_POST_ONLY if type == POST_ONLY else 0) | stp << TRAITS_STP_SHIFT
        self._rest(order, side, price, left, visible, owner, until, traits)

    def _refusal(self, side: int, type: int, stp: int, order: int, price: int, quantity: int,
                 visible: int, until: int) -> int:
        if type > MARKET_TO_LIMIT or stp > STP_DECREMENT:
            return BAD_CODE
        if order in self.book:
            return ORDER_EXISTS
        if reason := _limit_refusal(price, quantity, visible):
            return reason
        if (until and until <= self.clock) or until < 0:
            return ALREADY_EXPIRED
        if len(self.book) == self.orders_max and type not in (IOC, FOK):
            return BOOK_FULL
        return WOULD_TAKE if type == POST_ONLY and self._takes(side, price) else 0

    def _modify(self, sequence: int, order: int, price: int, quantity: int) -> None:
        resting = self.book.resting(order)
        reason = ORDER_UNKNOWN
        if resting:
            traits, until = self._traits.get(order, 0), self._until.get(order, 0)
            side, part, owner = resting.side, resting.part, resting.owner
            reason = _limit_refusal(price, quantity, part)
            if not reason and traits & IS_POST_ONLY and self._takes(side, price):
                reason = WOULD_TAKE
        if reason:
            self.rows.extend((MODIFY_REFUSED, sequence, reason, order, price, quantity))
            return
        self._remove(order)
        left, is_stopped, _ = self._take(sequence, side, order, price, quantity, owner,
                                         traits >> TRAITS_STP_SHIFT)
        self.rows.extend((MODIFIED, sequence, side, order, price, quantity))
        if is_stopped:
            self.rows.extend((CANCELLED, sequence, side, order, price, left))
        elif left:
            self._rest(order, side, price, left, part, owner, until, traits)

    def _expire(self, sequence: int, at: int) -> None:
        self.clock = max(self.clock, at)
        due = sorted((until, order) for order, until in self._until.items() if until <= at)
        for _, order in due:
            self._out(sequence, EXPIRED, order)

    # -- steps -----------------------------------------------------------------------------------

    def _takes(self, side: int, price: int) -> bool:
        best = self.book.best(1 - side)
        if best is None:
            return False
        return best <= price if side == BUY else best >= price

    def _fills_whole(self, side: int, price: int, quantity: int, owner: int, stp: int) -> bool:
        found = self.book.look(side, price, quantity, (), owner, stp)
        return sum(fill.quantity for fill in found.fills if fill.kind == TRADED) == quantity

    def _take(self, sequence: int, side: int, order: int, price: int, quantity: int, owner: int,
              stp: int) -> tuple[int, bool, int]:
        """Return what is left, whether to stop, and the price of the last trade, or 0."""
        if not self._takes(side, price):
            return quantity, False, 0
        fills, left, is_stopped = self.book.look(side, price, quantity, (), owner, stp)
        last = 0
        for maker, at, taken, kind in fills:
            if kind == CANCELLED:
                self._out(sequence, CANCELLED, maker)
                continue
            if kind == TRADED:
                last = at
            self.rows.extend((kind, sequence, maker, order, at, taken))
            self.book.reduce(maker, taken)
            if maker not in self.book:
                self._forget(maker)
        return left, is_stopped, last

    def _rest(self, order: int, side: int, price: int, left: int, part: int, owner: int,
              until: int, traits: int) -> None:
        self.book.add(order, side, price, left, part, owner)
        if traits:
            self._traits[order] = traits
        if until:
            self._until[order] = until

    def _out(self, sequence: int, kind: int, order: int) -> None:
        resting = self._remove(order)
        self.rows.extend((kind, sequence, resting.side, order, resting.price, resting.left))

    def _remove(self, order: int) -> Resting:
        self._forget(order)
        return self.book.remove(order)

    def _forget(self, order: int) -> None:
        if self._traits:
            self._traits.pop(order, None)
        if self._until:
            self._until.pop(order, None)


def _limit_refusal(price: int, quantity: int, visible: int) -> int:
    if not 1 <= price <= PRICE_MAX:
        return PRICE_OUT_OF_RANGE
    if not 1 <= quantity <= QUANTITY_MAX:
        return QUANTITY_OUT_OF_RANGE
    if visible and not (0 < visible <= QUANTITY_MAX and visible * PARTS_MAX >= quantity):
        return VISIBLE_OUT_OF_RANGE
    return 0
