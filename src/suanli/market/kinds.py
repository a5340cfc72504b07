"""Order kinds of the spot book as commands have them: which fields go together, and what follows.

| fields                               | kind                                                   |
|--------------------------------------|--------------------------------------------------------|
| none                                 | limit: takes what it can, and rests                    |
| `is_ioc`                             | takes what it can; the rest is dropped                 |
| `is_ioc`, `time_in_force` "fok"      | trades in full at once, or is refused                  |
| `time_in_force` "until", `until`     | rests till an instant                                  |
| `is_post_only`                       | rests, or is refused where it would take anything      |
| `visible_lots`                       | iceberg: only so much of it queues at a time           |
| `is_market`                          | takes down to its price; the rest stays at the last    |
|                                      | trade's, and is dropped if there was none              |

A market-to-limit order and a post-only one exclude each other; so do IOC (and FOK) and whatever is
about resting. `self_trade` goes with all of them.

Laws
----
* An order past its `until` takes part in nothing: whatever touches its book takes it out, and the
  sweep what nobody touches.
* A modified order keeps its kind.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from itertools import takewhile
from typing import Any, NamedTuple

from suanli.market.book import BUY, Fill
from suanli.market.book.messages import (
    PARTS_MAX,
    QUANTITY_MAX,
    STP_BOTH,
    STP_DECREMENT,
    STP_NEWEST,
    STP_NONE,
    STP_OLDEST,
)
from suanli.market.commands import Order
from suanli.terms.refusals import Code, Refusal

FOK, UNTIL = "fok", "until"
MODES = {"": STP_NONE, "newest": STP_NEWEST, "oldest": STP_OLDEST, "both": STP_BOTH,
         "decrement": STP_DECREMENT}


def kind_refusal(order: Order, at: int) -> Refusal | None:
    """Return why an order's fields do not go together, or None."""
    if contradiction := _contradiction(order):
        return Refusal(Code.ORDER_KIND_CONTRADICTS, contradiction)
    if order.time_in_force == UNTIL and order.until <= at:
        return Refusal(Code.ORDER_EXPIRED, f"good till {order.until}, and it is {at}; an instant "
                       "ahead is accepted")
    visible = order.visible_lots
    if visible and not (0 < visible <= QUANTITY_MAX and visible * PARTS_MAX >= order.lots):
        return Refusal(Code.VISIBLE_OUT_OF_RANGE, f"{visible} of {order.lots} lots visible; all "
                       f"(0), or a part of {PARTS_MAX} or fewer is accepted")
    return None


def _contradiction(order: Order) -> str:
    """Say what of an order's fields contradicts what, or nothing."""
    if order.time_in_force not in ("", FOK, UNTIL):
        return f"time in force {order.time_in_force!r}; '', {FOK!r} or {UNTIL!r} is accepted"
    if order.self_trade not in MODES:
        return f"self-trade mode {order.self_trade!r}; {', '.join(map(repr, MODES))} are accepted"
    if (order.time_in_force == UNTIL) != bool(order.until):
        return f"time in force {UNTIL!r} and `until` go together, found {order.until}"
    if order.time_in_force == FOK and not order.is_ioc:
        return "a fill-or-kill order does not rest: `is_ioc` goes with it"
    if order.is_ioc and (order.until or order.is_post_only or order.visible_lots
                         or order.is_market):
        return ("an order that does not rest is neither good-till, post-only, an iceberg nor "
                "market-to-limit")
    if order.is_post_only and order.is_market:
        return "a post-only order takes nothing, a market-to-limit order takes first"
    return ""


def outcome_refusal(order: Order, filled: int, is_touched: bool, is_stopped: bool,
                    is_held_back: bool) -> Refusal | None:
    """Return why an order of its kind may not do what it would do, or None.

    `is_touched`: it would trade, or take one of its owner's orders out. `is_stopped`: it meets
    one and must stop. `is_held_back`: its band keeps it from a trade.
    """
    if order.time_in_force == FOK and filled < order.lots:
        return Refusal(Code.NOT_FILLED_WHOLE, f"{filled} of {order.lots} lots would trade; a "
                       "fill-or-kill order trades in full or not at all")
    if order.is_post_only and (is_touched or is_stopped or is_held_back):
        return Refusal(Code.WOULD_TAKE, f"a post-only order would take at {order.price_mrmb} "
                       f"milli-RMB a token; {'lower' if order.side == BUY else 'higher'} is "
                       "accepted")
    if is_stopped and not is_touched:
        return Refusal(Code.SELF_TRADE, f"at {order.price_mrmb} milli-RMB a token it would trade "
                       f"with an order of yours, and its mode is {order.self_trade!r}")
    return None


class Met(NamedTuple):
    """All that an incoming order does to one resting order; the first four are as in `Fill`."""

    maker: int
    price: int
    quantity: int
    kind: int
    shown: int  # what is visible of it afterwards
    is_refilled: bool  # it is at the back of its level now


def met_by(fills: Iterable[Fill], orders: Any) -> list[Met]:
    """Return what fills do to each resting order (`Resting`).

    Those that are refilled are last, in the order in which they queue up.
    """
    found: dict[int, Met] = {}
    for fill in fills:
        order = orders[fill.maker]
        old = found.get(fill.maker)
        quantity = fill.quantity + (old.quantity if old else 0)
        left = order.lots - quantity
        shown = (old.shown if old else order.shown_lots or order.lots) - fill.quantity
        is_refill = left > 0 and not shown
        if is_refill:
            shown = min(order.visible_lots, left)
            found.pop(fill.maker, None)
        found[fill.maker] = Met(*fill[:2], quantity, fill.kind, shown,
                                is_refill or bool(old and old.is_refilled))
    return sorted(found.values(), key=lambda met: met.is_refilled)


class Expiries:
    """The good-till orders of each product by instant; derived from the market's orders."""

    def __init__(self) -> None:
        # product -> (until, order), ascending; none is empty
        self._orders: dict[tuple[int, str, str, str, int], list[tuple[int, int]]] = {}

    def note(self, id: int, old: Any, new: Any) -> None:
        """Take notice of a write of a resting order (`Resting`); None: it is not there."""
        if old and old.until:
            mine = self._orders[old.product]
            del mine[bisect_left(mine, (old.until, id))]
            if not mine:
                del self._orders[old.product]
        if new and new.until:
            insort(self._orders.setdefault(new.product, []), (new.until, id))

    def due(self, product: tuple[int, str, str, str, int], at: int) -> list[int]:
        """Return the orders of a product that are over, the earliest first."""
        mine = self._orders.get(product, ())
        return [id for _, id in takewhile(lambda entry: entry[0] <= at, mine)]
