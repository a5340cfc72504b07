"""What keeps an auction from being well formed, one thing at a time."""

from typing import Any

import numpy as np
import pytest

from suanli.market.auction.instance import (
    NONE,
    UNIT,
    Arcs,
    Auction,
    Blocks,
    Clearing,
    Curves,
    Offers,
)
from suanli.market.auction.verification import malformed, verify


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


GOOD = Auction(
    4, 0, 100,
    Curves(ints(0, 1, 2), ints(0, 1, 1), ints(10, 5, 7), ints(3, 4, 5), ints(NONE, NONE, 0)),
    Blocks(ints(0, 0, 0, 0), ints(9, 9, 9, 9), ints(UNIT, 1, UNIT, UNIT), ints(NONE, 0, 1, NONE),
           ints(NONE, NONE, 3, 3), ints(0, 2, 3, 4, 5), ints(0, 1, 2, 3, 0), ints(1, 2, 3, 4, 5)),
    Offers(ints(20)),
    Arcs(ints(0, 1), ints(2, 3), ints(8, 9), ints(0, 1), ints(UNIT, 700_000)),
)


def spoilt(record: str, **fields: Any) -> Auction:
    """Return the good auction with some fields of one record in place of its own."""
    parts = {name: getattr(GOOD, name) for name in Auction.__slots__}
    if record == "auction":
        return Auction(**{**parts, **fields})
    return Auction(**{**parts, record: getattr(GOOD, record)._replace(**fields)})


def many(size: int, **fields: Any) -> Auction:
    """Return an auction of blocks of one lot each."""
    plain = {"parent": np.full(size, NONE), "group": np.full(size, NONE), **fields}
    blocks = Blocks(np.zeros(size, np.int64), np.ones(size, np.int64), np.full(size, UNIT),
                    plain["parent"], plain["group"], np.arange(size + 1),
                    np.zeros(size, np.int64), np.ones(size, np.int64))
    return spoilt("auction", blocks=blocks)


def test_a_good_one() -> None:
    assert malformed(GOOD) is None
    assert malformed(many(24, group=np.zeros(24, np.int64))) is None


@pytest.mark.parametrize(("rule", "auction"), [
    ("shapes", spoilt("curves", lots=ints(1, 2))),
    ("shapes", spoilt("curves", price=np.array([1.0, 2.0, 3.0]))),
    ("shapes", spoilt("curves", cell=[0, 1, 2])),
    ("shapes", spoilt("blocks", leg_start=ints(0, 2, 3, 5))),
    ("shapes", spoilt("blocks", leg_lots=ints(1, 2, 3, 4))),
    ("shapes", spoilt("arcs", fee=np.zeros(2, np.int32))),
    ("bounds", spoilt("auction", cells=-1)),
    ("bounds", spoilt("auction", price_min=101)),
    ("bounds", spoilt("auction", price_max=10**9 + 1)),
    ("bounds", spoilt("auction", price_max=100.0)),
    ("cells", spoilt("curves", cell=ints(0, 1, 4))),
    ("cells", spoilt("blocks", leg_cell=ints(0, -1, 2, 3, 0))),
    ("cells", spoilt("arcs", target=ints(2, 4))),
    ("sides", spoilt("blocks", side=ints(0, 2, 0, 0))),
    ("prices", spoilt("curves", price=ints(10, 5, -10**9 - 1))),
    ("lots", spoilt("curves", lots=ints(3, -1, 5))),
    ("lots", spoilt("curves", lots=ints(3, 10**12 + 1, 5))),
    ("lots", spoilt("blocks", leg_lots=ints(1, 2, 0, 4, 5))),
    ("legs", spoilt("blocks", leg_start=ints(0, 2, 2, 4, 5))),
    ("legs", spoilt("blocks", leg_start=ints(0, 3, 2, 4, 5))),
    ("legs", spoilt("blocks", leg_start=ints(1, 2, 3, 4, 5))),
    ("legs", spoilt("blocks", leg_start=ints(0, 2, 3, 4, 4))),
    ("ratios", spoilt("blocks", ratio_ppm=ints(UNIT, 0, UNIT, UNIT))),
    ("ratios", spoilt("blocks", ratio_ppm=ints(UNIT, UNIT + 1, UNIT, UNIT))),
    ("links", spoilt("blocks", parent=ints(NONE, 4, 1, NONE))),
    ("links", spoilt("blocks", parent=ints(NONE, 0, 1, 2))),  # four generations
    ("links", spoilt("blocks", parent=ints(0, NONE, NONE, NONE))),
    ("links", spoilt("blocks", parent=ints(1, 0, NONE, NONE))),
    ("links", spoilt("blocks", parent=ints(2, 0, 1, NONE))),
    ("links", many(1000, parent=(np.arange(1000) + 1) % 1000)),
    ("groups", spoilt("blocks", group=ints(NONE, NONE, -2, 3))),
    ("groups", many(25, group=np.zeros(25, np.int64))),
    ("offers", spoilt("curves", offer=ints(NONE, NONE, 1))),
    ("offers", spoilt("curves", offer=ints(0, NONE, NONE))),  # a buyer's step
    ("offers", spoilt("offers", fixed=ints(-1))),
    ("arcs", spoilt("arcs", target=ints(0, 3))),
    ("arcs", spoilt("arcs", capacity=ints(8, -1))),
    ("arcs", spoilt("arcs", fee=ints(0, -1))),
    ("arcs", spoilt("arcs", gain_ppm=ints(UNIT, 0))),
    ("overflow", spoilt("auction", price_max=10**9, curves=GOOD.curves._replace(
        lots=np.full(3, 10**12)))),
    ("overflow", spoilt("offers", fixed=ints(2**62))),
    ("overflow", spoilt("arcs", capacity=np.full(2, 2**61))),
    ("overflow", spoilt("arcs", capacity=np.full(2, 10**16), gain_ppm=ints(UNIT, 10**9))),
])
def test_one_thing_wrong(rule: str, auction: Auction) -> None:
    breach = malformed(auction)
    assert breach is not None
    assert breach.rule == rule
    nothing = Clearing(*(np.zeros(0, np.int64),) * 5, 0)
    assert verify(auction, nothing) == breach


def test_long_chains_are_told_from_cycles() -> None:
    chain = malformed(many(1000, parent=np.arange(1000) - 1))
    ring = malformed(many(1000, parent=(np.arange(1000) + 1) % 1000))
    assert chain is not None
    assert ring is not None
    assert (chain.accepted, ring.accepted) == ("3 generations", "links without a cycle")
