"""Slices: the parts into which a chip can be divided, and how they stand beside each other.

A chip with profiles is divided only into them; one without is shared by any fraction. The table
is data, each row with its source and confidence; a chain carries its own copy.

Theory of operation. A device of a chip has a few *units* (of MIG the eight memory slices, of a
vNPU equal groups of AI cores). A slice takes `size` of them: from one of its `starts` on where
the hardware fixes places, any free ones otherwise. What stands on a device is one integer with a
bit a unit, so a new slice fits where its bits are free. Slices that run are never moved.

Laws
----
* Slices of one device never share a unit, and their shares never exceed the device: shares are
  rounded down to thousandths.
* Where a slice goes is a function of what stands there: so planner and domain agree.

Sources: NVIDIA MIG User Guide, "Supported MIG Profiles"; places as `nvidia-smi mig -lgipp`
prints them.
"""

import csv
import io
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from suanli.terms.errors import InputError
from suanli.terms.quantity import WHOLE_DEVICE

UNITS_MAX = 8  # bits of what stands on a device; planning keeps a table over all of them
ANYWHERE = "any"
COLUMNS = ("chip", "profile", "compute_numerator", "compute_denominator", "memory_gb", "units",
           "size", "starts", "instances_max", "source", "confidence")


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of slice of one chip; `starts` is empty where any free units will do."""

    chip: str
    name: str
    numerator: int  # of the device's compute
    denominator: int
    memory_gb: int
    units: int  # of the whole device
    size: int
    starts: tuple[int, ...]
    instances_max: int
    source: str
    confidence: str

    @property
    def share(self) -> int:
        """Thousandths of the device's compute, rounded down: what is allotted and billed."""
        return WHOLE_DEVICE * self.numerator // self.denominator

    def places(self, standing: int = 0) -> list[int]:
        """Return the sets of units that a slice could take beside what stands there."""
        if self.starts:
            block = (1 << self.size) - 1
            return [block << start for start in self.starts if not standing & block << start]
        free = [1 << unit for unit in range(self.units) if not standing >> unit & 1]
        return [sum(free[:self.size])] if len(free) >= self.size else []


class Allotment(NamedTuple):
    """What a request gets of a device: thousandths, and the profile where it is a slice."""

    share: int
    profile: Profile | None = None


def smallest(profiles: Collection[Profile], share: int, memory_gb: int) -> Profile | None:
    """Return the smallest profile with at least this share and memory, or None.

    By share, and of equal ones by units and memory: what costs least and leaves most.
    """
    holding = [profile for profile in profiles
               if profile.share >= share and profile.memory_gb >= memory_gb]
    return min(holding, key=lambda p: (p.share, p.size, p.memory_gb), default=None)


@lru_cache(maxsize=1 << 16)
def units_for(profiles: tuple[Profile, ...], profile: Profile, standing: int) -> int | None:
    """Return the units that a new slice takes beside what stands on the device, or None.

    It goes where most places of all profiles stay open, the last of equal ones.
    """
    return max(profile.places(standing),
               key=lambda units: (_open_places(profiles, standing | units), units), default=None)


def _open_places(profiles: tuple[Profile, ...], standing: int) -> int:
    return sum(len(profile.places(standing)) for profile in profiles)


def parse(text: str, chips: Collection[str],
          name: str = "slices.csv") -> dict[str, tuple[Profile, ...]]:
    """Return the profiles of each chip that has any, in file order; of an empty text none.

    Raises
    ------
    InputError
        With file and line, for a missing column, an unknown chip, a figure out of range, or a
        count of instances that the places do not give.
    """
    found: dict[str, tuple[Profile, ...]] = {}
    reader = csv.DictReader(io.StringIO(text))
    for row in reader:
        where = f"{name}:{reader.line_num}"
        profile = _profile(row, where)
        others = found.get(profile.chip, ())
        if profile.chip not in chips:
            raise InputError(f"{where}: chip: {profile.chip!r} is not in the datasheet")
        if profile.name in [other.name for other in others]:
            raise InputError(f"{where}: profile: {profile.name!r} stands twice")
        if others and others[0].units != profile.units:
            raise InputError(f"{where}: units: found {profile.units}; {others[0].units} in the "
                             "rows before")
        found[profile.chip] = (*others, profile)
    return found


def _profile(row: dict[str, str | None], where: str) -> Profile:
    def text(column: str) -> str:
        value = row.get(column)
        if not value:
            raise InputError(f"{where}: {column}: the column is missing or empty")
        return value.strip()

    def number(column: str, most: int) -> int:
        value = text(column)
        if not value.isdecimal() or not 1 <= int(value) <= most:
            raise InputError(f"{where}: {column}: found {value!r}; 1 to {most} is accepted")
        return int(value)

    units = number("units", UNITS_MAX)
    size = number("size", units)
    whole = number("compute_denominator", WHOLE_DEVICE)
    profile = Profile(
        text("chip"), text("profile"), number("compute_numerator", whole), whole,
        number("memory_gb", 1 << 20), units, size, _starts(text("starts"), units - size, where),
        number("instances_max", units), text("source"), text("confidence"))
    if _most(profile) != profile.instances_max:
        raise InputError(f"{where}: instances_max: found {profile.instances_max}; the places "
                         f"give {_most(profile)}")
    return profile


def _starts(text: str, last: int, where: str) -> tuple[int, ...]:
    if text == ANYWHERE:
        return ()
    found = text.split()
    if not all(start.isdecimal() and int(start) <= last for start in found):
        raise InputError(f"{where}: starts: found {text!r}; {ANYWHERE!r}, or numbers up to {last} "
                         "with blanks between them, are accepted")
    return tuple(int(start) for start in found)


def _most(profile: Profile) -> int:
    """Return how many slices of one profile a device holds, taken from the first place on."""
    standing = count = 0
    while places := profile.places(standing):
        standing, count = standing | places[0], count + 1
    return count
