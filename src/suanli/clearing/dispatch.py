"""What flows and what is accepted of the curves, blocks and offers being decided: a linear program.

Rows: one balance a cell, ``sells + arriving - leaving - buys = -(lots of the blocks)``. Columns:
merged steps, then arcs. With gains of one this is a network: its vertices are whole lots, its
duals whole prices. Only bounds change from one decision to the next, so each solve is warm.
"""

import time
from typing import NamedTuple

import numpy as np

from suanli.clearing.solver import Bounds, Entries, Floats, joined, loaded, run
from suanli.clearing.steps import Columns, Window, columns_of, touched, widened
from suanli.market.auction.instance import NONE, UNIT, Auction, Ints

HALF_LOT = 0.5  # the vertices are whole lots, so nearer to a bound than half a lot is at it
GRAIN = 1e-5  # of a scaled lot; a hundred times the solver's tolerance


class Dispatch(NamedTuple):
    """A solution; floats are lots, not scaled."""

    columns: Columns
    accepted: Floats  # lots of each column
    flows: Floats  # lots leaving each arc's source
    grain: float  # what is nearer to a bound than this is at it


class Scale(NamedTuple):
    """What the solver's one is: its absolute tolerances of 1e-7 must mean little."""

    price: float
    lots: float


def scale_of(auction: Auction) -> Scale:
    """Return powers of ten that leave prices and lots about 10,000 at most."""
    prices = [np.abs(auction.curves.price), np.abs(auction.blocks.price)]
    lots = [auction.curves.lots, auction.blocks.leg_lots]
    return Scale(_power(prices), _power(lots))


def _power(arrays: list[Ints]) -> float:
    most = max((int(array.max()) for array in arrays if array.size), default=1)
    return float(10.0 ** max(int(np.log10(max(most, 1))) - 3, 0))


def network(columns: Columns, auction: Auction, scale: Scale) -> Entries:
    """Return the balance rows' entries of columns and arcs, quantities scaled."""
    arcs, count = auction.arcs, columns.cell.size
    number = count + np.arange(arcs.source.size)
    return joined([
        Entries(columns.cell, np.arange(count), columns.sign.astype(float)),
        Entries(arcs.source, number, np.full(number.size, -1.0)),
        Entries(arcs.target, number, arcs.gain_ppm / UNIT)])


def costs(columns: Columns, auction: Auction, scale: Scale) -> Floats:
    """Return what a scaled lot of each column and arc costs, a buyer's value being negative."""
    return np.concatenate([columns.sign * columns.price, auction.arcs.fee]) / scale.price


class Dispatcher:
    """The program of one auction; `solve` it for any decision."""

    def __init__(self, auction: Auction, window: Window) -> None:
        self.auction = auction
        self.scale = scale_of(auction)
        # With other gains the vertices are not whole: nearer is what the solver's tolerance makes.
        is_even = bool((auction.arcs.gain_ppm == UNIT).all())
        self.grain = HALF_LOT if is_even else GRAIN * self.scale.lots
        self.runs = 0
        self._build(window)

    def solve(self, net: Ints, offers: Ints, until: float) -> Dispatch:
        """Return the best dispatch for the blocks' net sale in each cell and offers accepted.

        Widens windows where they were too narrow. Raises: Infeasible, Unsolved, TimeoutError.
        """
        steps = 2
        while True:
            self._set(net, offers)
            if not run(self._solver, until - time.perf_counter()):
                raise TimeoutError("the time for solving is over")
            self.runs += 1
            found = self._found()
            narrow = touched(self.columns, found.accepted, HALF_LOT)
            if not narrow.size:
                return found
            steps *= 4
            self._build(widened(self.auction, self.window, steps, narrow))

    def _build(self, window: Window) -> None:
        self.window = window
        self.columns = columns_of(self.auction.curves, window)
        zero = np.zeros(self.auction.cells)
        upper = np.concatenate([self.columns.lots, self.auction.arcs.capacity]) / self.scale.lots
        self._solver = loaded(
            costs(self.columns, self.auction, self.scale), Bounds(np.zeros(upper.size), upper),
            Bounds(zero, zero), network(self.columns, self.auction, self.scale))
        self._offered = np.flatnonzero(self.columns.offer != NONE).astype(np.int32)

    def _set(self, net: Ints, offers: Ints) -> None:
        rows = np.arange(net.size, dtype=np.int32)
        self._solver.changeRowsBounds(net.size, rows, -net / self.scale.lots,
                                      -net / self.scale.lots)
        if self._offered.size:
            columns = self.columns
            most = columns.lots[self._offered] * offers[columns.offer[self._offered]]
            self._solver.changeColsBounds(self._offered.size, self._offered,
                                          np.zeros(most.size), most / self.scale.lots)

    def _found(self) -> Dispatch:
        value = np.asarray(self._solver.getSolution().col_value) * self.scale.lots
        count = self.columns.cell.size
        return Dispatch(self.columns, value[:count],
                        value[count:count + self.auction.arcs.source.size], self.grain)
