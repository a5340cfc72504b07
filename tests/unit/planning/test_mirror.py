"""The view kept in step with the rooms, what is carved out of it, and cycles on it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.stage import HOST, SINGLE, START, Stage, spec
from tests.unit.simulation.test_arena import FLEET, random_workload

from suanli.bootstrap import datasheet_text
from suanli.chips.commands import SetHostState
from suanli.domain.state_machine import Receipt as Answered
from suanli.market.commands import Order, PostOffer
from suanli.members.commands import SetParameter
from suanli.planning.cycle import Cycle
from suanli.planning.mirror import Mirror
from suanli.planning.planner import Planner
from suanli.planning.policies import POLICIES
from suanli.planning.view import FIRM, RUNNING, SERVING, SHARED
from suanli.schedule.commands import Cancel, Ended, Place, PlaceMany, Preempt, Started, Submit
from suanli.simulation.run import Run
from suanli.simulation.world import EPOCH, World
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.refusals import Code


def state_of(mirror: Mirror) -> dict[str, Any]:
    """Return what a view says, by job, without its row numbers."""
    view, jobs = mirror.view, mirror.view.jobs
    id_of = {row: id for id, row in mirror.rows.items()}
    return {
        "standing": view.standing.tolist(),
        "used": view.used.tolist(), "free": view.free.tolist(), "spare": view.spare.tolist(),
        "queued": sorted(id_of[row] for row in view.queued),
        "active": sorted((id_of[row], slots) for row, slots in view.slots.items()),
        "stopping": sorted(id_of[row] for row in view.stopping),
        "jobs": {id: [int(getattr(jobs, name)[row]) for name in (
            "devices", "share", "allotted", "limit_ms", "phase", "queued_at", "progress_ms", "pool",
            "held", "preemptions", "tier")] for id, row in sorted(mirror.rows.items())}}


@pytest.mark.parametrize("policy", ["tokenflow", "fifo"])
def test_a_view_that_followed_equals_one_that_is_built_anew(policy: str, tmp_path: Path) -> None:
    world = World("mirror", 1, EPOCH, (("op", FLEET),), random_workload(3).tenants,
                  datasheet_text())
    run = Run(world, random_workload(3), POLICIES[policy], tmp_path / "chain.db")
    driver, compared = run.theatre.driver, 0

    def compare(block: Any, finalised: Any) -> None:
        nonlocal compared
        at = block.header.time
        cycle = driver.planner.cycle
        followed = cycle.in_step(driver.rooms, at)
        anew = Mirror(driver.rooms, cycle.operators, at)
        anew.reprice(at)
        assert state_of(followed) == state_of(anew)
        compared += 1

    driver.listeners.append(compare)
    outcome = run.go()
    assert compared > 200
    assert (outcome.record.preemptions > 0) == (policy == "tokenflow")


def submit(stage: Stage, member: int = 2, **changes: Any) -> int:
    return int(stage.must(member, Submit(spec(**changes))).answer["job"])


def placed(stage: Stage, cycle: Cycle) -> dict[int, int]:
    """Run a cycle and perform what it says; return by job how many devices it got."""
    found = {}
    for operator, command in list(cycle.decide(stage.rooms, stage.at)):
        assert stage.say(operator, command).code == 0
        if isinstance(command, Place):
            found[command.job] = sum(len(indices) for _, indices in command.slots)
    return found


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_the_inference_floor_is_kept_for_serving(policy: str, stage: Stage) -> None:
    """Of sixteen devices half are the floor's: twelve training jobs get eight of them."""
    stage.must(1, SetParameter("inference_floor_ppm", 500_000))
    for _ in range(12):
        submit(stage)
    serving = submit(stage, workload="llm-decode", devices=1)
    found = placed(stage, Cycle(POLICIES[policy], [1]))
    assert sorted(found.values()) == [1] * 9
    assert serving in found


def test_tiers_and_prices_decide_where_a_job_may_run(stage: Stage) -> None:
    stage.must(3, Order(1, "area-1", SINGLE, "firm", START, 0, 1000, 1000, True))
    firm, shared, serving, poor = (submit(stage, 3), submit(stage), submit(
        stage, workload="llm-decode"), submit(stage, max_hourly_cost=1))
    mirror = Mirror(stage.rooms, [1], stage.at)
    tier = {id: int(mirror.view.jobs.tier[row]) for id, row in mirror.rows.items()}
    assert [tier[id] for id in (firm, shared, serving)] == [FIRM, SHARED, SERVING]
    assert mirror.rows[poor] not in mirror.view.queued
    stage.must(1, PostOffer("area-1", SINGLE, "spot", 900_000_000))
    mirror.reprice(stage.at)
    assert mirror.rows[shared] not in mirror.view.queued  # a thousand times dearer than it may be


def test_a_host_that_is_down_gets_nothing(stage: Stage) -> None:
    cycle = Cycle(POLICIES["fifo"], [1])
    cycle.in_step(stage.rooms, stage.at)

    def turn(is_up: bool) -> None:
        command = SetHostState(HOST, is_up)
        cycle.observe(1, command.kind, [HOST, is_up], stage.must(1, command), stage.at)

    turn(False)
    first, second = submit(stage, devices=8), submit(stage, devices=8)
    for id in (first, second):
        cycle.observe(2, Submit.kind, [], Answered(0, "", {"job": id}, (), b"", (), ()),
                      stage.at)
    assert placed(stage, cycle) == {first: 8}
    assert cycle.mirror is not None
    assert cycle.mirror.view.spare.tolist() == [0]
    turn(True)
    assert placed(stage, cycle) == {second: 8}


def decide(stage: Stage, planner: Planner) -> list[Any]:
    said = []
    for operator, command in planner.decide(stage.rooms, stage.at):
        receipt = stage.tell(planner, operator, command)
        if not isinstance(command, PlaceMany):
            said.append(command)
            continue
        for placement, code in zip(command.placements, receipt.codes, strict=True):
            said.append(Place(*placement))
            if not code:
                job = placement[0]
                stage.tell(planner, 1, Started(job, stage.rooms.schedule.job(job).attempt))
    return said


def settled(stage: Stage, planner: Planner) -> list[Any]:
    """Let the planner decide until it has nothing more to say at this instant."""
    said: list[Any] = []
    while more := decide(stage, planner):
        said += more
    return said


def test_a_long_job_makes_way_and_its_devices_go_to_the_short_one(stage: Stage) -> None:
    planner = Planner(POLICIES["tokenflow"], [1])
    long = int(stage.tell(planner, 2, Submit(spec(devices=16, time_limit_ms=40 * HOUR))
                    ).answer["job"])
    assert Place in map(type, settled(stage, planner))
    stage.at += 20 * MINUTE
    short = int(stage.tell(planner, 3, Submit(spec(devices=8, time_limit_ms=HOUR))
                     ).answer["job"])
    assert settled(stage, planner) == [Preempt(long, short)]
    stage.at += MINUTE  # in its grace: nobody else is asked to make way
    assert settled(stage, planner) == []
    stage.tell(planner, 1, Ended(long, 1, stage.at, stage.at, 0, False, 0, 0))
    assert [c.job for c in settled(stage, planner)] == [short]
    assert stage.rooms.schedule.job(long).phase == "queued"


def test_a_refused_preemption_is_not_asked_for_again_within_the_hour(stage: Stage) -> None:
    planner = Planner(POLICIES["tokenflow"], [1])
    stage.tell(planner, 2, Submit(spec(devices=16, time_limit_ms=40 * HOUR)))
    settled(stage, planner)
    stage.must(1, SetParameter("preempt_devices_ppm_per_hour", 0))  # the planner did not hear it
    stage.at += 20 * MINUTE
    stage.tell(planner, 3, Submit(spec(devices=8, time_limit_ms=HOUR)))
    assert [type(c) for c in settled(stage, planner)] == [Preempt]
    stage.at += MINUTE
    assert settled(stage, planner) == []
    mirror = planner.cycle.mirror
    assert mirror is not None
    assert mirror.view.jobs.phase[mirror.rows[1]] == RUNNING


def test_nonsense_in_a_block_is_no_news(stage: Stage) -> None:
    """Refused commands with fields of any shape are in blocks too: from whoever can sign."""
    cycle = Cycle(POLICIES["fifo"], [1])
    job = submit(stage)
    many = PlaceMany(((job, SINGLE, ((HOST, (0,)),)),))
    for command, fields in ((Cancel(77), [77]), (many, [many.placements])):
        receipt = stage.say(2, command)
        assert receipt.code or any(receipt.codes)
        cycle.observe(2, command.kind, fields, receipt, stage.at)
    envelope = stage.agents[2].sign(Cancel(1))
    malformed = stage.domain.apply(envelope.__class__(**{
        **{name: getattr(envelope, name) for name in envelope.__slots__},
        "command": ["schedule.cancel", []]}), stage.at)
    cycle.observe(2, "schedule.cancel", [], malformed, stage.at)
    cycle.observe(1, many.kind, [], Answered(Code.MALFORMED, "", {}, (), b"", (), ()), stage.at)
    assert placed(stage, cycle) == {job: 1}  # another's refused placement holds nothing back


def test_a_fresh_scheduler_learns_from_the_jobs_that_ended(stage: Stage) -> None:
    job = stage.placed(time_limit_ms=2 * HOUR)
    stage.at += HOUR // 2
    stage.must(1, Ended(job, 1, stage.at, stage.at, 0, False, 0, 0))
    finished = Mirror(stage.rooms, [1], stage.at).view.finished
    assert [ran for _, ran in finished] == [HOUR // 2]
    assert np.array(finished).shape == (1, 2)


def test_an_elastic_job_is_placed_narrow_and_gets_the_longer_limit(stage: Stage) -> None:
    planner = Planner(POLICIES["tokenflow"], [1])
    stage.tell(planner, 2, Submit(spec(devices=8, time_limit_ms=HOUR)))
    settled(stage, planner)
    elastic = int(stage.tell(planner, 3, Submit(spec(
        devices=16, devices_min=4, time_limit_ms=2 * HOUR, max_hourly_cost=10**9))
    ).answer["job"])
    assert [sum(len(d) for _, d in c.slots) for c in settled(stage, planner)] == [8]
    job = stage.rooms.schedule.job(elastic)
    assert job.limit - job.placed == 4 * HOUR
    mirror = planner.cycle.mirror
    assert mirror is not None
    assert mirror.view.jobs.width[mirror.rows[elastic]] == 8
    stage.tell(planner, 1, Ended(elastic, 1, stage.at, stage.at, 0, False, 0, 0))
    assert sorted(planner.cycle.in_step(stage.rooms, stage.at).view.free) == [0, 8]


def test_a_gang_waits_rather_than_leave_the_level_that_it_requires(stage: Stage) -> None:
    """Both hosts have room for twelve devices together; a job for one host waits for one."""
    planner = Planner(POLICIES["tokenflow"], [1])
    for member, changes in ((2, {"devices": 2}), (3, {"devices": 12}),
                            (3, {"devices": 8, "level_required": "host"})):
        stage.tell(planner, member, Submit(spec(is_preemptible=False, **changes)))
    placed = [c.job for c in settled(stage, planner) if isinstance(c, Place)]
    assert placed == [1, 3]
    assert len(stage.rooms.schedule.job(3).slots) == 1
    impossible = stage.say(3, Submit(spec(devices=12, level_required="host")))
    assert impossible.code == Code.GANG_DOES_NOT_FIT


def test_nobody_makes_way_on_firm_tokens_however_often_prices_are_read(stage: Stage) -> None:
    stage.must(3, Order(1, "area-1", SINGLE, "firm", START, 0, 1000, 1000, True))
    firm = submit(stage, 3)
    stage.must(1, Place(firm, SINGLE, ((HOST, (0,)),)))
    shared = submit(stage)
    stage.must(1, Place(shared, SINGLE, ((HOST, (1,)),)))
    mirror = Mirror(stage.rooms, [1], stage.at)
    for _ in range(2):
        jobs = mirror.view.jobs
        assert [int(jobs.is_preemptible[mirror.rows[id]]) for id in (firm, shared)] == [0, 1]
        mirror.reprice(stage.at)
