"""Order records: a slab, a queue a level, the map from id to record, and the heap of expiries.

Laws
----
* A record is in the map, in one level's queue, and in the heap if it expires; or in no place.
* An open level has orders. A level's sums are those of its orders.
* The map probes linearly and is at most half full; a removal shifts back what follows, so that no
  tombstones gather however often ids are used again.
"""

import numpy as np
from numba import njit

from suanli.market.book.ladder import (
    close_level,
    found_level,
    free_record,
    next_price,
    opened_level,
    taken_record,
)
from suanli.market.book.memory import (
    AT_COLD,
    AT_HEAP,
    AT_MAP,
    AT_ORDERS,
    BEST,
    COLD_WORDS,
    CONCEALED,
    FREE_ORDER,
    FRESH_ORDER,
    HEAD,
    HEAP_PLACE,
    HEAP_SIZE,
    HIDDEN,
    ID,
    IS_SELL,
    LEVEL,
    LEVEL_WORDS,
    LEVELS,
    LIVE,
    MAP_MASK,
    MAP_SHIFT,
    MAP_WORDS,
    NEXT,
    NOTHING,
    ORDER_WORDS,
    OWNER,
    PART,
    PREVIOUS,
    PRICE,
    REFILLS,
    SHOWN,
    TAIL,
    TRAITS,
    UNTIL,
    VISIBLE,
    Ints,
)
from suanli.market.book.messages import BUY, SELL

# 2**64 over the golden ratio: multiplied by it, ids in a row fall far apart (Knuth 6.4).
GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)


@njit(cache=True)
def order_of(m: Ints, record: int) -> int:
    """Return where an order record lies."""
    return m[AT_ORDERS] + record * ORDER_WORDS


@njit(cache=True)
def cold_of(m: Ints, record: int) -> int:
    """Return where the rarely read half of an order record lies."""
    return m[AT_COLD] + record * COLD_WORDS


# -- the map ---------------------------------------------------------------------------------------

@njit(cache=True)
def home_of(m: Ints, id: int) -> int:
    return np.int64((np.uint64(id) * GOLDEN) >> np.uint64(m[MAP_SHIFT]))


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
    return m[m[AT_MAP] + place_of(m, id) * MAP_WORDS + 1] - 1


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


# -- the heap of expiries --------------------------------------------------------------------------

@njit(cache=True)
def is_sooner(m: Ints, one: int, other: int) -> bool:
    """Say which of two records expires first; ties go by id, whatever the heap looks like."""
    until, until_other = m[cold_of(m, one) + UNTIL], m[cold_of(m, other) + UNTIL]
    if until != until_other:
        return until < until_other
    return m[order_of(m, one) + ID] < m[order_of(m, other) + ID]


@njit(cache=True)
def seat(m: Ints, place: int, record: int) -> None:
    m[m[AT_HEAP] + place] = record
    m[cold_of(m, record) + HEAP_PLACE] = place


@njit(cache=True)
def sift_up(m: Ints, place: int, record: int) -> None:
    """Seat a record at a place of the heap or above."""
    while place > 0:
        above = m[m[AT_HEAP] + ((place - 1) >> 1)]
        if not is_sooner(m, record, above):
            break
        seat(m, place, above)
        place = (place - 1) >> 1
    seat(m, place, record)


@njit(cache=True)
def sift_down(m: Ints, place: int, record: int) -> None:
    """Seat a record at a place of the heap or below."""
    size, at = m[HEAP_SIZE], m[AT_HEAP]
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and is_sooner(m, m[at + child + 1], m[at + child]):
            child += 1
        if not is_sooner(m, m[at + child], record):
            break
        seat(m, place, m[at + child])
        place = child
    seat(m, place, record)


@njit(cache=True)
def unschedule(m: Ints, record: int) -> None:
    """Take a record out of the heap; the last one takes its place."""
    place = m[cold_of(m, record) + HEAP_PLACE]
    m[HEAP_SIZE] -= 1
    last = m[m[AT_HEAP] + m[HEAP_SIZE]]
    if last == record:
        return
    sift_up(m, place, last)
    sift_down(m, m[cold_of(m, last) + HEAP_PLACE], last)


# -- queues ----------------------------------------------------------------------------------------

@njit(cache=True)
def is_better(side: int, price: int, than: int) -> bool:
    """Say whether a price comes before another on a side; 0 is no price."""
    if than == 0:
        return True
    return price > than if side == BUY else price < than


@njit(cache=True)
def queue_up(m: Ints, record: int, level: int) -> None:
    """Put a record at the back of a level's queue."""
    at, order = LEVELS + level * LEVEL_WORDS, order_of(m, record)
    tail = m[at + TAIL]
    m[order + PREVIOUS] = tail
    m[order + NEXT] = NOTHING
    if tail == NOTHING:
        m[at + HEAD] = record
    else:
        m[order_of(m, tail) + NEXT] = record
    m[at + TAIL] = record


@njit(cache=True)
def unlink(m: Ints, order: int, at: int) -> None:
    """Take an order (where its record lies) out of the queue of a level (where its lies)."""
    before, after = m[order + PREVIOUS], m[order + NEXT]
    if before == NOTHING:
        m[at + HEAD] = after
    else:
        m[order_of(m, before) + NEXT] = after
    if after == NOTHING:
        m[at + TAIL] = before
    else:
        m[order_of(m, after) + PREVIOUS] = before


@njit(cache=True)
def parts_of(hidden: int, part: int) -> int:
    """Return how many times an iceberg will be refilled."""
    return (hidden + part - 1) // part if hidden else 0


@njit(cache=True)
def rest(m: Ints, id: int, traits: int, price: int, visible: int, hidden: int, part: int,
         owner: int, until: int) -> None:
    """Rest an order at the back of its level."""
    record = taken_record(m, FREE_ORDER, FRESH_ORDER, AT_ORDERS, ORDER_WORDS)
    order, cold, side = order_of(m, record), cold_of(m, record), traits & IS_SELL
    level = found_level(m, price)
    if level == NOTHING:
        level = opened_level(m, price)
        if is_better(side, price, m[BEST + side]):
            m[BEST + side] = price
    m[order + ID] = id
    m[order + PRICE] = price
    m[order + VISIBLE] = visible
    m[order + HIDDEN] = hidden
    m[order + LEVEL] = level
    m[order + TRAITS] = traits
    m[cold + PART] = part
    m[cold + OWNER] = owner
    m[cold + UNTIL] = until
    queue_up(m, record, level)
    m[LEVELS + level * LEVEL_WORDS + SHOWN] += visible
    m[LEVELS + level * LEVEL_WORDS + CONCEALED] += hidden
    m[REFILLS] += parts_of(hidden, part)
    m[LIVE] += 1
    map_record(m, id, record)
    if until:
        m[HEAP_SIZE] += 1
        sift_up(m, m[HEAP_SIZE] - 1, record)


@njit(cache=True)
def remove(m: Ints, record: int) -> bool:
    """Take an order out; return whether its level closed."""
    order, cold = order_of(m, record), cold_of(m, record)
    level, price, side = m[order + LEVEL], m[order + PRICE], m[order + TRAITS] & IS_SELL
    at = LEVELS + level * LEVEL_WORDS
    m[at + SHOWN] -= m[order + VISIBLE]
    m[at + CONCEALED] -= m[order + HIDDEN]
    m[REFILLS] -= parts_of(m[order + HIDDEN], m[cold + PART])
    m[LIVE] -= 1
    unmap(m, m[order + ID])
    if m[cold + UNTIL]:
        unschedule(m, record)
    unlink(m, order, at)
    free_record(m, FREE_ORDER, AT_ORDERS, ORDER_WORDS, record)
    if m[at + HEAD] != NOTHING:
        return False
    close_level(m, level)
    if price == m[BEST + side]:
        m[BEST + side] = next_price(m, price, side == SELL)
    return True


@njit(cache=True)
def reduce(m: Ints, record: int, quantity: int) -> bool:
    """Take a fill off an order; see `Book.reduce`. Return whether its level closed."""
    order = order_of(m, record)
    at = LEVELS + m[order + LEVEL] * LEVEL_WORDS
    if m[order + VISIBLE] == quantity and m[order + HIDDEN] == 0:
        return remove(m, record)
    m[order + VISIBLE] -= quantity
    m[at + SHOWN] -= quantity
    if m[order + VISIBLE] == 0:
        part = min(m[cold_of(m, record) + PART], m[order + HIDDEN])
        m[order + VISIBLE] = part
        m[order + HIDDEN] -= part
        m[at + SHOWN] += part
        m[at + CONCEALED] -= part
        m[REFILLS] -= 1
        unlink(m, order, at)
        queue_up(m, record, m[order + LEVEL])
    return False


@njit(cache=True)
def rest_all(m: Ints, resting: Ints) -> None:
    """Rest the orders of a snapshot, (order, snapshot.FIELDS), in turn."""
    for row in range(resting.shape[0]):
        words = resting[row]
        rest(m, words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7])
