"""Preemption: who may be sent away, what it costs whom, and what time is left afterwards."""

from typing import Any

import pytest
from tests.stage import CHIP, HOST, SINGLE, START, Stage, spec

from suanli.bootstrap import datasheet_text
from suanli.chips.commands import SetHostState
from suanli.chips.datasheet import parse
from suanli.ledger.commands import Attest
from suanli.ledger.row import CASH, account
from suanli.market.commands import Order, PostOffer
from suanli.members.commands import SetParameter
from suanli.planning.onboarding import Fleet, HostGroup, onboard
from suanli.schedule import phases
from suanli.schedule.commands import Cancel, Ended, Place, Preempt, Renew, Started, Stop, Submit
from suanli.schedule.job import PPM, Job
from suanli.settlement.commands import Meter
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import RMB
from suanli.terms.refusals import Code

ALLOWANCE = 10 * MINUTE  # the governed start value
SECOND_HOST = HOST[:-1] + "1"


def running(stage: Stage, devices: tuple[int, ...] = (0,), minutes: int = 20,
            **changes: Any) -> int:
    """A job that has run for so many minutes."""
    job = stage.placed(devices, **changes)
    stage.must(1, Started(job, stage.rooms.schedule.job(job).attempt))
    stage.at += minutes * MINUTE
    return job


def queued(stage: Stage, **changes: Any) -> int:
    """A job that is smaller than the stage's usual one."""
    return int(stage.must(2, Submit(spec(**{"time_limit_ms": HOUR, **changes}))).answer["job"])


def end(stage: Stage, job: int, saved: int, lost: bool = False) -> Job:
    attempt = stage.rooms.schedule.job(job).attempt
    stage.must(1, Ended(job, attempt, saved, stage.at, 1, lost, 0, 0))
    found: Job = stage.rooms.schedule.job(job)
    return found


def again(stage: Stage, job: int) -> Job:
    """Place it once more, on the other host."""
    stage.must(1, Place(job, SINGLE, ((SECOND_HOST, (0,)),)))
    stage.must(1, Started(job, stage.rooms.schedule.job(job).attempt))
    found: Job = stage.rooms.schedule.job(job)
    return found


def cash(stage: Stage, member: int) -> int:
    return int(stage.rooms.ledger.available(account(member, CASH)))


@pytest.mark.parametrize(("victim", "minutes", "smaller", "code"), [
    ({}, 20, {}, Code.OK),
    ({"is_preemptible": False}, 20, {}, Code.NOT_PREEMPTIBLE),
    ({}, 9, {}, Code.RUN_TOO_SHORT),
    ({}, 10, {}, Code.OK),
    ({}, 20, {"time_limit_ms": 2 * HOUR}, Code.BENEFICIARY_NOT_SMALLER),  # as large, and later
    ({}, 20, {"time_limit_ms": 2 * HOUR - 1}, Code.OK),
    ({}, 20, {"time_limit_ms": HOUR, "devices": 2}, Code.BENEFICIARY_NOT_SMALLER),
    ({}, 20, {"time_limit_ms": 6 * HOUR, "share": 333}, Code.OK),
    ({}, 20, {"chips": (("a100-sxm-80", PPM),)}, Code.NO_ADMISSIBLE_CHIP),
])
def test_who_may_be_preempted_for_whom(stage: Stage, victim: dict[str, Any], minutes: int,
                                       smaller: dict[str, Any], code: Code) -> None:
    job = running(stage, minutes=minutes, **victim)
    if "chips" in smaller:  # of a chip that somebody else has
        _another_operator(stage)
    other = queued(stage, **smaller)
    receipt = stage.say(1, Preempt(job, other))
    assert receipt.code == code, receipt.reason
    record = stage.rooms.schedule.job(job)
    if code:
        assert record.phase == phases.RUNNING
    else:
        assert (record.phase, record.stop_reason, record.preemptions) == (
            phases.STOPPING, phases.PREEMPTED, 1)
        assert [e.kind for e in receipt.effects] == ["stop"]
        assert receipt.effects[0].fields == (job, 1, 1000)


def _another_operator(stage: Stage) -> None:
    rival = stage.admit("rival", ("operator",), cash=0)
    fleet = Fleet((HostGroup("r", "area-2", "a100-sxm-80", 8, 1),), 1000)
    for command in onboard(fleet, parse(datasheet_text())):
        stage.must(rival, command)


def test_equal_sizes_are_told_apart_by_age(stage: Stage) -> None:
    older = queued(stage, time_limit_ms=2 * HOUR)
    job = running(stage)
    assert stage.say(1, Preempt(job, job)).code == Code.BENEFICIARY_NOT_QUEUED
    assert stage.say(1, Preempt(job, 99)).code == Code.BENEFICIARY_NOT_QUEUED
    assert stage.say(1, Preempt(99, older)).code == Code.UNKNOWN_JOB
    assert stage.say(2, Preempt(job, older)).code == Code.ROLE_LACKS_RIGHT
    rival = stage.admit("rival", ("operator",), cash=0)
    assert stage.say(rival, Preempt(job, older)).code == Code.NOT_THE_OWNER
    assert stage.say(1, Stop(job, phases.PREEMPTED)).code == Code.MALFORMED  # no way round
    stage.must(1, Preempt(job, older))
    assert stage.say(1, Preempt(job, older)).code == Code.WRONG_PHASE


def test_the_rate_is_of_healthy_devices_in_a_running_hour(stage: Stage) -> None:
    stage.must(1, SetParameter("preempt_devices_ppm_per_hour", 200_000))  # 3.2 of 16 devices
    jobs = [stage.placed((n,), time_limit_ms=9 * HOUR) for n in range(6)]
    gang = stage.placed((6, 7), time_limit_ms=9 * HOUR)
    for job in (*jobs, gang):
        stage.must(1, Started(job, 1))
    stage.at += 20 * MINUTE + 1
    small = queued(stage)
    codes = [stage.say(1, Preempt(job, small)).code for job in jobs[:2]]
    assert codes == [0, 0]
    assert stage.say(1, Preempt(gang, small)).code == Code.PREEMPTION_RATE_EXCEEDED
    stage.must(1, Preempt(jobs[2], small))
    stage.must(1, SetHostState(SECOND_HOST, False))
    stage.at += HOUR - 1
    assert stage.say(1, Preempt(gang, small)).code == Code.PREEMPTION_RATE_EXCEEDED
    stage.at += MINUTE  # counted by minutes: a little more than the hour
    stage.must(1, Preempt(gang, small))  # more than 1.6 of 8, but the only one of its hour
    assert stage.say(1, Preempt(jobs[3], small)).code == Code.PREEMPTION_RATE_EXCEEDED
    stage.must(1, SetParameter("preempt_devices_ppm_per_hour", 0))
    stage.at += 2 * HOUR
    assert stage.say(1, Preempt(jobs[3], small)).code == Code.PREEMPTION_RATE_EXCEEDED


def test_saved_work_counts_and_lost_time_is_given_back(stage: Stage) -> None:
    job = running(stage, minutes=30)
    stage.must(1, Preempt(job, queued(stage)))
    stage.at += 2 * MINUTE
    record = end(stage, job, saved=START + 25 * MINUTE)
    assert (record.phase, record.stop_reason) == (phases.QUEUED, phases.PREEMPTED)
    assert (record.progress_ms, record.spent_ms, record.lost_ms) == (
        25 * MINUTE, 25 * MINUTE, 7 * MINUTE)
    stage.at = START + HOUR
    record = again(stage, job)
    assert record.limit - record.placed == 95 * MINUTE + ALLOWANCE
    stage.at = START + 92 * MINUTE
    stage.must(1, Preempt(job, queued(stage)))
    record = end(stage, job, saved=stage.at - 2 * MINUTE)  # of 30 minutes, 10 went into restoring
    assert (record.progress_ms, record.lost_ms, record.preemptions) == (
        45 * MINUTE, 9 * MINUTE, 2)


def test_a_first_attempt_that_saved_nothing_has_no_allowance(stage: Stage) -> None:
    job = running(stage)
    stage.must(1, Preempt(job, queued(stage)))
    assert end(stage, job, saved=START).lost_ms == 20 * MINUTE
    record = again(stage, job)
    assert record.limit - record.placed == 2 * HOUR


@pytest.mark.parametrize(("reason", "spent_minutes", "allowance"), [
    (phases.DISPLACED, 5, ALLOWANCE), (phases.PRICED_OUT, 20, 0), (phases.SHORT_OF_FUNDS, 20, 0)])
def test_lost_time_is_the_tenants_where_the_stop_was(stage: Stage, reason: str,
                                                     spent_minutes: int, allowance: int) -> None:
    job = running(stage)
    stage.must(1, Stop(job, reason))
    record = end(stage, job, saved=START + 5 * MINUTE)
    assert (record.progress_ms, record.spent_ms, record.lost_ms) == (
        5 * MINUTE, spent_minutes * MINUTE, 15 * MINUTE)
    assert stage.rooms.settlement.usage(job, 1)[0] == 20 * MINUTE  # metered whole
    record = again(stage, job)
    assert record.limit - record.placed == 2 * HOUR - spent_minutes * MINUTE + allowance


def test_stopping_does_not_make_time(stage: Stage) -> None:
    """However often it is sent away, a job that saves all its work ends at its limit."""
    job, ran, rounds = running(stage, minutes=0, time_limit_ms=3 * HOUR), 0, 0
    while stage.rooms.schedule.job(job).phase != phases.ENDED:
        stage.must(1, Attest("area-1", CHIP, stage.at // HOUR * HOUR, 3, 16))
        if rounds:
            again(stage, job)
        record = stage.rooms.schedule.job(job)
        stage.at = min(record.limit, stage.at + 40 * MINUTE)
        stage.must(1, Stop(job, phases.DISPLACED))
        ran += stage.at - record.placed
        record = end(stage, job, saved=stage.at)
        rounds += 1
        assert ran <= 3 * HOUR + (rounds - 1) * ALLOWANCE
    assert (record.outcome, ran) == (phases.TIME_LIMIT, 3 * HOUR + (rounds - 1) * ALLOWANCE)


def test_progress_is_in_time_of_the_first_chip(stage: Stage) -> None:
    job = running(stage, chips=(("a100-sxm-80", PPM), (CHIP, 2 * PPM)))
    stage.must(1, Preempt(job, queued(stage)))
    assert end(stage, job, saved=START + 20 * MINUTE - 1).progress_ms == 40 * MINUTE - 2
    record = again(stage, job)
    assert record.limit - record.placed == 40 * MINUTE + 1 + ALLOWANCE


def test_the_operator_bears_the_lost_part_of_an_open_hour(stage: Stage) -> None:
    before = cash(stage, 2)
    job = running(stage, minutes=30)
    stage.must(1, Preempt(job, queued(stage)))
    end(stage, job, saved=START + 12 * MINUTE)
    assert stage.rooms.settlement.usage(job, 1) == (12 * MINUTE, 720_000_000, RMB // 5)
    assert (before - cash(stage, 2), cash(stage, 1)) == (RMB // 5, RMB // 5)


def _preempted_in_its_third_hour(stage: Stage) -> int:
    """A job that paid 1 RMB for its first hour, 0.5 for its second, and is sent away."""
    job = running(stage, minutes=55, time_limit_ms=9 * HOUR, max_hourly_cost=RMB)
    stage.must(1, PostOffer("area-1", SINGLE, "spot", 500))
    for hour in (1, 2):
        stage.at = START + hour * HOUR - 5 * MINUTE
        stage.must(1, Renew((job,)))
        stage.at = START + hour * HOUR
        stage.must(1, Meter((job,), stage.at))
    stage.at += 30 * MINUTE
    stage.must(1, Preempt(job, queued(stage)))
    return job


@pytest.mark.parametrize(("saved", "borne_ms", "paid"), [
    (150, None, 1_750_000),   # all of it saved
    (130, None, 1_583_333),   # 20 minutes of the open hour lost: metered to the last save
    (90, None, 1_125_000),    # and half an hour of the settled ones, at their mean price
    (0, None, 0),
    (0, 30 * MINUTE, 1_500_000),
    (0, 60 * MINUTE, 1_125_000),
    (0, 0, 1_750_000),
])
def test_what_was_settled_is_paid_back_from_a_hold(stage: Stage, saved: int, borne_ms: int | None,
                                                   paid: int) -> None:
    if borne_ms is not None:
        stage.must(1, SetParameter("preempt_compensation_ms_max", borne_ms))
    before = cash(stage, 2)
    job = _preempted_in_its_third_hour(stage)
    assert cash(stage, 1) == RMB * 3 // 2 - _held(stage)
    end(stage, job, saved=START + saved * MINUTE)
    assert (before - cash(stage, 2), cash(stage, 1)) == (paid, paid)
    assert _held(stage) == 0
    assert stage.rooms.settlement.usage(job, 1)[2] == paid
    assert stage.rooms.settlement.tables["statements"][1, 2][2] == paid


def _held(stage: Stage) -> int:
    balance = stage.rooms.ledger.balance(account(1, CASH))
    return int(balance[2])


def test_nothing_is_settled_between_the_signal_and_the_end(stage: Stage) -> None:
    job = running(stage, minutes=55, time_limit_ms=9 * HOUR, grace_ms=HOUR)
    stage.must(1, Renew((job,)))
    stage.must(1, Preempt(job, queued(stage)))
    stage.at += 10 * MINUTE
    assert stage.say(1, Meter((job,), START + HOUR)).code == Code.METER_OUT_OF_RANGE
    end(stage, job, saved=START + 50 * MINUTE)
    assert stage.rooms.settlement.usage(job, 1)[0] == 50 * MINUTE


def test_an_operator_that_cannot_pay_back_does_not_preempt(stage: Stage) -> None:
    from suanli.ledger.commands import Batch
    from suanli.ledger.row import Row, RowCode
    job = running(stage, minutes=55, time_limit_ms=9 * HOUR)
    stage.must(1, Renew((job,)))
    stage.at = START + HOUR
    stage.must(1, Meter((job,), stage.at))
    row = Row(RowCode.TRANSFER, 0, CASH, account(1, CASH), account(3, CASH), RMB)
    assert stage.must(1, Batch(row.pack())).codes == (0,)
    small = queued(stage)
    assert stage.say(1, Preempt(job, small)).code == Code.INSUFFICIENT_BALANCE
    assert stage.rooms.schedule.job(job).phase == phases.RUNNING


def test_firm_tokens_keep_their_owner_in_place_while_they_last(stage: Stage) -> None:
    stage.must(2, Order(1, "area-1", SINGLE, "firm", START, 0, 1000, 500, True))  # half an hour
    job = running(stage, minutes=20)
    small = queued(stage)
    assert stage.say(1, Preempt(job, small)).code == Code.NOT_PREEMPTIBLE
    stage.at = START + 30 * MINUTE
    stage.must(1, Preempt(job, small))
    end(stage, job, saved=START)
    assert stage.rooms.settlement.usage(job, 1) == (0, 0, 0)  # its own tokens are its own again


def test_lost_while_it_was_being_preempted_it_still_goes_back(stage: Stage) -> None:
    job = running(stage)
    stage.must(1, Preempt(job, queued(stage)))
    assert end(stage, job, saved=START, lost=True).phase == phases.QUEUED


@pytest.mark.parametrize(("saved", "finished"), [(-1, 10), (11, 10), (10, 21)])
def test_reports_of_the_impossible_are_refused(stage: Stage, saved: int, finished: int) -> None:
    job = running(stage)
    command = Ended(job, 1, START + saved * MINUTE, START + finished * MINUTE, 0, False, 0, 0)
    assert stage.say(1, command).code == Code.METER_OUT_OF_RANGE


def test_what_was_kept_is_forgotten_when_there_is_no_next_attempt(stage: Stage) -> None:
    def kinds(receipt: Any) -> list[str]:
        return [effect.kind for effect in receipt.effects]

    never, job = queued(stage), running(stage)
    assert kinds(stage.must(2, Cancel(never))) == []
    stage.must(1, Preempt(job, queued(stage)))
    assert kinds(stage.must(1, Ended(job, 1, START, stage.at, 1, False, 0, 0))) == []
    assert kinds(stage.must(2, Cancel(job))) == ["forget"]
    other = running(stage, minutes=0)
    assert kinds(stage.must(1, Ended(other, 1, stage.at, stage.at, 0, False, 0, 0))) == ["forget"]
