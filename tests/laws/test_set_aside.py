"""The auction as it would be without the set-aside: more to sell is never worth less, to curves.

Goal: (1) where all orders are curves, the greatest welfare with a withheld step added is at least
the one without; (2) from random orders to settlement, no more device time is written down than is
withheld, what solvers are told is well-formed, what they find stands, and the ledger does not know
of it. With blocks (1) is no law, and the last test shows why: prices bind a block to its rivals.
"""

import random
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from tests.hall import Hall
from tests.laws.test_auctions import Fair, any_order, say
from tests.oracles.instances import Shape, random_auction
from tests.unit.clearing.lots import BUY, SELL, auction, block, cleared, step

from suanli.clearing import solve
from suanli.market.auction.commands import ClearWithout
from suanli.market.auction.instance import (
    NO_BLOCKS,
    NO_OFFERS,
    NONE,
    Auction,
    Clearing,
    Curves,
)
from suanli.market.auction.wellformed import malformed
from suanli.members.commands import SetParameter
from suanli.terms.quantity import LOT, device_ms_of

SEEDS = range(40)


def curves_alone(seed: int) -> Auction:
    found = random_auction(seed, Shape(1 + seed % 3, 2 + seed % 2, 2 + seed % 4, 1))
    curves = found.curves._replace(offer=np.full_like(found.curves.offer, NONE))
    return replace(found, curves=curves, blocks=NO_BLOCKS, offers=NO_OFFERS)


def with_withheld(found: Auction, chance: random.Random) -> Auction:
    """Return it with one more step of a seller, at its cell's dearest price, as withheld ones."""
    curves = found.curves
    cell = int(chance.choice(curves.cell[curves.side == SELL].tolist()))
    price = int(curves.price[(curves.cell == cell) & (curves.side == SELL)].max())
    row = step(cell, SELL, price, chance.randint(1, 40))
    more = Curves(*(np.append(field, value) for field, value in zip(curves, row, strict=True)))
    return replace(found, curves=more)


@pytest.mark.parametrize("seed", SEEDS)
def test_more_to_sell_is_never_worth_less_to_curves(seed: int) -> None:
    found = curves_alone(seed)
    more = with_withheld(found, random.Random(seed))
    assert cleared(more).clearing.welfare >= cleared(found).clearing.welfare


def test_it_is_sometimes_worth_more() -> None:
    gains = [cleared(with_withheld(found, random.Random(seed))).clearing.welfare
             - cleared(found).clearing.welfare
             for seed, found in ((seed, curves_alone(seed)) for seed in SEEDS)]
    assert max(gains) > 0


def test_with_blocks_it_may_be_worth_less() -> None:
    """Ten lots are sold by a block at 60; a lot at 50 must be taken, so the block has no room."""
    steps = [step(0, BUY, 100, 10)]
    sold = [block(SELL, 60, {0: 10})]
    alone, beside = auction(1, steps, sold), auction(1, [*steps, step(0, SELL, 50, 1)], sold)
    assert (cleared(alone).clearing.welfare, cleared(beside).clearing.welfare) == (400, 50)


# -- the whole way -------------------------------------------------------------------------


def traded(seed: int) -> Fair:
    """Return a fair whose trading is over, a quarter of all device time being set aside."""
    chance = random.Random(seed)
    fair = Fair().opened()
    fair.must(1, SetParameter("set_aside_ppm", 250_000))
    for _ in range(60):
        say(fair, *any_order(fair, chance, seed % 2 == 0))
    fair.close()
    return fair


def withheld_is_covered(fair: Hall) -> None:
    """All steps together take no more of an attestation than is kept from others there."""
    market, ledger, sitting = fair.rooms.market, fair.rooms.ledger, fair.sitting
    used: dict[int, int] = defaultdict(int)
    assert [one.cell for one in sitting.withheld] == sorted({s.cell for s in sitting.withheld})
    for one in sitting.withheld:
        node = sitting.nodes[one.cell // sitting.hours]
        klass = ledger.token_class(ledger.class_id(*node, sitting.start_of(one.cell)))
        (chip, ucu, _), = klass.factors
        id = ledger.attestation_id(node[0], node[1], chip, sitting.start_of(one.cell))
        used[id] += device_ms_of(one.lots * LOT, ucu)
    for id, ms in used.items():
        assert 0 < ms <= market.set_aside.withheld(id).from_others_ms(fair.at)
        assert ms <= ledger.sellable_ms(id, fair.at)


def settled(seed: int, actual: Clearing, without: Clearing | None) -> Fair:
    fair = traded(seed)
    assert fair.clear(2, actual).code == 0
    if without is not None:
        receipt = fair.clear(3, without, ClearWithout)
        assert receipt.code == 0, receipt.reason
    assert fair.settle() == "settled"
    assert fair.sums() == {}
    return fair


@pytest.mark.parametrize("seed", range(6))
def test_it_is_solved_published_and_unknown_to_the_ledger(seed: int) -> None:
    fair = traded(seed)
    withheld_is_covered(fair)
    frozen = fair.rooms.market.auctions.frozen(fair.auction, fair.sitting)
    assert malformed(frozen.without) is None
    actual, without = (solve(each, seconds=2.0).clearing
                       for each in (frozen.auction, frozen.without))
    with_it, without_it = settled(seed, actual, without), settled(seed, actual, None)
    results = [each.rooms.market.tables["auction_results"][each.auction]
               for each in (with_it, without_it)]
    assert len(results[0].prices_without) == len(results[0].prices)
    assert replace(results[0], prices_without=b"") == results[1]
    for room in ("ledger", "schedule", "settlement", "chips", "units"):
        assert with_it.domain.roots()[room] == without_it.domain.roots()[room]
