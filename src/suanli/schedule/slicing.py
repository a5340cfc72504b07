"""Which units of a device a new slice takes, beside what runs and what one array asks for.

The domain chooses by `chips.slices.units_for`, as planning does, so that a placement names no
units; what was chosen is recorded, and never moved while the slice runs.
"""

from typing import NamedTuple

from suanli.chips.slices import Profile, units_for
from suanli.terms.refusals import Code, Refusal


class Asked(NamedTuple):
    """What placements of one array ask for so far."""

    shares: dict[str, list[int]]  # by host: of each device, beside what is used already
    units: dict[tuple[str, int], int]  # by (host, device): what slices take


def units(host: str, device: int, profile: Profile, profiles: dict[str, tuple[Profile, ...]],
          standing: int, asked: Asked) -> int | Refusal:
    """Return the units, and note them as asked for; or say why none are free."""
    before = asked.units.get((host, device), 0)
    found = units_for(profiles[profile.chip], profile, standing | before)
    if found is None:
        starts = ", ".join(map(str, profile.starts)) or "anywhere"
        return Refusal(Code.SLICE_DOES_NOT_FIT, f"device {device} of {host} has no place for "
                       f"{profile.name} beside the slices that run there; {profile.size} free "
                       f"of its {profile.units} units, from {starts}, are accepted")
    asked.units[host, device] = before | found
    return found
