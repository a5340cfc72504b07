"""Scheduling policies: in which order queued jobs are tried, and on which hosts of a pool.

Both place gangs whole and skip what does not fit. A gang that fits in one host goes into one;
a larger one takes whole hosts and puts its remainder on one more.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from suanli.planning.pools import Pool
from suanli.schedule.commands import Slots

# Given (host, its free devices) pairs that fit, yield them in the order of preference.
HostRank = Callable[[tuple[str, int]], int]


class Policy(NamedTuple):
    """How to choose; jobs are tried first in, first out under both."""

    name: str
    host_rank: HostRank | None  # None: registration order, the first that fits


POLICIES: Final[dict[str, Policy]] = {
    "fifo": Policy("fifo", None),
    # The host that is left with the least: what is whole stays whole for gangs.
    "best-fit": Policy("best-fit", lambda host: host[1]),
}


def place(policy: Policy, pool: Pool, devices: int, share: int) -> Slots | None:
    """Return where a job goes in a pool, or None; does not take the devices."""
    if devices == 1 and share < 1000:
        found = pool.tightest_fraction(share) if policy.host_rank else _first_fraction(pool, share)
        return found and ((found[0], (found[1],)),)
    if devices > pool.free_total:
        return None
    one = _choose(policy, ((h, f) for h, f in pool.free.items() if f >= devices))
    if one is not None:
        return ((one, pool.whole_devices(one, devices)),)
    return _spread(policy, pool, devices)


def _choose(policy: Policy, hosts: Iterator[tuple[str, int]]) -> str | None:
    found = next(hosts, None) if policy.host_rank is None else min(
        hosts, key=policy.host_rank, default=None)
    return found and found[0]


def _first_fraction(pool: Pool, share: int) -> tuple[str, int] | None:
    return next(((host, index) for host, used in pool.used.items()
                 for index, taken in enumerate(used) if taken + share <= 1000), None)


def _spread(policy: Policy, pool: Pool, devices: int) -> Slots | None:
    """Fill whole hosts, then one more with the remainder."""
    size = max(len(used) for used in pool.used.values())
    if devices <= size:
        return None
    slots, left = [], devices
    for host, free in pool.free.items():
        if free == size and left >= size:
            slots.append((host, pool.whole_devices(host, size)))
            left -= size
    if left >= size:
        return None
    taken = {host for host, _ in slots}
    if left:
        rest = _choose(policy, ((h, f) for h, f in pool.free.items()
                                if f >= left and h not in taken))
        if rest is None:
            return None
        slots.append((rest, pool.whole_devices(rest, left)))
    return tuple(slots)
