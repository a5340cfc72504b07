"""Conservative backfill: nobody is delayed by one behind them in rank.

Goal: the plan gives every job the earliest start that those before it leave, never more devices
than there are, and what it starts does not move the first booking. Method: random small clusters
against a minute-by-minute table that knows nothing of steps.
"""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from suanli.simulation.baselines.backfill import plan, profile

HORIZON, SIZE = 400, 4
Running = list[tuple[int, int, int]]
Wanted = list[tuple[int, int]]

hosts_up = st.integers(1, 3)
busy = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(1, 20)), max_size=6)
wanted = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 15)), min_size=1, max_size=8)


def admissible(hosts: int, running: Running, jobs: Wanted) -> tuple[Running, Wanted]:
    """Drop what does not exist: missing hosts, too many devices."""
    kept: Running = []
    for host, count, end in running:
        if host < hosts and sum(c for h, c, _ in kept if h == host) + count <= SIZE:
            kept.append((host, count, end))
    return kept, [(min(d, hosts * SIZE), minutes) for d, minutes in jobs]


def run(hosts: int, running: Running, jobs: Wanted, whole: bool,
        ) -> tuple[list[int], list[tuple[int, int, int]]]:
    """Return (starts, (job, host, devices) of what starts now)."""
    held = np.array(running, dtype=np.int64).reshape(-1, 3)
    asked, ones = np.array(jobs), np.ones(len(jobs), dtype=np.int64)
    starts, *taken = plan(
        *profile(np.full(hosts, SIZE), held[:, 0], held[:, 1], held[:, 2], len(jobs)),
        np.arange(len(jobs)), 0 * ones, hosts * ones, SIZE * ones, asked[:, 0], asked[:, 1], whole)
    return starts.tolist(), list(zip(*(part.tolist() for part in taken), strict=True))


def by_minutes(hosts: int, running: Running, jobs: Wanted, whole: bool) -> list[int]:
    """Say the same from a table of free devices by host and minute."""
    free = np.full((hosts, HORIZON), SIZE)
    for host, count, end in running:
        free[host, :end] -= count
    starts = []
    for devices, minutes in jobs:
        full, rest = (0, devices) if devices <= SIZE else divmod(devices, SIZE)
        for start in range(HORIZON - minutes):
            least = free[:, start:start + minutes].min(axis=1)
            chosen = [h for h in range(hosts) if least[h] == SIZE][:full]
            tails = sorted((int(free[h, start]), h) for h in range(hosts)
                           if h not in chosen and least[h] >= rest)
            if len(chosen) == full and (tails or not rest):
                break
        else:
            raise AssertionError("the horizon is too short")
        takes = [(h, SIZE) for h in chosen] + ([(tails[0][1], rest)] if rest else [])
        for host, count in takes:
            window = slice(start, start + minutes)
            free[host, window] -= count
            assert free.min() >= 0
            if start and whole:
                free[host, window] = 0
        starts.append(start)
    return starts


@pytest.mark.parametrize("whole", [True, False])
@given(hosts_up, busy, wanted)
@settings(max_examples=150, deadline=None)
def test_every_start_is_the_earliest_that_those_before_leave(
        whole: bool, hosts: int, running: Running, jobs: Wanted) -> None:
    running, jobs = admissible(hosts, running, jobs)
    assert run(hosts, running, jobs, whole)[0] == by_minutes(hosts, running, jobs, whole)


@pytest.mark.parametrize("whole", [True, False])
@given(hosts_up, busy, wanted)
@settings(max_examples=150, deadline=None)
def test_what_starts_now_does_not_move_the_first_booking(
        whole: bool, hosts: int, running: Running, jobs: Wanted) -> None:
    """With all that was backfilled running to its limit, the first that waits starts as booked."""
    running, jobs = admissible(hosts, running, jobs)
    starts, taken = run(hosts, running, jobs, whole)
    waiting = [job for job, start in enumerate(starts) if start]
    if not waiting:
        return
    now = running + [(host, count, jobs[job][1]) for job, host, count in taken]
    assert run(hosts, now, [jobs[waiting[0]]], whole)[0] == [starts[waiting[0]]]
