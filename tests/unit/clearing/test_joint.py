"""The joint program of quantities and prices: what it chooses stands and is the best there is."""

import time

import pytest
from tests.oracles import exhaustive, primal_dual
from tests.oracles.instances import Shape, random_auction, slack

from suanli.clearing import solve
from suanli.clearing.decision import Priced
from suanli.clearing.dispatch import Dispatcher
from suanli.clearing.joint import BLOCKS_MAX, Joint, is_for
from suanli.clearing.pricing import priced
from suanli.clearing.steps import first_window
from suanli.market.auction.verification import verify
from suanli.simulation.auctions import Size, synthetic_auction

SECONDS = 30.0


@pytest.mark.parametrize("seed", range(12))
def test_it_agrees_with_trying_everything(seed: int) -> None:
    # one step a side: blocks make most of the welfare
    shape = Shape(2, 3, 1, 6, links=seed % 2 == 0, groups=seed % 3 == 0, offers=seed % 3,
                  ratios=seed % 4 == 3)
    found = random_auction(seed, shape)
    joint, dispatcher = Joint(found), Dispatcher(found, first_window(found))
    until = time.perf_counter() + SECONDS
    choice = joint.solve(until, 0.0, None)
    result = priced(dispatcher, choice.decision, until)
    while not isinstance(result, Priced):  # whole prices may not support what real ones do
        joint.cut(choice)
        choice = joint.solve(until, 0.0, None)
        result = priced(dispatcher, choice.decision, until)
    best = exhaustive.best(found).welfare
    assert abs(result.welfare - best) <= slack(found) + 1e-6 * max(abs(best), 1)
    assert choice.bound >= best - 1e-6 * max(abs(best), 1)


def test_twenty_blocks_among_few_curves_are_settled() -> None:
    found = random_auction(23, Shape(2, 4, 2, 20, offers=2))
    outcome = solve(found, seconds=30.0)
    assert verify(found, outcome.clearing) is None
    assert outcome.method == "exact"
    other = primal_dual.best(found)  # another statement of the same idea, by another hand
    assert other is not None
    assert outcome.clearing.welfare == other.welfare


def test_it_is_not_for_large_auctions() -> None:
    assert is_for(synthetic_auction(Size(2, 4, BLOCKS_MAX), 1))
    assert not is_for(synthetic_auction(Size(2, 4, BLOCKS_MAX + 1), 1))
