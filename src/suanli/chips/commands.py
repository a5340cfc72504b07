"""What may be asked of this room."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class RegisterZone:
    """Open a data centre or edge site of mine inside a bidding area."""

    kind: ClassVar[str] = "chips.register_zone"
    zone: str
    area: str


@dataclass(frozen=True, slots=True)
class RegisterHost:
    """Add a server: `devices` addressable devices of one chip, joined by `link_gbps` each.

    `leaf` and `spine` name its network blocks within the zone, `link` joins its devices, `network`
    joins it to other hosts; empty where it is not known.
    """

    kind: ClassVar[str] = "chips.register_host"
    host: str
    zone: str
    chip: str
    devices: int
    link_gbps: int  # 0: the chip's own datasheet figure
    identity: str  # serial, UUID or machine id, as discovered
    _: KW_ONLY
    leaf: str = ""
    spine: str = ""
    link: str = ""  # one of `topology.LINKS`; empty: the chip's own datasheet link
    network: str = ""  # one of `topology.NETWORKS`


@dataclass(frozen=True, slots=True)
class SetHostState:
    """Take a host of mine out of use, or back in."""

    kind: ClassVar[str] = "chips.set_host_state"
    host: str
    is_up: bool


COMMANDS = (RegisterZone, RegisterHost, SetHostState)
