"""The spot book as an engine: messages in, report rows out, one at a time or by the million.

Laws
----
* Batch and single messages give the same rows and the same snapshot, and so does the reference.
* Memory is bounded: it grows by doubling up to `orders_max` resting orders; then a new order that
  could rest is refused with BOOK_FULL, and nothing else changes.
* Nothing that a caller sends raises or corrupts, as long as it is int64.

Cost: a message O(fills) plus O(1) in the window of prices, O(40) far from it.
"""

from typing import NamedTuple

import numpy as np

from suanli.market.book import lookup, matching, orders
from suanli.market.book.memory import (
    AT_REPORTS,
    BEST,
    CAPACITY,
    CAPACITY_MAX,
    CAPACITY_MIN,
    CLOCK,
    LIVE,
    REFILLS,
    REPORT_ROWS,
    SEQUENCE,
    Ints,
    empty_memory,
    larger_memory,
)
from suanli.market.book.messages import COLUMNS, EXPIRE, ORDERS_MAX
from suanli.market.book.snapshot import FIELDS, Snapshot, unpack
from suanli.terms.errors import invariant

ORDERS_MAX_DEFAULT = 1 << 20


class Messages(NamedTuple):
    """Messages as columns, each (message,) int64; see `messages` for what they mean."""

    code: Ints
    order: Ints
    price: Ints
    quantity: Ints
    owner: Ints
    visible: Ints
    until: Ints

    @classmethod
    def plain(cls, code: Ints, order: Ints, price: Ints, quantity: Ints) -> "Messages":
        """Return messages of nobody's orders that show all and do not expire."""
        nothing = np.zeros(len(code), np.int64)
        return cls(code, order, price, quantity, nothing, nothing, nothing)


class Engine:
    """One product's book; `orders_max` resting orders at most, rounded up to a power of two."""

    def __init__(self, orders_max: int = ORDERS_MAX_DEFAULT) -> None:
        invariant(1 <= orders_max <= ORDERS_MAX, "a book holds 1 to 2**22 orders", found=orders_max)
        capacity_max = 1 << (orders_max - 1).bit_length()
        self._memory = empty_memory(min(CAPACITY_MIN, capacity_max), capacity_max)
        self._rows = self._own_rows()

    def submit(self, code: int, order: int, price: int = 0, quantity: int = 0, owner: int = 0,
               visible: int = 0, until: int = 0) -> int:
        """Answer one message; return how many rows of `reports` are its answer."""
        rows: int = matching.submit(self._memory, code, order, price, quantity, owner, visible,
                                    until)
        while rows < 0:
            self._grow(rows)
            rows = matching.submit(self._memory, code, order, price, quantity, owner, visible,
                                   until)
        return rows

    def expire(self, at: int) -> int:
        """Take out all that is good till `at`, Unix ms, or less."""
        return self.submit(EXPIRE, 0, until=at)

    @property
    def reports(self) -> Ints:
        """Return the rows, (row, Column), that the last single message was answered with.

        Only the number that `submit` returned is valid, until the next message.
        """
        return self._rows

    def submit_many(self, messages: Messages, room: Ints | None = None) -> Ints:
        """Answer messages in turn; return all report rows, (row, Column).

        `room`: (row, Column), where the rows are written if it is large enough: fresh memory
        costs as much as matching. The rows returned are then a view of it.
        """
        if room is None:
            room = np.empty((len(messages.code) + self._rows_needed(), COLUMNS), np.int64)
        out = room.reshape(-1)
        done, rows = 0, 0
        while True:
            done, rows, short = matching.submit_many(self._memory, out, rows, done, *messages)
            if not short:
                return out[:rows * COLUMNS].reshape(-1, COLUMNS)
            if short == matching.GROW_ORDERS:
                self._grow(short)
                continue
            left = len(messages.code) - done
            out = np.concatenate((out[:rows * COLUMNS],
                                  np.empty((left + 2 * self._rows_needed()) * COLUMNS, np.int64)))

    # -- queries -------------------------------------------------------------------------------

    def __len__(self) -> int:
        return int(self._memory[LIVE])

    def best(self, side: int) -> int | None:
        """Return the best resting price of a side."""
        return int(self._memory[BEST + side]) or None

    def depth(self, side: int, levels: int = 10) -> list[tuple[int, int]]:
        """Return (price, visible quantity) of the best levels."""
        out = np.empty((levels, 2), np.int64)
        found = matching.depth(self._memory, side, out)
        return [(int(price), int(quantity)) for price, quantity in out[:found]]

    @property
    def memory_bytes(self) -> int:
        return int(self._memory.nbytes)

    # -- snapshot ------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Return the book's canonical bytes; see `snapshot`."""
        resting = np.empty((len(self), len(FIELDS)), np.int64)
        matching.resting_orders(self._memory, resting)
        m = self._memory
        return Snapshot(int(m[CAPACITY_MAX]), int(m[SEQUENCE]), int(m[CLOCK]), resting).pack()

    @classmethod
    def restored(cls, data: bytes) -> "Engine":
        """Return a book that goes on as the one that wrote the snapshot.

        Raises: InputError on bytes that no book could have written.
        """
        found = unpack(data)
        engine = cls(found.orders_max)
        engine._memory[SEQUENCE], engine._memory[CLOCK] = found.sequence, found.clock
        while engine._memory[CAPACITY] < len(found.orders):
            engine._grow(matching.GROW_ORDERS)
        orders.rest_all(engine._memory, found.orders)
        return engine

    # -- room ----------------------------------------------------------------------------------

    def _rows_needed(self) -> int:
        """Return how many rows the next message could need at most."""
        return int(self._memory[LIVE] + self._memory[REFILLS]) + matching.SPARE_ROWS

    def _grow(self, short: int) -> None:
        """Double the room for orders, or make enough for the reports of any next message."""
        capacity, rows = int(self._memory[CAPACITY]), int(self._memory[REPORT_ROWS])
        if short == matching.GROW_ORDERS:
            capacity *= 2
        else:
            rows = 2 * self._rows_needed()
        memory = larger_memory(self._memory, capacity, rows)
        lookup.map_all(self._memory, memory)
        self._memory = memory
        self._rows = self._own_rows()

    def _own_rows(self) -> Ints:
        return self._memory[int(self._memory[AT_REPORTS]):].reshape(-1, COLUMNS)
