"""What may be asked of this room."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Batch:
    """My own rows (transfers, holds, posts, voids), 128 bytes each; a code comes back a row."""

    kind: ClassVar[str] = "ledger.batch"
    rows: bytes


@dataclass(frozen=True, slots=True)
class Grant:
    """A bank puts cash (a claim on the bank, micro-RMB) into a member's account."""

    kind: ClassVar[str] = "ledger.grant"
    member: int
    amount: int


@dataclass(frozen=True, slots=True)
class Attest:
    """State that `devices` of a chip in an area will be there for some hours from `start`."""

    kind: ClassVar[str] = "ledger.attest"
    area: str
    chip: str
    start: int
    hours: int
    devices: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """Expire what is left of past token classes and void holds that timed out, oldest first."""

    kind: ClassVar[str] = "ledger.sweep"
    classes_max: int


COMMANDS = (Batch, Grant, Attest, Sweep)
