"""For whom of those that wait others can make way, and who they are; compiled."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from suanli.chips.topology import DEVICE, HOST, LEAF, ZONE
from suanli.planning.view import Ints

Floats = npt.NDArray[np.float64]


class Asking(NamedTuple):
    """Queued jobs for which room is sought, in that order; arrays by job, or job and choice."""

    weight: Floats
    stated: Ints
    devices: Ints  # the fewest with which it may start
    share: Ints
    tier: Ints
    required: Ints  # level
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
def _cheapest_block(order: Ints, need: int, within: Ints, cost: Ints) -> Ints:
    """Return the first `need` hosts of the block where they cost least; none if no block has them.

    `order`: hosts, the cheapest first.
    """
    if need == 1:
        return order[:1]
    blocks = within.max() + 1
    count, total = np.zeros(blocks, dtype=np.int64), np.zeros(blocks, dtype=np.int64)
    best = -1
    for host in order:
        block = within[host]
        if block >= 0 and count[block] < need:
            count[block] += 1
            total[block] += cost[host]
            if count[block] == need and (best < 0 or total[block] < total[best]):
                best = block
    found: Ints = order[within[order] == best][:need] if best >= 0 else order[:0]
    return found


@njit(cache=True)
def victims(count: int, lo: int, hi: int, until: int, within: Ints, is_victim: Any, placed: Placed,
            free: Ints, size: Ints, reserved_from: Ints) -> Any:
    """Return the placements to displace for a gang of `count` devices on hosts lo to hi.

    Displaced are those of the host, or of the hosts of one block in `within` (-1: of no other
    host's), where the fewest devices must stop. Nothing is returned where it cannot be done, or
    needs nobody.
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
    order = fits[:found][np.argsort(cost[fits[:found]], kind="mergesort")]
    order = _cheapest_block(order, need, within, cost)
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
def _within(level: int, of: Ints) -> Any:
    """Return by host the block that a required level, 0 for none, keeps a job in."""
    if level in (DEVICE, HOST):
        return np.full(of.shape[1], -1, dtype=np.int64)
    return of[(level or ZONE) - LEAF]


@njit(cache=True)
def room_for(begin: int, asking: Asking, placed: Placed, is_there: Any, left: int, room: Ints,
             first_host: Ints, of: Ints, free: Ints, size: Ints,
             reserved_from: Ints) -> tuple[int, Ints]:
    """Return the first job from `begin` on that others can make way for, and who they are.

    Only placements that are there, weigh more than the job, are of a larger stated size and of no
    earlier tier make way, and no more than `left` devices in all. `room`: thousandths of devices by
    tier and pool that a tier may have; `of`: blocks by level and host. Without such a job:
    (-1, nobody).
    """
    for job in range(begin, len(asking.weight)):
        within = _within(asking.required[job], of)
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
                             asking.until[job, choice], within, is_victim, placed, free, size,
                             reserved_from)
            freed = placed.devices[chosen].sum()
            lacking = asking.devices[job] * asking.share[job] - room[asking.tier[job], pool]
            if len(chosen) and freed <= left and lacking <= 1000 * freed:
                return job, chosen
    return -1, np.empty(0, dtype=np.int64)
