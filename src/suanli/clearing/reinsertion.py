"""From any decision to one that stands, and from one that stands to a better one.

`repaired` takes out losers until nobody loses: the worst quarter at a time, since taking out
sellers raises prices and may save the others. `reinserted` puts paradoxically rejected blocks
back, the most missed surplus first, in batches that are halved when they do not help.
"""

import time

import numpy as np

from suanli.clearing.decision import (
    Decision,
    Losers,
    Priced,
    Rejected,
    block_lots,
    nothing,
)
from suanli.clearing.dispatch import Dispatcher
from suanli.clearing.pricing import priced
from suanli.market.auction.instance import NONE, UNIT, Auction, Blocks, Ints
from suanli.market.auction.verification import block_surplus

REMOVED_SHARE = 4  # one loser in four at a time
PASSES_MAX = 60


def repaired(dispatcher: Dispatcher, decision: Decision, until: float) -> Priced:
    """Return a decision that stands, made from one that may not by taking losers out.

    Raises: TimeoutError, Unsolved.
    """
    auction = dispatcher.auction
    for _ in range(PASSES_MAX):
        result = priced(dispatcher, decision, until)
        if isinstance(result, Priced):
            return result
        decision = _without_worst(auction, result)
    result = priced(dispatcher, nothing(auction), until)
    if isinstance(result, Rejected):
        raise TimeoutError("no prices support even the curves alone")
    return result


def _without_worst(auction: Auction, rejected: Rejected) -> Decision:
    """Return a decision without some of its losers; with none known, without a quarter of all."""
    blocks, decision = auction.blocks, rejected.decision
    ppm, offers = decision.block_ppm.copy(), decision.offers.copy()
    losers, support = rejected.losers, rejected.support
    if support is None or not losers:
        accepted = np.flatnonzero(ppm > 0)
        ppm[accepted[accepted.size * (REMOVED_SHARE - 1) // REMOVED_SHARE:]] = 0
        offers[:] = 0
        return Decision(without_orphans(blocks, ppm), offers)
    ppm[losers.partial] = np.where(ppm[losers.partial] > 0, blocks.ratio_ppm[losers.partial], 0)
    middle = (support.least + support.greatest) // 2
    own = block_surplus(blocks, middle)[losers.blocks] / block_lots(blocks)[losers.blocks]
    worst = losers.blocks[np.argsort(own, kind="stable")]
    ppm[worst[:-(-worst.size // REMOVED_SHARE)]] = 0
    offers[losers.offers[:-(-losers.offers.size // REMOVED_SHARE)]] = 0
    return Decision(without_orphans(blocks, ppm), offers)


def without_orphans(blocks: Blocks, ppm: Ints) -> Ints:
    """Return ratios in which no block has more than its parent, or less than its least."""
    for _ in range(2):
        parent = np.where(blocks.parent == NONE, UNIT, ppm[blocks.parent])
        ppm = np.minimum(ppm, parent)
        ppm = np.where(ppm < blocks.ratio_ppm, 0, ppm)
    return ppm


def missed_surplus(auction: Auction, decision: Decision, prices: Ints) -> Ints:
    """Return what each rejected block would have gained at these prices, 0 for all others.

    A block that its parent or its exclusive group keeps out has not been rejected paradoxically.
    """
    blocks, ppm = auction.blocks, decision.block_ppm
    missed = np.where(ppm == 0, np.maximum(block_surplus(blocks, prices), 0), 0)
    missed[(blocks.parent != NONE) & (ppm[blocks.parent] < blocks.ratio_ppm)] = 0
    missed[room_in_group(blocks, ppm) < blocks.ratio_ppm] = 0
    return missed


def room_in_group(blocks: Blocks, ppm: Ints) -> Ints:
    """Return the ratio that each block's exclusive group leaves free; all where it has none."""
    member = np.flatnonzero(blocks.group != NONE)
    _, place = np.unique(blocks.group[member], return_inverse=True)
    used = np.zeros(member.size + 1, np.int64)
    np.add.at(used, place, ppm[member])
    room = np.full(ppm.size, UNIT)
    room[member] = UNIT - used[place]
    return room


def reinserted(dispatcher: Dispatcher, best: Priced, until: float) -> Priced:
    """Return a decision at least as good, with paradoxically rejected blocks put back.

    Raises: TimeoutError, Unsolved.
    """
    auction = dispatcher.auction
    tried: set[bytes] = set()
    batch = auction.blocks.side.size
    while batch and time.perf_counter() < until:
        missed = missed_surplus(auction, best.decision, best.prices)
        rank = np.argsort(-missed, kind="stable")[:int((missed > 0).sum())]
        batch = min(batch, rank.size)
        better = _with(auction, best.decision, rank[:batch])
        key = better.block_ppm.tobytes()
        result = None if key in tried else priced(dispatcher, better, until)
        tried.add(key)
        if isinstance(result, Priced) and result.welfare > best.welfare:
            best = result
        else:
            batch //= 2
    return best


def _with(auction: Auction, decision: Decision, chosen: Ints) -> Decision:
    """Return a decision with these blocks accepted whole, as far as their groups have room."""
    blocks, ppm = auction.blocks, decision.block_ppm.copy()
    for block in chosen.tolist():
        if blocks.group[block] == NONE or room_in_group(blocks, ppm)[block] == UNIT:
            ppm[block] = UNIT
    return Decision(without_orphans(blocks, ppm), decision.offers)


__all__ = ["Losers", "missed_surplus", "reinserted", "repaired", "room_in_group",
           "without_orphans"]
