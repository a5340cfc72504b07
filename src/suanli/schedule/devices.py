"""What is taken of each device, and taking it or giving it back.

A share is thousandths of a device; a slice takes units of it too, chosen as `slicing` says.
`standing` is derived from the table of slices.
"""

from typing import Any

from suanli.chips.slices import Allotment
from suanli.chips.state import Chips, Host
from suanli.schedule import slicing
from suanli.schedule.commands import Slots
from suanli.schedule.slicing import Asked
from suanli.terms.change import Write
from suanli.terms.quantity import WHOLE_DEVICE
from suanli.terms.refusals import Code, Refusal


class Devices:
    """The devices' shares and units, on tables of the schedule's room."""

    def __init__(self, chips: Chips, tables: Any) -> None:
        self.chips = chips
        self.tables = tables  # the schedule's
        self.standing: dict[tuple[str, int], int] = {}  # (host, device) -> units; none is 0

    def used(self, host: str, devices: int) -> tuple[int, ...]:
        """Return the used share of each device of a host, in thousandths."""
        found: tuple[int, ...] | None = self.tables["used"].get(host)
        return found if found is not None else (0,) * devices

    # -- what a placement takes ------------------------------------------------------------

    def taking(self, id: int, slots: Slots, hosts: list[Host], allotted: Allotment,
               asked: Asked) -> list[Write] | Refusal:
        """Return the writes that take a job's devices beside what is asked for already."""
        share = allotted.share
        for (name, indices), host in zip(slots, hosts, strict=True):
            used = asked.shares.get(name)
            if used is None:
                used = asked.shares[name] = list(self.used(name, host.devices))
            for index in indices:
                if not 0 <= index < host.devices or used[index] + share > WHOLE_DEVICE:
                    return Refusal(Code.DEVICES_NOT_FREE, f"device {index} of {name} does not "
                                   f"have {share} thousandths free")
                used[index] += share
        if allotted.profile is None:
            return _adding(slots, share)
        name, device = slots[0][0], slots[0][1][0]
        units = slicing.units(name, device, allotted.profile, self.chips.profiles,
                              self.standing.get((name, device), 0), asked)
        if isinstance(units, Refusal):
            return units
        return [*_adding(slots, share), Write("schedule", "slices", id, (name, device, units))]

    def releasing(self, id: int, slots: Slots, share: int) -> list[Write]:
        """Return the writes that give back what a placement took."""
        sliced = id in self.tables["slices"]
        return [*_adding(slots, -share), *([Write("schedule", "slices", id, None)] * sliced)]

    # -- what writes make of it ------------------------------------------------------------

    def with_share(self, write: Write) -> Write:
        """Return a write of shares to add as the table takes it: with the sums."""
        used = list(self.used(write.key, self.chips.tables["hosts"][write.key].devices))
        indices, share = write.value
        for index in indices:
            used[index] += share
        return Write(*write[:3], tuple(used) if any(used) else None)

    def follow(self, write: Write) -> None:
        """Let units be taken, or free, as a write of a slice that is about to happen says."""
        self._toggle(*(write.value or self.tables["slices"][write.key]))

    def restored(self) -> None:
        """Derive the standing units anew."""
        self.standing = {}
        for slice in self.tables["slices"].values():
            self._toggle(*slice)

    def _toggle(self, host: str, device: int, units: int) -> None:
        self.standing[host, device] = self.standing.get((host, device), 0) ^ units
        if not self.standing[host, device]:
            del self.standing[host, device]


def _adding(slots: Slots, share: int) -> list[Write]:
    """Return the writes that add a share, or with a negative one take it off."""
    return [Write("schedule", "used", name, (indices, share)) for name, indices in slots]
