"""The best quantities once it is settled which blocks and offers are taken: a linear program.

Quantities are real here. With every block all or nothing and every gain one they come out whole:
the program is then a network flow with whole supplies, and the simplex method stops at a vertex.
"""

from typing import NamedTuple

import highspy
import numpy as np

from suanli.market.auction.instance import NONE, UNIT, Auction, Clearing
from suanli.market.auction.verification import welfare_of


class Quantities(NamedTuple):
    """An optimum: the values of buyers less costs and fees, and what is taken."""

    welfare: float
    curve_lots: np.ndarray
    block_share: np.ndarray  # 0 to 1
    flows: np.ndarray


class Program:
    """The program of an auction, with the shares of blocks and offers between given bounds."""

    def __init__(self, auction: Auction) -> None:
        curves, blocks, arcs = auction.curves, auction.blocks, auction.arcs
        self.auction = auction
        self.steps, self.blocks = curves.cell.size, blocks.side.size
        self.columns = self.steps + self.blocks + arcs.source.size
        self.highs = highspy.Highs()
        self.highs.silent()
        # HiGHS has one pool of threads a process, as large as the first to run made it, and refuses
        # to run with another number: start anew, and with one thread, which suits any later size
        highspy.Highs.resetGlobalScheduler(True)
        self.highs.setOptionValue("threads", 1)
        value = np.concatenate([np.where(curves.side == 0, curves.price, -curves.price),
                                _block_value(auction), -arcs.fee]).astype(float)
        top = np.concatenate([curves.lots, np.ones(self.blocks), arcs.capacity]).astype(float)
        self.highs.addVars(self.columns, np.zeros(self.columns), top)
        self.highs.changeColsCost(self.columns, np.arange(self.columns, dtype=np.int32), value)
        self.highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
        for low, entries in _rows(auction):
            index = np.array(sorted(entries), np.int32)
            numbers = np.array([entries[i] for i in index.tolist()], float)
            self.highs.addRow(low[0], low[1], index.size, index, numbers)

    def best(self, low: np.ndarray, high: np.ndarray, offers: np.ndarray) -> Quantities | None:
        """Return the optimum with block shares in [low, high] and these offers' steps open."""
        columns = np.arange(self.steps + self.blocks, dtype=np.int32)
        curves = self.auction.curves
        is_open = (curves.offer == NONE) | np.append(offers, True)[curves.offer]
        lower = np.concatenate([np.zeros(self.steps), low])
        upper = np.concatenate([np.where(is_open, curves.lots, 0), high]).astype(float)
        self.highs.changeColsBounds(columns.size, columns, lower, upper)
        self.highs.run()
        status = self.highs.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(self.highs.modelStatusToString(status))
        found = np.array(self.highs.getSolution().col_value)
        steps, blocks = self.steps, self.steps + self.blocks
        return Quantities(self.highs.getObjectiveValue(), found[:steps], found[steps:blocks],
                          found[blocks:])


def whole(auction: Auction, found: Quantities, offers: np.ndarray,
          prices: np.ndarray) -> Clearing:
    """Return the clearing of a whole optimum, with its welfare; ValueError if it is not whole."""
    parts = [np.rint(part).astype(np.int64) for part in (found.curve_lots, found.block_share,
                                                        found.flows)]
    for real, integer in zip(found[1:], parts, strict=True):
        if np.abs(real - integer).max(initial=0) > 1e-4:
            raise ValueError("an optimum that is not whole")
    clearing = Clearing(np.rint(prices).astype(np.int64), parts[0], parts[1] * UNIT,
                        offers.astype(np.int64), parts[2], 0)
    return clearing._replace(welfare=welfare_of(auction, clearing))


def _block_value(auction: Auction) -> np.ndarray:
    blocks = auction.blocks
    lots = np.add.reduceat(blocks.leg_lots, blocks.leg_start[:-1]) if blocks.side.size else []
    return np.where(blocks.side == 0, 1, -1) * blocks.price * np.asarray(lots, np.int64)


def _rows(auction: Auction) -> list[tuple[tuple[float, float], dict[int, float]]]:
    """Return (bounds, column to coefficient): balances of cells, then links, then groups."""
    curves, blocks, arcs = auction.curves, auction.blocks, auction.arcs
    steps, count = curves.cell.size, blocks.side.size
    balances: list[dict[int, float]] = [{} for _ in range(auction.cells)]
    for n in range(steps):
        balances[curves.cell[n]][n] = 1 if curves.side[n] else -1
    for b in range(count):
        for leg in range(blocks.leg_start[b], blocks.leg_start[b + 1]):
            sign = 1 if blocks.side[b] else -1
            balances[blocks.leg_cell[leg]][steps + b] = sign * float(blocks.leg_lots[leg])
    for a in range(arcs.source.size):
        balances[arcs.source[a]][steps + count + a] = -1
        balances[arcs.target[a]][steps + count + a] = arcs.gain_ppm[a] / UNIT
    rows = [((0.0, 0.0), row) for row in balances]
    for b in np.flatnonzero(blocks.parent != NONE).tolist():
        rows.append(((-np.inf, 0.0), {steps + b: 1, steps + int(blocks.parent[b]): -1}))
    for group in set(blocks.group.tolist()) - {NONE}:
        members = np.flatnonzero(blocks.group == group).tolist()
        rows.append(((-np.inf, 1.0), {steps + b: 1.0 for b in members}))
    return rows
