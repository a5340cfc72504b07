"""Which blocks and offers to accept: the welfare program as a mixed-integer program.

Columns: merged steps; blocks' ratios; whether each curtailable block is taken at all; offers; arcs.
Rows: balance of each cell; a curtailable block's ratio between its least and one if taken; a
linked block at most its parent; an exclusive group at most one; an offer's steps only with it. Cuts
are added at the end. An all-or-nothing block's ratio is itself the integer.

Nothing is built order by order: every part is a few whole arrays.
"""

import time
from itertools import pairwise
from typing import Any, NamedTuple

import highspy
import numpy as np

from suanli.clearing.decision import Decision, block_of_leg
from suanli.clearing.dispatch import costs, network, scale_of
from suanli.clearing.solver import (
    INFINITY,
    Bounds,
    Entries,
    Floats,
    Unsolved,
    joined,
    loaded,
    run,
)
from suanli.clearing.steps import Columns, Window, columns_of
from suanli.market.auction.instance import NONE, UNIT, Auction, Ints
from suanli.market.book import SELL


class Places(NamedTuple):
    """Numbers of the columns of each kind."""

    steps: Ints
    ratio: Ints  # (blocks,)
    taken: Ints  # (blocks,): the same column for an all-or-nothing block
    offers: Ints
    arcs: Ints


class Proposal(NamedTuple):
    """What the program proposes; floats of a relaxation or an optimum."""

    ratio: Floats  # (blocks,)
    offers: Floats
    bound: float  # no clearing has more welfare, micro-RMB
    is_optimal: bool
    steps: Floats  # lots of each merged step
    duals: Floats  # (cells,) prices where it is a relaxation, milli-RMB


class Master:
    """The program of one auction for given windows; cuts stay until it is built anew."""

    def __init__(self, auction: Auction, window: Window) -> None:
        self.auction, self.window = auction, window
        self.scale = scale_of(auction)
        self.columns = columns_of(auction.curves, window)
        self.places = _places(auction, self.columns)
        self._solver = _loaded(auction, self.columns, self.places, self.scale)

    def relax(self, until: float) -> Proposal:
        """Return the optimum with every block and offer divisible.

        Raises: TimeoutError, Unsolved.
        """
        self._solver.setOptionValue("solve_relaxation", True)
        is_done = run(self._solver, until - time.perf_counter())
        self._solver.setOptionValue("solve_relaxation", False)
        if not is_done:
            raise TimeoutError("the time for solving is over")
        return self._proposal(self._solver.getObjectiveValue(), True)

    def solve(self, until: float, relative_gap: float, start: Decision | None) -> Proposal:
        """Return the best proposal found, its bound and whether it is proven best.

        Raises: TimeoutError where there is none yet, Infeasible, Unsolved.
        """
        self._solver.setOptionValue("mip_rel_gap", relative_gap)
        self._solver.setOptionValue("mip_abs_gap", 1e-6)
        self._hint(start)
        is_done = run(self._solver, until - time.perf_counter(), True)
        info = self._solver.getInfo()
        is_found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        if not is_done and not is_found:
            raise TimeoutError("the time for solving is over")
        return self._proposal(info.mip_dual_bound, is_done)

    def cut(self, positive: Ints, negative: Ints) -> None:
        """Add the cut: of these columns taken one must not be, or of those not taken one must."""
        index = np.concatenate([positive, negative]).astype(np.int32)
        value = np.concatenate([np.full(positive.size, -1.0), np.ones(negative.size)])
        self._solver.addRow(1.0 - positive.size, INFINITY, index.size, index, value)

    def keep_whole(self, blocks: Ints) -> None:
        """Let these curtailable blocks be accepted whole or not at all."""
        for block in blocks.tolist():
            pair = np.array([self.places.ratio[block], self.places.taken[block]], np.int32)
            self._solver.addRow(0.0, 0.0, 2, pair, np.array([1.0, -1.0]))

    def _hint(self, start: Decision | None) -> None:
        if start is None:
            return
        number = np.concatenate([self.places.ratio, self.places.taken, self.places.offers])
        value = np.concatenate([start.block_ppm / UNIT, (start.block_ppm > 0) * 1.0,
                                start.offers * 1.0])
        number, first = np.unique(number, return_index=True)
        self._solver.setSolution(number.size, number.astype(np.int32), value[first])

    def _proposal(self, objective: float, is_optimal: bool) -> Proposal:
        unit = self.scale.price * self.scale.lots
        solution = self._solver.getSolution()
        value = np.asarray(solution.col_value)
        if not value.size or not np.isfinite(objective):
            raise Unsolved("no solution and no bound")
        dual = np.asarray(solution.row_dual)[:self.auction.cells]
        return Proposal(value[self.places.ratio], value[self.places.offers],
                        self.columns.constant - objective * unit, is_optimal,
                        value[self.places.steps] * self.scale.lots, dual * self.scale.price)


def _places(auction: Auction, columns: Columns) -> Places:
    blocks = auction.blocks
    curtailable = blocks.ratio_ppm < UNIT
    ends = np.cumsum([0, columns.cell.size, auction.arcs.source.size, blocks.side.size,
                      auction.offers.fixed.size, int(curtailable.sum())])
    steps, arcs, ratio, offers, extra = (np.arange(a, b) for a, b in pairwise(ends))
    taken = ratio.copy()
    taken[curtailable] = extra
    return Places(steps, ratio, taken, offers, arcs)


def _loaded(auction: Auction, columns: Columns, places: Places, scale: Any) -> Any:
    cost, upper = _columns(auction, columns, places, scale)
    parts = [network(columns, auction, scale), _legs(auction, places, scale)]
    lower_row, upper_row = [np.zeros(auction.cells)], [np.zeros(auction.cells)]
    count = auction.cells
    for entries, rows, low, high in _rules(auction, columns, places, scale):
        parts.append(entries._replace(row=entries.row + count))
        lower_row.append(np.full(rows, low))
        upper_row.append(np.full(rows, high))
        count += rows
    is_whole = np.zeros(cost.size, np.bool_)
    is_whole[places.taken] = True
    is_whole[places.offers] = True
    return loaded(cost, Bounds(np.zeros(cost.size), upper),
                  Bounds(np.concatenate(lower_row), np.concatenate(upper_row)), joined(parts),
                  is_whole)


def _columns(auction: Auction, columns: Columns, places: Places,
             scale: Any) -> tuple[Floats, Floats]:
    """Return cost and upper bound of each column."""
    blocks = auction.blocks
    size = max(int(kind.max()) + 1 if kind.size else 0 for kind in places)
    cost, upper = np.zeros(size), np.ones(size)
    network_size = columns.cell.size + auction.arcs.source.size
    cost[:network_size] = costs(columns, auction, scale)
    upper[:network_size] = np.concatenate([columns.lots, auction.arcs.capacity]) / scale.lots
    owner = block_of_leg(blocks)
    sign = np.where(blocks.side[owner] == SELL, 1.0, -1.0)
    np.add.at(cost, places.ratio[owner],
              sign * blocks.price[owner] / scale.price * blocks.leg_lots / scale.lots)
    cost[places.offers] = auction.offers.fixed / (scale.price * scale.lots)
    return cost, upper


def _legs(auction: Auction, places: Places, scale: Any) -> Entries:
    blocks = auction.blocks
    owner = block_of_leg(blocks)
    sign = np.where(blocks.side[owner] == SELL, 1.0, -1.0)
    return Entries(blocks.leg_cell, places.ratio[owner], sign * blocks.leg_lots / scale.lots)


def _rules(auction: Auction, columns: Columns, places: Places,
           scale: Any) -> list[tuple[Entries, int, float, float]]:
    """Return the rows besides balance: entries, how many rows, lower and upper bound."""
    blocks = auction.blocks
    cut = np.flatnonzero(blocks.ratio_ppm < UNIT)
    child = np.flatnonzero(blocks.parent != NONE)
    member = np.flatnonzero(blocks.group != NONE)
    numbers, group = np.unique(blocks.group[member], return_inverse=True)
    step = np.flatnonzero(columns.offer != NONE)
    least = -blocks.ratio_ppm[cut] / UNIT
    return [
        (_pairs(places.ratio[cut], places.taken[cut], least), cut.size, 0.0, INFINITY),
        (_pairs(places.ratio[cut], places.taken[cut], np.full(cut.size, -1.0)), cut.size,
         -INFINITY, 0.0),
        (_pairs(places.ratio[child], places.ratio[blocks.parent[child]],
                np.full(child.size, -1.0)), child.size, -INFINITY, 0.0),
        (Entries(group, places.ratio[member], np.ones(member.size)), numbers.size, -INFINITY, 1.0),
        (_pairs(places.steps[step], places.offers[columns.offer[step]],
                -columns.lots[step] / scale.lots), step.size, -INFINITY, 0.0)]


def _pairs(one: Ints, other: Ints, weight: Floats) -> Entries:
    """Return the rows ``one + weight * other``."""
    number = np.arange(one.size)
    return joined([Entries(number, one, np.ones(one.size)), Entries(number, other, weight)])
