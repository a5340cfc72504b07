"""The inner loops, compiled: gangs onto hosts, and which placements a gang would displace.

Hosts of a pool hang in lists by their count of free devices, so that the tightest fit is found
without looking at every host; wholly free hosts are counted by leaf and spine, so that a gang of
hundreds of hosts is decided by looking at blocks. Everything is a flat int64 array; -1 ends a list.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

Ints = npt.NDArray[np.int64]
NEVER: Final = np.int64(2**62)


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
def _tightest(count: int, pool: int, until: int, block: int, blocks: Any, head: Any, after: Any,
              reserved_from: Any) -> int:
    """Return the host with the fewest free devices that has `count`; in a block if that is >= 0."""
    for free in range(count, head.shape[1]):
        host = head[pool, free]
        while host >= 0:
            if until <= reserved_from[host] and (block < 0 or blocks[host] == block):
                return int(host)
            host = after[host]
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
def pack(devices: Ints, shares: Ints, pools: Ints, until: Ints, level: Ints, free: Ints,
         used: Ints, size: Ints, first_host: Ints, pool_of: Ints, leaf: Ints, spine: Ints,
         reserved_from: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Place jobs in order, each where it fits first by its preference of pools.

    Parameters
    ----------
    devices, shares : (n,)
    pools : (n, choices) by preference, -1 where there is no further one
    until : (n, choices) the instant by which the job is surely over there
    level : (n,) the largest block that a gang may span: 0 leaf, 1 spine, 2 pool
    free, used : copies, changed in place
    reserved_from : (hosts,) from when a drain reservation wants the host

    Returns
    -------
    pool : (n,) where each job went, -1 for nowhere
    first : (n + 1,) offsets into the two lists of what it got:
    hosts, counts : host, and devices on it; for a fraction -1 less the device
    """
    jobs, hosts = len(devices), len(free)
    width = int(size.max()) if hosts else 0
    head = np.full((len(first_host) - 1, width + 1), -1, dtype=np.int64)
    after, before = np.full(hosts, -1, dtype=np.int64), np.full(hosts, -1, dtype=np.int64)
    pool_size = np.zeros(len(first_host) - 1, dtype=np.int64)
    for host in range(hosts - 1, -1, -1):
        pool_size[pool_of[host]] = max(pool_size[pool_of[host]], size[host])
        if size[host] > 0:
            _hang(host, free[host], pool_of[host], head, after, before)
    leaf_count = np.zeros(int(leaf.max()) + 1 if hosts else 1, dtype=np.int64)
    spine_count = np.zeros(int(spine.max()) + 1 if hosts else 1, dtype=np.int64)
    one_pool = np.zeros(1, dtype=np.int64)
    nowhere = np.zeros(hosts, dtype=np.int64)
    chosen = np.full(jobs, -1, dtype=np.int64)
    first = np.zeros(jobs + 1, dtype=np.int64)
    got_host = np.empty(jobs + int(free.sum()) + 1, dtype=np.int64)
    got_count = np.empty_like(got_host)
    end = 0
    # Where nothing is reserved, a count that failed fails again until the end of the call.
    is_open = np.ones(len(first_host) - 1, dtype=np.bool_)
    for host in range(hosts):
        if reserved_from[host] != NEVER:
            is_open[pool_of[host]] = False
    failed = np.full((len(first_host) - 1, 3), NEVER, dtype=np.int64)
    for job in range(jobs):
        for choice in range(pools.shape[1]):
            pool = pools[job, choice]
            if pool < 0:
                break
            count, limit, top = devices[job], until[job, choice], pool_size[pool]
            if shares[job] < 1000:
                host, device = _fraction(shares[job], pool, limit, used, first_host, reserved_from)
                if host < 0:
                    continue
                if used[host, device] == 0:
                    _unhang(host, free[host], pool, head, after, before)
                    free[host] -= 1
                    _hang(host, free[host], pool, head, after, before)
                used[host, device] += shares[job]
                got_host[end], got_count[end] = host, -1 - device
                end += 1
                chosen[job] = pool
                break
            if is_open[pool] and count >= failed[pool, level[job]]:
                continue
            whole, rest = (0, count) if count <= top else (count // top, count % top)
            block, blocks = -1, nowhere
            if whole:
                block = _smallest_block(whole, pool, top, limit, leaf, head, after,
                                        reserved_from, leaf_count)
                blocks = leaf
                if block < 0 and level[job] >= 1:
                    block = _smallest_block(whole, pool, top, limit, spine, head, after,
                                            reserved_from, spine_count)
                    blocks = spine
                if block < 0 and level[job] >= 2:
                    block = _smallest_block(whole, pool, top, limit, nowhere, head, after,
                                            reserved_from, one_pool)
                    blocks = nowhere
                if block < 0:
                    failed[pool, level[job]] = min(failed[pool, level[job]], count)
                    continue
            begin = end
            for _ in range(whole):
                host = _tightest(top, pool, limit, block, blocks, head, after, reserved_from)
                _unhang(host, free[host], pool, head, after, before)
                got_host[end], got_count[end] = host, top
                end += 1
            is_placed = True
            if rest:
                host = _tightest(rest, pool, limit, block, blocks, head, after, reserved_from)
                is_placed = host >= 0
                if is_placed:
                    _unhang(host, free[host], pool, head, after, before)
                    got_host[end], got_count[end] = host, rest
                    end += 1
            for index in range(begin, end):
                host = got_host[index]
                if is_placed:
                    left = got_count[index]
                    for device in range(used.shape[1]):
                        if left and used[host, device] == 0:
                            used[host, device], left = 1000, left - 1
                    free[host] -= got_count[index]
                _hang(host, free[host], pool, head, after, before)
            if is_placed:
                chosen[job] = pool
                break
            end = begin
            failed[pool, level[job]] = min(failed[pool, level[job]], count)
        first[job + 1] = end
    return chosen, first, got_host[:end], got_count[:end]


@njit(cache=True)
def victims(count: int, lo: int, hi: int, until: int, is_victim: Ints, devices: Ints, first: Ints,
            hosts: Ints, counts: Ints, free: Ints, size: Ints, reserved_from: Ints) -> Ints:
    """Return the placements to displace for a gang of `count` devices on hosts lo to hi.

    Placements come in the order in which they should go; `hosts[first[r]:first[r + 1]]` and
    `counts` say where placement r is. Displaced are those of the host, or of the hosts, where the
    fewest devices must stop. Nothing is returned where it cannot be done, or needs nobody.
    """
    got, cost = free.copy(), np.zeros(len(free), dtype=np.int64)
    top = size[lo:hi].max()
    for r in range(len(is_victim)):
        if is_victim[r]:
            for slot in range(first[r], first[r + 1]):
                host = hosts[slot]
                if got[host] < min(count, top):
                    got[host] += counts[slot]
                    cost[host] += devices[r]
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
