"""The drill: same people, same chances; the bands take most of the fall away."""

import pytest

from suanli.bootstrap import datasheet_text
from suanli.simulation.crash import PROTECTIONS, SWEEP_LOTS, Drill, cut_of, drill


@pytest.mark.parametrize("seed", [1, 2])
def test_the_protections_halve_the_fall_and_the_seller_still_sells(seed: int) -> None:
    found = drill(datasheet_text(), seed)
    without, protected = found["without"], found["with"]
    assert cut_of(found) >= 0.5
    assert (without.halted_s, without.limit_states) == (0, 0)
    assert protected.halted_s > 0
    assert without.seller_lots == protected.seller_lots == SWEEP_LOTS
    assert protected.seller_mean > without.seller_mean


def test_a_seed_says_everything() -> None:
    assert Drill(datasheet_text(), 3, PROTECTIONS).go() == Drill(
        datasheet_text(), 3, PROTECTIONS).go()
