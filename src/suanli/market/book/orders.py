"""Order records: taken from a slab, queued by level, and taken out again.

Laws
----
* A record is in the map, in one level's queue, and in the heap if it expires; or in no place.
* An open level has orders. A level's sums are those of its orders. `BEST` is the best open level.
"""

from numba import njit

from suanli.market.book.expiry import cold_of, order_of, sift_up, unschedule
from suanli.market.book.far import free_record, taken_record
from suanli.market.book.ladder import close_level, found_level, next_price, opened_level
from suanli.market.book.lookup import map_record, unmap
from suanli.market.book.memory import (
    AT_ORDERS,
    BEST,
    CONCEALED,
    FREE_ORDER,
    FRESH_ORDER,
    HEAD,
    HEAP_SIZE,
    HIDDEN,
    ID,
    IS_SELL,
    LEVEL,
    LEVEL_WORDS,
    LEVELS,
    LIVE,
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
