"""Random histories of preemption: no cycle, a bounded rate, no time made, no lost work charged.

Goal: whoever asks for what, the jobs that were preempted for one another never form a cycle, no
running hour sees more preemption than is governed, being sent away gives nobody more time than he
stated, and no tenant pays for work that a preemption lost. Method: a few jobs on a small fleet, and
an operator that asks for preemptions at random; the laws are books kept here, which know nothing
of stated sizes, minutes or mean prices.
"""

from collections import defaultdict

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.stage import CHIP, GANG, SINGLE, Stage, spec

from suanli.ledger.commands import Attest
from suanli.ledger.row import CASH, account
from suanli.members.commands import SetParameter
from suanli.schedule import phases
from suanli.schedule.commands import Ended, Place, Preempt, Renew, Started, Stop, Submit
from suanli.settlement.commands import Meter
from suanli.terms.canonical import decode
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import RMB

DEVICES = 16
ALLOWANCE = 10 * MINUTE
PRICE = RMB  # what a device-hour costs on the stage
HELD = (phases.RUNNING, phases.STOPPING)
pick = st.integers(0, 7)  # an index into whatever is there, wrapped
OFTEN = tuple((devices, minutes) for devices in (1, 1, 2, 8) for minutes in (30, 120, 240))


class Preemptions(RuleBasedStateMachine):
    """An operator that preempts whom it likes, for whom it likes, as far as it may."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage().opened()
        self.total = self._cash()
        self.edges: dict[int, set[int]] = defaultdict(set)  # beneficiary -> victims
        self.preempted: list[tuple[int, int]] = []  # (instant, devices)
        self.counted: dict[int, int] = defaultdict(int)  # job -> run time that it must answer for
        self.resumes: dict[int, int] = defaultdict(int)  # job -> allowances it has had
        self.restores: dict[int, int] = {}  # job -> allowance of its attempt
        self.has_saved: set[int] = set()
        self.payable: dict[int, int] = defaultdict(int)  # job -> device-ms that were not lost
        self.rounding: dict[int, int] = defaultdict(int)  # job -> micro-RMB that rounding may cost

    @initialize(ppm=st.sampled_from([1_000_000, 250_000, 60_000]))
    def begin(self, ppm: int) -> None:
        self.most = DEVICES * ppm // 1_000_000
        self.stage.must(1, SetParameter("preempt_devices_ppm_per_hour", ppm))
        self.stage.must(1, SetParameter("preempt_run_ms_min", MINUTE))
        for minutes in (240, 240, 30):  # two of a size, so that neither may go for the other twice
            self.submit((1, minutes), True)

    def job(self, k: int, *wanted: str) -> int | None:
        ids = sorted(self.stage.rooms.schedule.ids_in(*wanted))
        return ids[k % len(ids)] if ids else None

    @rule(size=st.sampled_from(OFTEN), preemptible=st.booleans())
    def submit(self, size: tuple[int, int], preemptible: bool) -> None:
        devices, minutes = size
        self.stage.must(2, Submit(spec(devices=devices, time_limit_ms=minutes * MINUTE,
                                       is_preemptible=preemptible)))

    @rule(k=pick)
    def place(self, k: int) -> None:
        job = self.job(k, phases.QUEUED)
        if job is None:
            return
        wanted = self.stage.rooms.schedule.spec(job)
        before = self.stage.rooms.schedule.job(job)
        slots = self.stage.where(job)
        if slots is None or self.stage.say(1, Place(job, GANG if wanted.in_gang else SINGLE,
                                                    slots)).code:
            return
        record = self.stage.rooms.schedule.job(job)
        self.stage.must(1, Started(job, record.attempt))
        resumes = job in self.has_saved and before.stop_reason != phases.PRICED_OUT
        self.restores[job] = ALLOWANCE * resumes
        self.resumes[job] += resumes
        # Over all its attempts nobody gets more than he stated, and restoring on top of it.
        assert (record.limit - record.placed + self.counted[job]
                <= wanted.time_limit_ms + self.resumes[job] * ALLOWANCE)

    @rule(minutes=st.sampled_from([1, 12, 30, 59]))
    def time_passes(self, minutes: int) -> None:
        """Hour by hour, as a planner would: renew before it ends, meter and attest when it has."""
        until = self.stage.at + minutes * MINUTE
        while self.stage.at < until:
            hour = self.stage.at // HOUR * HOUR
            lead = hour + 55 * MINUTE
            self.stage.at = min(until, lead if self.stage.at < lead else hour + HOUR)
            if self.stage.at == lead:
                self._renew()
            if self.stage.at == hour + HOUR:
                self._turn_hour()

    def _renew(self) -> None:
        running = self.stage.rooms.schedule.ids_in(phases.RUNNING)
        self.stage.must(1, Attest("area-1", CHIP, self.stage.at // HOUR * HOUR, 2, DEVICES))
        if running:
            self.stage.must(1, Renew(tuple(running)))

    def _turn_hour(self) -> None:
        self.stage.must(1, Attest("area-1", CHIP, self.stage.at, 2, DEVICES))
        schedule, purchases = self.stage.rooms.schedule, self.stage.rooms.settlement.tables[
            "purchases"]
        over = [id for id in schedule.ids_in(*HELD) if not schedule.job(id).is_being_preempted
                and any(p.end <= self.stage.at for (job, _), p in purchases.items() if job == id)]
        if over:
            self.stage.must(1, Meter(tuple(over), self.stage.at))

    @rule(k=pick, j=pick)
    def preempt(self, k: int, j: int) -> None:
        """Any running job for any queued one."""
        victim, beneficiary = self.job(k, phases.RUNNING), self.job(j, phases.QUEUED)
        if victim is None or beneficiary is None:
            return
        if self.stage.say(1, Preempt(victim, beneficiary)).code == 0:
            wanted = self.stage.rooms.schedule.spec(victim)
            assert wanted.is_preemptible
            self.edges[beneficiary].add(victim)
            self.preempted.append((self.stage.at, wanted.devices))

    @rule(after=st.sampled_from([0, 1, 59]))
    def ask_for_everything(self, after: int) -> None:
        """Each running job for each queued one, then all of them end."""
        self.time_passes(after)
        schedule = self.stage.rooms.schedule
        for k in range(len(schedule.ids_in(phases.RUNNING))):
            for j in range(len(schedule.ids_in(phases.QUEUED))):
                self.preempt(k, j)
        while schedule.ids_in(phases.STOPPING):
            self.end(0, 0)
        for k in range(len(schedule.ids_in(phases.QUEUED))):
            self.place(-k - 1)

    @rule(k=pick, j=pick, after=st.sampled_from([0, 2, 70, 130]), saves=st.booleans())
    def swap(self, k: int, j: int, after: int, saves: bool) -> None:
        """After a while preempt, end, and place the beneficiary: what planning would do."""
        self.place(k)
        self.time_passes(after)
        beneficiary = self.job(j, phases.QUEUED)
        self.preempt(k, j)
        self.end(0, 0 if saves else 1000)
        queue = sorted(self.stage.rooms.schedule.ids_in(phases.QUEUED))
        if beneficiary in queue:
            self.place(queue.index(beneficiary))

    @rule(k=pick, reason=st.sampled_from([phases.PRICED_OUT, phases.DISPLACED]),
          after=st.sampled_from([2, 30]), unsaved=st.sampled_from([0, 15, 1000]))
    def stop(self, k: int, reason: str, after: int, unsaved: int) -> None:
        """After a while stop, end, and place once more."""
        job = self.job(k, phases.RUNNING)
        if job is None:
            return
        self.time_passes(after)
        self.stage.must(1, Stop(job, reason))
        self.end(self.stage.rooms.schedule.ids_in(phases.STOPPING).index(job), unsaved)
        self.place(k)

    @rule(k=pick, unsaved=st.sampled_from([0, 1, 15, 1000]))
    def end(self, k: int, unsaved: int) -> None:
        """What was told to stop ends now, saved up to some minutes ago."""
        job = self.job(k, phases.STOPPING)
        if job is None:
            return
        record = self.stage.rooms.schedule.job(job)
        width, at = self.stage.rooms.schedule.spec(job).devices, self.stage.at
        saved = max(record.placed, at - unsaved * MINUTE)
        self.stage.must(1, Ended(job, record.attempt, saved, at, 1, False, 0, 0))
        if saved > record.placed + self.restores[job]:
            self.has_saved.add(job)
        is_operators = record.stop_reason != phases.PRICED_OUT
        self.counted[job] += (saved if is_operators else at) - record.placed
        is_lost_borne = record.stop_reason == phases.PREEMPTED
        self.payable[job] += width * ((saved if is_lost_borne else at) - record.placed)
        self.rounding[job] += 1
        # A gang goes whole: nothing of it is left anywhere.
        assert self.stage.rooms.schedule.job(job).slots == ()

    @invariant()
    def nobody_is_preempted_for_one_he_was_preempted_for(self) -> None:
        above = {job: set(victims) for job, victims in self.edges.items()}
        while above:
            victims = set().union(*above.values())
            first = [job for job in above if job not in victims]
            assert first, f"a cycle among {sorted(above)}"
            for job in first:
                del above[job]

    @invariant()
    def no_running_hour_sees_more_than_is_governed(self) -> None:
        for start, _ in self.preempted:
            inside = [devices for at, devices in self.preempted if start <= at < start + HOUR]
            assert sum(inside) <= self.most or len(inside) == 1
        assert all(len(recent) <= 61 for recent in self.stage.rooms.schedule.tables[
            "preempted"].values())

    @invariant()
    def lost_work_is_not_charged(self) -> None:
        schedule, settlement = self.stage.rooms.schedule, self.stage.rooms.settlement
        for id, job in schedule.tables["jobs"].items():
            if job.slots:
                continue
            paid = sum(settlement.usage(id, n)[2] for n in range(1, job.attempt + 1))
            assert 0 <= paid <= self.payable[id] * PRICE // HOUR + self.rounding[id]

    @invariant()
    def cash_is_only_held_for_what_is_under_way(self) -> None:
        assert self._cash() == self.total
        schedule = self.stage.rooms.schedule
        if not any(schedule.job(id).is_being_preempted for id in schedule.ids_in(*HELD)):
            assert self.stage.rooms.ledger.balance(account(1, CASH))[2] == 0

    @invariant()
    def what_is_saved_is_used_and_what_is_used_is_within_the_limit(self) -> None:
        schedule = self.stage.rooms.schedule
        for id, job in schedule.tables["jobs"].items():
            assert 0 <= job.progress_ms <= job.spent_ms
            if job.phase == phases.QUEUED:
                assert job.spent_ms < schedule.spec(id).time_limit_ms

    def _cash(self) -> int:
        ledger = self.stage.rooms.ledger
        return sum(credits - debits for debits, credits, _, _ in (
            ledger.balance(account(member, CASH)) for member in (1, 2, 3)))

    def teardown(self) -> None:
        again = Stage()
        again.domain.restore(decode(self.stage.domain.snapshot()))
        assert again.domain.roots() == self.stage.domain.roots()


TestPreemptions = Preemptions.TestCase
TestPreemptions.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
