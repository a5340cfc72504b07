"""Clear an auction: exactly where time allows, well where it does not, and always somehow.

1. Curves alone: the answer of last resort, and what any solver can do in the time of one program.
2. The relaxation (blocks divisible) bounds the welfare; its blocks, rounded, repaired and with
   rejected ones put back, are the first answer.
3. The master program proposes; prices are found or a cut is added; until a proposal stands, its
   welfare then being the greatest possible, or the time is over.

The blocks are first put into an order of their own (`canonical`), so that neither the answer nor
its ties depend on the order in which they came.
"""

import time
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from suanli.clearing.canonical import as_given, reordered
from suanli.clearing.decision import Decision
from suanli.clearing.fallback import cleared_apart
from suanli.clearing.reinsertion import missed_surplus
from suanli.clearing.search import Search
from suanli.market.auction.instance import Auction, Clearing, Ints
from suanli.terms.errors import AdapterError


class Outcome(NamedTuple):
    """A clearing with how good it is known to be."""

    clearing: Clearing
    bound: int  # no clearing has more welfare than this, micro-RMB
    gap: float  # (bound - welfare) / |bound|
    paradoxically_rejected: Ints  # blocks left out though in the money
    missed_surplus: int  # theirs, micro-RMB
    method: str  # "exact", "heuristic", "curves" (no block), "decoupled" (no block, no flow)
    seconds: float
    cuts: int


def solve(auction: Auction, *, seconds: float = 60.0, seed: bytes = b"",
          gap: float = 0.0) -> Outcome:
    """Return the best clearing found in the time; always one.

    `gap`: how far below the bound, relatively, an answer is good enough to stop at.
    Ties between blocks that differ are broken by a hash of seed and content. The time is kept but
    for one program without blocks, which is tried even if no time is given.
    """
    started = time.perf_counter()
    canonical, rank = reordered(auction, seed)
    search = Search(canonical, started + seconds, gap)
    # whatever the solver dies of: what has been found until then stands
    with suppress(AdapterError, TimeoutError, RuntimeError, ValueError):
        search.run()
    clearing, method = search.best, search.method
    if clearing is None:
        clearing, method = cleared_apart(canonical), "decoupled"
    return _outcome(auction, canonical, as_given(clearing, rank), search, method,
                    time.perf_counter() - started)


def _outcome(auction: Auction, canonical: Auction, clearing: Clearing, search: Search,
             method: str, seconds: float) -> Outcome:
    bound = max(clearing.welfare, search.bound)
    decision = Decision(clearing.block_ppm, clearing.offer_accepted)
    missed = missed_surplus(auction, decision, clearing.prices)
    gap = (bound - clearing.welfare) / max(abs(bound), 1)
    return Outcome(clearing, bound, gap, np.flatnonzero(missed), int(missed.sum()), method,
                   seconds, search.cuts)
