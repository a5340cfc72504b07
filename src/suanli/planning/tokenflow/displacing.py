"""Which placements a gang would displace, compiled."""

import numpy as np
from numba import njit

from suanli.planning.view import Ints


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
def victims(count: int, lo: int, hi: int, until: int, within: Ints, is_victim: Ints, devices: Ints,
            first: Ints, hosts: Ints, counts: Ints, free: Ints, size: Ints,
            reserved_from: Ints) -> Ints:
    """Return the placements to displace for a gang of `count` devices on hosts lo to hi.

    Placements come in the order in which they should go; `hosts[first[r]:first[r + 1]]` and
    `counts` say where placement r is. Displaced are those of the host, or of the hosts of one block
    in `within` (-1: of no other host's), where the fewest devices must stop. Nothing is returned
    where it cannot be done, or needs nobody.
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
