"""Random strips, auctions and people who ask for prices: whoever asks whenever, the laws hold.

Goal: conservation in every class and a refusal that changes nothing after every step; on hold is
exactly what the open hours may still cost; an hour's price is what the rule says, whoever asked for
it and when, and never changes; in the end buyers have paid just those prices, and nothing is left.
Method: seeded lives of one operator and two tenants around one auction, whose prices are known
beforehand; the rule is spelled out here.
"""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall
from tests.stage import SINGLE

from suanli.clearing import solve
from suanli.ledger.commands import Sweep
from suanli.market.commands import FixStrip, Order, TakeStrip, WithdrawStrip, WriteStrip
from suanli.settlement.commands import MakeGood
from suanli.terms.instant import DAY, HOUR, MINUTE
from suanli.terms.quantity import LOT

HOURS = 6  # of the day's
PRICES = range(500, 1500)


class Life:
    """A hall with what a checker has to remember of it."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.hall = Hall().opened()
        self.begun = {who: self.hall.cash(who) for who in (1, 2, 3)}
        self.auctioned = {hour: chance.choice(PRICES) for hour in range(HOURS)
                          if chance.random() < 0.6}
        self.taken: dict[int, Any] = {}  # as last seen
        self.paid = {2: 0, 3: 0}  # micro-RMB between the tenants, in the book

    @property
    def market(self) -> Any:
        return self.hall.rooms.market

    def say(self, who: int, command: Any) -> bool:
        before = self.hall.domain.roots()
        receipt = self.hall.say(who, command)
        if receipt.code:
            after = self.hall.domain.roots()
            assert {room for room in after if after[room] != before[room]} <= {"members"}
        self.look()
        return not receipt.code

    def look(self) -> None:
        """Hold the state against the laws."""
        assert self.hall.sums() == {}
        open_hours = 0
        for id, taken in self.market.tables["strips_taken"].items():
            old = self.taken.get(id)
            assert old is None or all(new == was for new, was in zip(
                taken.prices, old.prices, strict=True) if was)
            open_hours += taken.prices.count(0) * (
                taken.strip.cap_mrmb - taken.strip.floor_mrmb) * taken.strip.lots
            self.taken[id] = taken
        held = [hold[2] for id, hold in self.hall.rooms.ledger.tables["holds"].items()
                if id.startswith(b"stp")]
        assert sum(held) == open_hours

    # -- what people do --------------------------------------------------------------------

    def act(self) -> None:
        chance = self.chance
        act = chance.choice([self.write, self.take, self.take, self.sell_on])
        if act is not self.sell_on or self.hall.at > DAY_AHEAD - DAY + 12 * HOUR:
            act()
        self.say(chance.choice([1, 2, 3]), FixStrip(chance.choice([*self.taken, 99])))
        if chance.random() < 0.1:
            self.say(1, chance.choice([Sweep(100), WithdrawStrip(chance.randrange(8))]))

    def write(self) -> None:
        chance = self.chance
        hour = chance.randrange(HOURS)
        floor, cap = chance.choice(PRICES), chance.choice(PRICES)
        start = DAY_AHEAD + hour * HOUR
        self.say(1, WriteStrip(AREA, SINGLE, "firm", start, chance.randint(1, HOURS - hour),
                               chance.choice([1, 700, 9000]), floor,
                               chance.choice([cap, floor, max(cap, floor)]),
                               chance.choice([start, start, self.hall.at + 1]),
                               chance.choice([1, 2])))

    def take(self) -> None:
        offered = [*self.market.tables["strips"], 99]
        self.say(self.chance.choice([2, 3]), TakeStrip(self.chance.choice(offered)))

    def sell_on(self) -> None:
        """One tenant sells the other what it has of an hour, if it has it."""
        seller, hour = self.chance.choice([2, 3]), self.chance.randrange(HOURS)
        product = (1, AREA, SINGLE, "firm", DAY_AHEAD + hour * HOUR)
        # below the posted price, so that what is bought is the other's
        lots = self.chance.choice([1, 400])
        if self.say(seller, Order(*product, SELL, 400, lots, False)):
            assert self.say(5 - seller, Order(*product, BUY, 400, lots, True))
            self.paid[seller] -= 400 * lots
            self.paid[5 - seller] += 400 * lots

    def auction(self) -> None:
        hall = self.hall
        for hour, price in self.auctioned.items():
            hall.order(1, hall.curve(SELL, (price, 10), hour=hour))
            hall.order(3, hall.curve(BUY, (price, 10), hour=hour, issuer=0))
            self.paid[3] += price * 10
        hall.close()
        frozen = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting)
        assert hall.clear(2, solve(frozen.auction, seconds=2.0).clearing).code == 0
        assert hall.settle() == "settled"
        self.look()

    # -- what it must come to --------------------------------------------------------------

    def rule(self, taken: Any, hour: int) -> int:
        low, high = taken.strip.floor_mrmb, taken.strip.cap_mrmb
        price = self.auctioned.get((taken.strip.start - DAY_AHEAD) // HOUR + hour)
        return (low + high) // 2 if price is None else sorted((low, price, high))[1]

    def judge(self) -> None:
        spent = dict(self.paid)
        for taken in self.taken.values():
            strip = taken.strip
            costs = [self.rule(taken, hour) * strip.lots for hour in range(strip.hours)]
            assert all(strip.floor_mrmb * strip.lots <= cost <= strip.cap_mrmb * strip.lots
                       for cost in costs)
            assert all(price in (0, self.rule(taken, hour))
                       for hour, price in enumerate(taken.prices))
            spent[taken.buyer] += sum(costs)
        for who, amount in spent.items():
            assert self.begun[who] - self.hall.cash(who) == amount
        assert self.hall.cash(1) - self.begun[1] == sum(spent.values())
        assert not self.hall.rooms.ledger.tables["holds"]
        assert not self.market.tables["strips_taken"]
        assert not self.market.tables["strips"]

    def contracts_are_bounded(self) -> None:
        """Nobody's mean price of what it still has is above the highest that it paid."""
        dearest = max([1500, *self.auctioned.values()])
        for (_, _), contract in self.hall.rooms.settlement.tables["contracts"].items():
            assert contract.cash * LOT <= contract.tokens * dearest


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_from_writing_to_the_last_hour(seed: int) -> None:
    life = Life(random.Random(seed))
    for _ in range(6):
        life.act()
    life.auction()
    for step in range(4 * HOURS):
        life.hall.at = max(life.hall.at, DAY_AHEAD - HOUR + step * 20 * MINUTE)
        life.act()
        life.contracts_are_bounded()
    life.hall.at = DAY_AHEAD + HOURS * HOUR
    for klass in list(life.hall.rooms.ledger.tables["classes"]):
        life.say(2, MakeGood(klass))  # nothing was missing
    life.say(1, Sweep(0))
    life.judge()
