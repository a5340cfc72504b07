"""The map from order id to record: open addressing over int64 ids.

It probes linearly and is at most half full; a removal shifts back what follows, so that no
tombstones gather however often ids are used again.
"""

import numpy as np
from numba import njit

from suanli.market.book.memory import (
    AT_MAP,
    MAP_MASK,
    MAP_SHIFT,
    MAP_WORDS,
    Ints,
)

# 2**64 over the golden ratio: multiplied by it, ids in a row fall far apart (Knuth 6.4).
GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)


@njit(cache=True)
def home_of(m: Ints, id: int) -> int:
    return int(np.int64((np.uint64(id) * GOLDEN) >> np.uint64(m[MAP_SHIFT])))


@njit(cache=True)
def place_of(m: Ints, id: int) -> int:
    """Return the place of an id in the map, or the empty place where it would go."""
    place = home_of(m, id)
    at = m[AT_MAP]
    while True:
        here = at + place * MAP_WORDS
        if m[here + 1] == 0 or m[here] == id:
            return place
        place = (place + 1) & m[MAP_MASK]


@njit(cache=True)
def found_record(m: Ints, id: int) -> int:
    """Return the record of a resting order, or NOTHING."""
    return int(m[m[AT_MAP] + place_of(m, id) * MAP_WORDS + 1] - 1)


@njit(cache=True)
def map_record(m: Ints, id: int, record: int) -> None:
    """Enter an id that is not in the map."""
    here = m[AT_MAP] + place_of(m, id) * MAP_WORDS
    m[here] = id
    m[here + 1] = record + 1


@njit(cache=True)
def unmap(m: Ints, id: int) -> None:
    """Take an id out of the map, and close the gap."""
    at, mask = m[AT_MAP], m[MAP_MASK]
    gap = place_of(m, id)
    place = gap
    while True:
        place = (place + 1) & mask
        here = at + place * MAP_WORDS
        if m[here + 1] == 0:
            break
        # An entry may move up to the gap if its home is not between the gap and itself.
        if (place - home_of(m, m[here])) & mask >= (place - gap) & mask:
            m[at + gap * MAP_WORDS] = m[here]
            m[at + gap * MAP_WORDS + 1] = m[here + 1]
            gap = place
    m[at + gap * MAP_WORDS + 1] = 0


@njit(cache=True)
def map_all(old: Ints, new: Ints) -> None:
    """Enter every order of an old block into the empty map of a larger one."""
    for place in range(old[MAP_MASK] + 1):
        here = old[AT_MAP] + place * MAP_WORDS
        if old[here + 1] != 0:
            map_record(new, old[here], old[here + 1] - 1)
