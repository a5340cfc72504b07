"""The inventory: zones, areas, hosts and their devices. Devices are (host, index) pairs."""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from suanli.chips.commands import RegisterHost, RegisterZone
from suanli.chips.datasheet import Chip
from suanli.chips.slices import Allotment, Profile, smallest
from suanli.chips.topology import LINKS, NETWORKS, Blocks
from suanli.chips.uptime import available_ms, on_change
from suanli.terms.change import Change, Write, one_part
from suanli.terms.quantity import WHOLE_DEVICE
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import Room, changed

DEVICES_PER_HOST_MAX = 1024


@dataclass(frozen=True, slots=True)
class Zone:
    """One data centre or edge site of one operator."""

    operator: int
    area: str


@dataclass(frozen=True, slots=True)
class Host:
    """A server with devices of one chip model."""

    zone: str
    chip: str
    devices: int
    link_gbps: int
    identity: str
    is_up: bool
    _: KW_ONLY
    leaf: str = ""
    spine: str = ""
    link: str = ""
    network: str = ""


class Chips(Room):
    """What is there. Datasheet and slice profiles come from the genesis: they are of the chain."""

    name: ClassVar[str] = "chips"
    schema: ClassVar[dict[str, tuple[Any, Any]]] = {
        "zones": (str, Zone),
        "hosts": (str, Host),
        # (operator, area, chip) -> devices up there; equals a count over `hosts`
        "capacity": (tuple[int, str, str], int),
    }
    schema_later: ClassVar[dict[str, tuple[Any, Any]]] = {
        # (operator, area, chip) -> when that count last changed; with the hour -> see `uptime`
        "since": (tuple[int, str, str], int),
        "served": (tuple[int, str, str, int], int),
    }

    def __init__(self, datasheet: dict[str, Chip],
                 profiles: dict[str, tuple[Profile, ...]] | None = None) -> None:
        super().__init__()
        self.datasheet = datasheet
        self.profiles = profiles or {}
        self.blocks = Blocks()  # derived from `hosts`, so that a submission need not scan them

    def commit(self, writes: Iterable[Write]) -> None:
        """Apply writes, keeping the blocks."""
        for write in writes:
            if write.table == "hosts" and write.key not in self.tables["hosts"]:
                self.blocks.add(write.key, write.value, self.zone_of(write.value).area)
            super().commit((write,))

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over a snapshot and derive the blocks anew."""
        super().restore(snapshot)
        self.blocks = Blocks()
        for name, host in self.tables["hosts"].items():
            self.blocks.add(name, host, self.zone_of(host).area)

    def zone_of(self, host: Host) -> Zone:
        zone: Zone = self.tables["zones"][host.zone]
        return zone

    def has_area(self, area: str, operator: int) -> bool:
        return any(z.area == area and z.operator == operator
                   for z in self.tables["zones"].values())

    def capacity(self, operator: int, area: str, chip: str) -> int:
        """Return the devices of this chip that the operator has up in the area."""
        return int(self.tables["capacity"].get((operator, area, chip)) or 0)

    def available_ms(self, operator: int, area: str, chip: str, start: int) -> int:
        """Return the device-milliseconds that were up in an hour that is over."""
        kind = (operator, area, chip)
        return available_ms(self.tables["since"], self.tables["served"], kind,
                            self.capacity(*kind), start)

    def allot(self, chip: str, share: int, memory_gb: int = 0) -> Allotment | None:
        """Return what a request for a share and a memory gets of a chip's device, or None.

        Of a chip with profiles the smallest that holds it, or the device; of another the share,
        more where the memory is more than its part. None: the device has not so much memory.
        """
        if share == WHOLE_DEVICE and not memory_gb:
            return Allotment(WHOLE_DEVICE)
        if memory_gb:
            part = self._part_of_memory(chip, memory_gb)
            if part is None:
                return None
            if chip not in self.profiles:
                share = max(share, part)
        if share == WHOLE_DEVICE or chip not in self.profiles:
            return Allotment(share)
        profile = smallest(self.profiles[chip], share, memory_gb)
        if profile is None or profile.share == WHOLE_DEVICE:
            return Allotment(WHOLE_DEVICE)
        return Allotment(profile.share, profile)

    def _part_of_memory(self, chip: str, memory_gb: int) -> int | None:
        """Return a memory in thousandths of a device's, rounded up; None: more, or not known."""
        sheet = self.datasheet[chip]
        if sheet.memory_gb is None:
            return None
        package_mb = int(sheet.memory_gb * 1000)
        part = -(-memory_gb * 1000 * WHOLE_DEVICE * sheet.addressable_devices // package_mb)
        return part if part <= WHOLE_DEVICE else None

    def check(self, command: Any, at: int, sender: int) -> Change | Refusal:
        """Answer one of this room's commands."""
        if isinstance(command, RegisterZone):
            if command.zone in self.tables["zones"]:
                return Refusal(Code.ZONE_EXISTS, f"zone {command.zone!r} exists")
            return one_part(Write(self.name, "zones", command.zone, Zone(sender, command.area)))
        if isinstance(command, RegisterHost):
            return self._register_host(command, sender, at)
        host = self.tables["hosts"].get(command.host)
        if host is None:
            return Refusal(Code.UNKNOWN_HOST, f"no host {command.host!r}")
        if self.zone_of(host).operator != sender:
            return Refusal(Code.NOT_THE_OWNER, f"host {command.host!r} is another operator's")
        if host.is_up == command.is_up:
            return one_part()
        return one_part(
            Write(self.name, "hosts", command.host, changed(host, is_up=command.is_up)),
            *self._capacity_writes(host, host.devices if command.is_up else -host.devices, at))

    def _register_host(self, command: RegisterHost, sender: int,
                       at: int) -> Change | Refusal:
        zone = self.tables["zones"].get(command.zone)
        if zone is None:
            return Refusal(Code.UNKNOWN_ZONE, f"no zone {command.zone!r}; register it first")
        if zone.operator != sender:
            return Refusal(Code.NOT_THE_OWNER, f"zone {command.zone!r} is another operator's")
        if command.chip not in self.datasheet:
            return Refusal(Code.UNKNOWN_CHIP, f"no chip {command.chip!r} in the datasheet; "
                           "`suanli chips list` shows those known")
        if command.host in self.tables["hosts"]:
            return Refusal(Code.HOST_EXISTS, f"host {command.host!r} exists")
        if not 1 <= command.devices <= DEVICES_PER_HOST_MAX or command.link_gbps < 0:
            return Refusal(Code.DEVICE_COUNT_OUT_OF_RANGE,
                           f"{command.devices} devices; 1 to {DEVICES_PER_HOST_MAX} are accepted")
        if command.link not in LINKS or command.network not in NETWORKS:
            return Refusal(Code.UNKNOWN_LINK, f"link {command.link!r}, network "
                           f"{command.network!r}; {', '.join(LINKS[1:])} are accepted in a host, "
                           f"{', '.join(NETWORKS[1:])} between hosts, or nothing")
        host = Host(command.zone, command.chip, command.devices, command.link_gbps,
                    command.identity, True, leaf=command.leaf, spine=command.spine,
                    link=command.link, network=command.network)
        return one_part(Write(self.name, "hosts", command.host, host),
                        *self._capacity_writes(host, host.devices, at))

    def _capacity_writes(self, host: Host, devices: int, at: int) -> list[Write]:
        zone = self.zone_of(host)
        kind = (zone.operator, zone.area, host.chip)
        known = self.capacity(*kind)
        return [Write(self.name, "capacity", kind, known + devices),
                *on_change(self.name, self.tables["since"], self.tables["served"], kind, known,
                           at)]
