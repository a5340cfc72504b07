"""The words of the book's engine: messages in, report rows out, and the limits of both.

A message is `code, order, price, quantity, owner, visible, until`, all int64. `code` packs what
kind it is: bits 0-1 the kind, bit 2 the side, bits 3-5 the order type, bits 6-8 the prevention
of self-trades. A report is a row of six int64; its columns are those of `Column`.

Numbers are permanent: they are in journals and snapshots.
"""

from enum import IntEnum

BUY, SELL = 0, 1

# Kinds of message.
NEW, CANCEL, MODIFY, EXPIRE = 0, 1, 2, 3

# Order types. A market-to-limit order's price is its collar: the worst price it may take.
LIMIT, IOC, FOK, POST_ONLY, MARKET_TO_LIMIT = 0, 1, 2, 3, 4

# What to do where an order meets one of the same beneficial owner. The taker's mode decides.
STP_NONE, STP_NEWEST, STP_OLDEST, STP_BOTH, STP_DECREMENT = 0, 1, 2, 3, 4

SIDE_SHIFT, TYPE_SHIFT, STP_SHIFT = 2, 3, 6
CODE_MAX = (1 << 9) - 1

# Kinds of report; the first six are those of the public benchmark.
ACCEPTED, TRADED, CANCELLED, MODIFIED, CANCEL_REFUSED, MODIFY_REFUSED = 0, 1, 2, 3, 4, 5
REFUSED = 6  # a new order; `other` is the reason
PRICED = 7  # the rest of a market-to-limit order now rests at the price it traded at last
PREVENTED = 8  # a self-trade: both orders lose the quantity, nobody pays
EXPIRED = 9


class Column(IntEnum):
    """The columns of a report row.

    `other` is the maker of a trade or of a prevented one, the reason of a refusal, else the side.
    """

    KIND = 0
    SEQUENCE = 1
    OTHER = 2
    ORDER = 3
    PRICE = 4
    QUANTITY = 5


COLUMNS = len(Column)

# Reasons of a refusal, in the order in which they are looked for.
BAD_CODE = 1  # no such order type or mode
ORDER_EXISTS = 2  # or, for a cancel and a modify, ORDER_UNKNOWN
ORDER_UNKNOWN = 3
PRICE_OUT_OF_RANGE = 4
QUANTITY_OUT_OF_RANGE = 5
VISIBLE_OUT_OF_RANGE = 6
ALREADY_EXPIRED = 7
BOOK_FULL = 8
WOULD_TAKE = 9  # a post-only order

PRICE_MAX = 10**12  # a billion RMB a token; 40 bits, as the far prices' tree assumes
PRICE_BITS = 40
QUANTITY_MAX = 10**12
ORDERS_MAX = 1 << 22  # with QUANTITY_MAX the sum of a level stays below 2**63
# Refills of one order: without a bound, one message could ask for 10**12 reports.
PARTS_MAX = 100


def code_of(kind: int, side: int = BUY, type: int = LIMIT, stp: int = STP_NONE) -> int:
    """Pack a message's code.

    >>> code_of(NEW, SELL, IOC)
    12
    """
    return kind | side << SIDE_SHIFT | type << TYPE_SHIFT | stp << STP_SHIFT
