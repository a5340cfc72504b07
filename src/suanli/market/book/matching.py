"""The engine's matching: one message in, report rows out.

Theory of operation: a message is checked in the order of the reasons in `messages`; a refused
one changes nothing but the sequence number. A new order is accepted, takes what its limit
allows, and then rests, or is cancelled as far as its type does not rest. A modify takes the
order out and enters it anew, at the back, with what it was entered with otherwise. Before each
message there is room for all the reports that it could cause; if there is not, the caller is
asked to make some (GROW_...), and nothing has happened yet.
"""

from numba import njit

from suanli.market.book.expiry import cold_of, order_of
from suanli.market.book.ladder import found_level, next_price
from suanli.market.book.lookup import found_record
from suanli.market.book.memory import (
    AT_HEAP,
    AT_REPORTS,
    BEST,
    CAPACITY,
    CAPACITY_MAX,
    CLOCK,
    CONCEALED,
    HEAD,
    HEAP_SIZE,
    HIDDEN,
    ID,
    IS_POST_ONLY,
    IS_SELL,
    LEVEL_WORDS,
    LEVELS,
    LIVE,
    NEXT,
    NOTHING,
    OWNER,
    PART,
    PRICE,
    REFILLS,
    REPORT_ROWS,
    SEQUENCE,
    SHOWN,
    TRAITS,
    TRAITS_STP_SHIFT,
    UNTIL,
    VISIBLE,
    Ints,
)
from suanli.market.book.messages import (
    ACCEPTED,
    ALREADY_EXPIRED,
    BAD_CODE,
    BOOK_FULL,
    BUY,
    CANCEL,
    CANCEL_REFUSED,
    CANCELLED,
    CODE_MAX,
    COLUMNS,
    EXPIRE,
    EXPIRED,
    FOK,
    IOC,
    MARKET_TO_LIMIT,
    MODIFIED,
    MODIFY_REFUSED,
    NEW,
    ORDER_EXISTS,
    ORDER_UNKNOWN,
    PARTS_MAX,
    POST_ONLY,
    PREVENTED,
    PRICE_MAX,
    PRICE_OUT_OF_RANGE,
    PRICED,
    QUANTITY_MAX,
    QUANTITY_OUT_OF_RANGE,
    REFUSED,
    SELL,
    SIDE_SHIFT,
    STP_BOTH,
    STP_DECREMENT,
    STP_NEWEST,
    STP_OLDEST,
    STP_SHIFT,
    TRADED,
    TYPE_SHIFT,
    VISIBLE_OUT_OF_RANGE,
    WOULD_TAKE,
)
from suanli.market.book.orders import reduce, remove, rest

GROW_ORDERS, GROW_REPORTS = -1, -2
SPARE_ROWS = 4  # accepted or modified, cancelled, priced, and a last trade that is partial


@njit(cache=True)
def report(out: Ints, n: int, kind: int, sequence: int, other: int, order: int, price: int,
           quantity: int) -> int:
    """Write a report row; return the number of rows."""
    at = n * COLUMNS
    out[at] = kind
    out[at + 1] = sequence
    out[at + 2] = other
    out[at + 3] = order
    out[at + 4] = price
    out[at + 5] = quantity
    return n + 1


@njit(cache=True)
def takes(m: Ints, side: int, price: int) -> bool:
    """Say whether an order at a price would take from the other side."""
    best = m[BEST + 1 - side]
    if best == 0:
        return False
    return bool(best <= price if side == BUY else best >= price)


@njit(cache=True)
def fills_whole(m: Ints, side: int, price: int, quantity: int, owner: int, stp: int) -> bool:
    """Say whether an order would trade in full at once, hidden parts of others included.

    Its own orders do not count: past one of them it gets only if that one is cancelled.
    """
    level_price, left = m[BEST + 1 - side], quantity
    while left > 0 and level_price and (level_price <= price if side == BUY
                                        else level_price >= price):
        at = LEVELS + found_level(m, level_price) * LEVEL_WORDS
        if stp and owner:
            record = m[at + HEAD]
            hidden = 0
            while record != NOTHING and left > 0:
                order = order_of(m, record)
                if m[cold_of(m, record) + OWNER] != owner:
                    left -= m[order + VISIBLE]
                    hidden += m[order + HIDDEN]
                elif stp != STP_OLDEST:
                    return False
                record = m[order + NEXT]
            left -= hidden
        else:
            left -= m[at + SHOWN] + m[at + CONCEALED]
        level_price = next_price(m, level_price, side == BUY)
    return left <= 0


@njit(cache=True)
def cancel(m: Ints, out: Ints, n: int, sequence: int, kind: int, record: int) -> int:
    """Take an order out and report it, cancelled or expired."""
    order = order_of(m, record)
    n = report(out, n, kind, sequence, m[order + TRAITS] & IS_SELL, m[order + ID],
               m[order + PRICE], m[order + VISIBLE] + m[order + HIDDEN])
    remove(m, record)
    return n


@njit(cache=True)
def take(m: Ints, out: Ints, n: int, sequence: int, side: int, id: int, price: int, left: int,
         owner: int, stp: int) -> tuple[int, int, bool, int]:
    """Take from the other side what a limit allows.

    Return the number of rows, what is left, whether the order must stop because it met one of
    its owner's, and the price of the last trade (0: none).
    """
    last = 0
    while left > 0 and takes(m, side, price):
        best = m[BEST + 1 - side]
        at = LEVELS + found_level(m, best) * LEVEL_WORDS
        is_open = True
        while is_open and left > 0:
            record = m[at + HEAD]
            order = order_of(m, record)
            kind = TRADED
            if stp and owner and m[cold_of(m, record) + OWNER] == owner:
                if stp == STP_NEWEST:
                    return n, left, True, last
                if stp != STP_DECREMENT:
                    n = cancel(m, out, n, sequence, CANCELLED, record)
                    if stp == STP_BOTH:
                        return n, left, True, last
                    break  # the level may be gone
                kind = PREVENTED
            quantity = min(left, m[order + VISIBLE])
            n = report(out, n, kind, sequence, m[order + ID], id, best, quantity)
            left -= quantity
            is_open = not reduce(m, record, quantity)
            if kind == TRADED:
                last = best
    return n, left, False, last


@njit(cache=True)
def reason_of(price: int, quantity: int, visible: int) -> int:
    """Return what is wrong with a limit, or 0."""
    if price < 1 or price > PRICE_MAX:
        return PRICE_OUT_OF_RANGE
    if quantity < 1 or quantity > QUANTITY_MAX:
        return QUANTITY_OUT_OF_RANGE
    # A part of more than the whole is a plain order by now, as after a modify to less.
    if visible < 0 or visible > QUANTITY_MAX or (visible and visible * PARTS_MAX < quantity):
        return VISIBLE_OUT_OF_RANGE
    return 0


@njit(cache=True)
def refusal_of(m: Ints, code: int, id: int, price: int, quantity: int, visible: int,
               until: int) -> int:
    """Return why a new order is refused, or 0."""
    side, type = (code >> SIDE_SHIFT) & 1, (code >> TYPE_SHIFT) & 7
    if type > MARKET_TO_LIMIT or code >> STP_SHIFT > STP_DECREMENT:
        return BAD_CODE
    if found_record(m, id) != NOTHING:
        return ORDER_EXISTS
    reason = reason_of(price, quantity, visible)
    if reason:
        return reason
    if until < 0 or (until and until <= m[CLOCK]):
        return ALREADY_EXPIRED
    if m[LIVE] == m[CAPACITY_MAX] and type != IOC and type != FOK:
        return BOOK_FULL
    return WOULD_TAKE if type == POST_ONLY and takes(m, side, price) else 0


@njit(cache=True)
def enter(m: Ints, out: Ints, n: int, sequence: int, code: int, id: int, price: int,
          quantity: int, owner: int, visible: int, until: int) -> int:
    """Answer a new order."""
    reason = refusal_of(m, code, id, price, quantity, visible, until)
    if reason:
        return report(out, n, REFUSED, sequence, reason, id, price, quantity)
    side, type, stp = (code >> SIDE_SHIFT) & 1, (code >> TYPE_SHIFT) & 7, code >> STP_SHIFT
    n = report(out, n, ACCEPTED, sequence, side, id, price, quantity)
    if type == FOK and not fills_whole(m, side, price, quantity, owner, stp):
        return report(out, n, CANCELLED, sequence, side, id, price, quantity)
    n, left, is_stopped, last = take(m, out, n, sequence, side, id, price, quantity, owner, stp)
    if left == 0:
        return n
    if type == MARKET_TO_LIMIT and last:
        price = last
    if is_stopped or type in (IOC, FOK) or (type == MARKET_TO_LIMIT and last == 0):
        return report(out, n, CANCELLED, sequence, side, id, price, left)
    if type == MARKET_TO_LIMIT:
        n = report(out, n, PRICED, sequence, side, id, price, left)
    traits = side | (IS_POST_ONLY if type == POST_ONLY else 0) | stp << TRAITS_STP_SHIFT
    shown = min(visible, left) if visible else left
    rest(m, id, traits, price, shown, left - shown, visible, owner, until)
    return n


@njit(cache=True)
def modify(m: Ints, out: Ints, n: int, sequence: int, id: int, price: int, quantity: int) -> int:
    """Answer a modify."""
    record = found_record(m, id)
    if record == NOTHING:
        return report(out, n, MODIFY_REFUSED, sequence, ORDER_UNKNOWN, id, price, quantity)
    cold, traits = cold_of(m, record), m[order_of(m, record) + TRAITS]
    part, owner, until = m[cold + PART], m[cold + OWNER], m[cold + UNTIL]
    side = traits & IS_SELL
    reason = reason_of(price, quantity, part)
    if reason == 0 and traits & IS_POST_ONLY and takes(m, side, price):
        reason = WOULD_TAKE
    if reason:
        return report(out, n, MODIFY_REFUSED, sequence, reason, id, price, quantity)
    remove(m, record)
    n, left, is_stopped, _ = take(m, out, n, sequence, side, id, price, quantity, owner,
                                  traits >> TRAITS_STP_SHIFT)
    n = report(out, n, MODIFIED, sequence, side, id, price, quantity)
    if is_stopped:
        return report(out, n, CANCELLED, sequence, side, id, price, left)
    if left:
        shown = min(part, left) if part else left
        rest(m, id, traits, price, shown, left - shown, part, owner, until)
    return n


@njit(cache=True)
def expire(m: Ints, out: Ints, n: int, sequence: int, at: int) -> int:
    """Take out all orders that are good till an instant or less, the earliest first."""
    m[CLOCK] = max(m[CLOCK], at)
    while m[HEAP_SIZE] > 0:
        record = m[m[AT_HEAP]]
        if m[cold_of(m, record) + UNTIL] > at:
            break
        n = cancel(m, out, n, sequence, EXPIRED, record)
    return n


@njit(cache=True)
def answer(m: Ints, out: Ints, n: int, code: int, id: int, price: int, quantity: int, owner: int,
           visible: int, until: int) -> int:
    """Answer one message; return the number of rows."""
    sequence, kind = m[SEQUENCE], code & 3
    m[SEQUENCE] += 1
    if code < 0 or code > CODE_MAX:
        return report(out, n, REFUSED, sequence, BAD_CODE, id, price, quantity)
    if kind == NEW:
        return enter(m, out, n, sequence, code, id, price, quantity, owner, visible, until)
    if kind == CANCEL:
        record = found_record(m, id)
        if record == NOTHING:
            return report(out, n, CANCEL_REFUSED, sequence, ORDER_UNKNOWN, id, price, quantity)
        return cancel(m, out, n, sequence, CANCELLED, record)
    if kind == EXPIRE:
        return expire(m, out, n, sequence, until)
    return modify(m, out, n, sequence, id, price, quantity)


@njit(cache=True)
def shortage(m: Ints, rows: int) -> int:
    """Say what a next message might lack, with so many report rows left; 0: nothing."""
    if m[LIVE] == m[CAPACITY] and m[CAPACITY] < m[CAPACITY_MAX]:
        return GROW_ORDERS
    return GROW_REPORTS if rows < m[LIVE] + m[REFILLS] + SPARE_ROWS else 0


@njit(cache=True)
def submit(m: Ints, code: int, id: int, price: int, quantity: int, owner: int, visible: int,
           until: int) -> int:
    """Answer one message into the block's own rows; return their number, or what is short."""
    rows = m[REPORT_ROWS]
    short = shortage(m, rows)
    if short:
        return short
    out = m[m[AT_REPORTS]:m[AT_REPORTS] + rows * COLUMNS]
    return answer(m, out, 0, code, id, price, quantity, owner, visible, until)


@njit(cache=True)
def submit_many(m: Ints, out: Ints, n: int, first: int, code: Ints, id: Ints, price: Ints,
                quantity: Ints, owner: Ints, visible: Ints, until: Ints) -> tuple[int, int, int]:
    """Answer messages from `first` on; return the next one, the rows, and what is short."""
    rows = out.size // COLUMNS
    for i in range(first, code.size):
        short = shortage(m, rows - n)
        if short:
            return i, n, short
        n = answer(m, out, n, code[i], id[i], price[i], quantity[i], owner[i], visible[i],
                   until[i])
    return code.size, n, 0


@njit(cache=True)
def depth(m: Ints, side: int, out: Ints) -> int:
    """Write (price, visible quantity) by level, best first; return the number of levels."""
    price, n = m[BEST + side], 0
    while price and n < out.shape[0]:
        out[n, 0] = price
        out[n, 1] = m[LEVELS + found_level(m, price) * LEVEL_WORDS + SHOWN]
        n += 1
        price = next_price(m, price, side == SELL)
    return n


@njit(cache=True)
def resting_orders(m: Ints, out: Ints) -> None:
    """Write every order's snapshot row: asks best first, then bids, each level in its queue."""
    n = 0
    for side in (SELL, BUY):
        price = m[BEST + side]
        while price:
            record = m[LEVELS + found_level(m, price) * LEVEL_WORDS + HEAD]
            while record != NOTHING:
                order, cold = order_of(m, record), cold_of(m, record)
                out[n, 0] = m[order + ID]
                out[n, 1] = m[order + TRAITS]
                out[n, 2] = price
                out[n, 3] = m[order + VISIBLE]
                out[n, 4] = m[order + HIDDEN]
                out[n, 5] = m[cold + PART]
                out[n, 6] = m[cold + OWNER]
                out[n, 7] = m[cold + UNTIL]
                n += 1
                record = m[order + NEXT]
            price = next_price(m, price, side == SELL)
