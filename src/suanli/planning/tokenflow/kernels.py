"""The inner loop of placing, compiled: whole gangs into the smallest block that has room."""

from typing import NamedTuple

import numpy as np
from numba import njit

from suanli.chips.topology import ZONE
from suanli.planning.blocks import SPANS, Blocks, Ints
from suanli.planning.tokenflow.room import (
    NEVER,
    Room,
    find_block,
    room_of,
    tightest,
    use_devices,
)


class Parts(NamedTuple):
    """What jobs that ask for part of a device would get, and what slices stand on devices.

    share, slice : (n, pools) thousandths; row of `after`, -1 for a free fraction. Never read for
        a job that asks for whole devices
    after : (slices, sets of units) what stands on a device once the slice does, -1: no place
    standing : (hosts, devices) sets of units as bits
    """

    share: Ints
    slice: Ints
    after: Ints
    standing: Ints


@njit(cache=True)
def _find_gang(count: int, pool: int, limit: int, until: int, room: Room, blocks: Blocks,
               reserved: Ints, reserved_from: Ints, out_host: Ints, out_count: Ints) -> int:
    """Write where a gang goes within a block of a level; return on how many hosts, 0 for none."""
    top, end, block, of = room.top[pool], 0, -1, blocks.of[SPANS - 1]
    whole, rest = (0, count) if count <= top else (count // top, count % top)
    if whole:
        span, block = find_block(whole, rest, pool, limit, until, room, blocks, reserved,
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
        host = tightest(rest, pool, until, block, of, room, reserved_from, out_host[:end])
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
        use_devices(host, count, pool, room, blocks)


@njit(cache=True)
def _fraction(share: int, slice: int, pool: int, until: int, room: Room, parts: Parts,
              first_host: Ints, reserved_from: Ints) -> tuple[int, int]:
    """Return (host, device) on which a fraction or slice leaves the least over, or (-1, -1)."""
    best, at, device = 1001, -1, -1
    for host in range(first_host[pool], first_host[pool + 1]):
        if until > reserved_from[host]:
            continue
        for index in range(room.used.shape[1]):
            left = 1000 - room.used[host, index] - share
            if 0 <= left < best and (
                    slice < 0 or parts.after[slice, parts.standing[host, index]] >= 0):
                best, at, device = left, host, index
    return at, device


@njit(cache=True)
def _take_fraction(host: int, device: int, share: int, slice: int, pool: int, room: Room,
                   parts: Parts, blocks: Blocks) -> None:
    if room.used[host, device] == 0:
        use_devices(host, 1, pool, room, blocks)
    room.used[host, device] += share
    if slice >= 0:
        parts.standing[host, device] = parts.after[slice, parts.standing[host, device]]


@njit(cache=True)
def _place(devices: int, share: int, slice: int, pool: int, limit: int, until: int, room: Room,
           parts: Parts, blocks: Blocks, first_host: Ints, reserved: Ints, reserved_from: Ints,
           out_host: Ints, out_count: Ints) -> int:
    """Place one job in a pool within a level; return on how many hosts, 0 where it does not fit."""
    if share < 1000:
        host, device = _fraction(share, slice, pool, until, room, parts, first_host,
                                 reserved_from)
        if host < 0:
            return 0
        _take_fraction(host, device, share, slice, pool, room, parts, blocks)
        out_host[0], out_count[0] = host, -1 - device
        return 1
    found = _find_gang(devices, pool, limit, until, room, blocks, reserved, reserved_from,
                       out_host, out_count)
    _take_gang(out_host[:found], out_count[:found], pool, room, blocks)
    return found


@njit(cache=True)
def _widest(least: int, devices: int, pool: int, limit: int, until: int, room: Room,
            blocks: Blocks, reserved: Ints, reserved_from: Ints, out_host: Ints,
            out_count: Ints) -> int:
    """Return the most devices, at least `least` and below `devices`, that have room; 0 for none.

    Room for more is room for fewer, so it is found by halving: O(blocks x log devices).
    """
    low, high = least - 1, devices - 1
    while low < high:
        middle = (low + high + 1) // 2
        if _find_gang(middle, pool, limit, until, room, blocks, reserved, reserved_from, out_host,
                      out_count):
            low = middle
        else:
            high = middle - 1
    return low if low >= least else 0


@njit(cache=True)
def _place_part(least: int, devices: int, pools: Ints, limit: int, begin: int, until: Ints,
                allowed: Ints, room: Room, blocks: Blocks, wanted: Ints, edge: Ints,
                reserved_from: Ints, failed: Ints, out_host: Ints,
                out_count: Ints) -> tuple[int, int]:
    """Place an elastic job on the most devices that have room in any of its pools.

    Returns (pool, hosts); (-1, 0) where not even `least` have. Fewer devices run longer: a host
    that is reserved is used only if the job would be over in time even on `least`.
    """
    width, best, over = least - 1, -1, 0
    for choice in range(len(pools)):
        pool = pools[choice]
        if pool < 0:
            break
        reserved = wanted[edge[pool]:edge[pool + 1]]
        if len(reserved) == 0 and width + 1 >= failed[pool, limit]:
            continue
        end = begin + -(-(until[choice] - begin) * devices // least)
        below = min(devices, allowed[pool] // 1000 + 1)
        if below <= width + 1:
            continue
        found = _widest(width + 1, below, pool, limit, end, room, blocks, reserved,
                        reserved_from, out_host, out_count)
        if found:
            width, best, over = found, pool, end
        else:
            failed[pool, :limit + 1] = np.minimum(failed[pool, :limit + 1], width + 1)
    if best < 0:
        return -1, 0
    hosts = _find_gang(width, best, limit, over, room, blocks, wanted[edge[best]:edge[best + 1]],
                       reserved_from, out_host, out_count)
    _take_gang(out_host[:hosts], out_count[:hosts], best, room, blocks)
    return best, hosts


@njit(cache=True)
def _levels(required: int, preferred: int) -> tuple[int, int]:
    wide = required if required else ZONE
    return min(wide, preferred) if preferred else wide, wide


@njit(cache=True)
def _use_up(size: int, tier: int, pool: int, allowed: Ints) -> None:
    """Take so many thousandths of devices: first what is kept from the tiers after."""
    for each in range(tier + 1):
        allowed[each, pool] -= size
    for each in range(tier + 1, len(allowed)):
        allowed[each, pool] = min(allowed[each, pool], allowed[tier, pool])


@njit(cache=True)
def _reserved(reserved_from: Ints, first_host: Ints) -> tuple[Ints, Ints]:
    """Return the reserved hosts, and where those of each pool begin: its hosts are contiguous."""
    wanted = np.flatnonzero(reserved_from != NEVER)
    return wanted, np.searchsorted(wanted, first_host)


@njit(cache=True)
def _part(share: int, job: int, pool: int, parts: Parts) -> tuple[int, int]:
    """Return the thousandths of a device that a job would get, and its slice, -1 for none."""
    if share == 1000:
        return share, -1
    return parts.share[job, pool], parts.slice[job, pool]


@njit(cache=True)
def pack(devices: Ints, least: Ints, shares: Ints, tiers: Ints, required: Ints, preferred: Ints,
         pools: Ints, begin: Ints, until: Ints, allowed: Ints, free: Ints, used: Ints, size: Ints,
         first_host: Ints, pool_of: Ints, blocks: Blocks, reserved_from: Ints,
         parts: Parts) -> tuple[Ints, Ints, Ints, Ints]:
    """Place jobs in order, each where it fits first by its preference of pools.

    All pools are tried within the preferred level before any beyond it. An elastic job that fits
    nowhere gets the most that has room.

    Parameters
    ----------
    devices, shares, tiers : (n,)
    least : (n,) the fewest devices that a job accepts
    required, preferred : (n,) levels, 0 for none
    pools : (n, choices) by preference, -1 where there is no further one
    begin : (n,) the instant at which the job, placed now, begins its work
    until : (n, choices) the instant by which it is surely over there, on all its devices
    allowed : (tiers, pools) thousandths of devices that a tier may still have
    allowed, free, used : copies, changed in place
    reserved_from : (hosts,) from when a drain reservation wants the host
    parts : for jobs below a whole device; its `standing` is a copy too

    Returns
    -------
    pool : (n,) where each job went, -1 for nowhere
    first : (n + 1,) offsets into hosts and counts: devices there; for a fraction -1 less the device
    """
    jobs, hosts = len(devices), len(free)
    got_host = np.empty(jobs + int(free.sum()) + hosts + 1, dtype=np.int64)
    got_count = np.empty_like(got_host)
    room = room_of(free, used, size, pool_of, blocks)
    chosen, first = np.full(jobs, -1, dtype=np.int64), np.zeros(jobs + 1, dtype=np.int64)
    wanted, edge = _reserved(reserved_from, first_host)
    # By pool and level, the fewest devices that had no room. Read only where nothing is reserved:
    # there the instant by which a job is over makes no difference.
    failed = np.full((len(room.top), ZONE + 1), NEVER, dtype=np.int64)
    for job in range(jobs):
        end, found = first[job], 0
        narrow, wide = _levels(required[job], preferred[job])
        for limit in (narrow, wide):
            for choice in range(pools.shape[1]):
                pool = pools[job, choice]
                if pool < 0 or found:
                    break
                share, slice = _part(shares[job], job, pool, parts)
                if devices[job] * share > allowed[tiers[job], pool]:
                    continue
                is_known = share == 1000 and edge[pool] == edge[pool + 1]
                if is_known and devices[job] >= failed[pool, limit]:
                    continue
                found = _place(devices[job], share, slice, pool, limit, until[job, choice], room,
                               parts, blocks, first_host, wanted[edge[pool]:edge[pool + 1]],
                               reserved_from, got_host[end:], got_count[end:])
                if found:
                    chosen[job] = pool
                elif share == 1000:
                    failed[pool, :limit + 1] = np.minimum(failed[pool, :limit + 1], devices[job])
            if found or narrow == wide:
                break
        if not found and least[job] < devices[job]:
            chosen[job], found = _place_part(
                least[job], devices[job], pools[job], wide, begin[job], until[job],
                allowed[tiers[job]], room, blocks, wanted, edge, reserved_from, failed,
                got_host[end:], got_count[end:])
        if found:
            share, _ = _part(shares[job], job, chosen[job], parts)
            got = got_count[end:end + found].sum() if share == 1000 else 1
            _use_up(got * share, tiers[job], chosen[job], allowed)
        first[job + 1] = end + found
    return chosen, first, got_host[:first[jobs]], got_count[:first[jobs]]
