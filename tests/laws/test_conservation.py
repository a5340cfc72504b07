"""Random lives of a small market: whatever is said, the laws hold after every step.

Goal: conservation in every class, supply within attestation, no device sold twice, a refusal
changes nothing but the nonce, a snapshot restores to the same roots. Method: a rule machine says
valid and invalid commands at random; the laws are spelled out here, apart from the code.
"""

from collections import defaultdict

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.stage import CHIP, GANG, HOST, SINGLE, START, Stage, spec

from suanli.ledger.commands import Attest, Batch, Sweep
from suanli.ledger.row import CASH, Kind, Row, RowCode, account
from suanli.market.commands import Cancel, Modify, Order
from suanli.schedule.commands import Cancel as CancelJob
from suanli.schedule.commands import Ended, Place, Renew, Stop, Submit
from suanli.settlement.commands import Meter
from suanli.terms.canonical import decode
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import RMB

tenants = st.sampled_from([2, 3])
amounts = st.sampled_from([-1, 0, 1, 10, 700 * RMB, 2**63 - 1])
job_ids = st.integers(1, 6)


class Market(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage().opened()

    def say(self, member: int, command: object) -> None:
        """Say it; a refusal leaves every room but the nonces as it was."""
        before = self.stage.domain.roots()
        receipt = self.stage.say(member, command)
        if receipt.code:
            after = self.stage.domain.roots()
            assert {k for k in after if after[k] != before[k]} <= {"members"}

    @rule(minutes=st.sampled_from([1, 7, 30, 60, 61]))
    def time_passes(self, minutes: int) -> None:
        self.stage.at += minutes * MINUTE

    @rule(hours=st.integers(0, 3), devices=st.integers(-1, 18))
    def attest(self, hours: int, devices: int) -> None:
        start = self.stage.at // HOUR * HOUR
        self.say(1, Attest("area-1", CHIP, start, hours, devices))

    @rule(who=tenants, side=st.sampled_from([0, 1]), price=st.sampled_from([0, 900, 1000, 1100]),
          lots=st.sampled_from([-1, 1, 500, 20_000]), ioc=st.booleans(), ahead=st.integers(-1, 2),
          grade=st.sampled_from([SINGLE, GANG, "none"]), tier=st.sampled_from(["firm", "spot"]))
    def trade(self, who: int, side: int, price: int, lots: int, ioc: bool, ahead: int,
              grade: str, tier: str) -> None:
        start = self.stage.at // HOUR * HOUR + ahead * HOUR
        self.say(who, Order(1, "area-1", grade, tier, start, side, price, lots, ioc))

    @rule(who=tenants, order=st.integers(1, 6), price=st.sampled_from([900, 1000]),
          lots=st.sampled_from([0, 1, 300]), cancel=st.booleans())
    def change_order(self, who: int, order: int, price: int, lots: int, cancel: bool) -> None:
        self.say(who, Cancel(order) if cancel else Modify(order, price, lots))

    @rule(who=tenants, amount=amounts, code=st.sampled_from(list(RowCode)), sink=st.booleans())
    def move(self, who: int, amount: int, code: RowCode, sink: bool) -> None:
        other = account(5 - who, CASH, Kind.BURNED if sink else Kind.HOLDER)
        row = Row(code, 0, CASH, account(who, CASH), other, amount, id=b"x" * 16, hold=b"x" * 16)
        self.stage.say(who, Batch(row.pack()))

    @rule(who=tenants, devices=st.sampled_from([1, 2, 8, 12]), share=st.sampled_from([300, 1000]),
          hours=st.sampled_from([1, 3]))
    def submit(self, who: int, devices: int, share: int, hours: int) -> None:
        self.say(who, Submit(spec(devices=devices, share=share, time_limit_ms=hours * HOUR)))

    @rule(job=job_ids, first=st.integers(0, 9), hosts=st.sampled_from([1, 2]), gang=st.booleans())
    def place(self, job: int, first: int, hosts: int, gang: bool) -> None:
        known = self.stage.rooms.schedule.job(job)
        devices = self.stage.rooms.schedule.spec(job).devices if known else 1
        each = devices // hosts or 1
        slots = tuple((HOST[:-1] + str(h), tuple(range(first, first + each)))
                      for h in range(hosts))
        self.say(1, Place(job, GANG if gang else SINGLE, slots))

    @rule(job=job_ids, back=st.sampled_from([-1, 0, 20]), lost=st.booleans())
    def end(self, job: int, back: int, lost: bool) -> None:
        known = self.stage.rooms.schedule.job(job)
        attempt = known.attempt if known else 1
        self.say(1, Ended(job, attempt, self.stage.at - back * MINUTE, 0, lost, 1, 1))

    @rule(job=job_ids, reason=st.sampled_from(["priced_out", "time_limit", "whim"]))
    def stop(self, job: int, reason: str) -> None:
        self.say(1, Stop(job, reason))

    @rule(who=tenants, job=job_ids)
    def cancel_job(self, who: int, job: int) -> None:
        self.say(who, CancelJob(job))

    @rule(jobs=st.lists(job_ids, min_size=1, max_size=3), renew=st.booleans())
    def turn_hour(self, jobs: list[int], renew: bool) -> None:
        until = self.stage.at // HOUR * HOUR
        self.say(1, Renew(tuple(jobs)) if renew else Meter(tuple(jobs), until))

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
    def issued_stays_within_attested(self) -> None:
        ledger = self.stage.rooms.ledger
        used: dict[int, int] = defaultdict(int)
        for (klass, attestation), tokens in ledger.tables["issued"].items():
            rating = 1_000_000  # the stage's only chip is the reference
            assert ledger.token_class(klass).factors[0][1] == rating
            used[attestation] += -(-tokens * 1000 // rating)
        for id, record in ledger.tables["attestations"].items():
            assert used[id] <= record.device_ms
            if id in used:
                assert used[id] == record.consumed_ms

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


TestMarket = Market.TestCase
TestMarket.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
assert START % HOUR == 0
