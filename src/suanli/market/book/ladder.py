"""The price ladder: which levels are open, and the next open one above or below a price.

Theory of operation: prices near the first one lie in a window of 4,096 ticks, a bitmap of two
floors, found in a few instructions. Every other price is a leaf of the tree in `far`. The window
moves when it is empty. A far level keeps its place in the tree even if the window moves over it,
so both are asked; no level is ever in both.

Cost: a few nanoseconds in the window; O(40) steps for a far price.
"""

import numpy as np
from numba import njit

from suanli.market.book.far import (
    add_leaf,
    far_price,
    highest_bit,
    leaf_of,
    nearest_leaf,
    remove_leaf,
)
from suanli.market.book.memory import (
    BITMAP,
    CONCEALED,
    HEAD,
    LEAF_PRICE,
    LEVEL_WORDS,
    LEVELS,
    NO_TREE,
    NOTHING,
    ROOT,
    SHOWN,
    SUMMARY,
    TAIL,
    WINDOW,
    WINDOW_BASE,
    WINDOW_LEVELS,
    Ints,
)

ONE = np.uint64(1)
ALL = np.uint64(2**64 - 1)
WORD_BITS = 64


@njit(cache=True)
def lowest_bit(word: np.uint64) -> int:
    """Return the place of the lowest bit of a word that is not zero."""
    return highest_bit(word & (~word + ONE))


@njit(cache=True)
def from_bit(place: int) -> np.uint64:
    """Return a word with all bits from a place up; of 64, none."""
    return ALL << np.uint64(place) if place < WORD_BITS else np.uint64(0)


# -- the window ----------------------------------------------------------------------------------

@njit(cache=True)
def is_marked(m: Ints, tick: int) -> bool:
    """Say whether the window's level of a tick is open."""
    word = np.uint64(m[BITMAP + (tick >> 6)])
    return bool((word >> np.uint64(tick & 63)) & ONE != 0)


@njit(cache=True)
def mark(m: Ints, tick: int) -> None:
    """Open the window's level of a tick."""
    word = tick >> 6
    m[BITMAP + word] = np.int64(np.uint64(m[BITMAP + word]) | (ONE << np.uint64(tick & 63)))
    m[SUMMARY] = np.int64(np.uint64(m[SUMMARY]) | (ONE << np.uint64(word)))
    m[WINDOW_LEVELS] += 1


@njit(cache=True)
def unmark(m: Ints, tick: int) -> None:
    """Close the window's level of a tick."""
    word = tick >> 6
    left = np.uint64(m[BITMAP + word]) & ~(ONE << np.uint64(tick & 63))
    m[BITMAP + word] = np.int64(left)
    if left == 0:
        m[SUMMARY] = np.int64(np.uint64(m[SUMMARY]) & ~(ONE << np.uint64(word)))
    m[WINDOW_LEVELS] -= 1


@njit(cache=True)
def tick_above(m: Ints, tick: int) -> int:
    """Return the next marked tick above one, or NOTHING."""
    if tick < 0:
        tick = -1
    if tick >= WINDOW - 1:
        return NOTHING
    word = (tick + 1) >> 6
    bits = np.uint64(m[BITMAP + word]) & from_bit((tick + 1) & 63)
    if bits == 0:
        words = np.uint64(m[SUMMARY]) & from_bit(word + 1)
        if words == 0:
            return NOTHING
        word = lowest_bit(words)
        bits = np.uint64(m[BITMAP + word])
    return (word << 6) + lowest_bit(bits)


@njit(cache=True)
def tick_below(m: Ints, tick: int) -> int:
    """Return the next marked tick below one, or NOTHING."""
    if tick > WINDOW:
        tick = WINDOW
    if tick <= 0:
        return NOTHING
    word = (tick - 1) >> 6
    bits = np.uint64(m[BITMAP + word]) & ~from_bit(((tick - 1) & 63) + 1)
    if bits == 0:
        words = np.uint64(m[SUMMARY]) & ~from_bit(word)
        if words == 0:
            return NOTHING
        word = highest_bit(words)
        bits = np.uint64(m[BITMAP + word])
    return (word << 6) + highest_bit(bits)


# -- both ------------------------------------------------------------------------------------------

@njit(cache=True)
def found_level(m: Ints, price: int) -> int:
    """Return the level of a price, or NOTHING: a tick of the window, or WINDOW + leaf."""
    tick = price - m[WINDOW_BASE]
    if 0 <= tick < WINDOW and is_marked(m, tick):
        return int(tick)
    if m[ROOT] != NO_TREE:
        leaf = nearest_leaf(m, price)
        if m[leaf_of(m, leaf) + LEAF_PRICE] == price:
            return WINDOW + leaf
    return NOTHING


@njit(cache=True)
def opened_level(m: Ints, price: int) -> int:
    """Open the level of a price that has none; return it."""
    if m[WINDOW_LEVELS] == 0:
        m[WINDOW_BASE] = price - WINDOW // 2
    tick = price - m[WINDOW_BASE]
    if 0 <= tick < WINDOW:
        mark(m, tick)
        level = tick
    else:
        level = WINDOW + add_leaf(m, price)
    at = LEVELS + level * LEVEL_WORDS
    m[at + HEAD] = NOTHING
    m[at + TAIL] = NOTHING
    m[at + SHOWN] = 0
    m[at + CONCEALED] = 0
    return int(level)


@njit(cache=True)
def close_level(m: Ints, level: int) -> None:
    """Close a level that has no orders left."""
    if level < WINDOW:
        unmark(m, level)
    else:
        remove_leaf(m, level - WINDOW)


@njit(cache=True)
def next_price(m: Ints, price: int, is_up: bool) -> int:
    """Return the next open price above (below) one, or 0."""
    base = m[WINDOW_BASE]
    tick = tick_above(m, price - base) if is_up else tick_below(m, price - base)
    near = base + tick if tick != NOTHING else 0
    far = far_price(m, price, is_up)
    if near == 0 or far == 0:
        return near + far
    return min(near, far) if is_up else max(near, far)
