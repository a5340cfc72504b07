"""The inner loop of placing, compiled: whole gangs into the smallest block that has room.

Hosts of a pool hang in lists by their count of free devices, so that the tightest fit is found
without looking at every host. Of every leaf, spine and zone it is kept how many hosts have so many
devices free, so that a gang of hundreds of hosts is decided by looking at blocks. Everything is a
flat int64 array; -1 ends a list.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

from suanli.chips.topology import LEAF, ZONE
from suanli.planning.blocks import SPANS, Blocks, Ints

NEVER: Final = np.int64(2**62)


class Room(NamedTuple):
    """What is free while jobs are placed.

    free : (hosts,); used : (hosts, devices); head : (pools, devices + 1), after, before : (hosts,)
    the lists; top : (pools,) devices of the largest host
    has : (SPANS, blocks, devices + 1) hosts of the block with at least so many devices free
    """

    free: Ints
    used: Ints
    head: Ints
    after: Ints
    before: Ints
    top: Ints
    has: Ints


@njit(cache=True)
def _room(free: Ints, used: Ints, size: Ints, pool_of: Ints, blocks: Blocks) -> Room:
    hosts, pools = len(free), blocks.first.shape[1] - 1
    most = int(size.max())
    head = np.full((pools, most + 1), -1, dtype=np.int64)
    after, before = np.full(hosts, -1, dtype=np.int64), np.full(hosts, -1, dtype=np.int64)
    top = np.zeros(pools, dtype=np.int64)
    has = np.zeros((SPANS, blocks.first.max() + 1, most + 1), dtype=np.int64)
    room = Room(free, used, head, after, before, top, has)
    for host in range(hosts - 1, -1, -1):
        top[pool_of[host]] = max(top[pool_of[host]], size[host])
        if size[host] > 0:
            _hang(host, pool_of[host], room)
            _count(host, 0, free[host], 1, room, blocks)
    return room


@njit(cache=True)
def _hang(host: int, pool: int, room: Room) -> None:
    count = room.free[host]
    first = room.head[pool, count]
    room.after[host], room.before[host] = first, -1
    if first >= 0:
        room.before[first] = host
    room.head[pool, count] = host


@njit(cache=True)
def _unhang(host: int, pool: int, room: Room) -> None:
    if room.before[host] >= 0:
        room.after[room.before[host]] = room.after[host]
    else:
        room.head[pool, room.free[host]] = room.after[host]
    if room.after[host] >= 0:
        room.before[room.after[host]] = room.before[host]


@njit(cache=True)
def _count(host: int, low: int, high: int, change: int, room: Room, blocks: Blocks) -> None:
    """Count a host in or out of those of its blocks with more than `low`, up to `high`, free."""
    for span in range(SPANS):
        block = blocks.of[span, host]
        if block >= 0:
            for free in range(low + 1, high + 1):
                room.has[span, block, free] += change


@njit(cache=True)
def _use(host: int, count: int, pool: int, room: Room, blocks: Blocks) -> None:
    """Let a host have `count` free devices less."""
    _unhang(host, pool, room)
    _count(host, room.free[host] - count, room.free[host], -1, room, blocks)
    room.free[host] -= count
    _hang(host, pool, room)


@njit(cache=True)
def _tightest_of(free: int, pool: int, until: int, block: int, of: Any, room: Room,
                 reserved_from: Any, taken: Any) -> int:
    """Return the first host with so many free devices; in a block if that is >= 0; not `taken`."""
    host = room.head[pool, free]
    while host >= 0:
        if until <= reserved_from[host] and (block < 0 or of[host] == block) and not (
                taken == host).any():
            return int(host)
        host = room.after[host]
    return -1


@njit(cache=True)
def _tightest(count: int, pool: int, until: int, block: int, of: Any, room: Room,
              reserved_from: Any, taken: Any) -> int:
    """Return the host with the fewest free devices that has `count`."""
    for free in range(count, room.head.shape[1]):
        host = _tightest_of(free, pool, until, block, of, room, reserved_from, taken)
        if host >= 0:
            return host
    return -1


@njit(cache=True)
def _smallest_block(whole: int, rest: int, pool: int, limit: int, room: Room,
                    blocks: Blocks) -> tuple[int, int]:
    """Return (span, block) of the smallest block with room, (0, -1) where none has.

    Room is `whole` wholly free hosts and one more with `rest` free devices; of equal level, the
    block with the fewest wholly free hosts is taken. Cost: O(blocks).
    """
    top = room.top[pool]
    for span in range(limit - LEAF + 1):
        best = -1
        for block in range(blocks.first[span, pool], blocks.first[span, pool + 1]):
            has = room.has[span, block]
            if has[top] >= whole and (rest == 0 or has[rest] > whole) and (
                    best < 0 or has[top] < room.has[span, best, top]):
                best = block
        if best >= 0:
            return span, best
    return 0, -1


@njit(cache=True)
def _find_block(whole: int, rest: int, pool: int, limit: int, until: int, room: Room,
                blocks: Blocks, reserved: Ints, reserved_from: Ints) -> tuple[int, int]:
    """Return `_smallest_block`, hosts that are reserved before `until` left out."""
    found = _smallest_block(whole, rest, pool, limit, room, blocks)
    if found[1] < 0 or len(reserved) == 0:
        return found
    for host in reserved:
        if until > reserved_from[host]:
            _count(host, 0, room.free[host], -1, room, blocks)
    found = _smallest_block(whole, rest, pool, limit, room, blocks)
    for host in reserved:
        if until > reserved_from[host]:
            _count(host, 0, room.free[host], 1, room, blocks)
    return found


@njit(cache=True)
def _find_gang(count: int, pool: int, limit: int, until: int, room: Room, blocks: Blocks,
               reserved: Ints, reserved_from: Ints, out_host: Ints, out_count: Ints) -> int:
    """Write where a gang goes within a block of a level; return on how many hosts, 0 for none."""
    top, end, block, of = room.top[pool], 0, -1, blocks.of[SPANS - 1]
    whole, rest = (0, count) if count <= top else (count // top, count % top)
    if whole:
        span, block = _find_block(whole, rest, pool, limit, until, room, blocks, reserved,
                                  reserved_from)
        if block < 0:
            return 0
        of = blocks.of[span]
    host = room.head[pool, top]
    while end < whole:
        if until <= reserved_from[host] and of[host] == block:
            out_host[end], out_count[end] = host, top
            end += 1
        host = room.after[host]
    if rest:
        host = _tightest(rest, pool, until, block, of, room, reserved_from, out_host[:end])
        if host < 0:
            return 0
        out_host[end], out_count[end] = host, rest
        end += 1
    return end


@njit(cache=True)
def _take_gang(hosts: Ints, counts: Ints, pool: int, room: Room, blocks: Blocks) -> None:
    for host, count in zip(hosts, counts):  # noqa: B905 (numba knows no `strict`)
        left = count
        for device in range(room.used.shape[1]):
            if left and room.used[host, device] == 0:
                room.used[host, device], left = 1000, left - 1
        _use(host, count, pool, room, blocks)


@njit(cache=True)
def _fraction(share: int, pool: int, until: int, room: Room, first_host: Ints,
              reserved_from: Ints) -> tuple[int, int]:
    """Return (host, device) on which a fraction leaves the least over, or (-1, -1)."""
    best, at, device = 1001, -1, -1
    for host in range(first_host[pool], first_host[pool + 1]):
        if until > reserved_from[host]:
            continue
        for index in range(room.used.shape[1]):
            left = 1000 - room.used[host, index] - share
            if 0 <= left < best:
                best, at, device = left, host, index
    return at, device


@njit(cache=True)
def _take_fraction(host: int, device: int, share: int, pool: int, room: Room,
                   blocks: Blocks) -> None:
    if room.used[host, device] == 0:
        _use(host, 1, pool, room, blocks)
    room.used[host, device] += share


@njit(cache=True)
def _place(devices: int, share: int, pool: int, limit: int, until: int, room: Room, blocks: Blocks,
           first_host: Ints, reserved: Ints, reserved_from: Ints, failed: Ints, out_host: Ints,
           out_count: Ints) -> int:
    """Place one job in a pool within a level; return on how many hosts, 0 where it does not fit.

    failed : (levels,) the fewest devices that had no room: no more have. Only while nothing is
    reserved, since then the instant by which the job is over makes no difference.
    """
    if share < 1000:
        host, device = _fraction(share, pool, until, room, first_host, reserved_from)
        if host < 0:
            return 0
        _take_fraction(host, device, share, pool, room, blocks)
        out_host[0], out_count[0] = host, -1 - device
        return 1
    if len(reserved) == 0 and devices >= failed[limit]:
        return 0
    found = _find_gang(devices, pool, limit, until, room, blocks, reserved, reserved_from,
                       out_host, out_count)
    if not found:
        failed[:limit + 1] = np.minimum(failed[:limit + 1], devices)
    _take_gang(out_host[:found], out_count[:found], pool, room, blocks)
    return found


@njit(cache=True)
def pack(devices: Ints, shares: Ints, required: Ints, preferred: Ints, pools: Ints, until: Ints,
         free: Ints, used: Ints, size: Ints, first_host: Ints, pool_of: Ints, blocks: Blocks,
         reserved_from: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Place jobs in order, each where it fits first by its preference of pools.

    All pools are tried within the preferred level before any beyond it.

    Parameters
    ----------
    devices, shares : (n,)
    required, preferred : (n,) levels, 0 for none
    pools : (n, choices) by preference, -1 where there is no further one
    until : (n, choices) the instant by which the job is surely over there
    free, used : copies, changed in place
    reserved_from : (hosts,) from when a drain reservation wants the host

    Returns
    -------
    pool : (n,) where each job went, -1 for nowhere
    first : (n + 1,) offsets into the two lists of what it got:
    hosts, counts : host, and devices on it; for a fraction -1 less the device
    """
    jobs, hosts = len(devices), len(free)
    got_host = np.empty(jobs + int(free.sum()) + hosts + 1, dtype=np.int64)
    got_count = np.empty_like(got_host)
    room = _room(free, used, size, pool_of, blocks)
    chosen, first = np.full(jobs, -1, dtype=np.int64), np.zeros(jobs + 1, dtype=np.int64)
    wanted = np.flatnonzero(reserved_from != NEVER)
    edge = np.searchsorted(wanted, first_host)  # hosts of a pool are contiguous
    failed = np.full((len(room.top), ZONE + 1), NEVER, dtype=np.int64)
    for job in range(jobs):
        end, found = first[job], 0
        wide = required[job] if required[job] else ZONE
        narrow = min(wide, preferred[job]) if preferred[job] else wide
        for limit in (narrow, wide):
            for choice in range(pools.shape[1]):
                pool = pools[job, choice]
                if pool < 0 or found:
                    break
                reserved = wanted[edge[pool]:edge[pool + 1]]
                found = _place(devices[job], shares[job], pool, limit, until[job, choice], room,
                               blocks, first_host, reserved, reserved_from, failed[pool],
                               got_host[end:], got_count[end:])
                chosen[job] = pool if found else -1
            if found or narrow == wide:
                break
        first[job + 1] = end + found
    end = first[jobs]
    return chosen, first, got_host[:end], got_count[:end]
