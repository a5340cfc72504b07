"""A table: one room's records of one kind, with a Merkle root that costs only what changed.

Laws
----
* Records are immutable; `put` and `delete` are the only ways to change a table, and only a
  room's `commit` calls them.
* Each key owns a slot; freed slots are reused last-freed first, so that equal histories give
  equal slots and equal roots.
* `root()` is the RFC 9162 hash of the slots, padded to a power of two with empty slots.

Cost: `put` O(1); `root` O(changed records x log(slots)).
"""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from suanli.terms.canonical import encode, leaf_hash, node_hash

K = TypeVar("K")
V = TypeVar("V")
EMPTY = bytes(32)


class Table(Generic[K, V]):
    """A keyed table with a state root."""

    __slots__ = ("_free", "_levels", "_rows", "_slots", "_stale")

    def __init__(self) -> None:
        self._rows: dict[K, V] = {}
        self._slots: dict[K, int] = {}  # same keys as _rows
        self._free: list[int] = []  # slots below the width that no key owns
        self._levels: list[list[bytes]] = [[]]  # [0] leaf hashes, [-1] the root alone
        self._stale: dict[int, K | None] = {}  # slot -> key to hash again, None when freed

    def get(self, key: K) -> V | None:
        return self._rows.get(key)

    def __getitem__(self, key: K) -> V:
        return self._rows[key]

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def values(self) -> Iterator[V]:
        return iter(self._rows.values())

    def items(self) -> Iterator[tuple[K, V]]:
        return iter(self._rows.items())

    @property
    def width(self) -> int:
        """Return how many slots there have ever been; 0: no record was ever here."""
        return len(self._levels[0])

    def put(self, key: K, value: V) -> None:
        """Insert or replace one record."""
        if key not in self._slots:
            self._slots[key] = self._free.pop() if self._free else self._width_plus_one()
        self._rows[key] = value
        self._stale[self._slots[key]] = key

    def delete(self, key: K) -> None:
        """Remove one record that is there."""
        del self._rows[key]
        slot = self._slots.pop(key)
        self._free.append(slot)
        self._stale[slot] = None

    def _width_plus_one(self) -> int:
        self._levels[0].append(EMPTY)
        return len(self._levels[0]) - 1

    def root(self) -> bytes:
        """Return the root over all records, rehashing only what changed since the last call."""
        leaves = self._levels[0]
        for slot, key in self._stale.items():
            leaves[slot] = EMPTY if key is None else leaf_hash(encode((key, self._rows[key])))
        dirty = set(self._stale)
        self._stale = {}
        level = 0
        while len(self._levels[level]) > 1:
            dirty = self._hash_parents(level, dirty)
            level += 1
        return self._levels[level][0] if self._levels[level] else EMPTY

    def _hash_parents(self, level: int, dirty: set[int]) -> set[int]:
        below = self._levels[level]
        if len(self._levels) == level + 1:
            self._levels.append([])
            dirty = set(range(len(below)))
        above = self._levels[level + 1]
        above.extend([EMPTY] * ((len(below) + 1) // 2 - len(above)))
        parents = {slot >> 1 for slot in dirty}
        for parent in parents:
            right = 2 * parent + 1
            above[parent] = node_hash(below[2 * parent], below[right] if right < len(below)
                                      else EMPTY)
        return parents

    def snapshot(self) -> list[Any]:
        """Return the whole table, slots included, as plain values."""
        return [len(self._levels[0]), list(self._free),
                [[self._slots[key], key, value] for key, value in self._rows.items()]]

    def restore(self, width: int, free: list[int], rows: list[tuple[int, K, V]]) -> None:
        """Take over what `snapshot` of an equal table gave."""
        self._rows = {key: value for _, key, value in rows}
        self._slots = {key: slot for slot, key, _ in rows}
        self._free = free
        self._levels = [[EMPTY] * width]
        self._stale = {slot: key for slot, key, _ in rows}
