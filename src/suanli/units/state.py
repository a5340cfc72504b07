"""Ratings and grades, per operator. Ratings here are all `declared`; certificates come later."""

from dataclasses import dataclass
from typing import Any, ClassVar

from suanli.chips.datasheet import Chip
from suanli.terms.change import Change, Write, one_part
from suanli.terms.quantity import REFERENCE_RATING
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import Room
from suanli.units.commands import DeclareRating, DefineGrade
from suanli.units.rating import rate
from suanli.units.workload import WORKLOAD_CLASSES

# No chip of this decade is worth a hundred reference devices; a bound against typing errors.
RATING_UCU_MAX = 100 * REFERENCE_RATING


@dataclass(frozen=True, slots=True)
class Rating:
    """What a device is worth; `formula_ucu` stays visible beside an override."""

    ucu: int
    formula_ucu: int | None
    is_override: bool
    reason: str
    version: int  # counts this key's declarations from 1


@dataclass(frozen=True, slots=True)
class Grade:
    """A basket: (chip, micro-CU, rating version) for one workload class, single or gang."""

    workload: str
    in_gang: bool
    factors: tuple[tuple[str, int, int], ...]

    def factor(self, chip: str) -> tuple[int, int] | None:
        """Return (micro-CU, version) of a deliverable chip."""
        for name, ucu, version in self.factors:
            if name == chip:
                return ucu, version
        return None


class Units(Room):
    """What it is worth."""

    name: ClassVar[str] = "units"
    schema: ClassVar[dict[str, tuple[Any, Any]]] = {
        "ratings": (tuple[int, str, str, bool], Rating),  # (operator, chip, workload, in_gang)
        "grades": (tuple[int, str], Grade),  # (operator, grade)
    }

    def __init__(self, datasheet: dict[str, Chip]) -> None:
        super().__init__()
        self.datasheet = datasheet

    def grade(self, operator: int, grade: str) -> Grade | None:
        found: Grade | None = self.tables["grades"].get((operator, grade))
        return found

    def check(self, command: Any, at: int, sender: int) -> Change | Refusal:
        """Answer one of this room's commands."""
        if command.workload not in WORKLOAD_CLASSES:
            return Refusal(Code.UNKNOWN_WORKLOAD_CLASS, f"no workload class {command.workload!r}; "
                           f"known are {', '.join(WORKLOAD_CLASSES)}")
        if isinstance(command, DeclareRating):
            return self._declare(command, sender)
        return self._define(command, sender)

    def _declare(self, command: DeclareRating, sender: int) -> Change | Refusal:
        chip = self.datasheet.get(command.chip)
        if chip is None:
            return Refusal(Code.UNKNOWN_CHIP, f"no chip {command.chip!r} in the datasheet")
        formula = rate(chip, WORKLOAD_CLASSES[command.workload], command.in_gang,
                       command.link_gbps)
        ucu = command.override_ucu or formula or 0
        if not 0 < ucu <= RATING_UCU_MAX:
            return Refusal(Code.CHIP_NOT_RATABLE, f"{command.chip} in {command.workload}: "
                           f"rating {ucu} micro-CU; 1 to {RATING_UCU_MAX} is accepted "
                           "(a missing figure needs an override)")
        key = (sender, command.chip, command.workload, command.in_gang)
        known = self.tables["ratings"].get(key)
        version = known.version + 1 if known else 1
        record = Rating(ucu, formula, bool(command.override_ucu), command.reason, version)
        return one_part(Write(self.name, "ratings", key, record), ucu=ucu, version=version)

    def _define(self, command: DefineGrade, sender: int) -> Change | Refusal:
        key = (sender, command.grade)
        if key in self.tables["grades"]:
            return Refusal(Code.GRADE_EXISTS, f"grade {command.grade!r} exists")
        if (command.in_gang and len(command.chips) != 1) or not command.chips:
            return Refusal(Code.MIXED_CHIPS_IN_GANG, f"{len(command.chips)} chips; a gang grade "
                           "holds exactly one, a single grade one or more")
        factors = []
        for chip in command.chips:
            rating = self.tables["ratings"].get((sender, chip, command.workload, command.in_gang))
            if rating is None:
                return Refusal(Code.CHIP_NOT_RATABLE, f"{chip!r} has no declared rating for "
                               f"{command.workload}; declare it first")
            factors.append((chip, rating.ucu, rating.version))
        grade = Grade(command.workload, command.in_gang, tuple(factors))
        return one_part(Write(self.name, "grades", key, grade))
