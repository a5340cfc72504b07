"""What may be asked of this room."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Register:
    """Admit a participant; `key` is its 32-byte Ed25519 public key."""

    kind: ClassVar[str] = "members.register"
    name: str
    roles: tuple[str, ...]
    key: bytes


@dataclass(frozen=True, slots=True)
class Delegate:
    """Let `agent` (a key) send `commands` in my name until an instant, spending at most so much."""

    kind: ClassVar[str] = "members.delegate"
    agent: bytes
    commands: tuple[str, ...]
    spend_max: int
    until: int


@dataclass(frozen=True, slots=True)
class SetParameter:
    """Change a governed parameter; `effective` announces it for an instant to come, 0: at once.

    Price caps are announced, `cap_notice_ms` ahead at the least, and so is that notice itself.
    """

    kind: ClassVar[str] = "members.set_parameter"
    name: str
    value: int
    _: KW_ONLY
    effective: int = 0


@dataclass(frozen=True, slots=True)
class StayParameter:
    """Withdraw an announced change before it takes effect."""

    kind: ClassVar[str] = "members.stay_parameter"
    name: str


COMMANDS = (Register, Delegate, SetParameter, StayParameter)
