"""May a clearing stand? Judged in integers, exactly, by who need not trust the solver.

| rule | of | says |
|---|---|---|
| R1 | shapes, ranges | prices within the bounds (`highest`); lots 0 to the step's; a block's |
|    |    | ratio 0, or its least to 1,000,000; an offer 0 or 1; a flow 0 to the arc's capacity |
| R2 | balance | in each cell sold + arriving - leaving - bought = spilled, which is 0 to what a |
|    |    | lot brings, rounded up, over its arriving arcs in use with a gain other than one |
| R3 | one price | a step better than its cell's price is all accepted, a worse one not at all, |
|    |    | one at the price in any part; of a rejected offer nothing |
| R4 | no loser | an accepted block's surplus, with its accepted descendants', is 0 or more; |
|    |    | between its least ratio and all it is at the money: under a tick a lot |
| R5 | links | a linked block is accepted by no greater ratio than its parent |
| R6 | exclusion | the ratios of a group sum to 1,000,000 at most |
| R7 | income | an accepted offer earns its fixed cost above its steps' own prices |
| R8 | arcs | one in use loses nothing, one not full gains nothing; with a gain other than |
|    |    | one less than a tick of either end's price: whole prices cannot meet it exactly |
| R9 | welfare | is as claimed |

A block may be rejected though it is in the money (paradoxically), an offer likewise.
`malformed` is asked first: its bounds are why nothing here can overflow. Ranges are inclusive.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from suanli.market.auction.breach import LEAST, MOST, Breach, not_array, not_integer, outside
from suanli.market.auction.instance import NONE, UNIT, Arcs, Auction, Blocks, Clearing, Ints
from suanli.market.auction.wellformed import GENERATIONS_MAX, malformed
from suanli.market.book import BUY

__all__ = ["Breach", "arriving", "block_surplus", "leg_lots_accepted", "malformed", "spilled",
           "verify", "welfare_of"]



def verify(auction: Auction, clearing: Clearing) -> Breach | None:
    """Return the first broken rule in the order of the table, or None if the clearing stands.

    A malformed auction is a breach too, named as `malformed` names it.
    Cost: O(steps + legs + arcs).
    """
    for rule in _RULES:
        breach = rule(auction, clearing)
        if breach:
            return breach
    return None


def leg_lots_accepted(blocks: Blocks, block_ppm: Ints) -> Ints:
    """Return the lots accepted of each leg, rounded down: (legs,)."""
    # in two parts: lots x ppm is 10^18 at most, and stays so if a limit above ever grows
    ppm = block_ppm[_block_of_leg(blocks)]
    return blocks.leg_lots // UNIT * ppm + blocks.leg_lots % UNIT * ppm // UNIT


def arriving(arcs: Arcs, flows: Ints) -> Ints:
    """Return the lots that arrive at each arc's target, rounded down: (arcs,)."""
    return flows // UNIT * arcs.gain_ppm + flows % UNIT * arcs.gain_ppm // UNIT


def spilled(auction: Auction, clearing: Clearing) -> Ints:
    """Return the lots sold + arriving - leaving - bought in each cell: (cells,)."""
    curves, blocks, arcs, cells = auction.curves, auction.blocks, auction.arcs, auction.cells
    legs = leg_lots_accepted(blocks, clearing.block_ppm)
    sold = -_signed(curves.side, clearing.curve_lots)
    legs_sold = -_signed(blocks.side[_block_of_leg(blocks)], legs)
    return (_summed(sold, curves.cell, cells)
            + _summed(legs_sold, blocks.leg_cell, cells)
            + _summed(arriving(arcs, clearing.flows), arcs.target, cells)
            - _summed(clearing.flows, arcs.source, cells))


def block_surplus(blocks: Blocks, prices: Ints) -> Ints:
    """Return what each block would gain if all of it were accepted, micro-RMB: (blocks,)."""
    block = _block_of_leg(blocks)
    gain = (blocks.price[block] - prices[blocks.leg_cell]) * blocks.leg_lots
    return _summed(np.where(blocks.side[block] == BUY, gain, -gain), block, blocks.side.size)


def welfare_of(auction: Auction, clearing: Clearing) -> int:
    """Return values of buyers - costs of sellers - fees - fixed costs, micro-RMB, exactly."""
    curves, blocks, arcs = auction.curves, auction.blocks, auction.arcs
    block = _block_of_leg(blocks)
    legs = leg_lots_accepted(blocks, clearing.block_ppm)
    orders = (int((_signed(curves.side, curves.price) * clearing.curve_lots).sum())
              + int((_signed(blocks.side, blocks.price)[block] * legs).sum()))
    fixed = int((auction.offers.fixed * clearing.offer_accepted).sum())
    paid = (arcs.fee > 0) & (clearing.flows > 0)
    # integers without bounds: many wide arcs with fees may exceed 64 bits
    fees = sum(fee * flow for fee, flow in zip(arcs.fee[paid].tolist(),
                                               clearing.flows[paid].tolist(), strict=True))
    return int(orders - fixed - fees)


def _instance(auction: Auction, clearing: Clearing) -> Breach | None:
    return malformed(auction)


def _shapes(auction: Auction, clearing: Clearing) -> Breach | None:
    sizes = (auction.cells, auction.curves.cell.size, auction.blocks.side.size,
             auction.offers.fixed.size, auction.arcs.source.size)
    for place, (name, size) in enumerate(zip(clearing._fields[:5], sizes, strict=True)):
        breach = not_array("R1", place, name, clearing[place], size)
        if breach:
            return breach
    return not_integer("R1", 5, "welfare", clearing.welfare)


def _ranges(auction: Auction, clearing: Clearing) -> Breach | None:
    least = auction.blocks.ratio_ppm
    ppm = clearing.block_ppm
    return (outside("R1", "price of cell", clearing.prices, auction.price_min, auction.highest)
            or outside("R1", "lots of step", clearing.curve_lots, 0, auction.curves.lots)
            or outside("R1", "ratio of block, if not 0,", ppm, least, UNIT, ppm != 0)
            or outside("R1", "acceptance of offer", clearing.offer_accepted, 0, 1)
            or outside("R1", "flow of arc", clearing.flows, 0, auction.arcs.capacity))


def _balance(auction: Auction, clearing: Clearing) -> Breach | None:
    arcs = auction.arcs
    # whole lots that leave arrive in steps of the gain: a cell may have to take a step too much
    step = (arcs.gain_ppm + UNIT - 1) // UNIT
    is_rounded = (arcs.gain_ppm != UNIT) & (clearing.flows > 0)
    most = _summed(np.where(is_rounded, step, 0), arcs.target, auction.cells)
    return outside("R2", "spill of cell", spilled(auction, clearing), 0, most)


def _uniform_price(auction: Auction, clearing: Clearing) -> Breach | None:
    curves = auction.curves
    # what the step gains a lot: positive in the money, negative out of it
    gain = _signed(curves.side, curves.price - clearing.prices[curves.cell])
    counts = _counts(curves.offer, clearing.offer_accepted)
    least = np.where(counts & (gain > 0), curves.lots, 0)
    most = np.where(counts & (gain >= 0), curves.lots, 0)
    return outside("R3", "lots of step", clearing.curve_lots, least, most)


def _no_loser(auction: Auction, clearing: Clearing) -> Breach | None:
    blocks, ppm = auction.blocks, clearing.block_ppm
    own = block_surplus(blocks, clearing.prices)
    family = _with_descendants(blocks.parent, own, ppm)
    lots = _summed(blocks.leg_lots, _block_of_leg(blocks), ppm.size)
    partial = (blocks.ratio_ppm < ppm) & (ppm < UNIT)
    loser = outside("R4", "family surplus of block", family, 0, MOST, ppm > 0)
    return loser or outside("R4", "surplus of partial block", own, 1 - lots, lots - 1, partial)


def _with_descendants(parent: Ints, own: Ints, ppm: Ints) -> Ints:
    """Return each block's accepted surplus and its descendants', rounded down: (blocks,).

    Surplus x ppm does not fit 64 bits: it is summed in whole millions and their remainders, so
    that the result's sign is exact.
    """
    whole = own // UNIT * ppm
    rest = own % UNIT * ppm
    wholes, rests = whole.copy(), rest.copy()
    above = parent
    for _ in range(GENERATIONS_MAX - 1):
        linked = above != NONE
        np.add.at(wholes, above[linked], whole[linked])
        np.add.at(rests, above[linked], rest[linked])
        above = np.where(linked, parent[above], NONE)
    return wholes + rests // UNIT


def _links(auction: Auction, clearing: Clearing) -> Breach | None:
    parent, ppm = auction.blocks.parent, clearing.block_ppm
    most = np.where(parent == NONE, UNIT, ppm[parent])
    return outside("R5", "ratio of linked block", ppm, 0, most)


def _groups(auction: Auction, clearing: Clearing) -> Breach | None:
    group = auction.blocks.group
    member = group != NONE
    numbers, place = np.unique(group[member], return_inverse=True)
    ratios = _summed(clearing.block_ppm[member], place, numbers.size)
    return outside("R6", "ratios of the exclusive groups, by rank,", ratios, 0, UNIT)


def _income(auction: Auction, clearing: Clearing) -> Breach | None:
    curves, fixed = auction.curves, auction.offers.fixed
    offered = np.flatnonzero(curves.offer != NONE)
    # integers without bounds: a price may be above the auction's (`Auction.highest`)
    gain = (clearing.prices[curves.cell] - curves.price)[offered].astype(object)
    earned = np.zeros(fixed.size, object)
    np.add.at(earned, curves.offer[offered], gain * clearing.curve_lots[offered])
    return outside("R7", "income of offer", earned, fixed, MOST,
                   clearing.offer_accepted == 1)


def _arcs(auction: Auction, clearing: Clearing) -> Breach | None:
    arcs, prices, flows = auction.arcs, clearing.prices, clearing.flows
    # millionths of a milli-RMB gained a token that leaves the source
    gain = arcs.gain_ppm * prices[arcs.target] - UNIT * (prices[arcs.source] + arcs.fee)
    # a tick at either end, whichever is more: one end's price may be fixed by its own orders. So
    # whole prices exist wherever prices do: the real ones rounded down.
    uneven = arcs.gain_ppm != UNIT
    least = np.where(uneven, 1 - arcs.gain_ppm, 0)
    most = np.where(uneven, np.maximum(arcs.gain_ppm, UNIT) - 1, 0)
    return (outside("R8", "gain of arc in use", gain, least, MOST, flows > 0)
            or outside("R8", "gain of arc not full", gain, LEAST, most, flows < arcs.capacity))


def _welfare(auction: Auction, clearing: Clearing) -> Breach | None:
    welfare = welfare_of(auction, clearing)
    if welfare == clearing.welfare:
        return None
    return Breach("R9", 0, clearing.welfare, f"welfare {welfare}")


def _counts(offer: Ints, accepted: Ints) -> NDArray[np.bool_]:
    """Say which steps take part: those of no offer, or of an accepted one."""
    # the last place is where NONE points to
    counts: NDArray[np.bool_] = np.append(accepted, 1)[offer] == 1
    return counts


def _signed(side: Ints, number: Ints) -> Ints:
    """Return a number as it is for a buyer and negated for a seller."""
    return np.where(side == BUY, number, -number)


def _block_of_leg(blocks: Blocks) -> Ints:
    return np.repeat(np.arange(blocks.side.size), np.diff(blocks.leg_start))


def _summed(numbers: Ints, place: Ints, size: int) -> Ints:
    """Return the sums by place: (size,)."""
    sums = np.zeros(size, np.int64)
    np.add.at(sums, place, numbers)
    return sums


_RULES: tuple[Callable[[Auction, Clearing], Breach | None], ...] = (
    _instance, _shapes, _ranges, _balance, _uniform_price, _no_loser, _links, _groups, _income,
    _arcs, _welfare,
)
