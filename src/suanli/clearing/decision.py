"""A decision (which blocks and offers) with what follows from it, and who would lose by it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from suanli.clearing.dispatch import Dispatch
from suanli.clearing.prices import Support
from suanli.market.auction.instance import NONE, UNIT, Auction, Blocks, Ints
from suanli.market.auction.verification import block_surplus, leg_lots_accepted
from suanli.market.book import SELL

GENERATIONS = 3
RATIO_NOISE = 1e-2  # millionths

Floats = NDArray[np.float64]


class Decision(NamedTuple):
    """Accepted ratios of blocks (blocks,), and 0 or 1 for each offer (offers,)."""

    block_ppm: Ints
    offers: Ints


class Losers(NamedTuple):
    """Accepted blocks and offers that lose at some prices, and blocks that may not be partial."""

    blocks: Ints
    offers: Ints
    partial: Ints

    def __bool__(self) -> bool:
        return bool(self.blocks.size or self.offers.size or self.partial.size)


class Priced(NamedTuple):
    """A decision whose prices let nobody accepted lose."""

    decision: Decision
    dispatch: Dispatch
    prices: Ints
    welfare: float  # micro-RMB, before lots are whole


class Rejected(NamedTuple):
    """A decision that cannot stand: no prices exist (or are known) at which nobody loses."""

    decision: Decision
    losers: Losers
    support: Support | None  # None: the decision cannot even be balanced


def as_ppm(ratio: Floats) -> Ints:
    """Return ratios in whole millionths, rounded up past the floats' noise.

    Up, since the lots of a leg are rounded down: a ratio that just fills a step must fill it.
    """
    return np.asarray(np.ceil(ratio * UNIT - RATIO_NOISE), np.int64)


def nothing(auction: Auction) -> Decision:
    """Return the decision that rejects every block and offer."""
    return Decision(np.zeros(auction.blocks.side.size, np.int64),
                    np.zeros(auction.offers.fixed.size, np.int64))


def losers_at(auction: Auction, decision: Decision, prices: Ints) -> Losers:
    """Return who of a decision would lose at these prices: rules R4 and R7, exactly."""
    blocks, ppm = auction.blocks, decision.block_ppm
    own = block_surplus(blocks, prices)
    family = family_surplus(blocks, own, ppm)
    total = block_lots(blocks)
    partial = (blocks.ratio_ppm < ppm) & (ppm < UNIT) & (np.abs(own) >= total)
    short = offer_income(auction, prices) < auction.offers.fixed
    return Losers(np.flatnonzero((ppm > 0) & (family < 0)),
                  np.flatnonzero((decision.offers == 1) & short), np.flatnonzero(partial))


def family_surplus(blocks: Blocks, own: Ints, ppm: Ints) -> Ints:
    """Return each block's accepted surplus with its descendants', millionths rounded down."""
    if not (blocks.parent != NONE).any():
        return np.asarray(np.where(ppm > 0, own, 0))
    weighted = own.astype(object) * ppm
    total, above = weighted.copy(), blocks.parent
    for _ in range(GENERATIONS - 1):
        linked = above != NONE
        np.add.at(total, above[linked], weighted[linked])
        above = np.where(linked, blocks.parent[above], NONE)
    return np.asarray(total // UNIT, np.int64)


def offer_income(auction: Auction, prices: Ints) -> Ints:
    """Return what each offer would earn above its steps' own prices: (offers,)."""
    curves = auction.curves
    offered = np.flatnonzero(curves.offer != NONE)
    # as in `verification`: at prices above the bound no 64 bits are sure to do
    gain = np.maximum(prices[curves.cell[offered]] - curves.price[offered], 0).astype(object)
    income = np.zeros(auction.offers.fixed.size, object)
    np.add.at(income, curves.offer[offered], gain * curves.lots[offered])
    return income


def block_lots(blocks: Blocks) -> Ints:
    """Return the lots of all legs of each block: (blocks,)."""
    sums = np.concatenate([[0], np.cumsum(blocks.leg_lots)])
    return np.asarray(sums[blocks.leg_start[1:]] - sums[blocks.leg_start[:-1]])


def block_of_leg(blocks: Blocks) -> Ints:
    """Return the block of each leg: (legs,)."""
    return np.repeat(np.arange(blocks.side.size), np.diff(blocks.leg_start))


def decided_value(auction: Auction, decision: Decision) -> int:
    """Return the welfare of the blocks' legs and the offers' fixed costs alone, micro-RMB."""
    blocks = auction.blocks
    legs = leg_lots_accepted(blocks, decision.block_ppm)
    owner = block_of_leg(blocks)
    sign = np.where(blocks.side[owner] == SELL, -1, 1)
    return int((sign * blocks.price[owner] * legs).sum()) \
        - int((auction.offers.fixed * decision.offers).sum())


def dispatched_value(auction: Auction, dispatch: Dispatch) -> float:
    """Return the welfare of steps and arcs in a dispatch, micro-RMB."""
    columns = dispatch.columns
    return float(columns.constant - (columns.sign * columns.price * dispatch.accepted).sum()
                 - (auction.arcs.fee * dispatch.flows).sum())
