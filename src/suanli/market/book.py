"""The spot book of one product: price-time priority over integers.

Laws
----
* The best price trades first; at one price, the order that has waited longest.
* A trade happens at the maker's price. A modify is a cancel and a new order at the back.
* `match` only looks; `add`, `reduce` and `remove` change the book.

Cost: `match` O(fills); `add` O(log levels) for a new level, else O(1); `remove` O(1) amortised.
"""

from bisect import bisect_left, insort
from typing import NamedTuple

BUY, SELL = 0, 1


class Fill(NamedTuple):
    """A part of one resting order that a taker gets."""

    maker: int
    price: int
    quantity: int


class Resting(NamedTuple):
    """Where a resting order stands."""

    side: int
    price: int


class Book:
    """Resting orders of one product, both sides."""

    __slots__ = ("_levels", "_prices", "_resting")

    def __init__(self) -> None:
        # price -> {order: quantity}, oldest first; no level is empty
        self._levels: tuple[dict[int, dict[int, int]], ...] = ({}, {})
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
        """Return (price, quantity) by level, best first."""
        levels = self._levels[side]
        return [(abs(p), sum(levels[abs(p)].values())) for p in reversed(self._prices[side])]

    def resting(self, order: int) -> Resting | None:
        return self._resting.get(order)

    def quantity(self, order: int) -> int:
        side, price = self._resting[order]
        return self._levels[side][price][order]

    def match(self, side: int, price: int, quantity: int, skip: int | None = None) -> list[Fill]:
        """Return what an incoming order would take, without taking it."""
        fills: list[Fill] = []
        other = 1 - side
        for ranked in reversed(self._prices[other]):
            level = abs(ranked)
            if (level > price if side == BUY else level < price) or not quantity:
                break
            for maker, resting in self._levels[other][level].items():
                if maker == skip:
                    continue
                taken = min(resting, quantity)
                fills.append(Fill(maker, level, taken))
                quantity -= taken
                if not quantity:
                    break
        return fills

    def add(self, order: int, side: int, price: int, quantity: int) -> None:
        """Rest an order at the back of its level."""
        level = self._levels[side].get(price)
        if level is None:
            level = self._levels[side][price] = {}
            insort(self._prices[side], price if side == BUY else -price)
        level[order] = quantity
        self._resting[order] = Resting(side, price)

    def reduce(self, order: int, quantity: int) -> None:
        """Take a fill off a resting order; it keeps its place, or leaves when nothing is left."""
        side, price = self._resting[order]
        left = self._levels[side][price][order] - quantity
        if left:
            self._levels[side][price][order] = left
        else:
            self.remove(order)

    def remove(self, order: int) -> None:
        """Take an order out."""
        side, price = self._resting.pop(order)
        level = self._levels[side][price]
        del level[order]
        if not level:
            del self._levels[side][price]
            prices = self._prices[side]
            del prices[bisect_left(prices, price if side == BUY else -price)]
