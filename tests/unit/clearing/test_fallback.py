"""Whatever happens to the solver, there is an answer; and what each failure leaves of it."""

from typing import Any

import highspy
import numpy as np
import pytest
from tests.unit.clearing.lots import BUY, SELL, arc, auction, block, step

from suanli.clearing import dispatch, model, solve
from suanli.clearing.fallback import cleared_apart, decoupled
from suanli.clearing.solver import Unsolved
from suanli.market.auction.verification import verify
from suanli.simulation.auctions import Size, synthetic_auction


def test_no_time_at_all_leaves_the_curves() -> None:
    found = synthetic_auction(Size(3, 24, 100), 1)
    outcome = solve(found, seconds=0.0)
    assert verify(found, outcome.clearing) is None
    assert outcome.method == "curves"
    assert not outcome.clearing.block_ppm.any()
    assert outcome.clearing.welfare > 0
    assert outcome.clearing.flows.any()
    assert outcome.bound > outcome.clearing.welfare


def dies(*_: Any) -> bool:
    raise Unsolved("dead")


def test_a_solver_that_dies_while_deciding_leaves_what_was_found(
        monkeypatch: pytest.MonkeyPatch) -> None:
    found = synthetic_auction(Size(3, 24, 100), 1)
    monkeypatch.setattr(model, "run", dies)
    outcome = solve(found)
    assert verify(found, outcome.clearing) is None
    assert outcome.method == "curves"


def test_without_any_solver_every_cell_clears_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = synthetic_auction(Size(3, 24, 100), 1)
    monkeypatch.setattr(model, "run", dies)
    monkeypatch.setattr(dispatch, "run", dies)
    outcome = solve(found)
    assert outcome.method == "decoupled"
    # its arcs count as withdrawn
    assert verify(decoupled(found), outcome.clearing) is None
    assert outcome.clearing.curve_lots.any()


@pytest.mark.parametrize("seed", range(20))
def test_cells_alone_clear_as_the_solver_clears_them(seed: int) -> None:
    random = np.random.default_rng(seed)
    steps = [step(cell, side, int(random.integers(0, 40)), int(random.integers(1, 9)))
             for cell in range(6) for side in (BUY, SELL) for _ in range(random.integers(0, 5))]
    found = auction(6, steps)
    alone, best = cleared_apart(found), solve(found).clearing
    assert verify(found, alone) is None
    assert alone.welfare == best.welfare
    assert alone.prices.tolist() == best.prices.tolist()
    assert alone.curve_lots.tolist() == best.curve_lots.tolist()


def test_alone_offers_and_blocks_stay_out() -> None:
    steps = [step(0, BUY, 50, 5), step(0, SELL, 10, 5, offer=0), step(1, SELL, 20, 5)]
    found = auction(2, steps, [block(SELL, 5, {0: 5})], [arc(1, 0, 5)], fixed=[1])
    alone = cleared_apart(found)
    assert verify(decoupled(found), alone) is None
    assert not alone.curve_lots.any()


def test_another_solver_of_the_process_does_not_get_in_the_way() -> None:
    other = highspy.Highs()
    other.silent()
    other.setOptionValue("threads", 2)  # makes the pool that all share
    other.addVar(0.0, 1.0)
    other.run()
    assert solve(synthetic_auction(Size(2, 3, 4), 1)).method == "exact"
