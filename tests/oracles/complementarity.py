"""Quantities and whole prices at once, with settled blocks and offers: a mixed-integer program.

Each step has two binaries: `some` (a part may be taken, so the price must not be worse than the
step's) and `left` (a part may be left, so it must not be better); each arc has the same two. A
block in between its least ratio and all must be at the money, less than a tick a lot. The program
holds for families that are all or nothing: the random instances curtail no linked block.
"""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_matrix

from suanli.market.auction.instance import NONE, UNIT, Auction
from tests.oracles.prices import family_of, gain_row


def best(auction: Auction, low: np.ndarray, high: np.ndarray, free: np.ndarray,
         offers: np.ndarray) -> float | None:
    """Return the best welfare with block shares in [low, high] (`free`: in between), or None."""
    program = _Program(auction, low, high)
    program.balance()
    program.steps(offers)
    program.arcs()
    program.blocks(low, free)
    program.incomes(offers)
    answer = program.solve()
    if answer is None:
        return None
    return answer - float(auction.offers.fixed[offers].sum())


class _Program:
    """Columns: prices, steps, shares, flows, some and left of steps, of arcs, gains of steps."""

    def __init__(self, auction: Auction, low: np.ndarray, high: np.ndarray) -> None:
        self.auction = auction
        self.rows: list[tuple[dict[int, float], float, float]] = []
        curves, blocks, arcs = auction.curves, auction.blocks, auction.arcs
        steps, ways = curves.cell.size, arcs.source.size
        sizes = (auction.cells, steps, blocks.side.size, ways, steps, steps, ways, ways, steps)
        starts = np.cumsum((0, *sizes)).tolist()
        (self.price, self.step, self.share, self.flow, self.some, self.left, self.used, self.room,
         self.gain, self.size) = starts
        self.span = float(auction.highest.max(initial=auction.price_max) - auction.price_min)
        self.lower = np.zeros(self.size)
        self.upper = np.ones(self.size)
        self._bound(self.price, auction.cells, auction.price_min, auction.highest)
        self._bound(self.step, steps, 0, curves.lots)
        self._bound(self.share, blocks.side.size, low, high)
        self._bound(self.flow, ways, 0, arcs.capacity)
        self._bound(self.gain, steps, 0, self.span)
        self.whole = np.zeros(self.size)
        self.whole[self.price:self.step] = self.whole[self.some:self.gain] = 1

    def _bound(self, start: int, size: int, low: object, high: object) -> None:
        self.lower[start:start + size], self.upper[start:start + size] = low, high

    def row(self, entries: list[tuple[int, float]], low: float, high: float) -> None:
        summed: dict[int, float] = {}
        for column, number in entries:
            summed[column] = summed.get(column, 0.0) + number
        self.rows.append((summed, low, high))

    def balance(self) -> None:
        curves, blocks, arcs = self.auction.curves, self.auction.blocks, self.auction.arcs
        cells: list[list[tuple[int, float]]] = [[] for _ in range(self.auction.cells)]
        for n, (cell, side) in enumerate(zip(curves.cell, curves.side, strict=True)):
            cells[cell].append((self.step + n, 1.0 if side else -1.0))
        for b in range(blocks.side.size):
            for leg in range(blocks.leg_start[b], blocks.leg_start[b + 1]):
                lots = float(blocks.leg_lots[leg])
                cells[blocks.leg_cell[leg]].append((self.share + b,
                                                    lots if blocks.side[b] else -lots))
        for a in range(arcs.source.size):
            cells[arcs.source[a]].append((self.flow + a, -1.0))
            cells[arcs.target[a]].append((self.flow + a, arcs.gain_ppm[a] / UNIT))
        for entries in cells:
            self.row(entries, 0, 0)

    def steps(self, offers: np.ndarray) -> None:
        curves = self.auction.curves
        for n, (cell, side, price, lots, offer) in enumerate(zip(*curves, strict=True)):
            if offer != NONE and not offers[offer]:
                self.upper[self.step + n] = 0
                continue
            sign = 1.0 if side else -1.0  # a seller wants the price high
            better = (self.price + int(cell), sign)
            limit, wide = sign * float(price), self.span + abs(float(price))
            self.row([(self.step + n, 1), (self.some + n, -float(lots))], -np.inf, 0)
            self.row([better, (self.some + n, -wide)], limit - wide, np.inf)
            self.row([(self.step + n, 1), (self.left + n, float(lots))], float(lots), np.inf)
            self.row([better, (self.left + n, wide)], -np.inf, limit + wide)

    def arcs(self) -> None:
        for a, (source, target, capacity, fee, gain_ppm) in enumerate(
                zip(*self.auction.arcs, strict=True)):
            gain = gain_ppm / UNIT
            tick = 0.0 if gain_ppm == UNIT else max(gain, 1.0) - 1 / UNIT
            loss = 0.0 if gain_ppm == UNIT else gain - 1 / UNIT
            wide = 3 * self.span + float(fee) + gain * self.span
            won = [(self.price + int(target), gain), (self.price + int(source), -1.0)]
            self.row([(self.flow + a, 1), (self.used + a, -float(capacity))], -np.inf, 0)
            self.row([*won, (self.used + a, -wide)], float(fee) - loss - wide,
                     np.inf)
            self.row([(self.flow + a, 1), (self.room + a, float(capacity))], float(capacity),
                     np.inf)
            self.row([*won, (self.room + a, wide)], -np.inf, float(fee) + tick + wide)

    def blocks(self, share: np.ndarray, free: np.ndarray) -> None:
        parent, group = self.auction.blocks.parent, self.auction.blocks.group
        for b in np.flatnonzero(share > 0).tolist():
            entries, constant = [], 0.0
            for member in family_of(self.auction, b):
                more, plus = gain_row(self.auction, member, float(share[member]))
                entries += more
                constant += plus
            self.row(entries, -constant, np.inf)
            if free[b]:
                own, constant = gain_row(self.auction, b)
                lots = sum(abs(number) for _, number in own)
                self.row(own, -np.inf, lots - 1 - constant)
        for b in np.flatnonzero(parent != NONE).tolist():
            self.row([(self.share + b, 1), (self.share + int(parent[b]), -1)], -np.inf, 0)
        for number in set(group.tolist()) - {NONE}:
            members = np.flatnonzero(group == number).tolist()
            self.row([(self.share + b, 1.0) for b in members], -np.inf, 1)

    def incomes(self, offers: np.ndarray) -> None:
        curves = self.auction.curves
        for offer in np.flatnonzero(offers).tolist():
            steps = np.flatnonzero(curves.offer == offer).tolist()
            for n in steps:
                price, wide = float(curves.price[n]), self.span + float(curves.price[n])
                # what the step earns a lot: 0 unless it may be taken, and then the difference
                self.row([(self.gain + n, 1), (self.some + n, -wide)], -np.inf, 0)
                self.row([(self.gain + n, 1), (self.price + int(curves.cell[n]), -1),
                          (self.some + n, wide)], -np.inf, wide - price)
            self.row([(self.gain + n, float(curves.lots[n])) for n in steps],
                     float(self.auction.offers.fixed[offer]), np.inf)

    def solve(self) -> float | None:
        matrix = lil_matrix((len(self.rows), self.size))
        for n, (entries, _, _) in enumerate(self.rows):
            for column, number in entries.items():
                matrix[n, column] = number
        low, high = np.array([row[1:] for row in self.rows]).T
        answer = milp(-self._values(), integrality=self.whole,
                      bounds=Bounds(self.lower, self.upper),
                      constraints=LinearConstraint(matrix.tocsr(), low, high),
                      options={"mip_rel_gap": 0})
        return None if answer.x is None else -float(answer.fun)

    def _values(self) -> np.ndarray:
        curves, blocks, arcs = self.auction.curves, self.auction.blocks, self.auction.arcs
        values = np.zeros(self.size)
        values[self.step:self.share] = np.where(curves.side == 0, curves.price, -curves.price)
        for b in range(blocks.side.size):
            values[self.share + b] = gain_row(self.auction, b)[1]
        values[self.flow:self.some] = -arcs.fee
        return values
