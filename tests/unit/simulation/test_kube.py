"""The kube-scheduler model, walked through by cases worked out by hand."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stage import CHIP

from suanli.planning.scheduler import Action, Bind, Unbind
from suanli.planning.view import PoolSpec, Request, View
from suanli.simulation.baselines.kube import queue as q
from suanli.simulation.baselines.kube.hosts import (
    Hosts,
    Kind,
    Kinds,
    balanced_allocation,
    feasible_wanted,
    least_allocated,
    most_allocated,
)
from suanli.simulation.baselines.kube.queue import (
    ACTIVE,
    AFFINITY,
    BACKOFF,
    OUT,
    PARKED,
    RESOURCES,
)
from suanli.simulation.baselines.kube.scheduler import CYCLE_US, Kube, pod_sizes
from suanli.simulation.baselines.kube.throttle import TokenBucket
from suanli.simulation.baselines.kube_gang import KubeGang

S = q.SECOND_US


def queue_of(*stamps: int) -> q.Queue:
    """Return a queue in which pod i entered at stamps[i], in microseconds."""
    queue = q.empty(64, 0)
    for pod, at in enumerate(stamps):
        q.enter(queue, pod, 0, at)
    return queue


# -- the queue ------------------------------------------------------------------------------------


def test_active_pods_leave_by_timestamp_then_number() -> None:
    queue = queue_of(5, 3, 9, 3)
    assert [q.pop(queue, 10, False) for _ in range(5)] == [1, 3, 0, 2, -1]


def test_backoff_doubles_from_one_second_to_ten() -> None:
    assert [q.backoff_us(n) // S for n in range(8)] == [0, 1, 2, 4, 8, 10, 10, 10]


def test_a_rejected_pod_moves_on_a_deletion_only_if_a_rejecter_cares() -> None:
    queue = queue_of(0, 0)
    for rejecters in (RESOURCES, AFFINITY):
        q.park(queue, q.pop(queue, 0, False), rejecters, 100, True)
    q.deletion(queue, 200, 0)
    assert queue.where[:2].tolist() == [BACKOFF, PARKED]
    assert queue.expiry[0] == 100 + S


def test_a_deletion_after_the_backoff_activates_at_once() -> None:
    queue = queue_of(0)
    q.park(queue, q.pop(queue, 0, False), RESOURCES, 100, True)
    q.deletion(queue, 100 + S, 0)
    assert queue.where[0] == ACTIVE


def test_a_deletion_during_the_cycle_is_replayed_when_the_pod_returns() -> None:
    """The cycle runs from 0 to 5,556 us; the deletion comes at 3,000 us."""
    queue = queue_of(0)
    never = np.array([False]), np.array([RESOURCES])
    assert q.next_fit(queue, *never, CYCLE_US, True, True, 3000) == -1
    q.deletion(queue, 3000, 0)
    assert queue.where[0] == BACKOFF
    assert queue.expiry[0] == CYCLE_US + S


def test_backoffs_that_are_over_are_flushed_on_whole_seconds() -> None:
    queue = queue_of(0)
    q.park(queue, q.pop(queue, 0, False), RESOURCES, 400_000, True)
    q.deletion(queue, 500_000, 0)  # back-off until 1.4 s
    assert q.pop(queue, 1_900_000, False) == -1
    assert q.pop(queue, 2 * S, False) == 0


def test_an_empty_active_queue_lets_the_head_of_the_backoff_go_early() -> None:
    queue = queue_of(0, 0)
    for failed in (700, 300):
        q.park(queue, q.pop(queue, 0, False), RESOURCES, failed, True)
    q.deletion(queue, 1000, 0)
    assert q.pop(queue, 1000, False) == -1
    assert [q.pop(queue, 1000, True) for _ in range(3)] == [1, 0, -1]


def test_after_five_minutes_a_parked_pod_is_retried_on_the_half_minute() -> None:
    queue = queue_of(0)
    q.park(queue, q.pop(queue, 0, False), AFFINITY, 10 * S, True)
    assert q.pop(queue, 310 * S, False) == -1
    assert q.pop(queue, 329 * S, False) == -1
    assert q.pop(queue, 330 * S, False) == 0


def test_failing_pods_are_retried_every_five_minutes_without_an_event() -> None:
    """Failing at 5,556 us, the pod is due at 330 s (over five minutes, half-minutes), then 660."""
    queue = queue_of(0)
    never = np.array([False]), np.array([RESOURCES])
    q.next_fit(queue, *never, CYCLE_US, True, True, 1000 * S)
    assert queue.attempts[0] == 1 + 3
    assert queue.stamp[0] == 990 * S + CYCLE_US


def test_a_failed_pod_queues_behind_a_younger_one() -> None:
    queue = queue_of(0, 1000)
    q.park(queue, q.pop(queue, 0, False), RESOURCES, 6000, True)
    q.activate(queue, 0)
    assert [q.pop(queue, 7000, False) for _ in range(2)] == [1, 0]


def test_cycles_are_serial_and_stop_at_the_first_that_fits() -> None:
    queue = queue_of(0, 1, 2)
    queue.kind[2] = 1
    verdicts = np.array([False, True]), np.array([RESOURCES, 0])
    assert q.forecast(queue, *verdicts, CYCLE_US, True, True) == 3 * CYCLE_US
    assert queue.attempts[:3].tolist() == [0, 0, 0], "a forecast changes nothing"
    assert q.next_fit(queue, *verdicts, CYCLE_US, True, True, 2 * CYCLE_US) == -1
    assert q.next_fit(queue, *verdicts, CYCLE_US, True, True, 9 * CYCLE_US) == 2
    assert queue.stamp[:2].tolist() == [CYCLE_US, 2 * CYCLE_US]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20), st.integers(0, 90)), max_size=80))
def test_every_pod_is_in_exactly_the_place_that_it_says(steps: list[tuple[int, int, int]]) -> None:
    """And the heaps stay heaps, under any sequence of moves."""
    queue, at = q.empty(64, 0), 0
    for verb, pod, seconds in steps:
        at += seconds * S // 7
        if verb == 0 and queue.where[pod] == OUT:
            q.enter(queue, pod, 0, at)
        elif verb == 1 and (popped := q.pop(queue, at, bool(seconds % 2))) >= 0:
            q.park(queue, popped, 1 + pod % 2, at, True)
        elif verb == 2:
            q.deletion(queue, at, 0)
        elif verb == 3 and queue.where[pod] != OUT:
            q.leave(queue, pod)
        elif verb == 4 and queue.where[pod] != OUT:
            q.activate(queue, pod)
        for place, array, key in ((ACTIVE, queue.active, queue.rank),
                                  (BACKOFF, queue.backoff, queue.expiry),
                                  (PARKED, queue.parked, None)):
            inside = array[:queue.sizes[place]]
            assert sorted(inside.tolist()) == np.flatnonzero(queue.where == place).tolist()
            if key is not None:
                assert all(key[inside[(i - 1) // 2]] <= key[inside[i]]
                           for i in range(1, len(inside)))


# -- the search and the scores --------------------------------------------------------------------


@pytest.mark.parametrize(("hosts", "wanted"), [
    (1, 1), (99, 99), (100, 100), (250, 120), (1213, 497), (4278, 684), (6500, 325)])
def test_how_many_feasible_hosts_end_a_search(hosts: int, wanted: int) -> None:
    assert feasible_wanted(hosts) == wanted


def view_of(*devices: int, chips: tuple[str, ...] = (CHIP,)) -> View:
    return View(tuple(PoolSpec("z", chip, devices) for chip in chips))


def submit(view: View, devices: int, speeds: tuple[int, ...] = (1_000_000,), at: int = 0) -> int:
    return view.submit(Request(view.jobs.count, 0, devices, 1000, speeds, 10**9), at)


def test_the_search_goes_round() -> None:
    """Of 1,213 free hosts 497 are looked at; the next search starts at host 497, then 994."""
    hosts = Hosts(view_of(*[8] * 1213), "spread", 1)
    everywhere = np.ones(1213, dtype=np.bool_)
    found = [hosts._search(everywhere) for _ in range(3)]
    assert [(f[0], f[-1], len(f)) for f in found] == [
        (0, 496, 497), (497, 993, 497), (994, 277, 497)]


def test_infeasible_hosts_are_passed_over_and_count_as_looked_at() -> None:
    hosts = Hosts(view_of(*[8] * 200), "spread", 1)  # 49 % of 200: at least 100
    passing = np.arange(200) % 2 == 1
    assert len(hosts._search(passing)) == 100
    assert hosts._start == 0, "all 200 were looked at"
    passing[:3] = True
    assert hosts._search(passing)[-1] == 195
    assert hosts._start == 196


def test_zones_take_turns_in_the_search() -> None:
    pools = (PoolSpec("a", CHIP, (8, 8, 8)), PoolSpec("b", CHIP, (8,)))
    assert Hosts(View(pools), "spread", 1)._ring.tolist() == [0, 3, 1, 2]


def test_scores_by_hand() -> None:
    """CPU 3 of 8 and memory 6 of 8 used: least (62 + 25) // 2, spread of 0.375 and 0.75 0.1875."""
    requested, allocatable = np.array([[3], [6]]), np.array([[8], [8]])
    assert least_allocated(requested, allocatable).tolist() == [(62 + 25) // 2]
    assert balanced_allocation(requested, allocatable).tolist() == [81]
    assert most_allocated(requested[:1], allocatable[:1]).tolist() == [37]


@pytest.mark.parametrize(("rule", "host"), [("spread", 1), ("pack", 0)])
def test_the_default_takes_the_emptiest_host_and_packing_the_fullest(rule: Any, host: int) -> None:
    view = view_of(8, 8, 8)
    for where, used in ((0, 5), (1, 1), (2, 3)):
        view.bind(submit(view, used), ((where, tuple(range(used))),), 0)
    hosts = Hosts(view, rule, 1)
    assert hosts.choose(Kind((True,), 2, 1000))[0] == host


def test_ties_are_broken_at_random_over_all_the_best() -> None:
    hosts = Hosts(view_of(8, 8, 8, 8), "spread", 1)
    hosts.assume(((2, (0,)),), 1000)
    chosen = [hosts.choose(Kind((True,), 1, 1000))[0] for _ in range(300)]
    assert sorted(set(chosen)) == [0, 1, 3]
    assert min(chosen.count(h) for h in (0, 1, 3)) > 70


def test_who_rejects_a_pod_that_fits_nowhere() -> None:
    view = view_of(8, chips=("v", "p"))
    kinds = Kinds(2)
    for pools in ((True, True), (True, False), (False, False)):
        kinds.number(Kind(pools, 9, 1000))
    fits, rejecters = Hosts(view, "spread", 1).verdicts(kinds)
    assert not fits.any()
    assert rejecters.tolist() == [RESOURCES, RESOURCES | AFFINITY, AFFINITY]


# -- requests, shapes, whole schedulers -----------------------------------------------------------


def test_a_burst_of_a_hundred_and_then_one_in_twenty_milliseconds() -> None:
    bucket = TokenBucket()
    instants = [bucket.take(0) for _ in range(103)]
    assert instants == [0] * 100 + [20_000, 40_000, 60_000]
    assert bucket.take(10 * S) == 10 * S
    assert [bucket.take(10 * S) for _ in range(100)][-2:] == [10 * S, 10 * S + 20_000]


def test_shapes() -> None:
    assert pod_sizes(20, "few", 8) == [8, 8, 4]
    assert pod_sizes(20, "few", 16) == [8, 8, 4]
    assert pod_sizes(6, "few", 4) == [4, 2]
    assert pod_sizes(3, "split", 8) == [1, 1, 1]


def play(scheduler: Kube, view: View, until: int, at: int = 0) -> list[tuple[int, Action]]:
    """Perform what a scheduler does by itself until an instant; return (ms, action)."""
    done: list[tuple[int, Action]] = []
    while True:
        for action in scheduler.decide(view, at):
            done.append((at, action))
            if isinstance(action, Bind):
                view.bind(action.row, action.slots, at)
            else:
                assert isinstance(action, Unbind)
                view.release(action.row)
                view.requeue(action.row, at, 0)
        upcoming = scheduler.next_instant(at)
        if upcoming is None or upcoming > until:
            return done
        assert upcoming > at
        at = upcoming


def test_binds_come_one_cycle_after_another() -> None:
    view = view_of(8, 8)
    for _ in range(4):
        submit(view, 4)
    done = play(Kube("few", 1), view, 1000)
    assert [at for at, _ in done] == [math.ceil(n * CYCLE_US / 1000) for n in (1, 2, 3, 4)]


def test_with_the_limit_on_requests_binds_lag_behind_cycles() -> None:
    """The k-th bind is ready after k cycles, but the bucket gives 100 + 50 t up to t."""
    view = view_of(*[8] * 20)
    submit(view, 150)
    done = play(Kube("split", 1, TokenBucket()), view, 10_000)
    instants = [at for at, _ in done]
    first = (CYCLE_US + 999) // 1000
    assert instants[0] == first
    for k in range(1, 151):
        tokens = 100 + 50 * (instants[k - 1] - CYCLE_US / 1000) / 1000
        assert k <= tokens + 0.06
    assert instants[-1] == pytest.approx(first + 50 * 20, abs=2)
    assert sorted(view.active) == [0]
    assert view.jobs.held[0] == 150


def test_two_split_gangs_larger_than_half_lock_each_other_out() -> None:
    """Twelve one-device pods each for sixteen devices: after the first fills, the second holds."""
    view = view_of(8, 8)
    first, second = submit(view, 12), submit(view, 12)
    play(Kube("split", 1), view, 10_000)
    assert (view.jobs.held[first], view.jobs.held[second]) == (12, 4)
    assert view.free.sum() == 0


def test_a_gang_never_keeps_devices_that_it_cannot_complete() -> None:
    """A host with a running pod: the gang of two whole hosts takes one, and gives it back."""
    view = view_of(8, 8, 8)
    view.bind(submit(view, 1), ((0, (0,)),), 0)
    view.bind(submit(view, 1), ((1, (0,)),), 0)
    gang = submit(view, 16)
    done = play(KubeGang(1), view, 1000)
    assert [type(action) for _, action in done] == [Bind, Unbind]
    assert gang in view.queued
    assert view.free.tolist() == [7, 7, 8]


def test_a_gang_is_bound_once_there_is_room_for_all_and_after_its_backoff() -> None:
    view = view_of(8, 8, 8)
    small = [submit(view, 1), submit(view, 1)]
    for host, row in enumerate(small):
        view.bind(row, ((host, (0,)),), 0)
    gang = submit(view, 16)
    scheduler = KubeGang(1)
    play(scheduler, view, 100)
    view.release(small[0])
    view.end(small[0], 1)
    done = play(scheduler, view, 5000, at=200)
    # Rejected at 11 ms, in back-off until 1,011 ms, flushed at 2 s; two cycles.
    assert [at for at, action in done if isinstance(action, Bind)] == [2006, 2012]
    assert view.jobs.held[gang] == 16


def test_a_nearly_complete_gang_waits_in_permit_and_times_out_after_a_minute() -> None:
    """Eleven pods of eight, ten of them find a host: less than a tenth is missing."""
    view = view_of(*[8] * 11, 8)
    for host in (10, 11):
        view.bind(submit(view, 1), ((host, (0,)),), 0)
    gang = submit(view, 88)
    done = play(KubeGang(1), view, 61_000)
    binds = [at for at, action in done if isinstance(action, Bind)]
    assert len(binds) == 10
    assert [(at, action) for at, action in done if isinstance(action, Unbind)] == [
        (60_006, Unbind(gang))]


def test_the_pool_of_the_first_pod_binds_the_others() -> None:
    view = view_of(8, 8, 8, chips=("v", "p"))
    gang = submit(view, 24, (1_000_000, 500_000))
    play(Kube("few", 3), view, 1000)
    pools = {int(view.pool_of[host]) for host, _ in view.slots[gang]}
    assert len(pools) == 1
    assert view.jobs.held[gang] == 24
