"""Slurm: decay, ranks, priorities, both passes, bookings, by hand."""

import numpy as np
import pytest

from suanli.planning.scheduler import Bind
from suanli.planning.view import PPM, PoolSpec, Request, View
from suanli.simulation.baselines.backfill import FOR_EVER, plan, profile
from suanli.simulation.baselines.slurm import Slurm
from suanli.simulation.baselines.slurm_priority import Priorities, decayed, fair_tree
from suanli.terms.instant import DAY, HOUR, MINUTE, SECOND


def submit(view: View, devices: int, minutes: int, at: int = 0, tenant: int = 0,
           speeds: tuple[int, ...] = (), share: int = 1000) -> int:
    return view.submit(Request(view.jobs.count, tenant, devices, share,
                               speeds or (PPM,) * len(view.pools), minutes * MINUTE), at)


def started(scheduler: Slurm, view: View, at: int) -> list[int]:
    rows = []
    for action in scheduler.decide(view, at):
        assert isinstance(action, Bind)
        view.bind(action.row, action.slots, at)
        rows.append(action.row)
    return rows


def test_usage_halves_in_a_half_life_and_settles_where_charge_meets_decay() -> None:
    usage = np.array([8.0, 2.0])
    assert decayed(usage, np.zeros(2), 7 * DAY) == pytest.approx([4, 1])
    settled = np.array([3.0]) * 7 * DAY / np.log(2)
    assert decayed(settled, np.array([3.0]), 5 * DAY) == pytest.approx(settled)
    assert decayed(np.zeros(1), np.array([2.0]), SECOND) == pytest.approx([2000], rel=1e-5)
    halfway = decayed(usage, np.ones(2), 2 * DAY)
    assert decayed(halfway, np.ones(2), DAY) == pytest.approx(decayed(usage, np.ones(2), 3 * DAY))


@pytest.mark.parametrize(("usage", "shares", "factors"), [
    ([30, 10, 0], [1, 1, 1], [1 / 3, 2 / 3, 1]),
    ([30, 10, 0], [5, 1, 1], [2 / 3, 1 / 3, 1]),  # (5/7) / (3/4) against (1/7) / (1/4)
    ([5, 5, 9], [1, 1, 1], [1, 1, 1 / 3]),  # equals share the better rank
    ([0, 0], [1, 3], [1, 1]),
])
def test_fair_tree(usage: list[float], shares: list[float], factors: list[float]) -> None:
    found = fair_tree(np.array(usage, dtype=float), np.array(shares, dtype=float))
    assert found == pytest.approx(factors)


def test_order_of_priority() -> None:
    """Ten devices. Tenant 0 has used some: fair share 0.5 against 1 outweighs age and size."""
    view = View((PoolSpec("z", "chip", (10,)),))
    priorities = Priorities()
    view.bind(submit(view, 1, 60), ((0, (0,)),), 0)
    priorities.accrue(view, 0)
    priorities.hold(view)
    at = 2 * DAY
    large = submit(view, 9, 60, at)  # 5000 + 900
    old = submit(view, 1, 60, 0)  # 5000 + 1000 x 2 / 7 + 100
    small = submit(view, 1, 60, at)  # 5000 + 100
    other = submit(view, 1, 60, at, tenant=1)  # 10000 + 100
    priorities.accrue(view, at)
    assert priorities.ranked(view, at).tolist() == [other, large, old, small]


def test_priorities_stand_for_five_minutes() -> None:
    view = View((PoolSpec("z", "chip", (10,)),))
    priorities = Priorities()
    first, second = submit(view, 2, 60, 0), submit(view, 2, 60, 0, tenant=1)
    priorities.accrue(view, 0)
    assert priorities.ranked(view, 0).tolist() == [first, second]
    view.bind(submit(view, 1, 60, 0), ((0, (0,)),), 0)
    priorities.hold(view)
    priorities.accrue(view, 4 * MINUTE)
    assert priorities.ranked(view, 4 * MINUTE).tolist() == [first, second]
    priorities.accrue(view, 5 * MINUTE)
    assert priorities.ranked(view, 5 * MINUTE).tolist() == [second, first]


def test_the_main_pass_closes_a_partition_at_the_first_that_waits() -> None:
    view = View((PoolSpec("z", "fast", (4,)), PoolSpec("z", "slow", (4,))))
    only_fast = (PPM, 0)
    first = submit(view, 3, 60, speeds=only_fast)
    blocked = submit(view, 3, 60, 1, speeds=only_fast)
    fits_fast = submit(view, 1, 600, 2, speeds=only_fast)  # lower in rank: closed to it
    fits_slow = submit(view, 1, 60, 3, speeds=(PPM, PPM // 2))
    slurm = Slurm()
    assert started(slurm, view, 10) == [first, fits_slow]
    assert view.jobs.pool[fits_slow] == 1
    assert {blocked, fits_fast} == set(view.queued)


def test_the_main_pass_looks_at_a_hundred_pairs() -> None:
    view = View((PoolSpec("z", "chip", (120,)),))
    for at in range(120):
        submit(view, 1, 60, at)
    assert started(Slurm(), view, 1000) == list(range(100))


def test_backfill_runs_on_its_interval_and_only_what_ends_in_time() -> None:
    """Four devices: three busy for an hour at most; the next wants all four."""
    view = View((PoolSpec("z", "chip", (4,)),))
    slurm = Slurm()
    submit(view, 3, 60)
    assert started(slurm, view, 0) == [0]
    waits = submit(view, 4, 60, 1)
    too_long, ends_in_time = submit(view, 1, 61, 2), submit(view, 1, 59, 3)
    assert started(slurm, view, 3) == []
    assert slurm.next_instant(3) == 30 * SECOND
    assert started(slurm, view, 30 * SECOND) == [ends_in_time]
    assert slurm.planned[waits, 0] == 60
    assert slurm.planned[too_long, 0] == 121  # a booking made off the minute is rounded up


def test_a_fraction_takes_a_device_to_itself() -> None:
    view = View((PoolSpec("z", "chip", (2,)),))
    for at in range(3):
        submit(view, 1, 60, at, share=300)
    assert started(Slurm(), view, 0) == [0, 1]


Pair = tuple[int, int]


def planned(hosts: list[int], running: list[tuple[int, int, int]], jobs: list[Pair],
            books_whole_hosts: bool) -> list[int]:
    """Return starts of (devices, minutes) jobs; `running`: (host, devices, until)."""
    table = np.array(running, dtype=np.int64).reshape(-1, 3)
    up, wanted = np.array(hosts), np.array(jobs)
    every = np.ones(len(jobs), dtype=np.int64)
    starts, *_ = plan(*profile(up, table[:, 0], table[:, 1], table[:, 2], len(jobs)),
                      np.arange(len(jobs)), 0 * every, len(hosts) * every, max(hosts) * every,
                      wanted[:, 0], wanted[:, 1], books_whole_hosts)
    return starts.tolist()


@pytest.mark.parametrize(("jobs", "whole", "single"), [
    ([(2, 10), (1, 5)], [20, 0], [20, 0]),  # the hole before the booking is used
    ([(2, 10), (1, 25)], [20, 30], [20, 0]),  # a booked host is booked whole
    ([(6, 10), (1, 35)], [30, 40], [30, 30]),  # both hosts: one whole, two of the other
    ([(6, 10), (1, 30)], [30, 0], [30, 0]),
    ([(9, 1)], [FOR_EVER], [FOR_EVER]),
])
def test_bookings(jobs: list[Pair], whole: list[int], single: list[int]) -> None:
    """Two hosts of four: one has 1 free until 20, then 3, all after 25; the other is full to 30."""
    running = [(0, 2, 20), (0, 1, 25), (1, 4, 30)]
    assert planned([4, 4], running, jobs, True) == whole
    assert planned([4, 4], running, jobs, False) == single


def test_a_job_books_in_every_partition_and_starts_once() -> None:
    view = View((PoolSpec("z", "fast", (1,)), PoolSpec("z", "slow", (1,))))
    slurm = Slurm()
    submit(view, 1, 60, speeds=(PPM, 0))
    submit(view, 1, 30, speeds=(0, PPM))
    assert started(slurm, view, 0) == [0, 1]
    both = submit(view, 1, 60, 1, speeds=(PPM, PPM // 2))
    assert started(slurm, view, 30 * SECOND) == []
    assert slurm.planned == {(both, 0): 60, (both, 1): 30}
    view.release(1)
    view.end(1, HOUR)
    assert started(slurm, view, HOUR // 4) == [both]
