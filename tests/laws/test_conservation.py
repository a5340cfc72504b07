"""Random lives of a small market: whatever is said, the laws hold after every step.

Goal: conservation in every class, supply within attestation, no device sold twice, a refusal
changes nothing but the nonce, a snapshot restores to the same roots. Method: a rule machine says
valid and invalid commands at random; the laws are spelled out here, apart from the code.
"""

from collections import defaultdict
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.stage import CHIP, GANG, HOST, SINGLE, START, Stage, spec

from suanli.ledger.commands import Attest, Batch, Sweep
from suanli.ledger.row import CASH, DOMAIN_IDS, Kind, Row, RowCode, account
from suanli.market.commands import (
    Cancel,
    Convert,
    FixStrip,
    GrantCredit,
    Modify,
    Order,
    Reopen,
    TakeStrip,
    WriteStrip,
)
from suanli.market.product import credit_of
from suanli.members.commands import SetParameter
from suanli.schedule.commands import Cancel as CancelJob
from suanli.schedule.commands import Ended, Place, Preempt, Renew, Started, Stop, Submit
from suanli.settlement.commands import Meter
from suanli.terms.canonical import decode
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import LOT, RMB
from suanli.terms.refusals import Code

tenants = st.sampled_from([2, 3])
pick = st.integers(0, 20)  # an index into whatever is there, wrapped
seldom = st.integers(0, 9).map(lambda n: n == 0)  # hypothesis shrinks it to the valid case
FOK, UNTIL = {"time_in_force": "fok", "is_ioc": True}, {"time_in_force": "until"}
kinds = st.sampled_from([{}, {}, {"is_ioc": True}, FOK, UNTIL, {"is_post_only": True},
                         {"visible_lots": 7}, {"visible_lots": 40, **UNTIL}, {"is_market": True},
                         {**FOK, "is_post_only": True}])
modes = st.sampled_from(["", "", "newest", "oldest", "both", "decrement"])
amounts = st.sampled_from([1, 10, 700 * RMB, 0, -1, 2**63 - 1])
HOLD_ID = b"held".ljust(16, b".")


def queues(stage: Stage) -> dict[Any, list[tuple[int, ...]]]:
    """Return who would trade next in each book, with what is shown and hidden."""
    return {product: [(side, id, o.price, o.visible, o.hidden, o.owner)
                      for side in (0, 1) for id, o in book.queue(side)]
            for product, book in stage.rooms.market.books.items()}


class Market(RuleBasedStateMachine):
    """Most of what is said is valid for the state it is said in; some of it is not."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage().opened()
        self.stage.must(1, SetParameter("preempt_devices_ppm_per_hour", 1_000_000))

    def say(self, member: int, command: object) -> None:
        """Say it; a refusal leaves every room but the nonces as it was."""
        before = self.stage.domain.roots()
        receipt = self.stage.say(member, command)
        if receipt.code:
            after = self.stage.domain.roots()
            assert {k for k in after if after[k] != before[k]} <= {"members"}

    def job(self, k: int, *wanted: str) -> int:
        """A job in one of the phases, or one that is not there."""
        ids = self.stage.rooms.schedule.ids_in(*wanted)  # the last is the youngest
        return ids[k % len(ids)] if ids else 999

    @rule(minutes=st.sampled_from([1, 7, 30, 55, 61, 1500]), unattested=seldom)
    def time_passes(self, minutes: int, unattested: bool) -> None:
        """The planner attests what is ahead, but not always."""
        self.stage.at += minutes * MINUTE
        if not unattested:
            self.say(1, Attest("area-1", CHIP, self.stage.at // HOUR * HOUR, 2, 16))

    @rule(devices=st.integers(-1, 17), hours=st.integers(1, 3))
    def attest(self, devices: int, hours: int) -> None:
        self.say(1, Attest("area-1", CHIP, self.stage.at // HOUR * HOUR, hours, devices))

    @rule(who=tenants, lots=st.sampled_from([500, 7000, 20_000]), ahead=st.integers(-1, 1),
          gang=st.booleans(), tier=st.sampled_from(["firm", "spot"]))
    def buy(self, who: int, lots: int, ahead: int, gang: bool, tier: str) -> None:
        start = self.stage.at // HOUR * HOUR + ahead * HOUR
        grade = GANG if gang else SINGLE
        self.say(who, Order(1, "area-1", grade, tier, start, 0, 1000, lots, True))

    @rule(hours=st.integers(0, 3), ahead=st.integers(0, 2), floor=st.sampled_from([0, 500, 900]),
          lots=st.sampled_from([100, 5000]))
    def write_strip(self, hours: int, ahead: int, floor: int, lots: int) -> None:
        start = self.stage.at // HOUR * HOUR + ahead * HOUR
        self.say(1, WriteStrip("area-1", SINGLE, "firm", start, hours, lots, floor, 900, start, 2))

    @rule(who=tenants, k=pick)
    def take_or_fix_a_strip(self, who: int, k: int) -> None:
        market = self.stage.rooms.market.tables
        for table, command in (("strips", TakeStrip), ("strips_taken", FixStrip)):
            ids = [*market[table], 999]
            self.say(who, command(ids[k % len(ids)]))

    @rule(who=tenants, k=pick, price=st.sampled_from([800, 900]), kind=kinds, mode=modes,
          lots=st.sampled_from([100, 300, 0, 10**9]), side=st.sampled_from([0, 1]),
          minutes=st.sampled_from([1, 7, 40, -1]))
    def quote(self, who: int, k: int, price: int, kind: dict[str, Any], mode: str, lots: int,
              side: int, minutes: int) -> None:
        """Rest in, or take from, the book of a product that somebody owns."""
        until = self.stage.at + minutes * MINUTE if kind.get("time_in_force") == "until" else 0
        fields = {"is_ioc": False, **kind, "until": until, "self_trade": mode}
        classes = list(self.stage.rooms.ledger.tables["classes"].values())
        if classes:
            c = classes[k % len(classes)]
            self.say(who, Order(1, c.area, c.grade, c.tier, c.start, side, price, lots, **fields))

    @rule(k=pick, lots=st.sampled_from([50, 200, 0]), price=st.sampled_from([800, 900]),
          cancel=st.booleans(), wrong=seldom)
    def change_order(self, k: int, lots: int, price: int, cancel: bool, wrong: bool) -> None:
        orders = list(self.stage.rooms.market.tables["orders"].items())
        if orders:
            id, order = orders[k % len(orders)]
            who = 5 - order.owner if wrong else order.owner
            self.say(who, Cancel(id) if cancel else Modify(id, price, lots))

    @rule(who=tenants, amount=amounts, code=st.sampled_from(list(RowCode)), linked=st.booleans())
    def move(self, who: int, amount: int, code: RowCode, linked: bool) -> None:
        cash = account(who, CASH), account(5 - who, CASH)
        row = Row(code, int(linked), CASH, *cash, amount, id=HOLD_ID, hold=HOLD_ID)
        last = Row(RowCode.TRANSFER, 0, CASH, *cash, 600 * RMB)
        self.stage.say(who, Batch(row.pack() + last.pack()))

    @rule(who=tenants, amount=amounts, back=st.booleans(), lots=st.sampled_from([1, 300]))
    def credit(self, who: int, amount: int, back: bool, lots: int) -> None:
        """Grant it, give some back, or pass it on; nothing here has an auction's price."""
        self.say(1, GrantCredit(who, amount))
        credit = self.stage.rooms.ledger.class_id(*credit_of(1))
        self.say(who, Convert(1, "area-1", SINGLE, "firm", self.stage.at // HOUR * HOUR, lots))
        if credit:
            to = account(1 if back else 5 - who, credit)
            row = Row(RowCode.TRANSFER, 0, credit, account(who, credit), to, 7)
            codes = self.stage.say(who, Batch(row.pack())).codes
            assert back or codes == (Code.NOT_TRANSFERABLE,)

    @rule(ppm=st.sampled_from([0, 20_000, 150_000]))
    def set_bands(self, ppm: int) -> None:
        self.say(1, SetParameter("band_static_ppm", ppm))
        self.say(1, SetParameter("band_dynamic_ppm", ppm))

    @rule(who=tenants, k=pick)
    def reopen(self, who: int, k: int) -> None:
        """Wait for a halted product, if there is one; else ask in vain."""
        waiting = self.stage.rooms.market.reopenings()
        if waiting:
            instant, product = waiting[k % len(waiting)]
            self.stage.at = max(self.stage.at, instant)
            self.say(who, Reopen(*product))
        else:
            self.say(who, Reopen(1, "area-1", SINGLE, "firm", self.stage.at // HOUR * HOUR))

    @rule(who=tenants, devices=st.sampled_from([1, 2, 8, 12]), hours=st.sampled_from([1, 3]),
          fraction=st.booleans(), now=st.booleans())
    def submit(self, who: int, devices: int, hours: int, fraction: bool, now: bool) -> None:
        share = 300 if fraction and devices == 1 else 1000
        self.say(who, Submit(spec(devices=devices, share=share, time_limit_ms=hours * HOUR)))
        if now:
            self.place(-1, 0, False)

    @rule(k=pick, first=st.integers(0, 7), wrong=seldom)
    def place(self, k: int, first: int, wrong: bool) -> None:
        """Where the policy would, or on devices that may be somebody's already."""
        job = self.job(k, "queued")
        if job == 999:
            return
        wanted = self.stage.rooms.schedule.spec(job)
        found = self.stage.where(job)
        if wrong or found is None:
            found = ((HOST, tuple(range(first, first + wanted.devices))),)
        self.say(1, Place(job, GANG if wanted.in_gang else SINGLE, found))

    @rule(k=pick, back=st.sampled_from([0, 1, 20, -1]), lost=st.booleans(),
          unsaved=st.sampled_from([0, 5, 1000, -1]))
    def end(self, k: int, back: int, lost: bool, unsaved: int) -> None:
        job = self.job(k, "placed", "running", "stopping")
        known = self.stage.rooms.schedule.job(job)
        finished = self.stage.at - back * MINUTE
        saved = finished - unsaved * MINUTE if known else 0
        if known and unsaved >= 0:
            saved = min(max(saved, known.placed), finished)
        self.say(1, Ended(job, known.attempt if known else 1, saved, finished, 0, lost, 1, 1))

    @rule(k=pick, what=st.sampled_from(["start", "time_limit", "priced_out", "whim"]))
    def report_or_stop(self, k: int, what: str) -> None:
        job = self.job(k, "placed", "running")
        self.say(1, Started(job, 1) if what == "start" else Stop(job, what))

    @rule(k=pick, j=pick, ends=st.booleans(), unsaved=st.sampled_from([0, 5, 1000]))
    def preempt(self, k: int, j: int, ends: bool, unsaved: int) -> None:
        """What runs, for what waits; it starts first, so that this is often valid."""
        victim = self.job(k, "placed", "running")
        known = self.stage.rooms.schedule.job(victim)
        if known and known.phase == "placed":
            self.say(1, Started(victim, known.attempt))
        self.say(1, Preempt(victim, self.job(j, "queued")))
        if ends and known and self.stage.rooms.schedule.job(victim).is_being_preempted:
            saved = max(known.placed, self.stage.at - unsaved * MINUTE)
            self.say(1, Ended(victim, known.attempt, saved, self.stage.at, 1, False, 1, 1))

    @rule(k=pick, wrong=seldom)
    def cancel_job(self, k: int, wrong: bool) -> None:
        job = self.job(k, "queued", "placed", "running")
        known = self.stage.rooms.schedule.job(job)
        tenant = known.tenant if known else 2
        self.say(5 - tenant if wrong else tenant, CancelJob(job))

    @rule(renew=st.booleans())
    def turn_hour(self, renew: bool) -> None:
        """Renew what runs, or meter what has an hour over."""
        rooms, until = self.stage.rooms, self.stage.at // HOUR * HOUR
        running = rooms.schedule.ids_in("placed", "running")
        over = [j for j, _ in rooms.settlement.tables["purchases"]
                if any(p.end <= until for (job, _), p in
                       rooms.settlement.tables["purchases"].items() if job == j)]
        if renew and running:
            self.say(1, Renew(tuple(running)))
        elif over:
            self.say(1, Meter(tuple(dict.fromkeys(over)), until))

    @rule()
    def sweep(self) -> None:
        self.say(1, Sweep(10))

    @invariant()
    def every_class_sums_to_zero(self) -> None:
        sums: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for id, (debits, credits, debits_held, credits_held) in self.stage.rooms.ledger.tables[
                "accounts"].items():
            sums[id >> 8 & 0xFFFFFFFF][0] += debits - credits
            sums[id >> 8 & 0xFFFFFFFF][1] += debits_held - credits_held
            assert min(debits, credits, debits_held, credits_held) >= 0
            assert id & 0xFF == Kind.ISSUER or credits - debits - debits_held >= 0
        assert all(total == [0, 0] for total in sums.values())

    @invariant()
    def resting_orders_have_their_holds(self) -> None:
        """One each, for all that is left of it, hidden parts included; and no other."""
        held = sorted(hold[2] for id, hold in self.stage.rooms.ledger.tables["holds"].items()
                      if id.startswith(b"ord"))
        assert held == sorted(order.lots * (LOT if order.side else order.price_mrmb)
                              for order in self.stage.rooms.market.tables["orders"].values())

    @invariant()
    def open_hours_of_strips_have_their_holds(self) -> None:
        held = sum(hold[2] for id, hold in self.stage.rooms.ledger.tables["holds"].items()
                   if id.startswith(b"stp"))
        taken = self.stage.rooms.market.tables["strips_taken"].values()
        assert held == sum((t.strip.cap_mrmb - t.strip.floor_mrmb) * t.strip.lots
                           * t.prices.count(0) for t in taken)

    @invariant()
    def every_hold_is_the_domain_s_or_a_member_s(self) -> None:
        """A kind of hold whose prefix is not reserved would be within members' reach."""
        for id in self.stage.rooms.ledger.tables["holds"]:
            assert id[:3] in DOMAIN_IDS or id == HOLD_ID

    @invariant()
    def issued_stays_within_attested(self) -> None:
        ledger = self.stage.rooms.ledger
        used: dict[int, int] = defaultdict(int)
        for (klass, attestation), tokens in ledger.tables["issued"].items():
            rating = 1_000_000  # the stage's only chip is the reference
            assert ledger.token_class(klass).factors[0][1] == rating
            used[attestation] += -(-tokens * 1000 // rating)
        for id, record in ledger.tables["attestations"].items():
            assert used.get(id, 0) <= record.consumed_ms <= record.device_ms
            if self.stage.at < record.start + 2 * HOUR:  # no class of it is closed yet
                assert used.get(id, 0) == record.consumed_ms

    @invariant()
    def no_device_is_held_twice(self) -> None:
        schedule = self.stage.rooms.schedule
        held: dict[tuple[str, int], int] = defaultdict(int)
        for id, job in schedule.tables["jobs"].items():
            for host, devices in job.slots:
                for device in devices:
                    held[host, device] += schedule.spec(id).share
        assert all(share <= 1000 for share in held.values())
        recorded = {(host, i): share for host, used in schedule.tables["used"].items()
                    for i, share in enumerate(used) if share}
        assert recorded == dict(held)

    @invariant()
    def reservations_and_purchases_belong_to_somebody(self) -> None:
        rooms = self.stage.rooms
        open_jobs = {id for id, job in rooms.schedule.tables["jobs"].items() if job.slots}
        assert {job for job, _ in rooms.settlement.tables["purchases"]} <= open_jobs
        assert set(rooms.settlement.tables["covered"]) == open_jobs

    def teardown(self) -> None:
        again = Stage()
        again.domain.restore(decode(self.stage.domain.snapshot()))
        assert again.domain.roots() == self.stage.domain.roots()
        assert queues(again) == queues(self.stage)


TestMarket = Market.TestCase
TestMarket.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
assert START % HOUR == 0
