"""The best welfare as one mixed-integer program of quantities and prices together.

Blocks are all or nothing and gains are one (else ValueError). After Madani and Van Vyve, arXiv
1410.4468: the primal and the dual of the settled auction in one program, tied by strong duality,

    welfare of quantities = sum(lots x surplus of steps) + sum(capacity x rent of arcs)
                            + sum(surplus of accepted blocks)

with a big M for the last, a product of a binary and prices. No accepted loser is then a row for
each block: the surplus of its accepted family is not negative. Prices are integer variables.
"""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_matrix

from suanli.market.auction.instance import NONE, UNIT, Auction, Clearing
from tests.oracles.prices import family_of, gain_row
from tests.oracles.quantities import Program, whole


def best(auction: Auction, seconds: float = 120.0) -> Clearing | None:
    """Return a clearing of the greatest welfare, or None if the time was over first."""
    if (auction.blocks.ratio_ppm != UNIT).any() or (auction.arcs.gain_ppm != UNIT).any():
        raise ValueError("a ratio below one or another gain: this program is for neither")
    program = _Program(auction)
    answer = milp(-program.values, integrality=program.whole,
                  bounds=Bounds(program.lower, program.upper), constraints=program.constraints(),
                  options={"mip_rel_gap": 0, "time_limit": seconds})
    if answer.x is None or answer.status != 0:
        return None
    taken = np.rint(answer.x[program.block:program.flow])
    offers = answer.x[program.offer:program.price] > 0.5
    # the optimum's quantities may be fractional between ties: a vertex of the same blocks is not
    quantities = Program(auction).best(taken, taken, offers)
    if quantities is None:
        raise ValueError("the program's blocks have no quantities")
    return whole(auction, quantities, offers, answer.x[program.price:program.surplus])


class _Program:
    """Columns: steps, blocks, flows, offers, prices, surplus of steps, rents, surplus of blocks."""

    def __init__(self, auction: Auction) -> None:
        self.auction = auction
        curves, blocks, arcs, offers = (auction.curves, auction.blocks, auction.arcs,
                                        auction.offers)
        steps, count, ways = curves.cell.size, blocks.side.size, arcs.source.size
        sizes = (steps, count, ways, offers.fixed.size, auction.cells, steps, ways, count)
        (self.step, self.block, self.flow, self.offer, self.price, self.surplus, self.rent,
         self.gain, self.size) = np.cumsum((0, *sizes)).tolist()
        self.entries: list[tuple[int, int, float]] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self.gains = [gain_row(auction, b) for b in range(count)]
        self._columns()
        self._primal()
        self._dual()
        self._blocks()
        self._offers()
        self._strong_duality()

    def _columns(self) -> None:
        auction, curves = self.auction, self.auction.curves
        self.lower, self.upper = np.zeros(self.size), np.full(self.size, np.inf)
        self.upper[:self.block] = curves.lots
        self.upper[self.block:self.flow] = 1
        self.upper[self.flow:self.offer] = auction.arcs.capacity
        self.upper[self.offer:self.price] = 1
        self.lower[self.price:self.surplus] = auction.price_min
        self.upper[self.price:self.surplus] = auction.price_max
        self.lower[self.gain:] = -np.inf
        self.whole = np.zeros(self.size)
        self.whole[self.block:self.flow] = self.whole[self.offer:self.surplus] = 1
        self.values = np.zeros(self.size)
        self.values[:self.block] = np.where(curves.side == 0, curves.price, -curves.price)
        self.values[self.block:self.flow] = [constant for _, constant in self.gains]
        self.values[self.flow:self.offer] = -auction.arcs.fee
        self.values[self.offer:self.price] = -auction.offers.fixed

    def row(self, entries: list[tuple[int, float]], low: float, high: float) -> None:
        self.entries += [(len(self.low), column, number) for column, number in entries]
        self.low.append(low)
        self.high.append(high)

    def constraints(self) -> LinearConstraint:
        rows, columns, numbers = zip(*self.entries, strict=True)
        matrix = coo_matrix((numbers, (rows, columns)), (len(self.low), self.size))
        return LinearConstraint(matrix.tocsr(), self.low, self.high)

    def _primal(self) -> None:
        curves, blocks, arcs = self.auction.curves, self.auction.blocks, self.auction.arcs
        cells: list[list[tuple[int, float]]] = [[] for _ in range(self.auction.cells)]
        for n in range(curves.cell.size):
            cells[curves.cell[n]].append((n, 1.0 if curves.side[n] else -1.0))
        for b, (legs, _) in enumerate(self.gains):
            for cell, number in legs:
                # a buyer's surplus falls with the price, by what it takes out of the cell
                cells[cell].append((self.block + b, number))
        for a in range(arcs.source.size):
            cells[arcs.source[a]].append((self.flow + a, -1.0))
            cells[arcs.target[a]].append((self.flow + a, 1.0))
        for entries in cells:
            self.row(entries, 0, 0)
        for b in np.flatnonzero(blocks.parent != NONE).tolist():
            self.row([(self.block + b, 1), (self.block + int(blocks.parent[b]), -1)], -np.inf, 0)
        for number in set(blocks.group.tolist()) - {NONE}:
            members = np.flatnonzero(blocks.group == number).tolist()
            self.row([(self.block + b, 1.0) for b in members], -np.inf, 1)

    def _dual(self) -> None:
        curves, arcs = self.auction.curves, self.auction.arcs
        span = float(self.auction.price_max - self.auction.price_min)
        for n in range(curves.cell.size):
            sign = 1.0 if curves.side[n] else -1.0
            entries = [(self.surplus + n, 1.0), (self.price + int(curves.cell[n]), -sign)]
            limit = -sign * float(curves.price[n])
            if curves.offer[n] != NONE:
                # nothing is owed to the steps of an offer that is not accepted
                wide = span + abs(float(curves.price[n]))
                entries.append((self.offer + int(curves.offer[n]), -wide))
                limit -= wide
            self.row(entries, limit, np.inf)
        for a in range(arcs.source.size):
            self.row([(self.rent + a, 1), (self.price + int(arcs.target[a]), -1),
                      (self.price + int(arcs.source[a]), 1)], -float(arcs.fee[a]), np.inf)

    def _blocks(self) -> None:
        """Tie each block's gain to binary x surplus, and let no accepted family lose."""
        for b, (legs, constant) in enumerate(self.gains):
            lots = sum(abs(number) for _, number in legs)
            wide = lots * float(self.auction.price_max + abs(constant) / lots)
            gain, taken = self.gain + b, self.block + b
            minus = [(self.price + cell, -number) for cell, number in legs]
            self.row([(gain, 1), (taken, -wide)], -np.inf, 0)
            self.row([(gain, 1), (taken, wide)], 0, np.inf)
            self.row([(gain, 1), *minus, (taken, wide)], -np.inf, constant + wide)
            self.row([(gain, 1), *minus, (taken, -wide)], constant - wide, np.inf)
            family = family_of(self.auction, b)
            # with a rejected parent every descendant is rejected, and the sum is zero
            self.row([(self.gain + member, 1.0) for member in family], 0, np.inf)

    def _offers(self) -> None:
        curves = self.auction.curves
        for offer, fixed in enumerate(self.auction.offers.fixed.tolist()):
            steps = np.flatnonzero(curves.offer == offer).tolist()
            accepted = (self.offer + offer, -float(fixed))
            self.row([*[(self.surplus + n, float(curves.lots[n])) for n in steps], accepted], 0,
                     np.inf)
            for n in steps:
                self.row([(n, 1), (self.offer + offer, -float(curves.lots[n]))], -np.inf, 0)

    def _strong_duality(self) -> None:
        curves, arcs = self.auction.curves, self.auction.arcs
        owed = [(self.surplus + n, -float(lots)) for n, lots in enumerate(curves.lots)]
        owed += [(self.rent + a, -float(room)) for a, room in enumerate(arcs.capacity)]
        owed += [(self.gain + b, -1.0) for b in range(len(self.gains))]
        # the fixed costs are no part of the program that is left once offers are settled
        worth = [(n, float(self.values[n])) for n in range(self.offer) if self.values[n]]
        self.row([*worth, *owed], 0, np.inf)
