"""Small auctions written by hand: steps, blocks, offers and arcs as tuples."""

from collections.abc import Sequence

import numpy as np

from suanli.clearing import Outcome, solve
from suanli.market.auction.instance import NONE, UNIT, Arcs, Auction, Blocks, Curves, Offers
from suanli.market.auction.verification import verify

BUY, SELL = 0, 1
PRICE_MAX = 1000


def step(cell: int, side: int, price: int, lots: int, offer: int = NONE) -> tuple[int, ...]:
    return cell, side, price, lots, offer


def block(side: int, price: int, legs: dict[int, int], ratio: int = UNIT, parent: int = NONE,
          group: int = NONE) -> tuple[int, int, int, int, int, dict[int, int]]:
    return side, price, ratio, parent, group, legs


def arc(source: int, target: int, capacity: int, fee: int = 0, gain: int = UNIT,
        ) -> tuple[int, ...]:
    return source, target, capacity, fee, gain


def auction(cells: int, steps: Sequence[tuple[int, ...]],
            blocks: Sequence[tuple[int, int, int, int, int, dict[int, int]]] = (),
            arcs: Sequence[tuple[int, ...]] = (), fixed: Sequence[int] = ()) -> Auction:
    """Return the auction; prices go from 0 to 1,000."""
    legs = [leg for one in blocks for leg in one[5].items()]
    start = np.cumsum([0, *(len(one[5]) for one in blocks)]).astype(np.int64)
    orders = Blocks(*columns([one[:5] for one in blocks], 5), start, *columns(legs, 2))
    return Auction(cells, 0, PRICE_MAX, Curves(*columns(steps, 5)), orders,
                   Offers(np.array(fixed, np.int64)), Arcs(*columns(arcs, 5)))


def columns(rows: Sequence[tuple[int, ...]], count: int) -> list[np.ndarray]:
    return list(np.array(rows, np.int64).reshape(-1, count).T.copy())


def cleared(found: Auction, seconds: float = 20.0) -> Outcome:
    """Return the outcome of an auction whose clearing stands."""
    outcome = solve(found, seconds=seconds)
    assert verify(found, outcome.clearing) is None
    assert outcome.bound >= outcome.clearing.welfare
    return outcome
