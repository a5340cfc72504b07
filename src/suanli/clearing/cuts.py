"""Why a decision cannot stand, as a row for the master program.

*Prices fall as supply grows.* With gains of one the dual is L-natural convex, so the least and the
greatest supporting prices fall, cell by cell, when more is sold or less is bought through blocks
(Murota, Discrete Convex Analysis, ch. 7). So if an accepted seller would lose even at the
*greatest* prices that support a decision, it loses in every decision that accepts at least these
sellers and at most these buyers: to keep it, an accepted seller must go or a rejected buyer come,
and only blocks in cells connected with its own can matter. A buyer losing at the *least* prices is
the mirror image. Offers count as sellers: income rises with prices.

Where a decision fails for another reason (some buyers need low prices and some sellers high ones,
gains other than one, a family with both sides, a curtailed ratio), the cut forbids just this
choice of what is taken at all.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from suanli.clearing.decision import Decision, Losers, Rejected, block_of_leg, losers_at
from suanli.clearing.model import Places
from suanli.clearing.steps import components
from suanli.market.auction.instance import NONE, UNIT, Auction, Ints
from suanli.market.book import BUY, SELL

Bools = NDArray[np.bool_]


class Cut(NamedTuple):
    """Of the taken columns one must go, or of the others one must come."""

    taken: Ints
    others: Ints


class Cutter:
    """Makes the cuts of one auction."""

    def __init__(self, auction: Auction, places: Places) -> None:
        self._auction, self._places = auction, places
        self._touch = _touched(auction)
        blocks, arcs = auction.blocks, auction.arcs
        self._is_network = bool((arcs.gain_ppm == UNIT).all())
        self._is_curtailable = bool((blocks.ratio_ppm < UNIT).any())
        self._side = np.concatenate([blocks.side, np.full(auction.offers.fixed.size, SELL)])
        self._column = np.concatenate([places.taken, places.offers])

    def cuts(self, rejected: Rejected) -> list[Cut]:
        """Return strengthened cuts if there are any, else the one that forbids the decision."""
        found = self._strengthened(rejected)
        return found or [self._exactly(rejected.decision)]

    def _exactly(self, decision: Decision) -> Cut:
        is_taken = _is_taken(decision)
        return Cut(self._column[is_taken], self._column[~is_taken])

    def _strengthened(self, rejected: Rejected) -> list[Cut]:
        support, decision = rejected.support, rejected.decision
        # a curtailed seller may be cut back, and prices rise, without any column changing
        if support is None or not self._is_network or self._is_curtailable:
            return []
        high = losers_at(self._auction, decision, support.greatest)
        low = losers_at(self._auction, decision, support.least)
        return (self._of_side(decision, self._numbers(high), SELL)
                + self._of_side(decision, self._numbers(low), BUY))

    def _numbers(self, losers: Losers) -> Ints:
        return np.concatenate([losers.blocks, self._auction.blocks.side.size + losers.offers])

    def _of_side(self, decision: Decision, losers: Ints, side: int) -> list[Cut]:
        is_taken, cuts = _is_taken(decision), []
        for number in losers[self._side[losers] == side].tolist():
            family = self._family(number)
            if (self._side[family] != side).any():
                continue
            # its descendants' prices count too: they may rescue it
            near = (self._touch & self._touch[family].any(axis=0)).any(axis=1)
            taken = is_taken & near & (self._side == side)
            others = ~is_taken & near & (self._side != side)
            # a descendant not yet accepted may rescue it
            others[family] |= ~is_taken[family]
            cuts.append(Cut(self._column[taken], self._column[others]))
        return cuts

    def _family(self, number: int) -> Ints:
        """Return a block and its descendants; an offer alone."""
        blocks = self._auction.blocks
        members = [number]
        for member in members:
            members += np.flatnonzero(blocks.parent == member).tolist()
        return np.array(members, np.int64)


def _is_taken(decision: Decision) -> Bools:
    return np.concatenate([decision.block_ppm > 0, decision.offers == 1])


def _touched(auction: Auction) -> Bools:
    """Say which connected components each block's legs and offer's steps are in."""
    label = components(auction)
    _, component = np.unique(label, return_inverse=True)
    blocks, curves = auction.blocks, auction.curves
    count = blocks.side.size
    touch = np.zeros((count + auction.offers.fixed.size, int(component.max(initial=0)) + 1),
                     np.bool_)
    touch[block_of_leg(blocks), component[blocks.leg_cell]] = True
    offered = np.flatnonzero(curves.offer != NONE)
    touch[count + curves.offer[offered], component[curves.cell[offered]]] = True
    return touch
