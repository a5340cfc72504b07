"""Ratings and grades: declared, overridden, refused."""

import pytest
from tests.stage import CHIP, SINGLE, Stage

from suanli.terms.refusals import Code
from suanli.units.commands import DeclareRating, DefineGrade


def test_an_override_stays_beside_the_formula(stage: Stage) -> None:
    chip = "ascend-910b2-64"
    stage.must(1, DeclareRating(chip, "llm-training", False, 0, 700_000, "declared 0.70"))
    rating = stage.rooms.units.tables["ratings"][1, chip, "llm-training", False]
    assert (rating.ucu, rating.is_override, rating.version) == (700_000, True, 1)
    assert rating.formula_ucu is not None
    assert rating.formula_ucu < 300_000


def test_a_grade_keeps_the_rating_version_it_was_made_with(stage: Stage) -> None:
    stage.must(1, DeclareRating(CHIP, "llm-training", False, 0, 900_000, "re-rated"))
    assert stage.rooms.units.grade(1, SINGLE).factor(CHIP) == (1_000_000, 1)


@pytest.mark.parametrize(("command", "code"), [
    (DeclareRating("h900", "llm-training", False, 0, 0, ""), Code.UNKNOWN_CHIP),
    (DeclareRating(CHIP, "mining", False, 0, 0, ""), Code.UNKNOWN_WORKLOAD_CLASS),
    (DeclareRating("kunlun-p800-96", "llm-training", False, 0, 0, ""), Code.CHIP_NOT_RATABLE),
    (DeclareRating(CHIP, "llm-training", False, 0, 10**12, ""), Code.CHIP_NOT_RATABLE),
    (DeclareRating(CHIP, "llm-training", False, 0, -1, ""), Code.CHIP_NOT_RATABLE),
    (DefineGrade(SINGLE, "llm-training", False, (CHIP,)), Code.GRADE_EXISTS),
    (DefineGrade("g", "llm-training", True, (CHIP, CHIP)), Code.MIXED_CHIPS_IN_GANG),
    (DefineGrade("g", "llm-training", False, ()), Code.MIXED_CHIPS_IN_GANG),
    (DefineGrade("g", "llm-training", False, ("t4-16",)), Code.CHIP_NOT_RATABLE),
])
def test_refusals(stage: Stage, command: object, code: Code) -> None:
    assert stage.say(1, command).code == code
