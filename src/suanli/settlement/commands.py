"""What may be asked of this room."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Meter:
    """Settle the hours of placements of mine that are over at `until`; they run on."""

    kind: ClassVar[str] = "settlement.meter"
    jobs: tuple[int, ...]
    until: int


COMMANDS = (Meter,)
