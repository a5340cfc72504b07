"""Policies, cycles and the planner, on small fleets by hand."""

from typing import Any

import pytest
from tests.stage import CHIP, HOST, SINGLE, START, Stage, spec

from suanli.chips.commands import SetHostState
from suanli.ledger.commands import Attest, Sweep
from suanli.market.commands import Order
from suanli.planning.cycle import Cycle
from suanli.planning.placing import Rule, place
from suanli.planning.planner import Planner
from suanli.planning.policies import POLICIES
from suanli.planning.view import PPM, PoolSpec, Request, View
from suanli.schedule.commands import Stop, Submit
from suanli.terms.instant import HOUR, MINUTE

FREE = ((0, 0, 0, 0), (0, 0, 1000, 1000), (0,) * 4)  # used shares of hosts a, b, c


def place_on(used: tuple[tuple[int, ...], ...], rule: Rule, devices: int, share: int) -> Any:
    """Return where a job goes on hosts of one pool, of whose devices so much is used."""
    view = View((PoolSpec("z", CHIP, tuple(len(host) for host in used)),))
    for host, shares in enumerate(used):
        for device, taken in enumerate(shares):
            if taken:
                row = view.submit(Request(9, 0, 1, taken, (PPM,), HOUR), 0)
                view.bind(row, ((host, (device,)),), 0)
    row = view.submit(Request(1, 0, devices, share, (PPM,), HOUR), 0)
    found = place(view, row, 0, rule)
    return found and tuple(("abc"[host], indices) for host, indices in found)


@pytest.mark.parametrize(("rule", "devices", "share", "expected"), [
    ("first", 2, 1000, (("a", (0, 1)),)),
    ("tightest", 2, 1000, (("b", (0, 1)),)),
    ("first", 4, 1000, (("a", (0, 1, 2, 3)),)),
    ("tightest", 6, 1000, (("a", (0, 1, 2, 3)), ("b", (0, 1)))),
    ("tightest", 8, 1000, (("a", (0, 1, 2, 3)), ("c", (0, 1, 2, 3)))),
    ("tightest", 9, 1000, (("a", (0, 1, 2, 3)), ("c", (0, 1, 2, 3)), ("b", (0,)))),
    ("tightest", 11, 1000, None),
    ("first", 1, 250, (("a", (0,)),)),
])
def test_where_a_job_goes(rule: Rule, devices: int, share: int, expected: Any) -> None:
    assert place_on(FREE, rule, devices, share) == expected


def test_fractions_fill_the_fullest_device_that_fits() -> None:
    hosts = ((0, 500), (700, 1000))
    assert place_on(hosts, "tightest", 1, 300) == (("b", (0,)),)
    assert place_on(hosts, "tightest", 1, 400) == (("a", (1,)),)
    assert place_on(((700, 1000),), "tightest", 1, 400) is None


def placements(stage: Stage, policy: str = "best-fit") -> list[tuple[int, Any]]:
    cycle = Cycle(POLICIES[policy], [1])
    return [(c.job, c.slots) for _, c in cycle.decide(stage.rooms, stage.at)]


def submit(stage: Stage, **changes: Any) -> int:
    return int(stage.must(2, Submit(spec(**changes))).answer["job"])


def test_gangs_are_whole_and_what_does_not_fit_is_skipped(stage: Stage) -> None:
    first = submit(stage, devices=12)
    submit(stage, devices=6)
    third = submit(stage, devices=4)
    assert [job for job, _ in placements(stage)] == [first, third]


def test_sold_firm_time_is_carved_out(stage: Stage) -> None:
    """Fourteen of sixteen device-hours are reserved: shared jobs get the two that are left."""
    stage.must(3, Order(1, "area-1", SINGLE, "firm", START, 0, 1000, 14_000, True))
    for _ in range(4):
        submit(stage)
    assert len(placements(stage)) == 2
    owner = int(stage.must(3, Submit(spec())).answer["job"])
    assert owner in [job for job, _ in placements(stage)]


def test_a_job_that_no_price_suits_waits(stage: Stage) -> None:
    submit(stage, max_hourly_cost=1)
    assert placements(stage) == []


def decide(stage: Stage, planner: Planner) -> list[Any]:
    """Let the planner decide and apply what it says; return the commands."""
    said = []
    for operator, command in planner.decide(stage.rooms, stage.at):
        stage.tell(planner, operator, command)
        said.append(command)
    return said


def kinds(commands: list[Any]) -> list[str]:
    return [type(command).__name__ for command in commands]


def test_an_hour_of_a_planner(stage: Stage) -> None:
    planner = Planner(POLICIES["best-fit"], [1])
    job = submit(stage, time_limit_ms=3 * HOUR)
    assert kinds(decide(stage, planner)) == ["Sweep", "Attest"]
    assert kinds(decide(stage, planner)) == ["PlaceMany"]
    assert decide(stage, planner) == []
    stage.at = START + 55 * MINUTE
    assert planner.next_instant(START + 1) == stage.at
    assert kinds(decide(stage, planner)) == ["Renew"]
    stage.at = START + HOUR
    assert kinds(decide(stage, planner)) == ["Meter", "Sweep", "Attest"]
    assert stage.rooms.settlement.usage(job, 1)[0] == HOUR
    stage.at = START + 3 * HOUR
    assert "Stop" in kinds(decide(stage, planner))


def test_what_cannot_be_renewed_is_stopped_inside_its_paid_hour(stage: Stage) -> None:
    from suanli.market.commands import PostOffer
    planner = Planner(POLICIES["best-fit"], [1])
    job = submit(stage, time_limit_ms=9 * HOUR, max_hourly_cost=1_000_000, grace_ms=7000)
    decide(stage, planner)
    decide(stage, planner)
    stage.must(1, PostOffer("area-1", SINGLE, "spot", 2000))
    stage.at = START + 55 * MINUTE
    assert "Renew" in kinds(decide(stage, planner))
    warning = decide(stage, planner)[0]
    assert (warning.job, warning.reason, warning.stops) == (
        job, "priced_out", START + HOUR - 7000)
    stage.at = START + HOUR - 7000
    assert "Stop" in kinds(decide(stage, planner))
    assert stage.rooms.schedule.job(job).stop_reason == "priced_out"


def test_stops_that_are_due_together_are_one(stage: Stage) -> None:
    """Priced out at the hour's end, and at its limit a second later: heard after both."""
    from suanli.market.commands import PostOffer
    planner = Planner(POLICIES["best-fit"], [1])
    job = submit(stage, time_limit_ms=HOUR + 1000, max_hourly_cost=1_000_000, grace_ms=7000)
    decide(stage, planner)
    decide(stage, planner)
    stage.must(1, PostOffer("area-1", SINGLE, "spot", 2000))
    stage.at = START + 55 * MINUTE
    assert "Renew" in kinds(decide(stage, planner))
    decide(stage, planner)
    stage.at = START + HOUR + 2000
    assert [(c.job, c.reason) for c in decide(stage, planner) if isinstance(c, Stop)] == [
        (job, "priced_out")]


def test_a_refused_placement_leaves_no_limit_behind(stage: Stage) -> None:
    planner = Planner(POLICIES["best-fit"], [1])
    job = submit(stage, time_limit_ms=HOUR // 2)
    decide(stage, planner)
    placed, = planner.decide(stage.rooms, stage.at)
    stage.must(1, SetHostState(HOST, False))
    assert stage.tell(planner, *placed).codes[0]
    stage.must(1, SetHostState(HOST, True))
    stage.at += 5 * MINUTE
    while stage.rooms.schedule.job(job).phase == "queued":
        decide(stage, planner)
    limit = stage.rooms.schedule.job(job).limit
    assert limit == stage.at + HOUR // 2
    for at, stops in ((limit - 5 * MINUTE, 0), (limit - 1, 0), (limit, 1), (limit + 1, 0)):
        stage.at = at
        assert kinds(decide(stage, planner)).count("Stop") == stops


def test_a_restarted_planner_knows_the_limits(stage: Stage) -> None:
    job = stage.placed(time_limit_ms=HOUR // 2)
    stage.at = START + HOUR // 2
    said = decide(stage, Planner(POLICIES["fifo"], [1]))
    assert [c.job for c in said if type(c).__name__ == "Stop"] == [job]


def test_hours_ahead_are_attested_once(stage: Stage) -> None:
    planner = Planner(POLICIES["fifo"], [1])
    said = decide(stage, planner)
    assert [c for c in said if isinstance(c, Attest)] == [
        Attest("area-1", CHIP, START + 4 * HOUR, 20, 16)]
    assert [c for c in said if isinstance(c, Sweep)] != []
    stage.at += HOUR
    assert [c for c in decide(stage, planner) if isinstance(c, Attest)] == [
        Attest("area-1", CHIP, START + 24 * HOUR, 1, 16)]
    assert HOST in stage.rooms.chips.tables["hosts"]
