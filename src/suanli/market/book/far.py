"""Far prices: a crit-bit tree of the open levels outside the window, and what is next to a price.

Theory of operation: a crit-bit tree (D. J. Bernstein's name for a binary trie that keeps only the
bits at which keys differ) has a leaf a price and an inner node less than leaves. A child is an
inner node from 0 up, a leaf from -1 down. It is no deeper than the 40 bits of a price, whatever
prices somebody sends, and no wider than the open levels.

Records come from free lists, linked by their first words; see `memory`.
"""

import numpy as np
from numba import njit

from suanli.market.book.memory import (
    AT_LEAVES,
    AT_NODES,
    BIT,
    CHILD,
    FREE_LEAF,
    FREE_NODE,
    FRESH_LEAF,
    FRESH_NODE,
    LEAF_PARENT,
    LEAF_PRICE,
    LEAF_WORDS,
    NO_TREE,
    NODE_WORDS,
    NOTHING,
    PARENT,
    ROOT,
    Ints,
)


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
def node_of(m: Ints, node: int) -> int:
    return int(m[AT_NODES] + node * NODE_WORDS)


@njit(cache=True)
def leaf_of(m: Ints, leaf: int) -> int:
    return int(m[AT_LEAVES] + leaf * LEAF_WORDS)


@njit(cache=True)
def parent_of(m: Ints, child: int) -> int:
    """Return the inner node above a child, or NOTHING."""
    if child >= 0:
        return int(m[node_of(m, child) + PARENT])
    return int(m[leaf_of(m, ~child) + LEAF_PARENT])


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
    return int(~child)


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
    return int(child)


@njit(cache=True)
def taken_record(m: Ints, free: int, fresh: int, at: int, words: int) -> int:
    """Take a record from a free list (linked by its first word), else one never used."""
    record = m[free]
    if record == NOTHING:
        record = m[fresh]
        m[fresh] += 1
    else:
        m[free] = m[m[at] + record * words]
    return int(record)


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
    return int(m[leaf_of(m, ~child) + LEAF_PRICE])


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
