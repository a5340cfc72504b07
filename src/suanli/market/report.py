"""The report stream of a book: one line an event, as public matching-engine benchmarks hash it.

Lines, joined by newline: `0,seq,side,order,px,qty` accepted; `1,seq,px,qty,maker,taker` trade;
`2,seq,side,order,px` cancelled, also the rest of an IOC; `3,seq,side,order,px,qty` modified,
after the trades it caused; `4,seq,order` cancel rejected; `5,seq,order` modify rejected.
"""

from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple

from suanli.market.book import Book

NEW, CANCEL, MODIFY = 0, 1, 2


class Message(NamedTuple):
    """One incoming message; its sequence number is its place in the stream."""

    type: int
    side: int
    is_ioc: int
    order: int
    price: int
    quantity: int


def reports(messages: Iterable[Message]) -> Iterator[str]:
    """Yield the report lines of a message stream against an empty book."""
    book = Book()
    for sequence, message in enumerate(messages):
        if message.type == NEW:
            yield from _new(book, sequence, message)
        elif message.order not in book:
            yield f"{4 if message.type == CANCEL else 5},{sequence},{message.order}"
        elif message.type == CANCEL:
            side, price = book.resting(message.order) or (0, 0)
            book.remove(message.order)
            yield f"2,{sequence},{side},{message.order},{price}"
        else:
            yield from _modify(book, sequence, message)


def _new(book: Book, sequence: int, message: Message) -> Iterator[str]:
    _, side, is_ioc, order, price, quantity = message
    yield f"0,{sequence},{side},{order},{price},{quantity}"
    left = yield from _trade(book, sequence, side, order, price, quantity)
    if left and is_ioc:
        yield f"2,{sequence},{side},{order},{price}"
    elif left:
        book.add(order, side, price, left)


def _modify(book: Book, sequence: int, message: Message) -> Iterator[str]:
    order, price, quantity = message.order, message.price, message.quantity
    side, _ = book.resting(order) or (0, 0)
    book.remove(order)
    left = yield from _trade(book, sequence, side, order, price, quantity)
    if left:
        book.add(order, side, price, left)
    yield f"3,{sequence},{side},{order},{price},{quantity}"


def _trade(book: Book, sequence: int, side: int, order: int, price: int,
           quantity: int) -> Generator[str, None, int]:
    for fill in book.match(side, price, quantity):
        book.reduce(fill.maker, fill.quantity)
        quantity -= fill.quantity
        yield f"1,{sequence},{fill.price},{fill.quantity},{fill.maker},{order}"
    return quantity
