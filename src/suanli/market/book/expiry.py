"""Order records' places, and the heap of those that expire: the soonest first, ties by id.

A record knows its place in the heap, so that a cancelled one leaves at once: O(log expiring).
"""

from numba import njit

from suanli.market.book.memory import (
    AT_COLD,
    AT_HEAP,
    AT_ORDERS,
    COLD_WORDS,
    HEAP_PLACE,
    HEAP_SIZE,
    ID,
    ORDER_WORDS,
    UNTIL,
    Ints,
)


@njit(cache=True)
def order_of(m: Ints, record: int) -> int:
    """Return where an order record lies."""
    return int(m[AT_ORDERS] + record * ORDER_WORDS)


@njit(cache=True)
def cold_of(m: Ints, record: int) -> int:
    """Return where the rarely read half of an order record lies."""
    return int(m[AT_COLD] + record * COLD_WORDS)


@njit(cache=True)
def is_sooner(m: Ints, one: int, other: int) -> bool:
    """Say which of two records expires first; ties go by id, whatever the heap looks like."""
    until, until_other = m[cold_of(m, one) + UNTIL], m[cold_of(m, other) + UNTIL]
    if until != until_other:
        return bool(until < until_other)
    return bool(m[order_of(m, one) + ID] < m[order_of(m, other) + ID])


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
