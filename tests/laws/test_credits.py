"""Random lives of credits: granted, given back, converted, among buyers of the same hours.

Goal: after every step, face burned = price x lots; outstanding = granted - converted - returned, by
member and in all; nothing is issued above attestation; every class sums to zero; a refusal changes
nothing. Method: a rule machine on hours whose auction prices are known; the books of credits are
kept here again, apart from the code.
"""

from collections import defaultdict
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.hall import AREA, BUY, DAY_AHEAD, SELL, Hall
from tests.stage import SINGLE

from suanli.domain.state_machine import Receipt
from suanli.ledger.commands import Batch, Sweep
from suanli.ledger.row import Row, RowCode, account, class_of
from suanli.market.auction.commands import OpenAuction
from suanli.market.commands import Convert, GrantCredit, Order
from suanli.market.product import credit_of
from suanli.terms.canonical import decode
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import LOT, RMB

PRICES = {0: 800, 1: 1203}  # by hour; the third was never auctioned
tenants = st.sampled_from([2, 3])
hours = st.integers(0, 2)
amounts = st.sampled_from([1, 799, RMB, 9 * RMB, 0, -1, 2**63 - 1])
many = st.sampled_from([1, 7, 400, 3_000, 11_000, 0, -1, 10**12])


def priced_hours() -> Hall:
    """A hall in which two hours of a day have been auctioned, each in a session of its own."""
    hall = Hall().opened()
    hall.priced(PRICES[0], hour=0)
    hall.at = DAY_AHEAD - 11 * HOUR
    hall.auction = int(hall.must(2, OpenAuction("intraday-1", DAY_AHEAD)).answer["auction"])
    hall.priced(PRICES[1], hour=1)
    return hall


class Credits(RuleBasedStateMachine):
    """Most of what is said is valid for the state it is said in; some of it is not."""

    def __init__(self) -> None:
        super().__init__()
        self.hall = priced_hours()
        self.left: dict[int, int] = defaultdict(int)  # member -> face
        self.granted = self.converted = self.returned = 0

    def say(self, member: int, command: Any) -> Receipt:
        """Say it; a refusal leaves every room but the nonces as it was."""
        before = self.hall.domain.roots()
        receipt = self.hall.say(member, command)
        if receipt.code or any(receipt.codes):
            after = self.hall.domain.roots()
            assert {room for room in after if after[room] != before[room]} <= {"members"}
        return receipt

    @rule(who=tenants, amount=amounts)
    def grant(self, who: int, amount: int) -> None:
        if not self.say(1, GrantCredit(who, amount)).code:
            self.left[who] += amount
            self.granted += amount

    @rule(who=tenants, hour=hours, lots=many)
    def convert(self, who: int, hour: int, lots: int) -> None:
        before = self.hall.lots(who, hour)
        receipt = self.say(who, Convert(1, AREA, SINGLE, "firm", DAY_AHEAD + hour * HOUR, lots))
        if not receipt.code:
            face = PRICES[hour] * lots
            assert receipt.answer["face_micro_rmb"] == face
            assert self.hall.lots(who, hour) == before + lots
            self.left[who] -= face
            self.converted += face

    @rule(who=tenants, to=st.sampled_from([1, 2, 3, 99]), amount=amounts, is_hold=st.booleans())
    def move(self, who: int, to: int, amount: int, is_hold: bool) -> None:
        """Back to the issuer, or where it may not go."""
        credit = self.hall.rooms.ledger.class_id(*credit_of(1))
        if credit is None:
            return
        code = RowCode.HOLD if is_hold else RowCode.TRANSFER
        row = Row(code, 0, credit, account(who, credit), account(to, credit), amount,
                  id=b"mine".ljust(16, b"."))
        if self.say(who, Batch(row.pack())).codes == (0,):
            assert (code, to) == (RowCode.TRANSFER, 1)
            self.left[who] -= amount
            self.returned += amount

    @rule(who=tenants, hour=hours, lots=many, side=st.sampled_from([BUY, BUY, SELL]))
    def trade(self, who: int, hour: int, lots: int, side: int) -> None:
        """Others want the same device time, and what was converted is sold on."""
        start = DAY_AHEAD + hour * HOUR
        self.say(who, Order(1, AREA, SINGLE, "firm", start, side, 1000, lots, side == BUY))

    @rule(minutes=st.sampled_from([1, 200, 500]))
    def time_passes(self, minutes: int) -> None:
        self.hall.at += minutes * MINUTE

    @rule()
    def sweep(self) -> None:
        self.say(1, Sweep(10))

    @invariant()
    def every_class_sums_to_zero(self) -> None:
        assert self.hall.sums() == {}

    @invariant()
    def outstanding_is_granted_less_converted_and_returned(self) -> None:
        market, ledger = self.hall.rooms.market, self.hall.rooms.ledger
        outstanding = {who: face for who, face in self.left.items() if face}
        owed = market.credits.owed(1)
        assert owed == (self.granted, self.converted, self.returned, outstanding)
        assert sum(outstanding.values()) == self.granted - self.converted - self.returned
        credit = ledger.class_id(*credit_of(1))
        assert {who: ledger.available(account(who, credit)) for who in outstanding} == outstanding
        assert credit not in {class_of(hold[0]) for _, hold in ledger.tables["holds"].items()}

    @invariant()
    def issued_stays_within_attested(self) -> None:
        ledger = self.hall.rooms.ledger
        used: dict[int, int] = defaultdict(int)
        for (klass, attestation), tokens in ledger.tables["issued"].items():
            assert ledger.token_class(klass).tier == "firm"
            used[attestation] += -(-tokens * 1000 // 1_000_000)  # the only chip is the reference
        for id, tokens_ms in used.items():
            assert tokens_ms <= ledger.attestation(id).consumed_ms
            assert ledger.attestation(id).consumed_ms <= ledger.attestation(id).device_ms

    @invariant()
    def reservations_are_what_is_owned(self) -> None:
        for (owner, klass), tokens in self.hall.rooms.schedule.tables["reservations"].items():
            debits, credits, *_ = self.hall.rooms.ledger.balance(account(owner, klass))
            assert tokens == credits - debits
            assert tokens % LOT == 0

    def teardown(self) -> None:
        again = Hall()
        again.domain.restore(decode(self.hall.domain.snapshot()))
        assert again.domain.roots() == self.hall.domain.roots()


TestCredits = Credits.TestCase
TestCredits.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
