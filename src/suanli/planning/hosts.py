"""The hosts' devices as flat arrays: what is used of each, what is free, what is kept.

Hosts of a pool (one chip model in one zone) are contiguous: pool p owns hosts
`first_host[p]:first_host[p + 1]`. Shares are thousandths of a device. Nothing here knows of jobs.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from suanli.chips.slices import UNITS_MAX, Profile, units_for
from suanli.planning.blocks import Blocks, Ints, Place, blocks_of
from suanli.planning.rows import TIERS
from suanli.terms.errors import InvariantBroken
from suanli.terms.quantity import WHOLE_DEVICE


class PoolSpec(NamedTuple):
    """A pool as it is set up: hosts by count of devices; `leaf`, `spine` by host ("": unknown).

    `profiles`: the slices into which its chip's devices may be divided; of others any fraction.
    """

    zone: str
    chip: str
    devices: tuple[int, ...]
    leaf: tuple[str, ...] = ()
    spine: tuple[str, ...] = ()
    profiles: tuple[Profile, ...] = ()

    def places(self) -> list[Place]:
        unknown = ("",) * len(self.devices)
        return list(zip(self.devices, self.leaf or unknown, self.spine or unknown, strict=True))


@dataclass(slots=True)
class Hosts:
    """What is free on the hosts of some pools."""

    pools: tuple[PoolSpec, ...]
    first_host: Ints = field(init=False)  # [pools + 1]
    pool_of: Ints = field(init=False)  # [hosts]
    sizes: Ints = field(init=False)  # [hosts], devices
    devices: Ints = field(init=False)  # [hosts]; 0 while a host is down
    used: Ints = field(init=False)  # [hosts, devices_max], thousandths; WHOLE_DEVICE where none
    free: Ints = field(init=False)  # [hosts], wholly free devices
    standing: Ints = field(init=False)  # [hosts, devices_max], units that slices take, as bits
    # [slices, sets of units] what stands on a device after a slice was put there; -1: no place
    after: Ints = field(init=False)
    slice_of: dict[Profile, int] = field(init=False)  # -> row of `after`
    spare: Ints = field(init=False)  # [pools], thousandths of devices that nobody uses
    kept: Ints = field(init=False)  # [tiers, pools], thousandths of `spare` kept from a tier
    is_carved: bool = False  # whether anything is kept
    blocks: Blocks = field(init=False)
    version: int = 0  # goes up with every change

    def __post_init__(self) -> None:
        sizes = [count for pool in self.pools for count in pool.devices]
        self.sizes = np.array(sizes, dtype=np.int64)
        self.first_host = np.cumsum([0] + [len(p.devices) for p in self.pools])
        self.pool_of = np.repeat(np.arange(len(self.pools)), np.diff(self.first_host))
        self.devices = self.sizes.copy()
        self.free = self.devices.copy()
        self.spare = WHOLE_DEVICE * np.array([sum(p.devices) for p in self.pools], dtype=np.int64)
        self.kept = np.zeros((TIERS, len(self.pools)), dtype=np.int64)
        width = max(sizes, default=1)
        absent = np.arange(width)[None, :] >= self.devices[:, None]
        self.used = np.where(absent, WHOLE_DEVICE, 0).astype(np.int64)
        self.blocks = blocks_of([pool.places() for pool in self.pools])
        self.standing = np.zeros_like(self.used)
        profiles = {profile: pool.profiles for pool in self.pools for profile in pool.profiles}
        self.slice_of = {profile: index for index, profile in enumerate(profiles)}
        self.after = _after(profiles)

    # -- what changes --------------------------------------------------------------------------

    def take(self, host: int, indices: tuple[int, ...], share: int) -> None:
        """Use a share of some devices of a host, which must be free."""
        for index in indices:
            before = self.used[host, index]
            if before + share > WHOLE_DEVICE:
                raise InvariantBroken(f"device {index} of host {host} is not free")
            self.free[host] -= before == 0
            self.used[host, index] = before + share

    def give_back(self, host: int, indices: tuple[int, ...], share: int) -> None:
        """Use a share of some devices no longer; a host that is down has nothing to spare."""
        for index in indices:
            self.used[host, index] -= share
            self.free[host] += self.used[host, index] == 0
        if self.devices[host]:
            self.spare[self.pool_of[host]] += share * len(indices)

    def cut(self, host: int, device: int, slice: int) -> int:
        """Let a slice stand on a device; return the units that it takes."""
        before = int(self.standing[host, device])
        after = int(self.after[slice, before])
        if after < 0:
            raise InvariantBroken(f"device {device} of host {host} has no place for a slice")
        self.standing[host, device] = after
        return after ^ before

    def spend(self, pool: int, tier: int, size: int) -> None:
        """Spare so many thousandths of devices less: first what is kept from the tiers after."""
        if not self.is_carved:
            self.spare[pool] -= size
            return
        room = self.spare[pool] - self.kept[:, pool]
        room[:tier + 1] -= size
        room[tier + 1:] = np.minimum(room[tier + 1:], room[tier])
        self.spare[pool] -= size
        self.kept[:, pool] = self.spare[pool] - room

    def carve_out(self, kept: Ints) -> None:
        """Keep thousandths of the spare devices of each pool from each tier."""
        self.kept, self.is_carved = kept, bool(kept.any())

    def set_up(self, host: int, is_up: bool) -> None:
        """Open or close a host; one that is down has no devices to give."""
        size = int(self.sizes[host])
        if is_up == bool(self.devices[host]):
            return
        if not is_up:
            self.spare[self.pool_of[host]] -= (WHOLE_DEVICE - self.used[host, :size]).sum()
        self.used[host, :size] += -WHOLE_DEVICE if is_up else WHOLE_DEVICE
        self.devices[host] = size if is_up else 0
        self.free[host] = (self.used[host, :size] == 0).sum()
        if is_up:
            self.spare[self.pool_of[host]] += (WHOLE_DEVICE - self.used[host, :size]).sum()
        self.version += 1

    # -- what schedulers ask -------------------------------------------------------------------

    def free_devices(self, host: int, count: int) -> tuple[int, ...]:
        """Return the first `count` wholly free devices of a host that has them."""
        used = self.used[host].tolist()  # a handful of integers: arrays would take longer
        if count == 1:
            return (used.index(0),)
        return tuple([index for index, share in enumerate(used) if share == 0][:count])

    @property
    def capacity_by_pool(self) -> Ints:
        """The devices of each pool's hosts that are up."""
        return np.bincount(self.pool_of, weights=self.devices,
                           minlength=len(self.pools)).astype(np.int64)

    @property
    def capacity(self) -> int:
        """The devices of all hosts that are up."""
        return int(self.devices.sum())


def _after(profiles: dict[Profile, tuple[Profile, ...]]) -> Ints:
    """Return (profiles, sets of units): what stands after a slice was put there, -1: no place."""
    found = np.full((len(profiles), 1 << UNITS_MAX), -1, dtype=np.int64)
    for index, (profile, others) in enumerate(profiles.items()):
        for standing in range(1 << profile.units):
            units = units_for(others, profile, standing)
            if units is not None:
                found[index, standing] = standing | units
    return found
