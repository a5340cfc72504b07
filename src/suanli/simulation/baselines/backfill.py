"""Conservative backfill: when and where each pending job starts, the first in rank first.

Every host has a step function of its free devices over time: `times[h, k]` (minutes from now, the
first 0) and `free[h, k]` from there on, for k < `steps[h]`; the last step never ends. A job takes
the earliest start at which it fits for its whole time limit, and what it takes is gone for all
that come after it, so that no job delays one before it.

A job that starts now takes its devices. One that must wait books *whole hosts*, as Slurm's backfill
does on its node bitmaps (sched_config: it reserves whole nodes even if jobs need less), or only its
devices where `books_whole_hosts` is false. A job of several devices takes one host if any host
could ever hold it, else whole hosts and one remainder; among equals, hosts with the fewest free
devices, then the first.

Cost: O(steps of the pool's hosts) a job on one host, O(s log s) for a gang over several.
"""

from typing import Final

import numpy as np
from numba import njit

from suanli.planning.view import Ints

FOR_EVER: Final = 1 << 40  # minutes; later than any limit ends


def profile(devices_up: Ints, hosts: Ints, counts: Ints, ends: Ints,
            bookings: int) -> tuple[Ints, Ints, Ints]:
    """Return (times, free, steps) of hosts whose running jobs end at their limits.

    `devices_up`: (host,); `hosts`, `counts`, `ends`: (entry,) devices held until a minute, which
    is at least 1. `bookings`: how many may be added later.
    """
    entries = np.bincount(hosts, minlength=len(devices_up)).max(initial=0)
    width = int(entries) + 2 * bookings + 3
    times = np.empty((len(devices_up), width), dtype=np.int64)
    free = np.empty((len(devices_up), width), dtype=np.int64)
    steps = np.ones(len(devices_up), dtype=np.int64)
    times[:, 0], free[:, 0] = 0, devices_up
    _fill(times, free, steps, hosts, counts, ends)
    return times, free, steps


@njit(cache=True)
def _fill(times: Ints, free: Ints, steps: Ints, hosts: Ints, counts: Ints, ends: Ints) -> None:
    for i in range(len(hosts)):
        take(times, free, steps, hosts[i], 0, ends[i], counts[i])


@njit(cache=True)
def take(times: Ints, free: Ints, steps: Ints, host: int, start: int, end: int,
         count: int) -> None:
    """Take devices of a host in [start, end); all that is left where `count` is more."""
    first = _cut(times, free, steps, host, start)
    last = _cut(times, free, steps, host, end)
    for k in range(first, last):
        free[host, k] = max(0, free[host, k] - count)


@njit(cache=True)
def _cut(times: Ints, free: Ints, steps: Ints, host: int, at: int) -> int:
    """Return the index of the step that begins at an instant, made if there is none."""
    k = steps[host]
    while times[host, k - 1] > at:
        k -= 1
    if times[host, k - 1] == at:
        return int(k - 1)
    for j in range(steps[host], k, -1):
        times[host, j] = times[host, j - 1]
        free[host, j] = free[host, j - 1]
    times[host, k] = at
    free[host, k] = free[host, k - 1]
    steps[host] += 1
    return int(k)


@njit(cache=True)
def _earliest(times: Ints, free: Ints, steps: Ints, host: int, devices: int, minutes: int,
              before: int) -> int:
    """Return the earliest start on one host, or `before` where it is not earlier."""
    start = 0
    for k in range(steps[host]):
        if times[host, k] >= start + minutes:
            return start
        if free[host, k] < devices:
            if k + 1 == steps[host]:
                return before
            start = times[host, k + 1]
            if start >= before:
                return before
    return start


@njit(cache=True)
def _fits(times: Ints, free: Ints, steps: Ints, host: int, devices: int, start: int,
          minutes: int) -> int:
    """Return the free devices at a start from which a job fits, or -1 where it does not."""
    k = steps[host] - 1
    while times[host, k] > start:
        k -= 1
    here = free[host, k]
    while k < steps[host] and times[host, k] < start + minutes:
        if free[host, k] < devices:
            return -1
        k += 1
    return int(here)


@njit(cache=True)
def _tightest(times: Ints, free: Ints, steps: Ints, lo: int, hi: int, devices: int, start: int,
              minutes: int, taken: Ints) -> int:
    """Return the fitting host not in `taken` with the fewest free devices at the start, or -1."""
    best, least = -1, FOR_EVER
    for host in range(lo, hi):
        here = _fits(times, free, steps, host, devices, start, minutes)
        if 0 <= here < least and not (taken == host).any():
            best, least = host, here
    return best


@njit(cache=True)
def _starts(times: Ints, free: Ints, steps: Ints, host: int, devices: int, minutes: int,
            out: Ints) -> int:
    """Write the runs [from, until] of starts at which a host fits; return their number."""
    count, begin, is_open = 0, 0, False
    for k in range(steps[host] + 1):
        fits = k < steps[host] and free[host, k] >= devices
        if fits and not is_open:
            begin, is_open = times[host, k], True
        if is_open and not fits:
            until = FOR_EVER if k == steps[host] else times[host, k] - minutes
            if until >= begin:
                out[count, 0], out[count, 1] = begin, until
                count += 1
            is_open = False
    return count


@njit(cache=True)
def _gang_start(times: Ints, free: Ints, steps: Ints, lo: int, hi: int, whole: int, size: int,
                rest: int, minutes: int) -> int:
    """Return when `whole` hosts of `size` and one more with `rest` are free at once, or FOR_EVER.

    A wholly free host also fits the rest: one host more than `whole` must fit it.
    """
    room = 2 * (int(steps[lo:hi].sum()) + 1)
    runs = np.empty((steps[lo:hi].max() + 1, 2), dtype=np.int64)
    at = np.empty(2 * room, dtype=np.int64)
    change, kind = np.empty_like(at), np.empty_like(at)
    n = 0
    for host in range(lo, hi):
        for level, devices in enumerate((size, rest)):
            for i in range(_starts(times, free, steps, host, devices, minutes, runs)):
                at[n], change[n], kind[n] = runs[i, 0], 1, level
                at[n + 1], change[n + 1], kind[n + 1] = runs[i, 1] + 1, -1, level
                n += 2
    order = np.argsort(at[:n], kind="mergesort")
    counts = np.zeros(2, dtype=np.int64)
    for i in range(n):
        j = order[i]
        counts[kind[j]] += change[j]
        is_last = i + 1 == n or at[order[i + 1]] > at[j]
        if is_last and counts[0] >= whole and counts[1] >= whole + (rest > 0):
            return int(at[j])
    return FOR_EVER


@njit(cache=True)
def _book(times: Ints, free: Ints, steps: Ints, lo: int, hi: int, size: int, devices: int,
          minutes: int, books_whole_hosts: bool, hosts: Ints, counts: Ints) -> tuple[int, int]:
    """Book a job in hosts [lo, hi) of at most `size` devices; return (start, hosts it takes)."""
    start, n = FOR_EVER, 0
    whole, rest = (0, devices) if devices <= size else (devices // size, devices % size)
    if whole:
        start = _gang_start(times, free, steps, lo, hi, whole, size, rest, minutes)
    else:
        for host in range(lo, hi):
            start = _earliest(times, free, steps, host, devices, minutes, start)
            if start == 0:
                break
    if start == FOR_EVER:
        return start, 0
    for host in range(lo, hi):
        if n < whole and _fits(times, free, steps, host, size, start, minutes) >= 0:
            hosts[n], counts[n] = host, size
            n += 1
    if rest:
        hosts[n] = _tightest(times, free, steps, lo, hi, rest, start, minutes, hosts[:n])
        counts[n] = rest
        n += 1
    for i in range(n):
        gone = FOR_EVER if start > 0 and books_whole_hosts else counts[i]
        take(times, free, steps, hosts[i], start, start + minutes, gone)
    return start, n


@njit(cache=True)
def plan(times: Ints, free: Ints, steps: Ints, jobs: Ints, lo: Ints, hi: Ints, size: Ints,
         devices: Ints, minutes: Ints, books_whole_hosts: bool) -> tuple[Ints, Ints, Ints, Ints]:
    """Book every (job, pool) pair, the first in rank first.

    `jobs`, `devices`, `minutes`: (pair,); the pairs of a job are adjacent, and those after one that
    starts now are passed over. `lo`, `hi`, `size`: (pair,) the pool's hosts, and its largest.
    Return `starts` (pair,), FOR_EVER where it never fits or was passed over; and of those that
    start now (taking, [pair, host, devices]) as three arrays.
    """
    starts = np.full(len(jobs), FOR_EVER, dtype=np.int64)
    room = free[:, 0].sum() + 1
    pairs, hosts, counts = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(
        room, np.int64)
    one_hosts, one_counts = np.empty(len(steps) + 1, np.int64), np.empty(len(steps) + 1, np.int64)
    n, started = 0, -1
    for pair in range(len(jobs)):
        if jobs[pair] == started:
            continue
        starts[pair], taken = _book(times, free, steps, lo[pair], hi[pair], size[pair],
                                    devices[pair], minutes[pair], books_whole_hosts,
                                    one_hosts, one_counts)
        if starts[pair] == 0:
            started = jobs[pair]
            for i in range(taken):
                pairs[n], hosts[n], counts[n] = pair, one_hosts[i], one_counts[i]
                n += 1
    return starts, pairs[:n], hosts[:n], counts[:n]
