"""What may be asked of this room."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Meter:
    """Settle the hours of placements of mine that are over at `until`; they run on."""

    kind: ClassVar[str] = "settlement.meter"
    jobs: tuple[int, ...]
    until: int


@dataclass(frozen=True, slots=True)
class MakeGood:
    """Refund what the seller of a firm class failed to have there in an hour that is over.

    Anybody who trades may ask; the seller pays, and asking twice pays once.
    """

    kind: ClassVar[str] = "settlement.make_good"
    klass: int


COMMANDS = (Meter, MakeGood)
