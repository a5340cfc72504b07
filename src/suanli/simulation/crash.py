"""The flash-crash drill: one seeded flow of orders through the real domain, twice.

Simulated. Makers quote about what they think the price is; noise traders take from them; then a
large seller sweeps the book, whatever the price, and the makers, who see the price fall, withdraw.
Below them stand a few stub bids, far away. Value buyers, who know what an hour is worth, notice a
low price only after a while, as people do. Both runs have the same people with the same chances;
what differs is the regulator's parameters: no bands, or the bands of the market's reference page.

Every order is a signed envelope that the state machine answers; the drill sees what anybody sees:
receipts, the book, and where the product stands.
"""

import random
from dataclasses import dataclass, field
from typing import Any

from suanli.chips.datasheet import parse
from suanli.domain.state_machine import Domain, Receipt
from suanli.ledger.commands import Attest, Grant
from suanli.ledger.row import class_of
from suanli.loop.agent import Agent
from suanli.market.book import BUY, SELL
from suanli.market.commands import Cancel, Order, PostOffer, Reopen
from suanli.market.halts import HALTED, OPEN, REOPENING
from suanli.market.product import Product
from suanli.members.commands import Register, SetParameter
from suanli.planning.onboarding import Fleet, HostGroup, onboard
from suanli.simulation.world import EPOCH, World
from suanli.terms.errors import InvariantBroken
from suanli.terms.instant import HOUR, SECOND
from suanli.terms.quantity import RMB

CHIP = "h100-sxm-80"
GRADE = f"{CHIP}-llm-training-single"
WORTH = 1000  # milli-RMB a token: what an hour is worth throughout; nothing happened to it
STEPS = 1200  # seconds: five minutes of calm, the sweep, a quarter of an hour after it
SWEEP_AT, SWEEP_LOTS = 300, 1200
MAKERS, NOISE, VALUE, STUBS = 5, 4, 6, 4
# The reference page's bands: static a fifth of the last auction, dynamic a tenth of the mean.
PROTECTIONS = {"band_static_ppm": 200_000, "band_dynamic_ppm": 100_000}


@dataclass(frozen=True, slots=True)
class Crash:
    """What one run showed. Prices in milli-RMB a token, volume in lots, times in seconds."""

    drawdown: float  # the largest fall of the traded price from its highest before, as a part
    price_low: int
    halted_s: int
    limit_states: int
    volume: int
    seller_lots: int  # what the large seller sold
    seller_mean: int  # and what it got for it
    refused: int


@dataclass(slots=True)
class Person:
    """Somebody who trades, with its own chances: the same in both runs."""

    agent: Agent
    chance: random.Random
    resting: list[int] = field(default_factory=list)
    away_until: int = 0
    noticed: int = -1  # step at which a value buyer saw the low price; -1: not yet
    opinion: float = WORTH


class Drill:
    """One market, its people, and the tape that all of them read."""

    def __init__(self, datasheet: str, seed: int, parameters: dict[str, int],
                 sees_halts: bool = True) -> None:
        self.sees_halts = sees_halts  # whether value buyers do: a halt is public
        fleet = Fleet((HostGroup("z", "area", CHIP, 8, 64),), WORTH)
        self.world = World("crash", seed, EPOCH, (("operator", fleet),), (), datasheet)
        self.domain = Domain(self.world.genesis())
        self.product = Product(2, "area", GRADE, "firm", EPOCH + HOUR)
        self.at = EPOCH
        self.tape: list[tuple[int, int, int, int]] = []  # (step, price, lots, seller)
        self.refused = 0
        self.governor, self.operator = (
            Agent(self.world.key(name), self.domain.genesis.chain, id)
            for id, name in enumerate(("governor", "operator"), start=1))
        self._open(fleet, datasheet)
        self.makers, self.noise, self.value, self.stubs, self.sellers = (
            [self._admit(f"{kind}-{number}") for number in range(count)]
            for kind, count in (("maker", MAKERS), ("noise", NOISE), ("value", VALUE),
                                ("stub", STUBS), ("seller", 1)))
        # The posted price stands above what is traded here: it bounds the price from above only.
        self._must(self.operator, PostOffer("area", GRADE, "firm", 2 * WORTH))
        for name, value in parameters.items():
            self._must(self.governor, SetParameter(name, value))

    def _open(self, fleet: Fleet, datasheet: str) -> None:
        for command in onboard(fleet, parse(datasheet)):
            self._must(self.operator, command)
        self._must(self.operator, Attest("area", CHIP, EPOCH, 2, 512))

    def _admit(self, name: str) -> Person:
        key = self.world.key(name)
        member = self._must(self.governor, Register(name, ("tenant",), bytes(key.verify_key)))
        id = member.answer["member"]
        self._must(self.governor, Grant(id, 10**6 * RMB))
        person = Person(Agent(key, self.domain.genesis.chain, id),
                        random.Random(f"{self.world.seed}/{name}"))
        lots = 5000 if name.startswith("seller") else 2000
        self._must(person.agent, self._order(BUY, WORTH, lots, True))
        return person

    def _order(self, side: int, price: float, lots: int, is_ioc: bool) -> Order:
        return Order(*self.product, side, max(1, round(price)), lots, is_ioc)

    def _must(self, agent: Agent, command: Any) -> Receipt:
        receipt = self.domain.apply(agent.sign(command), self.at)
        if receipt.code:
            raise InvariantBroken(f"the drill's own set-up was refused: {receipt.reason}")
        return receipt

    # -- what people do --------------------------------------------------------------------

    def say(self, person: Person, step: int, command: Any) -> None:
        """Send a command; note its trades, and what of it rests."""
        receipt = self.domain.apply(person.agent.sign(command), self.at)
        if receipt.code:
            self.refused += 1
            return
        answer = receipt.answer
        self.tape += [(step, price, lots, seller)
                      for seller, _, price, lots in answer.get("trades", ())]
        if answer.get("left"):
            person.resting.append(answer["order"])

    @property
    def last(self) -> int:
        return self.tape[-1][1] if self.tape else WORTH

    @property
    def phase(self) -> str:
        guard = self.domain.rooms.market.guard(self.product, self.at)
        return guard.watch.phase(guard.rules, self.at)

    def withdraw(self, person: Person, step: int) -> None:
        """Cancel what still rests of a person's orders."""
        standing = self.domain.rooms.market.tables["orders"]
        for order in person.resting:
            if order in standing:
                self.say(person, step, Cancel(order))
        person.resting = []

    def make(self, maker: Person, step: int, fall: float) -> None:
        """Quote both sides about an opinion that follows the price; flee from a fall of 3 %."""
        drawn = maker.chance.uniform(0.004, 0.012), maker.chance.randint(10, 30)
        maker.opinion += 0.1 * (self.last - maker.opinion)
        if fall > 0.03 and step >= maker.away_until:
            maker.away_until = step + 180
            self.withdraw(maker, step)
        if step < maker.away_until or step % 5:
            return
        self.withdraw(maker, step)
        spread, lots = drawn
        self.say(maker, step, self._order(BUY, maker.opinion * (1 - spread), lots, False))
        self.say(maker, step, self._order(SELL, maker.opinion * (1 + spread), lots, False))

    def trade(self, trader: Person, step: int) -> None:
        """Take a little from either side, now and then."""
        acts, side = trader.chance.random() < 0.3, trader.chance.choice((BUY, SELL))
        lots = trader.chance.randint(1, 8)
        if acts:
            slip = 1.02 if side == BUY else 0.98
            self.say(trader, step, self._order(side, self.last * slip, lots, True))

    def value_buy(self, buyer: Person, step: int) -> None:
        """Bid below worth, one to three minutes after a low price or a halt was seen."""
        delay, discount = buyer.chance.randint(60, 180), buyer.chance.uniform(0.02, 0.08)
        if buyer.noticed < 0 and (self.last <= 0.9 * WORTH
                                   or (self.sees_halts and self.phase != OPEN)):
            buyer.noticed = step + delay
        if buyer.noticed == step:
            self.say(buyer, step, self._order(BUY, WORTH * (1 - discount), 800, False))

    def sweep(self, step: int) -> None:
        """Sell at any price, a slice every other second, until all is sold."""
        seller = self.sellers[0]
        lots = min(seller.chance.randint(20, 40), SWEEP_LOTS - self._sold()[1])
        if step >= SWEEP_AT and step % 2 == 0 and lots:
            self.say(seller, step, self._order(SELL, 1, lots, True))

    def _sold(self) -> tuple[int, int]:
        """Return (micro-RMB, lots) of what the large seller has sold."""
        id = self.sellers[0].agent.member
        mine = [(price * lots, lots) for _, price, lots, seller in self.tape if seller == id]
        return sum(cash for cash, _ in mine), sum(lots for _, lots in mine)

    # -- the run ---------------------------------------------------------------------------

    def go(self) -> Crash:
        """Run the whole flow; return what it showed."""
        halted, limits, before = 0, 0, OPEN
        for stub in self.stubs:
            self.say(stub, 0, self._order(BUY, WORTH * stub.chance.uniform(0.1, 0.6), 300, False))
        for step in range(STEPS):
            self.at = EPOCH + step * SECOND
            if self.phase == REOPENING:
                self.say(self.makers[0], step, Reopen(*self.product))
            self._second(step)
            phase = self.phase
            halted += phase in (HALTED, REOPENING)
            limits += phase != OPEN and before == OPEN
            before = phase
        self._check()
        return self._as_crash(halted, limits)

    def _second(self, step: int) -> None:
        minute_ago = next((p for s, p, *_ in reversed(self.tape) if s <= step - 60), WORTH)
        fall = 1 - self.last / minute_ago
        for maker in self.makers:
            self.make(maker, step, fall)
        for trader in self.noise:
            self.trade(trader, step)
        for buyer in self.value:
            self.value_buy(buyer, step)
        self.sweep(step)

    def _check(self) -> None:
        """In every class, what left accounts is what reached accounts."""
        sums: dict[int, int] = {}
        for id, (debits, credits, *_) in self.domain.rooms.ledger.tables["accounts"].items():
            sums[class_of(id)] = sums.get(class_of(id), 0) + credits - debits
        if any(sums.values()):
            raise InvariantBroken(f"the drill's accounts do not sum to nothing: {sums}")

    def _as_crash(self, halted: int, limits: int) -> Crash:
        highest, drawdown = 0, 0.0
        for _, price, *_ in self.tape:
            highest = max(highest, price)
            drawdown = max(drawdown, 1 - price / highest)
        cash, sold = self._sold()
        return Crash(drawdown, min(p for _, p, *_ in self.tape), halted, limits,
                     sum(n for *_, n, _ in self.tape), sold, cash // max(1, sold), self.refused)


def cut_of(found: dict[str, Crash]) -> float:
    """Return the part of the drawdown that the protections took away."""
    return 1 - found["with"].drawdown / found["without"].drawdown


def drill(datasheet: str, seed: int, sees_halts: bool = True) -> dict[str, Crash]:
    """Return what the same flow did without and with the protections."""
    return {"without": Drill(datasheet, seed, {}, sees_halts).go(),
            "with": Drill(datasheet, seed, PROTECTIONS, sees_halts).go()}
