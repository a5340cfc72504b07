"""The solver's welfare is the greatest there is: against two oracles that share nothing with it.

Goal: `clearing.solve` clears 500 random auctions with the same welfare as the search through every
acceptance (up to 16 blocks) and as the primal-dual program (up to 60). Method: where the optimum
is whole, equality to the micro-RMB; with ratios below one and with gains, as close as whole lots
come to the oracle's real quantities (`slack`). Every clearing is verified first.
"""

import pytest
from tests.oracles import exhaustive, primal_dual
from tests.oracles.instances import Shape, random_auction, shape_of, slack

from suanli.clearing.solve import solve
from suanli.market.auction.instance import Auction
from suanli.market.auction.verification import malformed, verify

QUICK, ALL = 60, 500
SECONDS = 60.0


def solved(auction: Auction) -> int:
    """Return the welfare of the solver's clearing, which stands."""
    assert malformed(auction) is None
    outcome = solve(auction, seconds=SECONDS)
    assert verify(auction, outcome.clearing) is None
    assert outcome.bound >= outcome.clearing.welfare
    return outcome.clearing.welfare


def agree(seed: int, shape: Shape) -> None:
    """Compare the solver with the search, and both with the program where that is for it."""
    auction = random_auction(seed, shape)
    welfare = solved(auction)
    assert abs(welfare - exhaustive.best(auction).welfare) <= slack(auction) + 0.01
    if not (shape.ratios or shape.gains):
        assert proved(auction) == welfare


def proved(auction: Auction) -> int:
    """Return the primal-dual program's welfare; skip if it is not proved in time."""
    clearing = primal_dual.best(auction)
    if clearing is None:
        pytest.skip("the primal-dual program was not solved within its time")
    assert verify(auction, clearing) is None
    return clearing.welfare


def large(seed: int) -> Shape:
    """Return the shape of 17 to 60 blocks; links keep the primal-dual program within its time."""
    return Shape(2 + seed % 2, 4, 4, 17 + seed * 7 % 44, True, seed % 4 == 3, seed // 10 % 2)


@pytest.mark.parametrize("seed", range(QUICK))
def test_same_welfare_as_two_oracles(seed: int) -> None:
    agree(seed, shape_of(seed, 6))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(ALL))
def test_same_welfare_as_two_oracles_on_500_auctions(seed: int) -> None:
    if seed % 10 == 7:
        auction = random_auction(seed, large(seed))
        assert proved(auction) == solved(auction)
    elif seed % 100 == 50:
        agree(seed, Shape(2, 3, 4, 16, True, True))
    else:
        agree(seed, shape_of(seed, 10))
