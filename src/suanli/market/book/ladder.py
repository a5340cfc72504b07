"""The price ladder: which levels are open, and the next open one above or below a price.

Theory of operation: prices near the first one lie in a window of 4,096 ticks, a bitmap of two
floors, found in a few instructions. Every other price is a leaf of a crit-bit tree (D. J.
Bernstein's name for a binary trie that keeps only the bits at which keys differ): no deeper than
the 40 bits of a price, whatever prices somebody sends, and no wider than the open levels. The
window moves when it is empty. A far level keeps its place in the tree even if the window moves
over it, so both are asked; no level is ever in both.

Cost: a few nanoseconds in the window; O(40) steps for a far price.
"""

import numpy as np
from numba import njit

from suanli.market.book.memory import (
    AT_LEAVES,
    AT_NODES,
    BIT,
    BITMAP,
    CHILD,
    CONCEALED,
    FREE_LEAF,
    FREE_NODE,
    FRESH_LEAF,
    FRESH_NODE,
    HEAD,
    LEAF_PARENT,
    LEAF_PRICE,
    LEAF_WORDS,
    LEVEL_WORDS,
    LEVELS,
    NO_TREE,
    NODE_WORDS,
    NOTHING,
    PARENT,
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
def highest_bit(word: np.uint64) -> int:
    """Return the place of the highest bit of a word that is not zero."""
    place = 0
    for step in (32, 16, 8, 4, 2, 1):
        above = word >> np.uint64(step)
        if above != 0:
            word = above
            place += step
    return place


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
    return (word >> np.uint64(tick & 63)) & ONE != 0


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


# -- the tree of far prices ----------------------------------------------------------------------

@njit(cache=True)
def node_of(m: Ints, node: int) -> int:
    return m[AT_NODES] + node * NODE_WORDS


@njit(cache=True)
def leaf_of(m: Ints, leaf: int) -> int:
    return m[AT_LEAVES] + leaf * LEAF_WORDS


@njit(cache=True)
def parent_of(m: Ints, child: int) -> int:
    """Return the inner node above a child, or NOTHING."""
    if child >= 0:
        return m[node_of(m, child) + PARENT]
    return m[leaf_of(m, ~child) + LEAF_PARENT]


@njit(cache=True)
def hang(m: Ints, parent: int, branch: int, child: int) -> None:
    """Put a child under a branch of an inner node, or at the root."""
    if parent == NOTHING:
        m[ROOT] = child
    else:
        m[node_of(m, parent) + CHILD + branch] = child
    if child == NO_TREE:
        return
    if child >= 0:
        m[node_of(m, child) + PARENT] = parent
    else:
        m[leaf_of(m, ~child) + LEAF_PARENT] = parent


@njit(cache=True)
def nearest_leaf(m: Ints, price: int) -> int:
    """Return the leaf that a price leads to, in a tree that is not empty."""
    child = m[ROOT]
    while child >= 0:
        at = node_of(m, child)
        child = m[at + CHILD + ((price >> m[at + BIT]) & 1)]
    return ~child


@njit(cache=True)
def differing_bit(m: Ints, price: int, leaf: int) -> int:
    """Return the highest bit at which a price and a leaf's differ, or NOTHING."""
    differing = price ^ m[leaf_of(m, leaf) + LEAF_PRICE]
    return highest_bit(np.uint64(differing)) if differing else NOTHING


@njit(cache=True)
def subtree_below(m: Ints, price: int, bit: int) -> int:
    """Return the highest subtree on a price's path that agrees on all bits above `bit`."""
    child = m[ROOT]
    while child >= 0 and m[node_of(m, child) + BIT] > bit:
        at = node_of(m, child)
        child = m[at + CHILD + ((price >> m[at + BIT]) & 1)]
    return child


@njit(cache=True)
def taken_record(m: Ints, free: int, fresh: int, at: int, words: int) -> int:
    """Take a record from a free list (linked by its first word), else one never used."""
    record = m[free]
    if record == NOTHING:
        record = m[fresh]
        m[fresh] += 1
    else:
        m[free] = m[m[at] + record * words]
    return record


@njit(cache=True)
def free_record(m: Ints, free: int, at: int, words: int, record: int) -> None:
    """Give a record back to its free list."""
    m[m[at] + record * words] = m[free]
    m[free] = record


@njit(cache=True)
def branch_of(m: Ints, parent: int, child: int) -> int:
    """Say under which branch of its parent a child hangs."""
    if parent == NOTHING:
        return 0
    return 0 if m[node_of(m, parent) + CHILD] == child else 1


@njit(cache=True)
def add_leaf(m: Ints, price: int) -> int:
    """Put a price that is not there into the tree; return its leaf."""
    leaf = taken_record(m, FREE_LEAF, FRESH_LEAF, AT_LEAVES, LEAF_WORDS)
    m[leaf_of(m, leaf) + LEAF_PRICE] = price
    if m[ROOT] == NO_TREE:
        hang(m, NOTHING, 0, ~leaf)
        return leaf
    bit = differing_bit(m, price, nearest_leaf(m, price))
    sibling = subtree_below(m, price, bit)
    parent = parent_of(m, sibling)
    branch = branch_of(m, parent, sibling)
    node = taken_record(m, FREE_NODE, FRESH_NODE, AT_NODES, NODE_WORDS)
    m[node_of(m, node) + BIT] = bit
    hang(m, parent, branch, node)
    own = (price >> bit) & 1
    hang(m, node, own, ~leaf)
    hang(m, node, 1 - own, sibling)
    return leaf


@njit(cache=True)
def remove_leaf(m: Ints, leaf: int) -> None:
    """Take a leaf out; its sibling moves up."""
    parent = m[leaf_of(m, leaf) + LEAF_PARENT]
    if parent == NOTHING:
        m[ROOT] = NO_TREE
    else:
        sibling = m[node_of(m, parent) + CHILD + 1 - branch_of(m, parent, ~leaf)]
        above = m[node_of(m, parent) + PARENT]
        hang(m, above, branch_of(m, above, parent), sibling)
        free_record(m, FREE_NODE, AT_NODES, NODE_WORDS, parent)
    free_record(m, FREE_LEAF, AT_LEAVES, LEAF_WORDS, leaf)


@njit(cache=True)
def outermost(m: Ints, child: int, branch: int) -> int:
    """Return the price of a subtree's last leaf in a direction."""
    while child >= 0:
        child = m[node_of(m, child) + CHILD + branch]
    return m[leaf_of(m, ~child) + LEAF_PRICE]


@njit(cache=True)
def far_price(m: Ints, price: int, is_up: bool) -> int:
    """Return the next price in the tree above (below) one, or 0."""
    if m[ROOT] == NO_TREE:
        return 0
    near = 0 if is_up else 1  # the branch that is nearer to where we come from
    leaf = nearest_leaf(m, price)
    bit = differing_bit(m, price, leaf)
    child = ~leaf
    if bit != NOTHING:
        child = subtree_below(m, price, bit)
        if (price >> bit) & 1 == near:
            return outermost(m, child, near)
    parent = parent_of(m, child)
    while parent != NOTHING and branch_of(m, parent, child) != near:
        child = parent
        parent = parent_of(m, child)
    if parent == NOTHING:
        return 0
    return outermost(m, m[node_of(m, parent) + CHILD + 1 - near], near)


# -- both ------------------------------------------------------------------------------------------

@njit(cache=True)
def found_level(m: Ints, price: int) -> int:
    """Return the level of a price, or NOTHING: a tick of the window, or WINDOW + leaf."""
    tick = price - m[WINDOW_BASE]
    if 0 <= tick < WINDOW and is_marked(m, tick):
        return tick
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
    return level


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
