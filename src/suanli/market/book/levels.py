"""The spot book of one product: price-time priority over integers, in plain dictionaries.

Laws
----
* The best price trades first; at one price, the order that has waited longest.
* A trade happens at the maker's price. A modify is a cancel and a new order at the back.
* Only the visible part of an iceberg queues; its next part joins at the back of the level.
* `look` and `match` only look; `add`, `reduce` and `remove` change the book.

Cost: `look` O(fills); `add` O(log levels) for a new level, else O(1); `remove` O(1) amortised.
An empty book takes less than a kilobyte: there is one a product, hundreds in a market.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Container, Iterator
from typing import NamedTuple

from suanli.market.book.messages import (
    BUY,
    CANCELLED,
    PREVENTED,
    SELL,
    STP_DECREMENT,
    STP_NEWEST,
    STP_NONE,
    STP_OLDEST,
    TRADED,
)

__all__ = ["BUY", "SELL", "Book", "Fill", "Match", "Resting"]


class Fill(NamedTuple):
    """A part of one resting order that a taker gets, or that self-trade prevention takes off.

    `kind` is a report kind: TRADED, PREVENTED (both orders lose it), CANCELLED (only the maker).
    """

    maker: int
    price: int
    quantity: int
    kind: int = TRADED


class Match(NamedTuple):
    """What an incoming order would do: fills in turn, what is left, whether it must stop."""

    fills: list[Fill]
    left: int
    is_stopped: bool


class Resting:
    """Where a resting order stands, and what is left of it: `visible` queues, `hidden` waits."""

    __slots__ = ("hidden", "owner", "part", "price", "side", "visible")

    def __init__(self, side: int, price: int, visible: int, hidden: int, part: int,
                 owner: int) -> None:
        self.side = side
        self.price = price
        self.visible = visible
        self.hidden = hidden
        self.part = part  # the size of an iceberg's visible part, 0 for a plain order
        self.owner = owner  # 0: nobody that self-trades are prevented for

    @property
    def left(self) -> int:
        return self.visible + self.hidden


class Book:
    """Resting orders of one product, both sides."""

    __slots__ = ("_levels", "_prices", "_resting")

    def __init__(self) -> None:
        # price -> {order: where it stands}, oldest first; no level is empty
        self._levels: tuple[dict[int, dict[int, Resting]], ...] = ({}, {})
        # ranked prices, best last: asks negated, so that one direction serves both sides
        self._prices: tuple[list[int], list[int]] = ([], [])
        self._resting: dict[int, Resting] = {}  # every order of _levels

    def __contains__(self, order: object) -> bool:
        return order in self._resting

    def __len__(self) -> int:
        return len(self._resting)

    def best(self, side: int) -> int | None:
        """Return the best resting price of a side."""
        prices = self._prices[side]
        return abs(prices[-1]) if prices else None

    def depth(self, side: int) -> list[tuple[int, int]]:
        """Return (price, visible quantity) by level, best first."""
        levels = self._levels[side]
        return [(abs(p), sum(o.visible for o in levels[abs(p)].values()))
                for p in reversed(self._prices[side])]

    def resting(self, order: int) -> Resting | None:
        return self._resting.get(order)

    def quantity(self, order: int) -> int:
        """Return what is left of an order, hidden parts included."""
        return self._resting[order].left

    def queue(self, side: int) -> Iterator[tuple[int, Resting]]:
        """Yield the orders of a side, best price first, in the order in which they trade."""
        for ranked in reversed(self._prices[side]):
            yield from self._levels[side][abs(ranked)].items()

    def offered(self, side: int, skip: Container[int] = ()) -> list[tuple[int, int]]:
        """Return (price, quantity) by level, best first, hidden parts included."""
        sums: dict[int, int] = {}
        for order, resting in self.queue(side):
            if order not in skip:
                sums[resting.price] = sums.get(resting.price, 0) + resting.left
        return list(sums.items())

    def match(self, side: int, price: int, quantity: int,
              skip: Container[int] = ()) -> list[Fill]:
        """Return what an incoming order would take, without taking it."""
        return self.look(side, price, quantity, skip).fills

    def look(self, side: int, price: int, quantity: int, skip: Container[int] = (),
             owner: int = 0, stp: int = STP_NONE) -> Match:
        """Return what an incoming order would do to the other side, without doing it.

        `skip` are orders that are not there for it: the one that a modify replaces, those that
        are over. `stp` says what happens where it meets an order of the same `owner`.
        """
        fills: list[Fill] = []
        other, avoids = 1 - side, owner if stp else 0
        levels = self._levels[other]
        for ranked in reversed(self._prices[other]):
            level = abs(ranked)
            if (level > price if side == BUY else level < price) or not quantity:
                break
            again: list[tuple[int, int, int, int]] = []  # maker, owner, part, hidden
            for maker, order in levels[level].items():
                if maker in skip:
                    continue
                if avoids and order.owner == avoids and stp != STP_DECREMENT:
                    if stp != STP_NEWEST:
                        fills.append(Fill(maker, level, order.visible + order.hidden, CANCELLED))
                    if stp == STP_OLDEST:
                        continue
                    return Match(fills, quantity, True)
                taken = order.visible
                if order.hidden:
                    again.append((maker, order.owner, order.part, order.hidden))
                if taken > quantity:
                    taken = quantity
                kind = PREVENTED if avoids and order.owner == avoids else TRADED
                fills.append(Fill(maker, level, taken, kind))
                quantity -= taken
                if not quantity:
                    return Match(fills, 0, False)
            if again:
                quantity = _refilled(fills, level, quantity, deque(again), avoids)
        return Match(fills, quantity, False)

    def add(self, order: int, side: int, price: int, quantity: int, part: int = 0,
            owner: int = 0, shown: int = 0) -> None:
        """Rest an order at the back of its level; only `part` of it is visible, if given.

        `shown`: what is left of the part that is visible, where it has been taken from.
        """
        level = self._levels[side].get(price)
        if level is None:
            level = self._levels[side][price] = {}
            insort(self._prices[side], price if side == BUY else -price)
        visible = shown or (part if part and part < quantity else quantity)
        level[order] = self._resting[order] = Resting(side, price, visible, quantity - visible,
                                                      part, owner)

    def reduce(self, order: int, quantity: int) -> None:
        """Take fills off a resting order: it keeps its place, or what is hidden of it goes to
        the back, or it leaves when nothing is left. They may be of several of its parts.
        """
        resting = self._resting[order]
        resting.visible -= quantity
        if resting.visible > 0:
            return
        if resting.visible + resting.hidden == 0:
            self.remove(order)
            return
        parts = -resting.visible // resting.part + 1
        refill = min(parts * resting.part, resting.hidden)
        resting.visible += refill
        resting.hidden -= refill
        level = self._levels[resting.side][resting.price]
        level[order] = level.pop(order)

    def remove(self, order: int) -> Resting:
        """Take an order out; return where it stood."""
        resting = self._resting.pop(order)
        side, price = resting.side, resting.price
        level = self._levels[side][price]
        del level[order]
        if not level:
            del self._levels[side][price]
            prices = self._prices[side]
            del prices[bisect_left(prices, price if side == BUY else -price)]
        return resting


def _refilled(fills: list[Fill], price: int, quantity: int,
              queue: deque[tuple[int, int, int, int]], avoids: int) -> int:
    """Take the hidden parts of a level in turn, each from the back of it; return what is left."""
    while queue and quantity:
        maker, owner, part, hidden = queue.popleft()
        taken = min(part, hidden, quantity)
        kind = PREVENTED if avoids and owner == avoids else TRADED
        fills.append(Fill(maker, price, taken, kind))
        quantity -= taken
        if hidden > part:
            queue.append((maker, owner, part, hidden - part))
    return quantity
