"""What a book is, as bytes: the same for the engine and for the reference, however they got there.

Little-endian int64: a format number, the orders' maximum, the next sequence number, the latest
expiry, the number of orders, then eight words an order (`FIELDS`): asks best first, then bids,
each level in its queue. What only makes the book fast (where records lie, the window) is left out.
"""

from typing import NamedTuple

import numpy as np

from suanli.market.book.memory import IS_SELL, TRAITS_STP_SHIFT, Ints
from suanli.market.book.messages import (
    ORDERS_MAX,
    PARTS_MAX,
    PRICE_MAX,
    QUANTITY_MAX,
    STP_DECREMENT,
)
from suanli.terms.errors import InputError

FORMAT = 1
FIELDS = ("order", "traits", "price", "visible", "hidden", "part", "owner", "until")
_HEAD = 5
_TRAITS_MAX = STP_DECREMENT << TRAITS_STP_SHIFT | 3


class Snapshot(NamedTuple):
    """A book at rest. `orders`: (order, FIELDS)."""

    orders_max: int
    sequence: int
    clock: int
    orders: Ints

    def pack(self) -> bytes:
        """Return the canonical bytes."""
        head = np.array([FORMAT, self.orders_max, self.sequence, self.clock, len(self.orders)])
        return head.astype("<i8").tobytes() + self.orders.astype("<i8").tobytes()


def unpack(data: bytes) -> Snapshot:
    """Read a snapshot.

    Raises: InputError on bytes that no book could have written.
    """
    if len(data) % 8 or len(data) < 8 * _HEAD:
        raise InputError(f"a book's snapshot is words of eight bytes, found {len(data)} bytes")
    words = np.frombuffer(data, "<i8").astype(np.int64)
    format, orders_max, sequence, clock, count = map(int, words[:_HEAD])
    if format != FORMAT or len(words) != _HEAD + count * len(FIELDS):
        raise InputError(f"format {format}, {count} orders, {len(words)} words: expected format "
                         f"{FORMAT} and {_HEAD} + {len(FIELDS)} words an order")
    orders = words[_HEAD:].reshape(-1, len(FIELDS))
    if not 1 <= orders_max <= ORDERS_MAX or count > orders_max or min(sequence, clock) < 0:
        raise InputError(f"{count} orders of at most {orders_max}, sequence {sequence}, "
                         f"clock {clock}")
    if not _is_sound(orders, clock):
        raise InputError("a book's snapshot holds an order that cannot rest, or is not in order")
    return Snapshot(orders_max, sequence, clock, orders)


def _is_sound(orders: Ints, clock: int) -> bool:
    """Say whether every order could rest, ids are unique, and prices are ranked and not crossed."""
    ids, traits, price, visible, hidden, part, _, until = orders.T
    is_bid = traits & IS_SELL == 0
    ranked = np.where(is_bid, PRICE_MAX - price + PRICE_MAX, price)
    return bool(
        len(np.unique(ids)) == len(ids)
        and ((traits >= 0) & (traits <= _TRAITS_MAX)).all()
        and ((price >= 1) & (price <= PRICE_MAX)).all()
        and ((visible >= 1) & (visible <= QUANTITY_MAX)).all()
        and ((hidden >= 0) & (hidden <= QUANTITY_MAX - visible)).all()
        and ((part >= 0) & (part <= QUANTITY_MAX)).all()
        and ((hidden == 0) | (visible <= part)).all()
        and (hidden <= part * PARTS_MAX).all()
        and ((until == 0) | (until > clock)).all()
        and (np.diff(is_bid.astype(np.int64)) >= 0).all() and (np.diff(ranked) >= 0).all()
        and not (is_bid.any() and not is_bid.all()
                 and price[is_bid].max() >= price[~is_bid].min()))
