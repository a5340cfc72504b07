"""The arena: the same figures as the whole domain, and no scheduler breaks its rules."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.stage import CHIP, spec

from suanli.bootstrap import datasheet_text
from suanli.planning.onboarding import Fleet, HostGroup
from suanli.planning.policies import POLICIES, Policy
from suanli.planning.scheduler import Action, Bind, Preempt
from suanli.planning.view import View
from suanli.simulation.arena import Arena
from suanli.simulation.metrics import metrics
from suanli.simulation.record import Record
from suanli.simulation.run import Run
from suanli.simulation.schedulers import SCHEDULERS, scheduler
from suanli.simulation.workload import Arrival, Workload
from suanli.simulation.world import EPOCH, World
from suanli.terms.errors import InputError, InvariantBroken
from suanli.terms.instant import HOUR, MINUTE

FLEET = Fleet((HostGroup("z", "a", CHIP, 4, 3),), 1000)


def workload(*jobs: tuple[int, str, int, int], limit_ms: int = 90 * HOUR) -> Workload:
    """Return (minute, tenant, devices, minutes) arrivals."""
    return Workload(tuple(
        Arrival(EPOCH + at * MINUTE, tenant, spec(devices=devices, time_limit_ms=limit_ms),
                ((CHIP, minutes * MINUTE),)) for at, tenant, devices, minutes in jobs), "by hand")


def random_workload(seed: int, count: int = 80) -> Workload:
    rng = np.random.default_rng(seed)
    instants = np.sort(rng.integers(0, 2000, count))
    return workload(*((int(at), f"t{rng.integers(3)}", int(rng.integers(1, 9)),
                       int(rng.integers(1, 300))) for at in instants))


def through_domain(made: Workload, policy: Policy, directory: Path) -> Record:
    world = World("agree", 1, EPOCH, (("op", FLEET),), made.tenants, datasheet_text())
    return Run(world, made, policy, directory / "chain.db").go().record


def test_preemption_through_the_domain_is_nearly_the_arena_s(tmp_path: Path) -> None:
    """The domain takes a block to send a job away, so rounds differ; what comes of it does not."""
    made = random_workload(5)
    whole = through_domain(made, POLICIES["tokenflow"], tmp_path)
    arena = Arena(made, [FLEET], POLICIES["tokenflow"]()).go()
    assert (whole.ended > 0).all()
    assert min(whole.preemptions, arena.preemptions) > 0
    assert whole.waited.mean() == pytest.approx(arena.waited.mean(), rel=0.1)


@pytest.mark.parametrize("policy", ["fifo", "best-fit", "tokenflow-unpreempted"])
def test_arena_and_whole_domain_agree_to_the_millisecond(policy: str, tmp_path: Path) -> None:
    made = random_workload(5)
    whole = through_domain(made, lambda: scheduler(policy, 1), tmp_path)
    arena = Arena(made, [FLEET], scheduler(policy, 1)).go()
    assert (whole.ended == arena.ended).all()
    assert (whole.waited == arena.waited).all()
    assert sorted(whole.intervals, key=lambda i: (i.job, i.start)) == sorted(
        arena.intervals, key=lambda i: (i.job, i.start))


@pytest.mark.parametrize("policy", sorted(SCHEDULERS))
def test_every_scheduler_ends_every_job_and_repeats_itself(policy: str) -> None:
    made = random_workload(7)
    one, two = (Arena(made, [FLEET], scheduler(policy, 3), restore_ms=MINUTE).go()
                for _ in range(2))
    assert (one.ended >= 0).all() or one.note
    assert (one.ended == two.ended).all()
    for record in (one, two):
        for row, arrival in enumerate(made.arrivals):
            ran = sum(i.end - i.ran_from - i.lost_ms for i in record.intervals
                      if i.job == row and i.devices == arrival.spec.devices)
            if record.ended[row] >= 0:
                assert abs(ran - arrival.durations[0][1]) <= 10  # a millisecond an attempt


def elastic(made: Workload, least: int = 2) -> Workload:
    return replace(made, arrivals=tuple(
        replace(a, spec=replace(a.spec, devices_min=least if a.spec.devices > least else 0))
        for a in made.arrivals))


def test_elastic_gangs_take_what_there_is_for_longer() -> None:
    """Of 12 devices 10 are busy for an hour: 4 for 30 minutes become 2 for an hour."""
    made = elastic(workload((0, "a", 10, 60), (1, "a", 4, 30)), 2)
    rigid = replace(made.arrivals[0], spec=replace(made.arrivals[0].spec, devices_min=0))
    made = replace(made, arrivals=(rigid, made.arrivals[1]))
    record = Arena(made, [FLEET], scheduler("tokenflow", 1)).go()
    assert [(i.devices, i.end - i.start) for i in record.intervals if i.job == 1] == [(2, HOUR)]
    rigid_record = Arena(made, [FLEET], scheduler("best-fit", 1)).go()
    assert [i.devices for i in rigid_record.intervals if i.job == 1] == [4]


def test_elastic_gangs_do_all_their_work_over_all_attempts() -> None:
    made = elastic(random_workload(7))
    record = Arena(made, [FLEET], scheduler("tokenflow", 3), restore_ms=MINUTE).go()
    widths = set()
    for row, arrival in enumerate(made.arrivals):
        did = 0
        for i in (i for i in record.intervals if i.job == row):
            assert arrival.spec.width_min <= i.devices <= arrival.spec.devices
            widths.add(i.devices < arrival.spec.devices)
            did += (i.end - i.ran_from - i.lost_ms) * i.devices
        # A millisecond an attempt is rounded.
        assert abs(did - arrival.durations[0][1] * arrival.spec.devices) <= 100
    assert widths == {True, False}
    assert record.preemptions


class Scripted:
    """Does what it is told, once."""

    def __init__(self, *actions: Action) -> None:
        self.actions = list(actions)

    def decide(self, view: View, at: int) -> Iterator[Action]:
        actions, self.actions = self.actions, []
        yield from actions

    def next_instant(self, at: int) -> int | None:
        return at + MINUTE if self.actions else None


@pytest.mark.parametrize(("actions", "says"), [
    ((Bind(0, ((0, (0, 0)),)),), "is not free"),
    ((Bind(0, ((0, (0, 1, 2)),)),), "more devices than"),
    ((Bind(0, ((0, (0, 1)),)), Bind(0, ((0, (2,)),))), "while not waiting"),
    ((Preempt(0),), "not a running preemptible"),
])
def test_a_scheduler_that_breaks_a_rule_stops_the_run(actions: tuple[Action, ...],
                                                      says: str) -> None:
    with pytest.raises(InvariantBroken, match=says):
        Arena(workload((0, "x", 2, 5)), [FLEET], Scripted(*actions)).go()


def test_a_half_started_gang_that_nothing_can_complete_is_a_deadlock() -> None:
    record = Arena(workload((0, "x", 2, 5)), [FLEET], Scripted(Bind(0, ((0, (0,)),)))).go()
    assert "deadlock" in record.note
    row = metrics(record, workload((0, "x", 2, 5)))
    assert (row["unfinished"], row["utilisation"]) == (1, 0)


class Slow(Scripted):
    """Binds what waits a minute after it came."""

    def decide(self, view: View, at: int) -> Iterator[Action]:
        for row in view.rows(view.queued).tolist():
            if at >= int(view.jobs.queued_at[row]) + MINUTE:
                yield Bind(row, ((0, view.free_devices(0, 1)),))

    def next_instant(self, at: int) -> int | None:
        return at + MINUTE


def test_a_scheduler_that_takes_its_time_is_no_deadlock() -> None:
    """Also after hours in which nothing waited, and after a job of hours ended."""
    made = workload((0, "x", 1, 5), (600, "x", 1, 5), (601, "x", 1, 200), (1000, "x", 1, 5))
    record = Arena(made, [FLEET], Slow()).go()
    assert record.note == ""
    assert (record.waited[[0, 1, 3]] == MINUTE).all()


def test_a_deadlock_censors_at_the_last_arrival() -> None:
    """Two gangs of twelve hold six devices each."""
    made = workload((0, "x", 12, 5), (0, "x", 12, 5), (30, "x", 1, 5), (300, "x", 1, 5),
                    (400, "x", 1, 5))
    every, half = (0, 1, 2, 3), ((1, (0, 1)), (1, (2, 3)))
    record = Arena(made, [FLEET], Scripted(
        Bind(0, ((0, every), half[0])), Bind(1, ((2, every), half[1])))).go()
    assert record.note.endswith("2 half-started gangs hold 12 of 12 devices, 4 jobs wait")
    assert record.stopped == EPOCH + 400 * MINUTE
    assert record.waited.tolist() == [m * MINUTE for m in (400, 400, 370, 100, 0)]
    assert metrics(record, made)["unfinished"] == 5


def test_parts_of_a_gang_idle_from_when_they_were_bound() -> None:
    """Three devices: one after 0 minutes, one after 30, the last after 40, then an hour's run."""
    class Dribbler(Scripted):
        def decide(self, view: View, at: int) -> Iterator[Action]:
            minute = (at - EPOCH) // MINUTE
            if minute in (0, 30, 40):
                yield Bind(0, ((0, ((0, 30, 40).index(minute),)),))

        def next_instant(self, at: int) -> int | None:
            return next((EPOCH + m * MINUTE for m in (30, 40) if EPOCH + m * MINUTE > at), None)

    made = workload((0, "x", 3, 60), (100, "y", 1, 1))
    record = Arena(made, [FLEET], Dribbler()).go()
    held = sum((i.end - i.start) * i.devices for i in record.intervals)
    ran = sum((i.end - i.ran_from) * i.devices for i in record.intervals)
    assert (held - ran, ran) == ((40 + 10) * MINUTE, 3 * 60 * MINUTE)


def test_preempted_work_is_kept_and_restoring_is_counted() -> None:
    """60 minutes of work, stopped after 20, resumed at once with 5 minutes of restoring."""
    class Interrupter(Scripted):
        def decide(self, view: View, at: int) -> Iterator[Action]:
            if at == EPOCH + 20 * MINUTE:
                yield Preempt(0)
            if view.queued:
                yield Bind(0, ((1, (0,)),))

        def next_instant(self, at: int) -> int | None:
            return EPOCH + 20 * MINUTE if at < EPOCH + 20 * MINUTE else None

    record = Arena(workload((0, "x", 1, 60)), [FLEET], Interrupter(), 5 * MINUTE).go()
    assert record.ended[0] == EPOCH + 65 * MINUTE
    assert [i.lost_ms for i in record.intervals] == [0, 5 * MINUTE]
    assert record.preemptions == 1


def test_a_job_that_no_pool_can_ever_run_is_named() -> None:
    with pytest.raises(InputError, match="no pool of the fleet"):
        Arena(workload((0, "x", 13, 5)), [FLEET], Scripted()).go()
