"""Jobs through their phases, devices never sold twice, and every refusal."""

from typing import Any

import pytest
from tests.stage import CHIP, GANG, HOST, SINGLE, START, Stage, spec

from suanli.chips.commands import RegisterHost, RegisterZone, SetHostState
from suanli.ledger.commands import Attest
from suanli.market.commands import Order, PostOffer
from suanli.members.commands import SetParameter
from suanli.schedule import phases
from suanli.schedule.commands import (
    Cancel,
    Ended,
    Place,
    PlaceMany,
    Preempt,
    Renew,
    Started,
    Stop,
    Submit,
    Warn,
)
from suanli.schedule.job import PPM
from suanli.settlement.commands import Meter
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import LOT, RMB, WHOLE_DEVICE
from suanli.terms.refusals import Code

SECOND_HOST = HOST[:-1] + "1"


def ended(job: int, finished: int, code: int = 0, attempt: int = 1, lost: bool = False) -> Ended:
    return Ended(job, attempt, START, finished, code, lost, 5, 6)


@pytest.mark.parametrize(("changes", "code"), [
    ({"workload": "mining"}, Code.UNKNOWN_WORKLOAD_CLASS),
    ({"time_limit_ms": 0}, Code.TIME_LIMIT_MISSING),
    ({"time_limit_ms": -1}, Code.TIME_LIMIT_MISSING),
    ({"time_limit_ms": 2**60}, Code.TIME_LIMIT_OUT_OF_RANGE),
    ({"max_hourly_cost": 0}, Code.MAX_HOURLY_COST_MISSING),
    ({"devices": 0}, Code.DEVICE_COUNT_OUT_OF_RANGE),
    ({"devices": 10**9}, Code.DEVICE_COUNT_OUT_OF_RANGE),
    ({"grace_ms": -1}, Code.DEVICE_COUNT_OUT_OF_RANGE),
    ({"share": 0}, Code.SHARE_OUT_OF_RANGE),
    ({"share": 1001}, Code.SHARE_OUT_OF_RANGE),
    ({"share": 500, "devices": 2}, Code.SHARE_OUT_OF_RANGE),
    ({"chips": ()}, Code.UNKNOWN_CHIP),
    ({"chips": (("h900", PPM),)}, Code.UNKNOWN_CHIP),
    ({"chips": ((CHIP, 0),)}, Code.NO_ADMISSIBLE_CHIP),
    ({"devices": 17}, Code.GANG_DOES_NOT_FIT),
    ({"chips": (("t4-16", PPM),)}, Code.NO_ADMISSIBLE_CHIP),
    ({"area": "atlantis"}, Code.GANG_DOES_NOT_FIT),
    ({"argv": ("x" * 16_000,) * 5}, Code.COMMAND_TOO_LONG),
    ({"devices": 8, "devices_min": 9}, Code.DEVICE_COUNT_OUT_OF_RANGE),
    ({"devices": 8, "devices_min": 1}, Code.DEVICE_COUNT_OUT_OF_RANGE),
    ({"devices": 8, "devices_min": -2}, Code.DEVICE_COUNT_OUT_OF_RANGE),
    ({"devices": 20, "devices_min": 17}, Code.GANG_DOES_NOT_FIT),
    ({"devices": 20, "devices_min": 16}, Code.OK),
    ({"level_required": "rack"}, Code.UNKNOWN_LEVEL),
    ({"level_preferred": "Leaf"}, Code.UNKNOWN_LEVEL),
    ({"devices": 2, "level_required": "device"}, Code.GANG_DOES_NOT_FIT),
    ({"devices": 9, "level_required": "host"}, Code.GANG_DOES_NOT_FIT),
    ({"devices": 9, "level_required": "leaf"}, Code.GANG_DOES_NOT_FIT),  # no leaf is known
])
def test_submissions_refused(stage: Stage, changes: dict[str, object], code: Code) -> None:
    assert stage.say(2, Submit(spec(**changes))).code == code


@pytest.mark.parametrize(("grade", "slots", "code"), [
    (SINGLE, ((HOST, (0,)),), Code.OK),
    (SINGLE, (), Code.GANG_DOES_NOT_FIT),
    (SINGLE, ((HOST, (0, 1)),), Code.GANG_DOES_NOT_FIT),
    (SINGLE, ((HOST, ()),), Code.GANG_DOES_NOT_FIT),
    (SINGLE, (("nowhere", (0,)),), Code.UNKNOWN_HOST),
    (SINGLE, ((HOST, (8,)),), Code.DEVICES_NOT_FREE),
    (SINGLE, ((HOST, (-1,)),), Code.DEVICES_NOT_FREE),
    (GANG, ((HOST, (0,)),), Code.UNKNOWN_GRADE),
    ("platinum", ((HOST, (0,)),), Code.UNKNOWN_GRADE),
])
def test_placements(stage: Stage, grade: str, slots: object, code: Code) -> None:
    job = stage.must(2, Submit(spec())).answer["job"]
    assert stage.say(1, Place(job, grade, slots)).code == code  # type: ignore[arg-type]
    assert stage.rooms.schedule.job(job).phase == (phases.QUEUED if code else phases.PLACED)


def test_a_device_is_never_given_twice(stage: Stage) -> None:
    stage.placed((0, 1))
    job = stage.must(2, Submit(spec())).answer["job"]
    assert stage.say(1, Place(job, SINGLE, ((HOST, (1,)),))).code == Code.DEVICES_NOT_FREE
    half = stage.placed((2,), share=500)
    other = stage.placed((2,), share=500)
    assert half != other
    third = stage.must(2, Submit(spec(share=1))).answer["job"]
    assert stage.say(1, Place(third, SINGLE, ((HOST, (2,)),))).code == Code.DEVICES_NOT_FREE


def test_a_gang_stands_on_one_chip_in_one_zone(stage: Stage) -> None:
    stage.must(1, RegisterZone("y", "area-2"))
    stage.must(1, RegisterHost("elsewhere", "y", CHIP, 8, 0, "x"))
    job = stage.must(2, Submit(spec(devices=2))).answer["job"]
    slots = ((HOST, (0,)), ("elsewhere", (0,)))
    assert stage.say(1, Place(job, GANG, slots)).code == Code.MIXED_CHIPS_IN_GANG
    assert stage.say(1, Place(job, GANG, ((HOST, (0,)), (SECOND_HOST, (0,))))).code == 0
    picky = stage.must(2, Submit(spec(area="area-2"))).answer["job"]
    assert stage.say(1, Place(picky, SINGLE, ((HOST, (3,)),))).code == Code.UNKNOWN_AREA


def test_a_gang_stays_within_the_level_that_it_requires(stage: Stage) -> None:
    for number, (spine, leaf) in enumerate((("s", "a"), ("s", "a"), ("s", "b"), ("t", "a"))):
        stage.must(1, RegisterHost(f"h{number}", "z", CHIP, 6, 0, "x", leaf=leaf, spine=spine))
    pairs = {pair: ((pair[0], (0,)), (pair[1], (0,))) for pair in
             [("h0", "h1"), ("h1", "h2"), ("h2", "h3")]}
    for level, allowed in (("host", 0), ("leaf", 1), ("spine", 2), ("zone", 3), ("", 3)):
        codes = []
        for slots in pairs.values():
            job = stage.must(2, Submit(spec(devices=2, level_required=level))).answer["job"]
            codes.append(stage.say(1, Place(job, GANG, slots)).code)
            if codes[-1] == 0:
                stage.must(1, ended(job, stage.at))
        assert codes == [0] * allowed + [Code.LEVEL_EXCEEDED] * (3 - allowed), level
    refused = stage.say(2, Submit(spec(devices=13, level_required="leaf")))
    assert (refused.code, refused.reason) == (
        Code.GANG_DOES_NOT_FIT, "13 devices; the largest leaf with an admissible chip has 12: "
        "z/s/a")


def test_an_elastic_gang_is_billed_and_limited_by_what_it_got(stage: Stage) -> None:
    """Of 4 devices for 30 minutes it gets 2: an hour's limit, two device-hours at most."""
    fields = {"devices": 4, "devices_min": 2, "time_limit_ms": 30 * MINUTE}
    job = stage.must(2, Submit(spec(**fields))).answer["job"]
    for devices in ((0,), (0, 1, 2, 3, 4)):
        said = stage.say(1, Place(job, GANG, ((HOST, devices),)))
        assert (said.code, "asks for 2 to 4" in said.reason) == (Code.GANG_DOES_NOT_FIT, True)
    stage.must(1, Place(job, GANG, ((HOST, (0, 1)),)))
    record = stage.rooms.schedule.job(job)
    assert (spec(**fields).width(record), record.limit) == (2, START + HOUR)
    held = sum(hold[2] for hold in stage.rooms.ledger.tables["holds"].values())
    whole = stage.must(2, Submit(spec(devices=2, time_limit_ms=HOUR))).answer["job"]
    stage.must(1, Place(whole, GANG, ((HOST, (2, 3)),)))
    assert sum(hold[2] for hold in stage.rooms.ledger.tables["holds"].values()) == 2 * held
    stage.must(1, Started(job, 1))
    stage.at += 6 * MINUTE
    stage.must(1, ended(job, stage.at))
    stage.must(1, ended(whole, stage.at))
    usage = stage.rooms.settlement.usage
    assert usage(job, 1) == usage(whole, 1)
    assert usage(job, 1)[0] == 2 * 6 * MINUTE


def test_an_elastic_gang_that_is_sent_back_has_done_what_its_devices_could(stage: Stage) -> None:
    """A quarter of an hour on half the devices is half of a quarter; the rest is for all four."""
    fields = {"devices": 4, "devices_min": 2, "time_limit_ms": 30 * MINUTE}
    job = stage.must(2, Submit(spec(**fields))).answer["job"]
    stage.must(1, Place(job, GANG, ((HOST, (0, 1)),)))
    stage.must(1, Started(job, 1))
    stage.must(1, Stop(job, phases.PRICED_OUT))
    stage.at += 15 * MINUTE
    stage.must(1, Ended(job, 1, stage.at, stage.at, 143, False, 5, 6))
    record = stage.rooms.schedule.job(job)
    assert record.phase == phases.QUEUED
    assert record.progress_ms == record.spent_ms == 15 * MINUTE // 2
    stage.must(1, Place(job, GANG, ((HOST, (0, 1, 2, 3)),)))
    again = stage.rooms.schedule.job(job)
    assert again.limit - stage.at == 30 * MINUTE - 15 * MINUTE // 2


def test_hosts_that_are_down_or_anothers(stage: Stage) -> None:
    rival = stage.admit("rival", ("operator",), cash=0)
    job = stage.must(2, Submit(spec())).answer["job"]
    assert stage.say(rival, Place(job, SINGLE, ((HOST, (0,)),))).code == Code.NOT_THE_OWNER
    stage.must(1, SetHostState(HOST, False))
    assert stage.say(1, Place(job, SINGLE, ((HOST, (0,)),))).code == Code.HOST_UNAVAILABLE


def test_a_whole_life_pays_for_use_and_leaves_a_leaf(stage: Stage) -> None:
    job = stage.placed()
    stage.must(1, Started(job, 1))
    stage.at += 6 * MINUTE
    receipt = stage.must(1, ended(job, stage.at))
    record = stage.rooms.schedule.job(job)
    assert (record.phase, record.outcome, record.cpu_ms) == (phases.ENDED, phases.SUCCEEDED, 5)
    assert stage.rooms.settlement.usage(job, 1) == (6 * MINUTE, 360_000_000, 100_000)
    assert len(receipt.leaves) == 1
    assert len(stage.rooms.ledger.tables["holds"]) == 0
    assert len(stage.rooms.schedule.tables["used"]) == 0


@pytest.mark.parametrize(("phase", "what", "is_allowed"), [
    (p, w, (p, w) in phases.TRANSITIONS)
    for p in (phases.QUEUED, phases.PLACED, phases.RUNNING, phases.STOPPING, phases.ENDED)
    for w in (phases.PLACE, phases.START, phases.STOP, phases.END, phases.CANCEL, phases.RENEW,
              phases.WARN, phases.PREEMPT)])
def test_every_phase_by_everything_that_can_happen(stage: Stage, phase: str, what: str,
                                                   is_allowed: bool) -> None:
    stage.must(1, SetParameter("preempt_run_ms_min", 0))
    small = stage.must(2, Submit(spec(time_limit_ms=HOUR))).answer["job"]
    job = _in_phase(stage, phase)
    command, who = {
        phases.PLACE: (Place(job, SINGLE, ((SECOND_HOST, (5,)),)), 1),
        phases.START: (Started(job, 1), 1),
        phases.STOP: (Stop(job, phases.TIME_LIMIT), 1),
        phases.END: (ended(job, stage.at), 1),
        phases.CANCEL: (Cancel(job), 2),
        phases.RENEW: (Renew((job,)), 1),
        phases.PREEMPT: (Preempt(job, small), 1),
        phases.WARN: (Warn(job, phases.PRICED_OUT, stage.at), 1)}[what]
    receipt = stage.say(who, command)
    assert (receipt.code == 0) is is_allowed
    if not is_allowed:
        assert stage.rooms.schedule.job(job).phase == phase


def _in_phase(stage: Stage, phase: str) -> int:
    if phase == phases.QUEUED:
        return int(stage.must(2, Submit(spec())).answer["job"])
    job = stage.placed()
    if phase != phases.PLACED:
        stage.must(1, Started(job, 1))
    if phase == phases.STOPPING:
        stage.must(1, Stop(job, phases.TIME_LIMIT))
    if phase == phases.ENDED:
        stage.must(1, ended(job, stage.at))
    return job


@pytest.mark.parametrize(("reason", "outcome", "phase"), [
    (phases.TIME_LIMIT, phases.TIME_LIMIT, phases.ENDED),
    (phases.PRICED_OUT, "", phases.QUEUED),
    (phases.SHORT_OF_FUNDS, "", phases.QUEUED),
    (phases.DISPLACED, "", phases.QUEUED),
])
def test_stopped_jobs_end_or_go_back(stage: Stage, reason: str, outcome: str, phase: str) -> None:
    job = stage.placed()
    stage.must(1, Stop(job, reason))
    stage.must(1, ended(job, stage.at, 143))
    record = stage.rooms.schedule.job(job)
    assert (record.outcome, record.phase, record.stop_reason) == (outcome, phase, reason)


def test_reports_are_checked(stage: Stage) -> None:
    job = stage.placed()
    assert stage.say(1, ended(job, stage.at + 1)).code == Code.METER_OUT_OF_RANGE
    assert stage.say(1, ended(job, START - 1)).code == Code.METER_OUT_OF_RANGE
    assert stage.say(1, ended(job, stage.at, attempt=2)).code == Code.WRONG_PHASE
    assert stage.say(1, Stop(job, "whim")).code == Code.MALFORMED
    assert stage.say(1, ended(99, stage.at)).code == Code.UNKNOWN_JOB
    assert stage.say(3, Cancel(job)).code == Code.NOT_THE_OWNER


def test_a_lost_placement_and_a_failed_one(stage: Stage) -> None:
    lost, failed = stage.placed((0,)), stage.placed((1,))
    stage.must(1, ended(lost, stage.at, -1, lost=True))
    stage.must(1, ended(failed, stage.at, 3))
    table = stage.rooms.schedule.tables["jobs"]
    assert [table[j].outcome for j in (lost, failed)] == [phases.LOST, phases.FAILED]


def test_hours_are_renewed_metered_and_priced_out(stage: Stage) -> None:
    job = stage.placed(max_hourly_cost=RMB)
    stage.at = START + 55 * MINUTE
    assert stage.must(1, Renew((job,))).codes == (0,)
    assert stage.must(1, Renew((job,))).codes == (Code.NOT_RENEWABLE,)  # up to its limit
    stage.at = START + HOUR
    stage.must(1, Meter((job,), stage.at))
    assert stage.rooms.settlement.usage(job, 1) == (HOUR, 3_600_000_000, RMB)
    assert stage.say(1, Meter((job,), stage.at)).code == Code.METER_OUT_OF_RANGE
    assert stage.say(1, Meter((job,), stage.at + 1)).code == Code.METER_OUT_OF_RANGE
    long = stage.placed((1,), max_hourly_cost=RMB, time_limit_ms=9 * HOUR)
    stage.must(1, PostOffer("area-1", SINGLE, "spot", 1001))
    stage.at = START + 115 * MINUTE
    assert stage.must(1, Renew((long,))).codes == (Code.PRICED_OUT,)
    assert stage.say(1, Renew((long, long))).code == Code.NOT_RENEWABLE
    assert stage.say(1, Renew((99,))).code == Code.UNKNOWN_JOB


def test_one_array_renews_many_and_refuses_some(stage: Stage) -> None:
    jobs = [stage.placed((n,), time_limit_ms=9 * HOUR) for n in range(3)]
    stage.must(1, Attest("area-1", CHIP, START + HOUR, 1, 2))  # one device short
    stage.at = START + 55 * MINUTE
    codes = stage.must(1, Renew(tuple(jobs))).codes
    assert codes == (0, 0, Code.ISSUANCE_ABOVE_ATTESTATION)
    covered = stage.rooms.settlement.tables["covered"]
    assert [covered[j] - START for j in jobs] == [2 * HOUR, 2 * HOUR, HOUR]


def test_own_firm_tokens_are_used_first(stage: Stage) -> None:
    from suanli.ledger.row import CASH, account
    from suanli.market.commands import Order
    stage.must(2, Order(1, "area-1", SINGLE, "firm", START, 0, 1000, 500, True))
    before = stage.rooms.ledger.available(account(2, CASH))
    job = stage.placed(time_limit_ms=HOUR)
    stage.at = START + HOUR
    stage.must(1, ended(job, stage.at))
    assert stage.rooms.settlement.usage(job, 1) == (HOUR, 3_600_000_000, RMB // 2)
    assert stage.rooms.ledger.available(account(2, CASH)) == before - RMB // 2


def test_a_placement_near_the_hours_end_buys_the_next_too(stage: Stage) -> None:
    stage.at = START + 57 * MINUTE
    job = stage.placed()
    assert stage.rooms.settlement.tables["covered"][job] == START + 2 * HOUR
    assert len(stage.rooms.settlement.tables["purchases"]) == 2


def test_a_poor_tenant_is_not_placed(stage: Stage) -> None:
    poor = stage.admit("poor", cash=1)
    job = stage.must(poor, Submit(spec())).answer["job"]
    assert stage.say(1, Place(job, SINGLE, ((HOST, (0,)),))).code == Code.INSUFFICIENT_BALANCE
    dear = stage.must(2, Submit(spec(max_hourly_cost=1))).answer["job"]
    assert stage.say(1, Place(dear, SINGLE, ((HOST, (0,)),))).code == Code.PRICED_OUT


def test_the_limit_scales_with_a_chips_speed() -> None:
    job = spec(chips=((CHIP, PPM), ("t4-16", PPM // 3)), time_limit_ms=10)
    assert (job.limit_ms(CHIP), job.limit_ms("t4-16"), job.limit_ms("k80-24")) == (10, 31, None)


def many(stage: Stage, *placements: tuple[int, str, Any]) -> tuple[int, ...]:
    return stage.must(1, PlaceMany(placements)).codes


def test_placements_of_an_array_stand_or_fall_each_by_itself(stage: Stage) -> None:
    """Of five, in order: fine; too poor; not there; its second place; a gang on what is left."""
    poor = stage.admit("poor", cash=1)
    jobs = [stage.must(who, Submit(spec(devices=devices))).answer["job"]
            for who, devices in ((2, 1), (poor, 1), (2, 2))]
    codes = many(stage, (jobs[0], SINGLE, ((HOST, (0,)),)), (jobs[1], SINGLE, ((HOST, (1,)),)),
                 (999, SINGLE, ((HOST, (2,)),)), (jobs[0], SINGLE, ((HOST, (3,)),)),
                 (jobs[2], GANG, ((HOST, (2, 4)),)))
    assert codes == (0, Code.INSUFFICIENT_BALANCE, Code.UNKNOWN_JOB, Code.WRONG_PHASE, 0)
    assert stage.rooms.schedule.used(HOST, 8) == (1000, 0, 1000, 0, 1000, 0, 0, 0)
    assert stage.rooms.schedule.ids_in(phases.PLACED) == [jobs[0], jobs[2]]
    assert set(stage.rooms.settlement.tables["covered"]) == {jobs[0], jobs[2]}


@pytest.mark.parametrize(("changes", "devices"), [({"share": 500}, (0, 0)), ({}, (0, 0)),
                                                   ({"devices": 2}, (0, 1, 1))])
def test_a_device_named_twice_is_refused(stage: Stage, changes: dict[str, int],
                                         devices: tuple[int, ...]) -> None:
    job = stage.must(2, Submit(spec(**changes))).answer["job"]
    grade = GANG if changes.get("devices") else SINGLE
    receipt = stage.say(1, Place(job, grade, ((HOST, devices),)))
    assert Code(receipt.code) is Code.GANG_DOES_NOT_FIT
    assert stage.rooms.schedule.job(job).phase == phases.QUEUED


def test_a_device_asked_for_twice_in_an_array_goes_to_the_first(stage: Stage) -> None:
    halves = [stage.must(2, Submit(spec(share=500))).answer["job"] for _ in range(3)]
    codes = many(stage, *((job, SINGLE, ((HOST, (0,)),)) for job in halves))
    assert codes == (0, 0, Code.DEVICES_NOT_FREE)
    assert stage.rooms.schedule.used(HOST, 8)[0] == WHOLE_DEVICE


def test_own_tokens_serve_an_arrays_placements_once(stage: Stage) -> None:
    """Half an hour of own tokens, two jobs: the second buys what the first has drawn on."""
    stage.must(2, Order(1, "area-1", SINGLE, "firm", START, 0, 1000, 500, True))
    jobs = [stage.must(2, Submit(spec())).answer["job"] for _ in range(2)]
    assert many(stage, *((job, SINGLE, ((HOST, (job,)),)) for job in jobs)) == (0, 0)
    bought = [stage.rooms.settlement.tables["purchases"][job, START] for job in jobs]
    assert [p.own_tokens for p in bought] == [500 * LOT, 0]


@pytest.mark.parametrize("at", [START, START + 57 * MINUTE])
def test_an_array_comes_to_what_its_placements_come_to_one_by_one(at: int) -> None:
    """Equal roots of every room but the operator's count of envelopes, an array or not."""
    ends = []
    for is_array in (False, True):
        stage = Stage().opened()
        stage.at = at
        jobs = [stage.must(2 + n % 2, Submit(spec(devices=1 + (n == 4)))).answer["job"]
                for n in range(6)]
        placements = [(job, GANG if n == 4 else SINGLE, ((HOST, (n, 7) if n == 4 else (n,)),))
                      for n, job in enumerate(jobs)]
        rows = (stage.must(1, PlaceMany(tuple(placements))).rows if is_array else
                b"".join(stage.must(1, Place(*placement)).rows for placement in placements))
        roots = stage.domain.roots()
        roots.pop("members")
        ends.append((rows, roots))
    assert ends[0] == ends[1]
