"""The inner loops, compiled: gangs onto hosts, and which placements a gang would displace.

Hosts of a pool hang in lists by their count of free devices, so that the tightest fit is found
without looking at every host; wholly free hosts are counted by leaf and spine, so that a gang of
hundreds of hosts is decided by looking at blocks. Everything is a flat int64 array; -1 ends a list.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
NEVER: Final = np.int64(2**62)


class Asking(NamedTuple):
    """Queued jobs for which room is sought, in that order; arrays by job, or job and choice."""

    weight: Floats
    stated: Ints
    devices: Ints
    share: Ints
    tier: Ints
    pools: Ints  # (n, choices) by preference, -1 where there is no further one
    until: Ints  # (n, choices) the instant by which the job is surely over there


class Placed(NamedTuple):
    """Placements that could make way, in the order in which they should go; arrays by placement.

    `hosts[first[r]:first[r + 1]]` and `counts` say where placement r is.
    """

    rows: Ints
    weight: Floats  # at which it would pay to stop it
    stated: Ints
    devices: Ints
    pool: Ints
    tier: Ints
    first: Ints
    hosts: Ints
    counts: Ints


@njit(cache=True)
def _hang(host: int, count: int, pool: int, head: Any, after: Any, before: Any) -> None:
    first = head[pool, count]
    after[host], before[host] = first, -1
    if first >= 0:
        before[first] = host
    head[pool, count] = host


@njit(cache=True)
def _unhang(host: int, count: int, pool: int, head: Any, after: Any, before: Any) -> None:
    if before[host] >= 0:
        after[before[host]] = after[host]
    else:
        head[pool, count] = after[host]
    if after[host] >= 0:
        before[after[host]] = before[host]


@njit(cache=True)
def _tightest_of(free: int, pool: int, until: int, block: int, blocks: Any, head: Any, after: Any,
                 reserved_from: Any, taken: Any) -> int:
    """Return the first host with so many free devices; in a block if that is >= 0; not `taken`."""
    host = head[pool, free]
    while host >= 0:
        if until <= reserved_from[host] and (block < 0 or blocks[host] == block) and not (
                taken == host).any():
            return int(host)
        host = after[host]
    return -1


@njit(cache=True)
def _tightest(count: int, pool: int, until: int, block: int, blocks: Any, head: Any, after: Any,
              reserved_from: Any, taken: Any) -> int:
    """Return the host with the fewest free devices that has `count`."""
    for free in range(count, head.shape[1]):
        host = _tightest_of(free, pool, until, block, blocks, head, after, reserved_from, taken)
        if host >= 0:
            return host
    return -1


@njit(cache=True)
def _smallest_block(wanted: int, pool: int, size: int, until: int, blocks: Any, head: Any,
                    after: Any, reserved_from: Any, count: Any) -> int:
    """Return the block with the fewest wholly free hosts that has enough, or -1."""
    count[:] = 0
    host = head[pool, size]
    while host >= 0:
        count[blocks[host]] += until <= reserved_from[host]
        host = after[host]
    best = -1
    for block in range(len(count)):
        if count[block] >= wanted and (best < 0 or count[block] < count[best]):
            best = block
    return best


@njit(cache=True)
def _fraction(share: int, pool: int, until: int, used: Any, first_host: Any,
              reserved_from: Any) -> tuple[int, int]:
    """Return (host, device) on which a fraction leaves the least over, or (-1, -1)."""
    best, at, device = 1001, -1, -1
    for host in range(first_host[pool], first_host[pool + 1]):
        if until > reserved_from[host]:
            continue
        for index in range(used.shape[1]):
            left = 1000 - used[host, index] - share
            if 0 <= left < best:
                best, at, device = left, host, index
    return at, device


@njit(cache=True)
def _lists(free: Ints, size: Ints, first_host: Ints, pool_of: Ints) -> tuple[Any, Any, Any, Any]:
    """Return (head, after, before) of the lists, and the largest host by pool."""
    hosts, pools = len(free), len(first_host) - 1
    head = np.full((pools, int(size.max()) + 1), -1, dtype=np.int64)
    after, before = np.full(hosts, -1, dtype=np.int64), np.full(hosts, -1, dtype=np.int64)
    top = np.zeros(pools, dtype=np.int64)
    for host in range(hosts - 1, -1, -1):
        top[pool_of[host]] = max(top[pool_of[host]], size[host])
        if size[host] > 0:
            _hang(host, free[host], pool_of[host], head, after, before)
    return head, after, before, top


@njit(cache=True)
def _take_fraction(host: int, device: int, share: int, pool: int, free: Any, used: Any, head: Any,
                   after: Any, before: Any) -> None:
    if used[host, device] == 0:
        _unhang(host, free[host], pool, head, after, before)
        free[host] -= 1
        _hang(host, free[host], pool, head, after, before)
    used[host, device] += share


@njit(cache=True)
def _take_hosts(got_host: Any, got_count: Any, pool: int, free: Any, used: Any, head: Any,
                after: Any, before: Any) -> None:
    for index in range(len(got_host)):
        host, left = got_host[index], got_count[index]
        _unhang(host, free[host], pool, head, after, before)
        for device in range(used.shape[1]):
            if left and used[host, device] == 0:
                used[host, device], left = 1000, left - 1
        free[host] -= got_count[index]
        _hang(host, free[host], pool, head, after, before)


@njit(cache=True)
def _block_of(whole: int, pool: int, top: int, until: int, leaf: Any, spine: Any, nowhere: Any,
              head: Any, after: Any, reserved_from: Any) -> tuple[int, Any]:
    """Return the smallest leaf, spine or pool with so many wholly free hosts, and its labels."""
    blocks = leaf
    for span in range(3):
        blocks = leaf if span == 0 else spine if span == 1 else nowhere
        count = np.zeros(int(blocks.max()) + 1, dtype=np.int64)
        block = _smallest_block(whole, pool, top, until, blocks, head, after, reserved_from, count)
        if block >= 0:
            return block, blocks
    return -1, blocks


@njit(cache=True)
def _find_gang(count: int, pool: int, top: int, until: int, leaf: Any, spine: Any, nowhere: Any,
               head: Any, after: Any, reserved_from: Any, out_host: Any, out_count: Any) -> int:
    """Write where a gang goes; return on how many hosts, 0 where it does not fit."""
    whole, rest = (0, count) if count <= top else (count // top, count % top)
    block, blocks, end = -1, nowhere, 0
    if whole:
        block, blocks = _block_of(whole, pool, top, until, leaf, spine, nowhere, head, after,
                                  reserved_from)
        if block < 0:
            return 0
    host = head[pool, top]
    while end < whole:
        if until <= reserved_from[host] and blocks[host] == block:
            out_host[end], out_count[end] = host, top
            end += 1
        host = after[host]
    if rest:
        host = _tightest(rest, pool, until, block, blocks, head, after, reserved_from,
                         out_host[:end])
        if host < 0:
            host = _tightest(rest, pool, until, -1, blocks, head, after, reserved_from,
                             out_host[:end])
        if host < 0:
            return 0
        out_host[end], out_count[end] = host, rest
        end += 1
    return end


@njit(cache=True)
def pack(devices: Ints, shares: Ints, tiers: Ints, pools: Ints, until: Ints, room: Ints,
         free: Ints, used: Ints, size: Ints, first_host: Ints, pool_of: Ints, leaf: Ints,
         spine: Ints, reserved_from: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Place jobs in order, each where it fits first by its preference of pools.

    Parameters
    ----------
    devices, shares, tiers : (n,)
    pools : (n, choices) by preference, -1 where there is no further one
    until : (n, choices) the instant by which the job is surely over there
    room : (tiers, pools) thousandths of devices that a tier may still have
    room, free, used : copies, changed in place
    reserved_from : (hosts,) from when a drain reservation wants the host

    Returns
    -------
    pool : (n,) where each job went, -1 for nowhere
    first : (n + 1,) offsets into the two lists of what it got:
    hosts, counts : host, and devices on it; for a fraction -1 less the device
    """
    jobs, hosts = len(devices), len(free)
    head, after, before, top = _lists(free, size, first_host, pool_of)
    nowhere = np.zeros(hosts, dtype=np.int64)
    chosen, first = np.full(jobs, -1, dtype=np.int64), np.zeros(jobs + 1, dtype=np.int64)
    got_host = np.empty(jobs + int(free.sum()) + hosts + 1, dtype=np.int64)
    got_count = np.empty_like(got_host)
    end = 0
    # Where nothing is reserved, a count that failed fails again until the end of the call.
    is_open = np.ones(len(top), dtype=np.bool_)
    for host in range(hosts):
        if reserved_from[host] != NEVER:
            is_open[pool_of[host]] = False
    failed = np.full(len(top), NEVER, dtype=np.int64)
    for job in range(jobs):
        for choice in range(pools.shape[1]):
            pool = pools[job, choice]
            if pool < 0:
                break
            limit, found, wide = until[job, choice], 0, devices[job] * shares[job]
            if wide > room[tiers[job], pool]:
                continue
            if shares[job] < 1000:
                host, device = _fraction(shares[job], pool, limit, used, first_host, reserved_from)
                if host >= 0:
                    _take_fraction(host, device, shares[job], pool, free, used, head, after, before)
                    got_host[end], got_count[end], found = host, -1 - device, 1
            elif not is_open[pool] or devices[job] < failed[pool]:
                found = _find_gang(devices[job], pool, top[pool], limit, leaf, spine, nowhere, head,
                                   after, reserved_from, got_host[end:], got_count[end:])
                if not found:
                    failed[pool] = devices[job]
                _take_hosts(got_host[end:end + found], got_count[end:end + found], pool, free,
                            used, head, after, before)
            if found:
                chosen[job], end = pool, end + found
                for tier in range(len(room)):  # first what is kept from the tiers after
                    room[tier, pool] = (room[tier, pool] - wide if tier <= tiers[job]
                                        else min(room[tier, pool], room[tiers[job], pool]))
                break
        first[job + 1] = end
    return chosen, first, got_host[:end], got_count[:end]


@njit(cache=True)
def victims(count: int, lo: int, hi: int, until: int, is_victim: Any, placed: Placed, free: Ints,
            size: Ints, reserved_from: Ints) -> Any:
    """Return the placements to displace for a gang of `count` devices on hosts lo to hi.

    Displaced are those of the host, or of the hosts, where the fewest devices must stop. Nothing
    is returned where it cannot be done, or needs nobody.
    """
    first, hosts, counts = placed.first, placed.hosts, placed.counts
    got, cost = free.copy(), np.zeros(len(free), dtype=np.int64)
    top = size[lo:hi].max()
    for r in range(len(is_victim)):
        if is_victim[r]:
            for slot in range(first[r], first[r + 1]):
                host = hosts[slot]
                if got[host] < min(count, top):
                    got[host] += counts[slot]
                    cost[host] += placed.devices[r]
    need = -(-count // top)
    fits = np.empty(hi - lo, dtype=np.int64)
    found = 0
    for host in range(lo, hi):
        if got[host] >= min(count, top) and until <= reserved_from[host]:
            fits[found] = host
            found += 1
    if found < need:
        return np.empty(0, dtype=np.int64)
    order = fits[:found][np.argsort(cost[fits[:found]], kind="mergesort")][:need]
    wanted = np.zeros(len(free), dtype=np.int64)
    for host in order:
        wanted[host] = min(count, top) - free[host]
    chosen = np.empty(len(is_victim), dtype=np.int64)
    end = 0
    for r in range(len(is_victim)):
        if is_victim[r]:
            is_needed = False
            for slot in range(first[r], first[r + 1]):
                is_needed = is_needed or wanted[hosts[slot]] > 0
            if is_needed:
                chosen[end] = r
                end += 1
                for slot in range(first[r], first[r + 1]):
                    wanted[hosts[slot]] -= counts[slot]
    return chosen[:end]


@njit(cache=True)
def room_for(begin: int, asking: Asking, placed: Placed, is_there: Any, left: int, room: Ints,
             first_host: Ints, free: Ints, size: Ints, reserved_from: Ints) -> tuple[int, Ints]:
    """Return the first job from `begin` on that others can make way for, and who they are.

    Only placements that are there, weigh more than the job, are of a larger stated size and of no
    earlier tier make way, and no more than `left` devices in all. `room` as for `pack`: what is
    kept from the job's tier stays kept. Without such a job: (-1, nobody).
    """
    for job in range(begin, len(asking.weight)):
        for choice in range(asking.pools.shape[1]):
            pool = asking.pools[job, choice]
            if pool < 0:
                break
            is_victim = (is_there & (placed.pool == pool) & (placed.weight > asking.weight[job])
                         & (placed.stated > asking.stated[job])
                         & (placed.tier >= asking.tier[job]))
            if not is_victim.any():
                continue
            chosen = victims(asking.devices[job], first_host[pool], first_host[pool + 1],
                             asking.until[job, choice], is_victim, placed, free, size,
                             reserved_from)
            freed = placed.devices[chosen].sum()
            lacking = asking.devices[job] * asking.share[job] - room[asking.tier[job], pool]
            if len(chosen) and freed <= left and lacking <= 1000 * freed:
                return job, chosen
    return -1, np.empty(0, dtype=np.int64)
