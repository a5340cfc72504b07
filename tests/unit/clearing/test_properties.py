"""What holds of every clearing: random auctions with an oracle, and synthetic ones."""

import numpy as np
import pytest
from tests.oracles import exhaustive
from tests.oracles.instances import random_auction, shape_of, slack

from suanli.clearing import solve
from suanli.clearing.fallback import decoupled
from suanli.market.auction.instance import NONE, UNIT, Arcs, Auction, Blocks, Clearing, Curves
from suanli.market.auction.verification import verify
from suanli.simulation.auctions import Size, synthetic_auction

SEEDS = [seed for seed in range(28) if seed % 7 != 6]  # the rest have gains


def plain(seed: int) -> Auction:
    return random_auction(seed, shape_of(seed, blocks_max=8)._replace(gains=False))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_other_decision_has_more_welfare(seed: int) -> None:
    found = plain(seed)
    outcome = solve(found)
    assert verify(found, outcome.clearing) is None
    assert outcome.method == "exact"
    best = exhaustive.best(found).welfare
    assert abs(outcome.clearing.welfare - best) <= slack(found) + 1e-6 * abs(best)


def permuted(found: Auction, random: np.random.Generator) -> tuple[Auction, np.ndarray,
                                                                   np.ndarray, np.ndarray]:
    """Return the auction with its rows in another order, and where each row came from."""
    steps, arcs = (random.permutation(size) for size in (found.curves.cell.size,
                                                         found.arcs.source.size))
    rank = random.permutation(found.blocks.side.size)
    blocks, place = found.blocks, np.argsort(rank)
    legs = [np.arange(blocks.leg_start[b], blocks.leg_start[b + 1]) for b in rank]
    leg = np.concatenate([random.permutation(each) for each in legs])
    start = np.concatenate([[0], np.cumsum([each.size for each in legs])])
    parent = blocks.parent[rank]
    moved = Blocks(blocks.side[rank], blocks.price[rank], blocks.ratio_ppm[rank],
                   np.where(parent == NONE, NONE, place[parent]), blocks.group[rank], start,
                   blocks.leg_cell[leg], blocks.leg_lots[leg])
    return (Auction(found.cells, found.price_min, found.price_max,
                    Curves(*(field[steps] for field in found.curves)), moved, found.offers,
                    Arcs(*(field[arcs] for field in found.arcs))), steps, rank, arcs)


def said(clearing: Clearing) -> list[bytes]:
    return [part.tobytes() for part in clearing[:5]] + [b"%d" % clearing.welfare]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_of_rows_does_not_change_a_byte(seed: int) -> None:
    found = synthetic_auction(Size(3, 6, 24), seed)
    moved, steps, rank, arcs = permuted(found, np.random.default_rng(seed))
    one, other = solve(found, gap=1e-4).clearing, solve(moved, gap=1e-4).clearing
    lots, ppm, flows = (np.empty_like(part) for part in (one.curve_lots, one.block_ppm,
                                                         one.flows))
    lots[steps], ppm[rank], flows[arcs] = other.curve_lots, other.block_ppm, other.flows
    assert said(one) == said(other._replace(curve_lots=lots, block_ppm=ppm, flows=flows))


def test_the_same_auction_gives_the_same_bytes() -> None:
    found = synthetic_auction(Size(3, 6, 24), 5)
    assert said(solve(found, gap=1e-4).clearing) == said(solve(found, gap=1e-4).clearing)


@pytest.mark.parametrize("seed", range(5))
def test_without_blocks_coupling_never_costs_welfare(seed: int) -> None:
    found = synthetic_auction(Size(4, 3, 0), seed)
    coupled, apart = solve(found).clearing, solve(decoupled(found)).clearing
    assert coupled.welfare > apart.welfare
    assert verify(decoupled(found), apart) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_rejected_step_changes_nothing_by_going(seed: int) -> None:
    found = synthetic_auction(Size(3, 4, 12), seed)
    one = solve(found, gap=1e-4).clearing
    curves = found.curves
    off = (one.curve_lots == 0) & (curves.price != one.prices[curves.cell])
    # an extreme one: the dearest of a cell's rejected sells never sets a price
    worst = int(np.flatnonzero(off)[np.argmax(np.where(curves.side == 1, curves.price, 0)[off])])
    kept = np.arange(curves.cell.size) != worst
    fewer = Auction(found.cells, found.price_min, found.price_max,
                    Curves(*(field[kept] for field in curves)), found.blocks, found.offers,
                    found.arcs)
    other = solve(fewer, gap=1e-4).clearing
    assert np.array_equal(one.prices, other.prices)
    assert np.array_equal(one.curve_lots[kept], other.curve_lots)
    assert np.array_equal(one.block_ppm, other.block_ppm)


@pytest.mark.parametrize("seed", range(3))
def test_the_ladders_smallest_auction_is_nearly_exact_and_stands(seed: int) -> None:
    found = synthetic_auction(Size(3, 24, 200), seed)
    outcome = solve(found, gap=5e-3)
    assert verify(found, outcome.clearing) is None
    assert outcome.gap <= 5e-3
    accepted = outcome.clearing.block_ppm
    assert (accepted == UNIT).any()
    assert (accepted == 0).any()
