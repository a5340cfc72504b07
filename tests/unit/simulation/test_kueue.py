"""Kueue: shares, borrowing, heads that step aside, flavors, hosts and pace, by hand."""

import numpy as np
import pytest

from suanli.planning.scheduler import Bind
from suanli.planning.view import PPM, PoolSpec, Request, View
from suanli.simulation.baselines.kueue import Kueue, assign, shares
from suanli.terms.instant import HOUR

TWELVE = (PoolSpec("z", "chip", (4, 4, 4)),)


def view_of(*jobs: tuple[int, int], pools: tuple[PoolSpec, ...] = TWELVE) -> View:
    """Return a view with (tenant, devices) jobs submitted a millisecond apart from 0 on."""
    view = View(pools)
    for at, (tenant, devices) in enumerate(jobs):
        submit(view, tenant, devices, at)
    return view


def submit(view: View, tenant: int, devices: int, at: int, *speeds: int) -> int:
    return view.submit(Request(view.jobs.count, tenant, devices, 1000,
                               speeds or (PPM,) * len(view.pools), HOUR), at)


def started(scheduler: Kueue, view: View, at: int) -> list[int]:
    """Perform one decision; return the rows it started, in order."""
    rows = []
    for action in scheduler.decide(view, at):
        assert isinstance(action, Bind)
        view.bind(action.row, action.slots, at)
        rows.append(action.row)
    return rows


def end(view: View, row: int) -> None:
    view.release(row)
    view.end(row, HOUR)


@pytest.mark.parametrize(("usage", "weight", "expected"), [
    ([[9, 0], [0, 5]], [1, 1], [3 / 20, 1 / 20]),  # nominal 6 + 4 each: borrows 3; borrows 1
    ([[6, 4], [0, 0]], [1, 1], [0, 0]),  # at its nominal quota is not borrowing
    ([[9, 0], [9, 0]], [2, 1], [3 / 40, 3 / 20]),  # twice the weight, half the share
    ([[9, 2], [0, 0]], [1, 1], [3 / 20, 0]),  # what is unused of one flavor does not offset
])
def test_dominant_resource_share(usage: list[list[int]], weight: list[int],
                                 expected: list[float]) -> None:
    nominal = np.array([[6.0, 4.0], [6.0, 4.0]])
    found = shares(np.array(usage, dtype=float), nominal, np.array(weight, dtype=float))
    assert found == pytest.approx(expected)


def test_the_queue_that_would_borrow_least_goes_first_though_it_came_later() -> None:
    view = view_of((0, 8))
    kueue = Kueue()
    assert started(kueue, view, 0) == [0]  # alone, it may borrow all
    early, late = submit(view, 0, 4, 100), submit(view, 1, 4, 200)
    assert started(kueue, view, 300) == [late]  # share 0 against (12 - 6) / 12
    assert early in view.queued


def test_equal_shares_go_by_submission() -> None:
    view = view_of((1, 2), (0, 2))
    assert started(Kueue(), view, 5) == [0, 1]


def test_a_head_that_does_not_fit_lets_the_next_pass_until_a_workload_ends() -> None:
    view = view_of((0, 8), (0, 8), (0, 3))
    kueue = Kueue()
    assert started(kueue, view, 10) == [0]  # one head a queue and cycle
    at = kueue.next_instant(10)
    assert at is not None
    assert started(kueue, view, at) == [2]  # row 1 needs two whole hosts: set aside
    later = submit(view, 0, 8, 500)
    assert started(kueue, view, 1000) == []
    end(view, 0)
    assert started(kueue, view, 2000) == [1]  # back at the head, before the later one
    assert later in view.queued


def test_admissions_take_their_time() -> None:
    view = view_of((0, 1), (0, 1), (0, 1))
    kueue = Kueue()
    assert started(kueue, view, 1000) == [0]
    assert kueue.next_instant(1000) == 1024  # 1 / 42 s, rounded up
    assert started(kueue, view, 1010) == []
    assert started(kueue, view, 1024) == [1]


def test_flavors_are_tried_fastest_first_and_one_without_room_leads_to_the_next() -> None:
    view = view_of(pools=(PoolSpec("z", "slow", (4,)), PoolSpec("z", "fast", (4,))))
    kueue = Kueue()
    for at in range(2):
        submit(view, at, 3, at, PPM, 2 * PPM)
    assert started(kueue, view, 5) == [0]  # both nominated to the fast one; the other tries again
    assert started(kueue, view, 50) == [1]
    assert view.jobs.pool[:2].tolist() == [1, 0]


def test_a_pod_goes_to_the_host_that_holds_fewest_more_like_it() -> None:
    view = view_of((0, 1), pools=(PoolSpec("z", "chip", (8, 8, 8)),))
    view.bind(0, ((1, (0,)),), 0)
    view.bind(submit(view, 0, 4, 0), ((2, (0, 1, 2, 3)),), 0)
    row = submit(view, 0, 4, 0)  # free 8, 7, 4 hold 2, 1, 1 such pods
    assert assign(view, row, 0) == ((1, (1, 2, 3, 4)),)
    assert assign(view, submit(view, 0, 16, 0), 0) is None


def test_budgets_weigh_quotas_and_shares() -> None:
    """12 devices, budgets 3 and 1: quotas 9 and 3. Nine are within the first's, four are not."""
    view = View(TWELVE)
    view.submit(Request(0, 1, 4, 1000, (PPM,), HOUR, budget=1.0), 0)
    view.submit(Request(1, 0, 8, 1000, (PPM,), HOUR, budget=3.0), 1)
    assert started(Kueue(), view, 5) == [1, 0]
