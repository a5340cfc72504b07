"""Where everything of the engine lies: one block of int64, so that a call passes one array.

Sections, in this order: a header of HEADER words; level records (those of the window, then one
for each far level); order records, their rarely read halves; the map from order id to record;
leaves and inner nodes of the far prices' tree; the heap of expiries; report rows of the last
message that was submitted alone. All but the window grow with the capacity, by doubling.

A fresh record is taken from the free list, else from the mark of those never used.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from suanli.market.book.messages import COLUMNS

Ints = npt.NDArray[np.int64]

# -- header words ------------------------------------------------------------------------------
SEQUENCE = 0  # of the next message
CLOCK = 1  # the latest instant that was expired to, Unix ms
CAPACITY, CAPACITY_MAX = 2, 3  # orders; powers of two
LIVE = 4  # resting orders
BEST = 5  # and 6: the best price of each side, 0 for none; a side is no prices or a best one
REFILLS = 7  # how many parts all icebergs still hide: with LIVE it bounds a message's reports
FREE_ORDER, FRESH_ORDER = 8, 9
FREE_LEAF, FRESH_LEAF = 10, 11
FREE_NODE, FRESH_NODE = 12, 13
HEAP_SIZE = 14
MAP_MASK, MAP_SHIFT = 15, 16
WINDOW_BASE, WINDOW_LEVELS = 17, 18  # the lowest price of the window; open levels in it
SUMMARY = 19  # bit i: word i of the bitmap is not zero
ROOT = 20  # of the far prices' tree
AT_ORDERS, AT_COLD, AT_MAP, AT_LEAVES, AT_NODES, AT_HEAP, AT_REPORTS = range(21, 28)
REPORT_ROWS = 28
BITMAP = 32  # 64 words: bit j of word i is set where the level of price base + 64 i + j is open
WINDOW = 4096  # ticks: one summary word of 64 words of 64 bits
LEVELS = BITMAP + 64  # level records begin here
HEADER = LEVELS

# -- records -----------------------------------------------------------------------------------
HEAD, TAIL, SHOWN, CONCEALED = 0, 1, 2, 3  # sums of the level's visible and hidden quantities
LEVEL_WORDS = 4
ID, PRICE, VISIBLE, HIDDEN, PREVIOUS, NEXT, LEVEL, TRAITS = range(8)
ORDER_WORDS = 8
PART, OWNER, UNTIL, HEAP_PLACE = 0, 1, 2, 3
COLD_WORDS = 4
MAP_WORDS = 2  # key; record + 1, 0 where the place is empty
LEAF_PRICE, LEAF_PARENT = 0, 1
LEAF_WORDS = 2
BIT, CHILD, PARENT = 0, 1, 3  # two children, from word 1
NODE_WORDS = 4

# Bits of TRAITS: the side, then what a modify must remember.
IS_SELL, IS_POST_ONLY, TRAITS_STP_SHIFT = 1, 2, 2

NOTHING = -1  # no record
NO_TREE = 1 << 62  # no child: children are inner nodes from 0 up, leaves from -1 down
CAPACITY_MIN = 1 << 8

_SECTIONS = ((AT_ORDERS, ORDER_WORDS), (AT_COLD, COLD_WORDS), (AT_LEAVES, LEAF_WORDS),
             (AT_NODES, NODE_WORDS), (AT_HEAP, 1), (AT_MAP, 2 * MAP_WORDS))


def empty_memory(capacity: int, capacity_max: int) -> Ints:
    """Return the block of a book without orders."""
    memory = _laid_out(capacity, 2 * capacity)
    memory[CAPACITY_MAX] = capacity_max
    memory[[FREE_ORDER, FREE_LEAF, FREE_NODE]] = NOTHING
    memory[ROOT] = NO_TREE
    return memory


def larger_memory(old: Ints, capacity: int, report_rows: int) -> Ints:
    """Return a copy with more room; the map is empty and has to be filled anew."""
    new = _laid_out(capacity, report_rows)
    places = new[:BITMAP].copy()
    new[:HEADER] = old[:HEADER]
    for word in (CAPACITY, MAP_MASK, MAP_SHIFT, REPORT_ROWS, *(at for at, _ in _SECTIONS),
                 AT_REPORTS):
        new[word] = places[word]
    kept = int(old[CAPACITY])
    _copy(new, old, LEVELS, LEVELS, (WINDOW + kept) * LEVEL_WORDS)
    for word, words in _SECTIONS:
        if word != AT_MAP:
            _copy(new, old, int(new[word]), int(old[word]), kept * words)
    return new


def _copy(new: Ints, old: Ints, to: int, start: int, words: int) -> None:
    new[to:to + words] = old[start:start + words]


def _laid_out(capacity: int, report_rows: int) -> Ints:
    """Return a block of zeros with the places of its sections in the header."""
    header: dict[int, Any] = {CAPACITY: capacity, REPORT_ROWS: report_rows,
                              MAP_MASK: 2 * capacity - 1,
                              MAP_SHIFT: 64 - (2 * capacity - 1).bit_length()}
    size = LEVELS + (WINDOW + capacity) * LEVEL_WORDS
    for word, words in _SECTIONS:
        header[word] = size
        size += words * capacity
    header[AT_REPORTS] = size
    memory = np.zeros(size + report_rows * COLUMNS, np.int64)
    for word, value in header.items():
        memory[word] = value
    return memory
