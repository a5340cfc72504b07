"""What may be asked of this room."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class DeclareRating:
    """Declare what my devices of a chip are worth in a class, alone or in a gang.

    `override_ucu` 0 takes the formula; otherwise it is a declared override, kept beside the
    formula's figure with its reason.
    """

    kind: ClassVar[str] = "units.declare_rating"
    chip: str
    workload: str
    in_gang: bool
    link_gbps: int
    override_ucu: int
    reason: str


@dataclass(frozen=True, slots=True)
class DefineGrade:
    """Name a basket of my rated chips that may deliver one workload class."""

    kind: ClassVar[str] = "units.define_grade"
    grade: str
    workload: str
    in_gang: bool
    chips: tuple[str, ...]


COMMANDS = (DeclareRating, DefineGrade)
