"""Carry surpluses over arcs of gain one to where they are wanted; else say which cut is too small.

Two small linear programs over all clusters at once. The first leaves as little as possible
undelivered; if that is nothing, the second carries as little as possible, so that nothing goes
round in circles. Both are networks with whole data: their vertices are whole lots. If something
stays undelivered, the duals of the first (0 or 1) show the least cut.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from suanli.clearing.solver import INFINITY, Bounds, Entries, joined, loaded, run
from suanli.market.auction.instance import Ints

SECONDS = 30.0  # a network of thousands of cells takes a fraction of one


class Routed(NamedTuple):
    """Flows, whether they deliver everything, and else which arcs cross the least cut."""

    flows: Ints
    is_complete: bool
    is_cut: NDArray[np.bool_]


def route(surplus: Ints, source: Ints, target: Ints, capacity: Ints) -> Routed:
    """Return flows that bring each cell's surplus (negative: a want) to nothing."""
    nothing = np.zeros(source.size, np.bool_)
    if not surplus.any():
        return Routed(np.zeros(source.size, np.int64), True, nothing)
    if not source.size:
        return Routed(np.zeros(0, np.int64), False, nothing)
    cells, arcs = surplus.size, source.size
    number = np.arange(cells)
    unit = float(10.0 ** max(int(np.log10(np.abs(surplus).max())) - 3, 0))
    entries = joined([Entries(source, np.arange(arcs), np.full(arcs, -1.0)),
                      Entries(target, np.arange(arcs), np.ones(arcs)),
                      Entries(number, arcs + number, np.full(cells, -1.0)),
                      Entries(number, arcs + cells + number, np.ones(cells))])
    cost = np.concatenate([np.zeros(arcs), np.ones(2 * cells)])
    upper = np.concatenate([capacity / unit, np.full(2 * cells, INFINITY)])
    wanted = -surplus / unit
    solver = loaded(cost, Bounds(np.zeros(upper.size), upper), Bounds(wanted, wanted), entries)
    run(solver, SECONDS)
    value = np.asarray(solver.getSolution().col_value)
    if value[arcs:].sum() * unit > 0.5:
        dual = np.asarray(solver.getSolution().row_dual)
        return Routed(*_cut(dual, source, target, capacity))
    upper[arcs:] = 0.0
    cost[:arcs] = 1.0
    every = np.arange(cost.size, dtype=np.int32)
    solver.changeColsCost(cost.size, every, cost)
    solver.changeColsBounds(cost.size, every, np.zeros(cost.size), upper)
    run(solver, SECONDS)
    value = np.asarray(solver.getSolution().col_value)[:arcs]
    return Routed(np.rint(value * unit).astype(np.int64), True, nothing)


def _cut(dual: NDArray[np.float64], source: Ints, target: Ints,
         capacity: Ints) -> tuple[Ints, bool, NDArray[np.bool_]]:
    """Return what the least cut carries: arcs from a low dual to a higher one are full.

    A dual is what one lot more wanted in a cell would cost: -1 where lots cannot get away, 1 where
    they cannot be had.
    """
    step = dual[target] - dual[source]
    full = step > 0.5
    return np.where(full, capacity, 0), False, np.abs(step) > 0.5
