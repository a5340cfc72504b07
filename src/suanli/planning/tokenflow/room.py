"""What is free while jobs are placed, compiled: hosts by their free devices, and blocks by theirs.

Hosts of a pool hang in lists by their count of free devices, so that the tightest fit is found
without looking at every host. Of every leaf, spine and zone it is kept how many hosts have so many
devices free, so that a gang of hundreds of hosts is decided by looking at blocks. Everything is a
flat int64 array; -1 ends a list.
"""

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from suanli.chips.topology import LEAF
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
def room_of(free: Ints, used: Ints, size: Ints, pool_of: Ints, blocks: Blocks) -> Room:
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
def use_devices(host: int, count: int, pool: int, room: Room, blocks: Blocks) -> None:
    """Let a host have `count` free devices less."""
    _unhang(host, pool, room)
    _count(host, room.free[host] - count, room.free[host], -1, room, blocks)
    room.free[host] -= count
    _hang(host, pool, room)


@njit(cache=True)
def tightest(count: int, pool: int, until: int, block: int, of: Ints, room: Room,
             reserved_from: Ints, taken: Ints) -> int:
    """Return the host with the fewest free devices that has `count`, -1 for none; not `taken`.

    Of a block, if that is >= 0, and none that is reserved before `until`.
    """
    for free in range(count, room.head.shape[1]):
        host = room.head[pool, free]
        while host >= 0:
            if until <= reserved_from[host] and (block < 0 or of[host] == block) and not (
                    taken == host).any():
                return int(host)
            host = room.after[host]
    return -1


@njit(cache=True)
def find_block(whole: int, rest: int, pool: int, limit: int, until: int, room: Room,
               blocks: Blocks, reserved: Ints, reserved_from: Ints) -> tuple[int, int]:
    """Return (span, block) of the smallest block with room, (0, -1) where none has.

    Room is `whole` wholly free hosts and one more with `rest` free devices, none of them one of
    `reserved` that is wanted before `until`. Cost: O(blocks + reserved).
    """
    found = _smallest_block(whole, rest, pool, limit, room, blocks)
    if found[1] < 0 or len(reserved) == 0:
        return found
    # One call each for all of them: a call costs far more than a count.
    _count_kept(reserved, until, reserved_from, -1, room, blocks)
    found = _smallest_block(whole, rest, pool, limit, room, blocks)
    _count_kept(reserved, until, reserved_from, 1, room, blocks)
    return found


@njit(cache=True)
def _smallest_block(whole: int, rest: int, pool: int, limit: int, room: Room,
                    blocks: Blocks) -> tuple[int, int]:
    """Of equal level, the block with the fewest wholly free hosts is taken."""
    has, first, top = room.has, blocks.first, room.top[pool]
    for span in range(limit - LEAF + 1):
        best = -1
        for block in range(first[span, pool], first[span, pool + 1]):
            fits = has[span, block, top] >= whole and (
                rest == 0 or has[span, block, rest] > whole)
            if fits and (best < 0 or has[span, block, top] < has[span, best, top]):
                best = block
        if best >= 0:
            return span, best
    return 0, -1


@njit(cache=True)
def _count_kept(reserved: Ints, until: int, reserved_from: Ints, change: int, room: Room,
                blocks: Blocks) -> None:
    of, has = blocks.of, room.has
    for host in reserved:
        if room.free[host] and until > reserved_from[host]:
            for span in range(SPANS):
                block = of[span, host]
                if block >= 0:
                    for free in range(1, room.free[host] + 1):
                        has[span, block, free] += change
