"""The market room does with orders of every kind what the book's reference does with messages.

Goal: the same queues, shown and hidden, after every command. Method: random commands of two
tenants in a product that nobody issues any more; the same as messages to `Reference`. Where the
room refuses what would end without a trace, the reference cancels it: the queues say the same.
"""

import random
from typing import Any

import pytest
from tests.stage import SINGLE, START, Stage
from tests.unit.market.test_state import order

from suanli.market.book import BUY, SELL
from suanli.market.book.messages import (
    CANCEL,
    EXPIRE,
    FOK,
    IOC,
    LIMIT,
    MARKET_TO_LIMIT,
    MODIFY,
    NEW,
    POST_ONLY,
    code_of,
)
from suanli.market.book.reference import Reference
from suanli.market.commands import Cancel, Modify, PostOffer
from suanli.market.kinds import MODES
from suanli.market.product import Product
from suanli.terms.instant import HOUR, SECOND
from suanli.terms.refusals import Code

PRODUCT = Product(1, "area-1", SINGLE, "firm", START + HOUR)
TYPES: dict[int, dict[str, Any]] = {
    LIMIT: {}, IOC: {"is_ioc": True}, FOK: {"is_ioc": True, "time_in_force": "fok"},
    POST_ONLY: {"is_post_only": True}, MARKET_TO_LIMIT: {"is_market": True}}


class Pair:
    """A room and a reference that are told the same."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.stage, self.reference = Stage().opened(), Reference()
        for member in (2, 3):
            self.stage.must(member, order(BUY, 1000, 5000, True))
        self.stage.must(1, PostOffer("area-1", SINGLE, "firm", 0))
        self.filled = 0

    def step(self) -> None:
        self.stage.at += self.chance.choice([0, SECOND, 5 * SECOND])
        self.reference.submit(EXPIRE, 0, until=self.stage.at)
        live = [(id, o) for id, o in self.stage.rooms.market.tables["orders"].items()
                if not o.is_over(self.stage.at)]
        what = self.chance.random()
        if what < 0.75 or not live:
            self.enter()
        elif what < 0.85:
            id, resting = self.chance.choice(live)
            self.stage.must(resting.owner, Cancel(id))
            self.reference.submit(CANCEL, id)
        else:
            self.modify(*self.chance.choice(live))

    def enter(self) -> None:
        type, side = self.chance.choice(list(TYPES)), self.chance.choice([BUY, SELL])
        price, lots = self.chance.randint(5, 12), self.chance.randint(1, 30)
        mode, owner = self.chance.choice(list(MODES)), self.chance.choice([2, 3])
        fields, visible, until = TYPES[type], 0, 0
        if type not in (IOC, FOK):
            visible = self.chance.choice([0, 0, 3, 10])
            until = self.chance.choice([0, 0, self.stage.at + 20 * SECOND])
            fields = fields | {"visible_lots": visible, "until": until,
                               "time_in_force": "until" if until else ""}
        command = order(side, price, lots, **{"is_ioc": False, **fields, "self_trade": mode})
        receipt = self.stage.say(owner, command)
        assert receipt.code != Code.INSUFFICIENT_BALANCE
        self.filled += receipt.answer.get("filled", 0)
        self.reference.submit(code_of(NEW, side, type, MODES[mode]),
                              receipt.answer.get("order", 0), price, lots, owner, visible, until)

    def modify(self, id: int, resting: Any) -> None:
        """Not of an order that would stop: the room refuses that, the reference cancels."""
        price, lots = self.chance.randint(5, 12), self.chance.randint(1, 30)
        if resting.self_trade != "newest":
            self.stage.say(resting.owner, Modify(id, price, lots))
            self.reference.submit(code_of(MODIFY), id, price, lots)

    def queues(self) -> list[list[tuple[int, ...]]]:
        """Return the queues of the room, less what is over and yet untouched."""
        book, orders = self.stage.rooms.market.books.get(PRODUCT), self.stage.rooms.market.tables
        return [[row for row in queue_of(book, side)
                 if not orders["orders"][row[0]].is_over(self.stage.at)] for side in (BUY, SELL)]


def queue_of(book: Any, side: int) -> list[tuple[int, ...]]:
    return [(id, o.price, o.visible, o.hidden, o.part, o.owner)
            for id, o in (book.queue(side) if book else ())]


@pytest.mark.parametrize("seed", range(10))
def test_the_room_and_the_reference_have_the_same_queues(seed: int) -> None:
    pair = Pair(seed)
    for step in range(300):
        pair.step()
        expected = [queue_of(pair.reference.book, side) for side in (BUY, SELL)]
        assert pair.queues() == expected, (seed, step)
    assert pair.filled > 100  # lots: else it has compared next to nothing
