"""Whole lots where some arcs have another gain than one: a small integer program.

What arrives over such an arc is rounded down, so vertices are not whole, and the decomposition of
`rounding` does not apply. Given prices, what is free are again the steps at the price and the
arcs without a margin (for these arcs: within a tick). The program takes the most welfare in whole
lots; an arriving lot may be spilled where such an arc is in use. Steps of one cell and side share
pro rata; between cells there is no such rule here.
"""

import numpy as np
from numpy.typing import NDArray

from suanli.clearing.prices import loss_of, slack_of
from suanli.clearing.solver import INFINITY, Bounds, Entries, Unsolved, joined, loaded, run
from suanli.market.auction.instance import UNIT, Arcs, Ints

Bools = NDArray[np.bool_]
SECONDS = 10.0
# Gains are written in thousandths: a millionth of a lot, which decides whether it arrives, is then
# far above the solver's tolerance of a millionth.
GRAINS = 1000.0


def full_and_free(arcs: Arcs, prices: Ints) -> tuple[Bools, Bools]:
    """Return which arcs must be full, and which may carry anything, at these prices."""
    margin = arcs.gain_ppm * prices[arcs.target] - UNIT * (prices[arcs.source] + arcs.fee)
    full = margin > slack_of(arcs.gain_ppm)
    return full, (margin >= -loss_of(arcs.gain_ppm)) & ~full & (arcs.capacity > 0)


def lots_of_one(gain_ppm: Ints) -> Ints:
    """Return the most that one lot more brings over an arc of such a gain: rule R2's spill."""
    return -(-gain_ppm // UNIT)


def balanced(surplus: Ints, buys: Ints, sells: Ints, prices: Ints, arcs: Arcs,
             free: Ints, spills: Ints) -> tuple[Ints, Ints, Ints] | None:
    """Return lots bought and sold at the margin of each cell, and flows of the free arcs.

    `surplus`: what each cell has too much without them; `buys`, `sells`: the most at the margin;
    `spills`: what full arcs with another gain may spill of each cell. None where nothing balances.
    """
    cells, count = surplus.size, free.size
    source, target = arcs.source[free], arcs.target[free]
    gain, capacity = arcs.gain_ppm[free], arcs.capacity[free]
    number, arc = np.arange(cells), np.arange(count)
    at = np.cumsum([0, cells, cells, cells, count])  # buys, sells, spilled, leaving, arriving
    uneven = np.flatnonzero(gain != UNIT)
    may_spill = spills.copy()
    np.add.at(may_spill, target[uneven], lots_of_one(gain[uneven]))
    value = (prices[target] * (gain / UNIT) - prices[source] - arcs.fee[free])
    # With balance kept, welfare is what the arcs gain and what spilled lots were worth. Where it
    # is equal: most volume, and no lot carried in a circle.
    cost = np.concatenate([np.full(2 * cells, -1e-3), np.maximum(prices, 0) + 1.0,
                           1e-4 - value, np.zeros(count)])
    upper = np.concatenate([buys, sells, may_spill, capacity, np.full(count, INFINITY)])
    balance = joined([
        Entries(number, at[0] + number, np.full(cells, -1.0)),
        Entries(number, at[1] + number, np.ones(cells)),
        Entries(number, at[2] + number, np.full(cells, -1.0)),
        Entries(source, at[3] + arc, np.full(count, -1.0)),
        Entries(target, at[4] + arc, np.ones(count))])
    # arriving = gain * leaving, rounded down; spilled no more than what such arcs carry
    down = joined([Entries(cells + arc, at[3] + arc, gain / GRAINS),
                   Entries(cells + arc, at[4] + arc, np.full(count, -UNIT / GRAINS))])
    slack = np.where(gain == UNIT, 0.0, (UNIT - 1) / GRAINS)
    use = joined([Entries(cells + count + number, at[2] + number, np.ones(cells)),
                  Entries(cells + count + target[uneven], at[3] + uneven,
                          -lots_of_one(gain[uneven]).astype(float))])
    lower = np.concatenate([-surplus, np.zeros(count), np.full(cells, -INFINITY)])
    most = np.concatenate([-surplus, slack, spills])
    solver = loaded(cost, Bounds(np.zeros(cost.size), upper.astype(float)),
                    Bounds(lower.astype(float), most.astype(float)),
                    joined([balance, down, use]), np.ones(cost.size, np.bool_))
    try:
        if not run(solver, SECONDS, True):
            return None
    except Unsolved:
        return None
    found = np.rint(np.asarray(solver.getSolution().col_value)).astype(np.int64)
    return found[:cells], found[cells:2 * cells], found[at[3]:at[3] + count]
