"""The report stream of a book as text: one line a report, as the public benchmark hashes it.

Lines, joined by newline: `0,seq,side,order,px,qty` accepted; `1,seq,px,qty,maker,taker` trade;
`2,seq,side,order,px` cancelled, also the rest of an IOC; `3,seq,side,order,px,qty` modified,
after the trades it caused; `4,seq,order` cancel refused; `5,seq,order` modify refused. Our own:
`6,seq,order,reason` new order refused; `7,seq,side,order,px,qty` the rest of a market-to-limit
order; `8,seq,px,qty,maker,taker` self-trade prevented; `9,seq,side,order,px` expired.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from suanli.market.book.memory import Ints
from suanli.market.book.messages import IOC, LIMIT, code_of
from suanli.market.book.reference import Reference

# The fields of a line by kind of report, from a row's (sequence, other, order, price, quantity).
_STATED = "{0},{1},{2},{3},{4}"
_TRADE = "{0},{3},{4},{1},{2}"
_OUT = "{0},{1},{2},{3}"
_UNKNOWN = "{0},{2}"
FORMS = tuple(f"{kind},{form}" for kind, form in enumerate(
    (_STATED, _TRADE, _OUT, _STATED, _UNKNOWN, _UNKNOWN, "{0},{2},{1}", _STATED, _TRADE, _OUT)))


class Message(NamedTuple):
    """One incoming message of the benchmark; its sequence number is its place in the stream."""

    type: int
    side: int
    is_ioc: int
    order: int
    price: int
    quantity: int


def rendered(rows: Ints) -> Iterator[str]:
    """Yield the lines of report rows, (row, messages.Column)."""
    lines = [form.format for form in FORMS]
    for kind, *fields in rows.tolist():
        yield lines[kind](*fields)


def reports(messages: Iterable[Message]) -> Iterator[str]:
    """Yield the report lines of a message stream against an empty book."""
    book = Reference()
    for type, side, is_ioc, order, price, quantity in messages:
        book.submit(code_of(type, side, IOC if is_ioc else LIMIT), order, price, quantity)
    return rendered(book.reports())
