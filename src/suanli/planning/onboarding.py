"""What an operator says to put a fleet up for sale: zones, hosts, ratings, grades, prices."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from suanli.chips.commands import RegisterHost, RegisterZone
from suanli.chips.datasheet import Chip
from suanli.market.commands import PostOffer
from suanli.units.commands import DeclareRating, DefineGrade
from suanli.units.rating import rate
from suanli.units.workload import WORKLOAD_CLASSES


@dataclass(frozen=True, slots=True)
class HostGroup:
    """`count` equal hosts of one zone; `identity` is empty for simulated ones.

    `hosts_per_leaf` in a row share a leaf, `leaves_per_spine` of those a spine; 0: not known.
    """

    zone: str
    area: str
    chip: str
    devices: int
    count: int
    identity: str = ""
    hosts_per_leaf: int = 0
    leaves_per_spine: int = 0
    link: str = ""
    network: str = ""

    def block(self, number: int) -> tuple[str, str]:
        """Return the leaf and the spine of a host by its number in the group."""
        within = self.hosts_per_leaf
        leaf = f"{self.chip}x{self.devices}-leaf-{number // within:03d}" if within else ""
        within *= self.leaves_per_spine
        return leaf, f"{self.chip}x{self.devices}-spine-{number // within:02d}" if within else ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """One operator's hosts, its posted price, and declared overrides of ratings by chip."""

    hosts: tuple[HostGroup, ...]
    price_mrmb: int
    overrides: tuple[tuple[str, int, str], ...] = ()  # (chip, micro-CU in llm-training, reason)


def onboard(fleet: Fleet, datasheet: dict[str, Chip]) -> Iterator[Any]:
    """Yield the operator's commands, in the order in which they must be heard."""
    for zone, area in dict.fromkeys((group.zone, group.area) for group in fleet.hosts):
        yield RegisterZone(zone, area)
    for group in fleet.hosts:
        for number in range(group.count):
            name = f"{group.zone}-{group.chip}-{number:04d}" if group.count > 1 else (
                f"{group.zone}-{group.chip}")
            leaf, spine = group.block(number)
            yield RegisterHost(name, group.zone, group.chip, group.devices, 0,
                               group.identity or f"simulated:{name}", leaf=leaf, spine=spine,
                               link=group.link, network=group.network)
    areas = sorted({group.area for group in fleet.hosts})
    for chip in sorted({group.chip for group in fleet.hosts}):
        yield from _sell(fleet, datasheet[chip], areas)


def _sell(fleet: Fleet, chip: Chip, areas: list[str]) -> Iterator[Any]:
    """Rate a chip in every class in which it can be rated, and offer it there."""
    overrides = {name: (ucu, reason) for name, ucu, reason in fleet.overrides}
    for workload, shares in WORKLOAD_CLASSES.items():
        for in_gang in (False, True):
            ucu, reason = overrides.get(chip.id, (0, "")) if workload == "llm-training" else (0, "")
            if not (ucu or rate(chip, shares, in_gang)):
                continue
            grade = f"{chip.id}-{workload}-{'gang' if in_gang else 'single'}"
            yield DeclareRating(chip.id, workload, in_gang, 0, ucu,
                                reason or "formula, uncalibrated")
            yield DefineGrade(grade, workload, in_gang, (chip.id,))
            for area in areas:
                for tier in ("firm", "spot"):
                    yield PostOffer(area, grade, tier, fleet.price_mrmb)
