"""TokenFlow's parts by hand: estimates, prices, packing in blocks, displacement, drains."""

import numpy as np
import pytest

from suanli.planning.scheduler import Bind, Preempt
from suanli.planning.tokenflow.drains import Drain, Drains
from suanli.planning.tokenflow.estimates import (
    BINS,
    MEMORY_JOBS,
    PRIOR_JOBS,
    RATIO_MIN,
    RunTimes,
)
from suanli.planning.tokenflow.kernels import NEVER
from suanli.planning.tokenflow.prices import balanced_prices
from suanli.planning.tokenflow.scheduler import Settings, TokenFlow
from suanli.planning.view import PPM, PoolSpec, Request, View
from suanli.terms.instant import HOUR, MINUTE


def view(*hosts: int, leaf: str = "") -> View:
    return View((PoolSpec("z", "chip", hosts, tuple(leaf)),))


def submit(v: View, devices: int, hours: float, at: int = 0, tenant: int = 0,
           least: int = 0) -> int:
    return v.submit(Request(v.jobs.count + 1, tenant, devices, 1000, (PPM,),
                            round(hours * HOUR), devices_min=least), at)


def promise(v: View, devices: int, hours: float, at: int = 0,
            speeds: tuple[int, ...] = (PPM,)) -> int:
    return v.submit(Request(v.jobs.count + 1, 1, devices, 1000, speeds, round(hours * HOUR),
                            is_preemptible=False, slo_ms=MINUTE), at)


def perform(v: View, scheduler: TokenFlow, at: int) -> list[str]:
    """Perform a round; return what was done, `+row` and `-row`."""
    done = []
    for action in scheduler.decide(v, at):
        if isinstance(action, Bind):
            v.bind(action.row, action.slots, at, action.is_all)
            done.append(f"+{action.row}")
        elif isinstance(action, Preempt):
            v.release(action.row)
            v.requeue(action.row, at, 0)
            done.append(f"-{action.row}")
    return done

@pytest.mark.parametrize("seed", range(5))
def test_jobs_that_ended_together_teach_what_they_would_one_by_one(seed: int) -> None:
    """To the bit: the oracle fades all bins, then counts one job, as often as jobs ended."""
    rng, v, runtimes = np.random.default_rng(seed), view(8), RunTimes()
    expected = np.full(BINS, PRIOR_JOBS / BINS)
    starts = np.append(0.0, np.geomspace(RATIO_MIN, 1.0, BINS + 1)[1:-1])
    for _ in range(500):
        row = promise(v, 1, 1) if rng.random() < 0.1 else submit(v, 1, rng.uniform(0.01, 99))
        ran_ms = int(v.jobs.limit_ms[row] * rng.uniform(0, 1.1))
        v.end(row, ran_ms)
        if not v.jobs.slo_ms[row]:
            expected *= 1 - 1 / MEMORY_JOBS
            expected[(starts <= ran_ms / int(v.jobs.limit_ms[row])).sum() - 1] += 1
    runtimes.learn(v)
    assert runtimes._count.tolist() == expected.tolist()


def test_estimates_learn_the_part_of_limits_that_is_used() -> None:
    v, runtimes = view(8), RunTimes()
    before = runtimes.expected(np.array([0.0]))[0]
    for _ in range(200):
        row = submit(v, 1, 10)
        v.end(row, HOUR)
    runtimes.learn(v)
    after = runtimes.expected(np.array([0.0]))[0]
    assert after == pytest.approx(0.1, rel=0.15)
    assert abs(after - 0.1) < abs(before - 0.1)
    assert runtimes.expected(np.array([0.5]))[0] > 0  # further than any: still something to come


def test_promised_jobs_teach_nothing() -> None:
    v, runtimes = view(8), RunTimes()
    before = runtimes.expected(np.array([0.0]))[0]
    v.end(promise(v, 1, 24), HOUR)
    runtimes.learn(v)
    assert runtimes.expected(np.array([0.0]))[0] == before


def test_prices_follow_who_gains_most() -> None:
    """A job kind ten times faster on chip 0, one alike on both: 0 is dearer, but not tenfold."""
    prices = balanced_prices(np.array([[10.0, 1.0], [1.0, 1.0]]), np.array([10.0, 5.0]),
                             np.array([1.0, 1.0]))
    assert prices is not None
    assert prices.mean() == pytest.approx(1)
    assert 1 <= prices[0] / prices[1] <= 10


def test_the_lightest_goes_first_and_a_gang_stays_in_the_smallest_block() -> None:
    v = view(4, 4, 4, 4, 4, leaf="aaabb")
    row = submit(v, 8, 1)
    assert perform(v, TokenFlow(), 0) == [f"+{row}"]
    assert {host for host, _ in v.slots[row]} == {3, 4}
    long, short = submit(v, 12, 50), submit(v, 12, 1)
    assert perform(v, TokenFlow(), 0) == [f"+{short}"]
    assert long in v.queued


def test_a_heavy_placement_makes_way_once_it_has_run_and_never_the_other_way() -> None:
    v, scheduler = view(4), TokenFlow()
    heavy = submit(v, 4, 100)
    assert perform(v, scheduler, 0) == [f"+{heavy}"]
    light = submit(v, 2, 1)
    assert perform(v, scheduler, MINUTE) == []  # it has not run long enough
    assert perform(v, scheduler, 11 * MINUTE) == [f"-{heavy}", f"+{light}"]
    assert perform(v, scheduler, 30 * MINUTE) == []  # the light one is not displaced in turn


def test_an_elastic_gang_displaces_no_more_than_it_needs_and_keeps_its_width() -> None:
    v, scheduler = view(4, 4), TokenFlow()
    one, other = submit(v, 4, 100), submit(v, 4, 100)
    perform(v, scheduler, 0)
    row = submit(v, 8, 1, least=4)
    (gone, came) = perform(v, scheduler, 11 * MINUTE)
    assert (gone in (f"-{one}", f"-{other}"), came) == (True, f"+{row}")
    assert (v.jobs.width[row], v.limit_on(row, 0)) == (4, 2 * HOUR)
    (stays,) = {one, other} & v.active.keys()
    v.release(stays)
    v.end(stays, HOUR)
    assert f"+{row}" not in perform(v, scheduler, 12 * MINUTE)
    assert v.jobs.width[row] == 4


def test_whoever_waits_too_long_gets_a_bounded_start() -> None:
    v, scheduler = view(4, 4), TokenFlow(Settings(is_preempting=False, is_fair=False))
    for _ in range(4):
        submit(v, 2, 48)
    perform(v, scheduler, 0)
    gang = submit(v, 8, 60)
    perform(v, scheduler, 23 * HOUR)
    assert scheduler.drains.by_row == {}  # it has waited no more than its patience
    perform(v, scheduler, 25 * HOUR)
    assert scheduler.drains.by_row[gang].start == 48 * HOUR
    first = next(iter(v.active))
    v.release(first)
    v.end(first, HOUR)
    late, brief = submit(v, 1, 30, 26 * HOUR), submit(v, 1, 5, 26 * HOUR)
    done = perform(v, scheduler, 26 * HOUR)
    assert done == [f"+{brief}"]  # it is surely over by then; the other is not
    assert late in v.queued


def test_a_promised_start_goes_before_whatever_is_lighter_and_takes_any_chip() -> None:
    """One device is free; the other chip is so much slower that no other job would take it."""
    v = View((PoolSpec("z", "fast", (1,)), PoolSpec("z", "slow", (1,))))
    light = v.submit(Request(1, 0, 1, 1000, (PPM, 1000), MINUTE), 0)
    heavy = [promise(v, 1, 24, speeds=(PPM, 1000)) for _ in range(2)]
    assert perform(v, TokenFlow(), 0) == [f"+{row}" for row in heavy]
    assert light in v.queued


def test_a_promised_start_displaces_lighter_work_of_a_larger_stated_size_only() -> None:
    """Expected work does not matter to it, the stated size does: so no cycle, whoever asks."""
    v, scheduler = view(4), TokenFlow()
    larger, smaller = submit(v, 2, 13), submit(v, 2, 11)
    perform(v, scheduler, 0)
    v.jobs.progress_ms[larger] = 13 * HOUR - 10 * MINUTE  # as good as done
    first, second = promise(v, 1, 24, MINUTE), promise(v, 1, 24, MINUTE)
    assert perform(v, scheduler, MINUTE) == []  # nobody has run long enough
    assert perform(v, scheduler, 11 * MINUTE)[:3] == [f"-{larger}", f"+{first}", f"+{second}"]
    third = promise(v, 1, 24, 12 * MINUTE)
    assert perform(v, scheduler, 12 * MINUTE) == []  # 22 device-hours are below its 24
    assert {smaller, first, second} == set(v.active)
    assert third in v.queued


def test_no_reservation_holds_up_a_promised_start() -> None:
    v, scheduler = view(4), TokenFlow(Settings(is_preempting=False, is_fair=False))
    submit(v, 2, 48)
    perform(v, scheduler, 0)
    gang = submit(v, 4, 60)
    perform(v, scheduler, 25 * HOUR)
    assert scheduler.drains.by_row[gang].start == 48 * HOUR
    late, replica = submit(v, 1, 30, 26 * HOUR), promise(v, 1, 30, 26 * HOUR)
    assert perform(v, scheduler, 26 * HOUR) == [f"+{replica}"]
    assert late in v.queued


def test_hosts_that_are_surely_free_first_are_kept_up_to_a_part_of_the_pool() -> None:
    """Host 0 is over after 10 h, host 1 half after 5 h and half after 20 h, host 2 after 30 h."""
    v, drains = view(4, 4, 4, 4), Drains()
    for host, devices, hours in ((0, 4, 10), (1, 2, 5), (1, 2, 20), (2, 4, 30)):
        v.bind(submit(v, devices, hours), ((host, v.free_devices(host, devices)),), 0)
    pair, gang, other = submit(v, 2, 1), submit(v, 12, 1), submit(v, 1, 1)
    seek(drains, v, gang, other)
    assert drains.by_row == {gang: Drain((3, 0, 1), 20 * HOUR, 0)}  # a part too, for want of less
    late = Drains()
    v.bind(submit(v, 4, 9), ((3, (0, 1, 2, 3)),), 0)
    seek(late, v, pair, other)
    assert late.by_row == {pair: Drain((1,), 5 * HOUR, 0)}  # two of its four are free then
    v.queued.pop(pair)
    assert (late.reserved_from(v) == NEVER).all()  # nothing is kept for who does not wait


def seek(drains: Drains, v: View, *rows: int) -> None:
    drains.seek(v, np.array(rows), np.zeros(len(rows), dtype=np.int64), 0)
