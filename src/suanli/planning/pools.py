"""Pools: the free devices of one chip model in one zone, as a scheduling cycle sees them."""

from dataclasses import dataclass, field
from typing import Any

from suanli.terms.quantity import WHOLE_DEVICE


@dataclass(slots=True)
class Pool:
    """Hosts of one chip in one zone. `used`: host -> used share by device (a cycle's own copy)."""

    operator: int
    zone: str
    area: str
    chip: str
    used: dict[str, list[int]] = field(default_factory=dict)
    free: dict[str, int] = field(default_factory=dict)  # host -> wholly free devices
    free_total: int = 0
    # Device-milliseconds of this hour, and of the next, that may still be sold.
    sellable_ms: int = 0
    sellable_next_ms: int = 0

    def add_host(self, name: str, used: tuple[int, ...]) -> None:
        self.used[name] = list(used)
        self.free[name] = sum(1 for share in used if share == 0)
        self.free_total += self.free[name]

    def take(self, host: str, devices: tuple[int, ...], share: int) -> None:
        """Mark devices used for the rest of the cycle."""
        for device in devices:
            if self.used[host][device] == 0:
                self.free[host] -= 1
                self.free_total -= 1
            self.used[host][device] += share

    def whole_devices(self, host: str, count: int) -> tuple[int, ...]:
        """Return the first `count` wholly free devices of a host that has them."""
        free = (index for index, share in enumerate(self.used[host]) if share == 0)
        return tuple(index for index, _ in zip(free, range(count), strict=False))

    def tightest_fraction(self, share: int) -> tuple[str, int] | None:
        """Return the device on which a fraction leaves the least over, or None."""
        best: tuple[int, str, int] | None = None
        for host, used in self.used.items():
            for index, taken in enumerate(used):
                left = WHOLE_DEVICE - taken - share
                if left >= 0 and (best is None or left < best[0]):
                    best = (left, host, index)
        return best and (best[1], best[2])


def pools_of(rooms: Any) -> list[Pool]:
    """Return every pool with a host that is up, in the order their hosts were registered."""
    pools: dict[tuple[str, str], Pool] = {}
    chips, schedule = rooms.chips, rooms.schedule
    for name, host in chips.tables["hosts"].items():
        if not host.is_up:
            continue
        pool = pools.get((host.zone, host.chip))
        if pool is None:
            zone = chips.zone_of(host)
            pool = pools[host.zone, host.chip] = Pool(zone.operator, host.zone, zone.area,
                                                      host.chip)
        pool.add_host(name, schedule.used(name, host.devices))
    return list(pools.values())
