"""Whatever the members of a market say, each command gets an answer and the laws hold.

Goal: no command, with any field at any extreme, raises; a refusal changes nothing but the nonce;
and nothing that members say among valid commands makes a posting that must succeed fail. Method: a
busy market's valid commands are said in turn; before each, some are said with a field or more
replaced by a hostile value of its type, and rows are sent that use the ids of others' holds.
"""

import random
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall
from tests.stage import CHIP, GANG, HOST, SINGLE, START, spec

from suanli.chips.commands import RegisterZone
from suanli.clearing import solve
from suanli.domain.rooms import KINDS
from suanli.domain.state_machine import Receipt
from suanli.ledger.commands import Attest, Batch, Grant, Sweep
from suanli.ledger.row import CASH, Kind, Row, RowCode, account
from suanli.market.auction.commands import CloseAuction, EnterOffer, SetLink, SettleAuction
from suanli.market.auction.proposals import proposal
from suanli.market.commands import (
    Convert,
    Entitle,
    Exempt,
    FixStrip,
    GrantCredit,
    Order,
    PostOffer,
    TakeStrip,
    WriteStrip,
)
from suanli.members.commands import SetParameter
from suanli.schedule.commands import Ended, Place, Renew, Started, Stop, Submit
from suanli.settlement.commands import MakeGood, Meter
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import RMB

FAR = "area-2"
INTS = (0, 1, -1, 2, 999, 10**6, 10**9, 10**12, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, -(2**63) + 1,
        START, START + HOUR, DAY_AHEAD)
TEXTS = ("", "x", "|", AREA, SINGLE, CHIP, HOST, "firm", "spot", "\0", "é" * 300, "x" * 5000)


class Street(Hall):
    """A hall in which everything goes on, with hostile passers-by."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)

    # -- hostile values --------------------------------------------------------------------

    def other(self, value: Any) -> Any:
        """Return a hostile value of the same type as a field's."""
        pick = self.random.choice
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return pick((*INTS, value - 1, value + 1, -value))
        if isinstance(value, str):
            return pick(TEXTS)
        if isinstance(value, bytes):
            return pick((b"", value[:-1], value + b"\0", bytes(len(value)), value[::-1]))
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            return self.other_tuple(value)
        return self.mutated(value)

    def other_tuple(self, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if not value or self.random.random() < 0.2:
            return self.random.choice(((), value + value, value * 60))
        place = self.random.randrange(len(value))
        return (*value[:place], self.other(value[place]), *value[place + 1:])

    def mutated(self, record: Any) -> Any:
        """Return a record with some of its fields hostile."""
        names = ([f.name for f in fields(record)] if is_dataclass(record) else record._fields)
        if not names:
            return record
        chosen = self.random.sample(list(names), min(len(names), self.random.choice((1, 1, 2, 3))))
        change = {name: self.other(getattr(record, name)) for name in chosen}
        return (replace(record, **change) if is_dataclass(record)
                else record._replace(**change))

    def rows(self, member: int) -> Batch:
        """Return rows that use, resolve or squat on ids of holds, and odd accounts and amounts."""
        pick, ledger = self.random.choice, self.rooms.ledger
        holds = [*ledger.tables["holds"].items()] or [(b"ord".ljust(16, b"\0"), (0, 0, 1, 0))]
        classes = [CASH, *ledger.tables["classes"]]
        packed = []
        for _ in range(self.random.randint(1, 4)):
            id, (debit, credit, amount, _) = pick(holds)
            klass = pick(classes)
            near = id[:-1] + bytes([(id[-1] + self.random.randint(0, 2)) % 256])
            mine = account(member, klass)
            ends = pick(((debit, credit), (mine, account(pick((0, 1, 2, 3)), klass)),
                         (mine, account(member, klass, pick(list(Kind))))))
            packed.append(Row(int(pick(list(RowCode))), pick((0, 0, 1, 2)), klass, *ends,
                              pick((amount, 0, 1, 2**63 - 1)), id=pick((near, bytes(16))),
                              hold=pick((id, near, bytes(16))),
                              timeout=pick((0, 1, self.at + 1))).pack())
        return Batch(b"".join(packed))

    # -- saying ----------------------------------------------------------------------------

    def tried(self, member: int, command: Any) -> None:
        before = self.domain.roots()
        receipt = self.say(member, command)
        if receipt.code:
            after = self.domain.roots()
            assert {room for room in after if after[room] != before[room]} <= {"members"}, command
        assert self.sums() == {}, command

    def must(self, member: int, command: Any) -> Receipt:
        """Say it among hostile ones; what they change may refuse it, but nothing may break."""
        if not hasattr(self, "auction"):
            return super().must(member, command)
        for _ in range(self.random.randint(0, 3)):
            who = self.random.choice((1, 2, 3))
            self.tried(who, self.rows(who))
            self.tried(self.random.choice((member, 1, 2, 3)), self.mutated(command))
        return self.say(member, command)


def life(street: Street) -> None:
    """A day's valid commands of all rooms, in an order in which they can be accepted."""
    at, now = street.at, START + 9 * HOUR
    said: list[tuple[int, Any]] = [
        (1, Attest(AREA, CHIP, now, 12, 16)), (1, PostOffer(AREA, SINGLE, "firm", 1000)),
        (1, Entitle(3, "grid")), (1, Exempt(2, 900_000, "hedge")), (1, Grant(2, 5 * RMB)),
        (2, Order(1, AREA, SINGLE, "firm", now + HOUR, 0, 1000, 2500, True)),
        (3, Order(1, AREA, SINGLE, "firm", now + HOUR, 0, 900, 500, False)),
        (2, Order(1, AREA, SINGLE, "firm", now + HOUR, 1, 950, 400, False, visible_lots=50)),
        (1, WriteStrip(AREA, SINGLE, "firm", now + HOUR, 3, 300, 500, 900, now + HOUR, 2)),
        (2, TakeStrip(1)), (2, Submit(spec())), (3, Submit(spec(devices=2))),
        (1, Place(1, SINGLE, ((HOST, (0,)),))), (1, Started(1, 1)),
        (2, street.curve(BUY, (1200, 300), (900, 200))), (3, street.flexible(900, 100, 3)),
        (3, street.block(BUY, 1000, 200, group="g")), (1, street.curve(SELL, (800, 700))),
        (1, EnterOffer(street.auction, 1, AREA, SINGLE, "firm",
                       ((DAY_AHEAD, ((700, 90),)), (DAY_AHEAD + HOUR, ((750, 80),))), RMB, 0)),
        (2, street.block(BUY, 1100, 50, parent=1)), (1, RegisterZone("z2", FAR)),
        (1, SetLink(AREA, FAR, 50, 5)), (3, street.curve(BUY, (1400, 40), area=FAR)),
        (1, street.curve(SELL, (850, 50), (900, 9), also=(GANG,))),
        (2, street.curve(BUY, (1500, 30), grade=GANG)),
        (1, GrantCredit(2, 5 * RMB)), (2, Convert(1, AREA, SINGLE, "firm", now + HOUR, 3)),
        (1, SetParameter("headroom_ppm", 100_000)),
        (1, Meter((1,), at)), (1, Renew((1,)))]
    for member, command in said:
        street.must(member, command)
        street.at += MINUTE
    closing(street)
    street.must(2, Convert(1, AREA, SINGLE, "firm", DAY_AHEAD, 300))
    for hour in range(3):
        street.at = max(street.at, DAY_AHEAD) + hour * HOUR + 10 * MINUTE
        for klass in [*street.rooms.ledger.tables["classes"]][:3]:
            street.must(2, MakeGood(klass))
        street.must(3, FixStrip(1))
        street.must(2, Convert(1, AREA, SINGLE, "firm", DAY_AHEAD + 3 * HOUR, 2))
        street.must(1, Stop(1, "time-limit"))
        street.must(1, Ended(1, 1, street.at - 9, street.at - 5, 0, False, 5, 5))
        street.must(1, Sweep(50))


def closing(street: Street) -> None:
    """Close, clear and settle the auction, whatever was said to it."""
    street.at = max(street.at, street.sitting.last)
    street.must(2, CloseAuction(street.auction))
    street.domain.follows(bytes([street.random.randrange(256)]) * 32, street.at)
    street.must(2, CloseAuction(street.auction))
    if street.sitting.status == "clearing":
        auction = street.rooms.market.auctions.frozen(street.auction, street.sitting).auction
        street.must(3, proposal(street.auction, solve(auction, seconds=5).clearing))
    street.at = max(street.at, street.sitting.deadline)
    for _ in range(4):
        street.must(3, SettleAuction(street.auction))


def run(seed: int) -> None:
    street = Street(seed)
    street.opened()
    life(street)


def test_the_life_is_valid_without_passers_by() -> None:
    """Else its commands would be refused early, and the hostile ones try nothing."""
    street = Street(0)
    street.opened()
    street.random.randint = lambda a, b: 0  # type: ignore[method-assign]
    life(street)
    assert {kind.split(".")[0] for kind in KINDS} >= {"market", "schedule"}
    assert street.sitting.status == "settled"
    assert street.rooms.market.credits.owed(1).converted == 300 * 800
    assert street.rooms.schedule.job(1).phase == "ended"


@pytest.mark.parametrize("seed", range(25))
def test_nothing_that_is_said_breaks_anything(seed: int) -> None:
    run(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(25, 500))
def test_nothing_that_is_said_breaks_anything_for_long(seed: int) -> None:
    run(seed)
