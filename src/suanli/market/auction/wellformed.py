"""Is an auction itself well formed? Checked before anything is computed from it.

| rule | says |
|---|---|
| shapes | every array is int64, one-dimensional, and as long as its record says |
| bounds | price_min <= price_max, both within 10^9 milli-RMB; a cell count from 0 |
| cells | every cell named is one of the auction's |
| sides, prices, lots | 0 or 1; within 10^9 milli-RMB; 0 to 10^12 (a block's legs from 1) |
| legs | the legs of the blocks follow each other without gaps, one at least a block |
| ratios | from 1 to 1,000,000 |
| links | a parent is another block, no cycles, three generations at most |
| groups | 24 members at most |
| offers | a step's offer exists and the step sells; a fixed cost is not negative |
| arcs | two different cells; capacity and fee not negative; gain from 1 to 10^9 |
| overflow | all money fits: (total lots) x (largest price + largest bound) + fixed < 2^62 |

The last rule is why `verification` may compute in int64: no sum of values can wrap, but for those
at prices above the bound (`Auction.highest`), which it takes in whole numbers of any size.
Source of the limits on links and groups: the block orders of the coupled European day-ahead.
"""

from collections.abc import Callable

import numpy as np

from suanli.market.auction.breach import Breach, not_array, not_integer, outside
from suanli.market.auction.instance import NONE, PRICE_BOUND, UNIT, Auction, Ints
from suanli.terms.quantity import LOTS_MAX

GAIN_MAX = 1000 * UNIT  # no two chips' ratings are a thousandfold apart
FEE_MAX = PRICE_BOUND
VALUE_BOUND = 2**62  # a bit is spare for a difference of two values
GENERATIONS_MAX = 3
MEMBERS_MAX = 24


def malformed(auction: Auction) -> Breach | None:
    """Return the first thing that keeps an auction from being well formed, or None.

    Order of checks: as in the table above. Cost: O(rows x log blocks).
    """
    for check in _CHECKS:
        breach = check(auction)
        if breach:
            return breach
    return None


def _shapes(auction: Auction) -> Breach | None:
    curves, blocks, arcs = auction.curves, auction.blocks, auction.arcs
    for record in (curves, blocks[:5], auction.offers, arcs):
        size = getattr(record[0], "size", 0)
        for place, array in enumerate(record):
            breach = not_array("shapes", place, "every array of a record", array, size)
            if breach:
                return breach
    legs = getattr(blocks.leg_cell, "size", 0)
    return (not_array("shapes", 5, "leg_start", blocks.leg_start, blocks.side.size + 1)
            or not_array("shapes", 6, "leg_cell", blocks.leg_cell, legs)
            or not_array("shapes", 7, "leg_lots", blocks.leg_lots, legs))


def _bounds(auction: Auction) -> Breach | None:
    named = ("cells", auction.cells), ("price_min", auction.price_min), ("price_max",
                                                                        auction.price_max)
    for place, (name, value) in enumerate(named):
        breach = not_integer("bounds", place, name, value)
        if breach:
            return breach
    if auction.cells < 0:
        return Breach("bounds", 0, auction.cells, "cells: 0 or more")
    if not -PRICE_BOUND <= auction.price_min <= auction.price_max:
        return Breach("bounds", 1, auction.price_min, f"price_min: {-PRICE_BOUND} to price_max")
    if auction.price_max > PRICE_BOUND:
        return Breach("bounds", 2, auction.price_max, f"price_max: up to {PRICE_BOUND}")
    return None


def _cells(auction: Auction) -> Breach | None:
    last = auction.cells - 1
    arcs = auction.arcs
    return (outside("cells", "cell of step", auction.curves.cell, 0, last)
            or outside("cells", "cell of leg", auction.blocks.leg_cell, 0, last)
            or outside("cells", "source of arc", arcs.source, 0, last)
            or outside("cells", "target of arc", arcs.target, 0, last))


def _sides(auction: Auction) -> Breach | None:
    return (outside("sides", "side of step", auction.curves.side, 0, 1)
            or outside("sides", "side of block", auction.blocks.side, 0, 1))


def _prices(auction: Auction) -> Breach | None:
    return (outside("prices", "price of step", auction.curves.price, -PRICE_BOUND, PRICE_BOUND)
            or outside("prices", "price of block", auction.blocks.price, -PRICE_BOUND,
                       PRICE_BOUND))


def _lots(auction: Auction) -> Breach | None:
    return (outside("lots", "lots of step", auction.curves.lots, 0, LOTS_MAX)
            or outside("lots", "lots of leg", auction.blocks.leg_lots, 1, LOTS_MAX))


def _legs(auction: Auction) -> Breach | None:
    start, legs = auction.blocks.leg_start, auction.blocks.leg_cell.size
    if start[0] != 0 or start[-1] != legs:
        return Breach("legs", start.size - 1, int(start[-1]), f"leg_start from 0 to {legs}")
    # compared and not subtracted, which could wrap
    empty = start[1:] <= start[:-1]
    if empty.any():
        return Breach("legs", int(empty.argmax()), 0, "one leg or more a block")
    return None


def _ratios(auction: Auction) -> Breach | None:
    return outside("ratios", "least ratio of block", auction.blocks.ratio_ppm, 1, UNIT)


def _links(auction: Auction) -> Breach | None:
    parent = auction.blocks.parent
    breach = outside("links", "parent of block", parent, NONE, parent.size - 1)
    if breach or not parent.size:
        return breach
    above = _ancestors(parent, parent.size.bit_length())
    if (above != NONE).any():
        where = int((above != NONE).argmax())
        return Breach("links", where, int(parent[where]), "links without a cycle")
    third = _up(parent, _up(parent, parent))
    if (third != NONE).any():
        where = int((third != NONE).argmax())
        return Breach("links", where, int(parent[where]), f"{GENERATIONS_MAX} generations")
    return None


def _up(parent: Ints, block: Ints) -> Ints:
    """Return the parent of each block, NONE staying NONE."""
    return np.where(block == NONE, NONE, parent[block])


def _ancestors(parent: Ints, doublings: int) -> Ints:
    """Return each block's ancestor 2^doublings generations up: NONE unless there is a cycle."""
    for _ in range(doublings):
        parent = _up(parent, parent)
    return parent


def _groups(auction: Auction) -> Breach | None:
    group = auction.blocks.group
    breach = outside("groups", "group of block", group, NONE, VALUE_BOUND)
    if breach:
        return breach
    numbers, members = np.unique(group[group != NONE], return_counts=True)
    if members.size and members.max() > MEMBERS_MAX:
        worst = int(members.argmax())
        return Breach("groups", int(numbers[worst]), int(members[worst]),
                      f"{MEMBERS_MAX} members a group")
    return None


def _offers(auction: Auction) -> Breach | None:
    curves, fixed = auction.curves, auction.offers.fixed
    return (outside("offers", "offer of step", curves.offer, NONE, fixed.size - 1)
            or outside("offers", "side of offered step", curves.side, 1, 1,
                       curves.offer != NONE)
            or outside("offers", "fixed cost of offer", fixed, 0, VALUE_BOUND))


def _arcs(auction: Auction) -> Breach | None:
    arcs = auction.arcs
    looped = arcs.source == arcs.target
    if looped.any():
        where = int(looped.argmax())
        return Breach("arcs", where, int(arcs.target[where]), "a target other than the source")
    return (outside("arcs", "capacity of arc", arcs.capacity, 0, VALUE_BOUND)
            or outside("arcs", "fee of arc", arcs.fee, 0, FEE_MAX)
            or outside("arcs", "gain of arc", arcs.gain_ppm, 1, GAIN_MAX))


def _overflow(auction: Auction) -> Breach | None:
    curves, blocks, arcs = auction.curves, auction.blocks, auction.arcs
    bound = max(abs(auction.price_min), abs(auction.price_max))
    limit = max(_largest(curves.price), _largest(blocks.price))
    lots = _total(curves.lots) + _total(blocks.leg_lots)
    value = lots * (bound + limit) + _total(auction.offers.fixed)
    if value >= VALUE_BOUND:
        return Breach("overflow", 0, value, f"a total value below {VALUE_BOUND}")
    gain = np.maximum(arcs.gain_ppm, UNIT)
    # what can arrive, each arc rounded up; a capacity times a gain may itself wrap
    arriving = sum(c * g // UNIT + 1 for c, g in zip(arcs.capacity.tolist(), gain.tolist(),
                                                    strict=True))
    if arriving + lots >= VALUE_BOUND:
        return Breach("overflow", 1, arriving + lots, f"flows and lots below {VALUE_BOUND}")
    return None


def _largest(prices: Ints) -> int:
    return int(np.abs(prices).max(initial=0))


def _total(numbers: Ints) -> int:
    """Return an exact sum of non-negative numbers, whatever their count: in two halves."""
    return (int((numbers >> 31).sum()) << 31) + int((numbers & (2**31 - 1)).sum())


_CHECKS: tuple[Callable[[Auction], Breach | None], ...] = (
    _shapes, _bounds, _cells, _sides, _prices, _lots, _legs, _ratios, _links, _groups, _offers,
    _arcs, _overflow,
)
