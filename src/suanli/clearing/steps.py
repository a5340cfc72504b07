"""The hourly curves as few columns: equal prices merged, what is far from any price in one lump.

A cell's *window* is a range of prices. Steps within it are merged by side and price; those below
and above it are lumped, a lump a side, priced at its member nearest to the window. A lump's price
flatters it (a seller's lump costs what its cheapest member costs; a buyer's that is cut back loses
what its least keen member loses), so the merged program is a relaxation, and the same program
wherever no lump is touched: the sellers' lower lump sold out, the buyers' upper lump served, the
other two idle. Where one is touched the window is too narrow, and is made wider. A minimum-income
offer's steps are never lumped.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from suanli.clearing.solver import Floats
from suanli.market.auction.instance import NONE, Auction, Curves, Ints
from suanli.market.book import BUY, SELL

BELOW, WITHIN, ABOVE = 0, 1, 2
# A window first holds so many distinct prices on either side of where the curves cross.
WINDOW_STEPS = 12


class Window(NamedTuple):
    """The range of prices of each cell, both ends within it, shape (cells,)."""

    low: Ints
    high: Ints


class Columns(NamedTuple):
    """Merged steps, each array of shape (columns,)."""

    cell: Ints
    sign: Ints  # 1 sells, -1 buys
    price: Ints
    lots: Ints
    offer: Ints
    part: Ints  # BELOW, WITHIN or ABOVE its cell's window
    constant: float  # welfare that the lumps' prices leave out, micro-RMB


def columns_of(curves: Curves, window: Window) -> Columns:
    """Return the merged columns, in the order of (cell, side, offer, part, price)."""
    part = _parts(curves, window)
    key = np.where(part == WITHIN, curves.price, 0)
    rank = np.lexsort((key, part, curves.offer, curves.side, curves.cell))
    fields = [field[rank] for field in (curves.cell, curves.side, curves.offer, part, key)]
    first = _first(fields)
    start = np.flatnonzero(first)
    cell, side, offer, part_of, _ = (field[start] for field in fields)
    price, lots = curves.price[rank], curves.lots[rank]
    if not start.size:
        return Columns(cell, side, price, lots, offer, part_of, 0.0)
    near = np.where(part_of == BELOW, np.maximum.reduceat(price, start),
                    np.minimum.reduceat(price, start))
    total = np.add.reduceat(lots, start)
    sign = np.where(side == SELL, 1, -1)
    lump = np.cumsum(first) - 1
    missed = ((near[lump] - price) * sign[lump] * lots)[is_full(side, part_of)[lump]]
    return Columns(cell, sign, near, total, offer, part_of, float(missed.astype(float).sum()))


def is_full(side: Ints, part: Ints) -> NDArray[np.bool_]:
    """Say which lumps are expected to be accepted whole."""
    return np.asarray(((side == SELL) & (part == BELOW)) | ((side == BUY) & (part == ABOVE)))


def touched(columns: Columns, accepted: Floats, tolerance: float) -> Ints:
    """Return the cells in which a lump is not as expected: their windows are too narrow."""
    side = np.where(columns.sign == 1, SELL, BUY)
    expected = np.where(is_full(side, columns.part), columns.lots, 0)
    off = (columns.part != WITHIN) & (np.abs(accepted - expected) > tolerance)
    return np.unique(columns.cell[off])


def first_window(auction: Auction, steps: int = WINDOW_STEPS) -> Window:
    """Return windows around where curves cross: each cell's own, and all connected cells' together.

    Cost: O(steps log steps).
    """
    own = _crossing(auction, np.arange(auction.cells))
    together = _crossing(auction, components(auction))
    return widened(auction, Window(np.minimum(own, together), np.maximum(own, together)), steps)


def components(auction: Auction) -> Ints:
    """Return the least cell that each cell is connected with by arcs: (cells,)."""
    arcs = auction.arcs
    useful = arcs.capacity > 0
    return labels(auction.cells, arcs.source[useful], arcs.target[useful])


def labels(cells: int, source: Ints, target: Ints) -> Ints:
    """Return the least cell of each cell's connected component: (cells,)."""
    label = np.arange(cells)
    while True:
        least = np.minimum(label[source], label[target])
        after = label.copy()
        np.minimum.at(after, source, least)
        np.minimum.at(after, target, least)
        after = after[after]
        if np.array_equal(after, label):
            return label
        label = after


def widened(auction: Auction, window: Window, steps: int, cells: Ints | None = None) -> Window:
    """Return windows that hold so many more distinct prices at each end, in some cells or all."""
    if not auction.curves.cell.size:
        return window
    rank = np.lexsort((auction.curves.price, auction.curves.cell))
    cell, price = auction.curves.cell[rank], auction.curves.price[rank]
    distinct = np.flatnonzero(_first([cell, price]))
    cell, price = cell[distinct], price[distinct]
    chosen = np.arange(auction.cells) if cells is None else cells
    start = np.searchsorted(cell, chosen)
    end = np.searchsorted(cell, chosen, side="right")
    # prices of one cell rise, so a search by (cell, price) is a search in one array
    span = auction.price_max - auction.price_min + 2
    key = cell * span + np.clip(price - auction.price_min, 0, span - 1)
    low, high = window.low.copy(), window.high.copy()
    at_low = np.searchsorted(key, chosen * span + (low[chosen] - auction.price_min))
    at_high = np.searchsorted(key, chosen * span + (high[chosen] - auction.price_min), "right") - 1
    reach_low, reach_high = at_low - steps, at_high + steps
    safe = np.clip(reach_low, 0, price.size - 1), np.clip(reach_high, 0, price.size - 1)
    low[chosen] = np.where(reach_low < start, auction.price_min,
                           np.minimum(low[chosen], price[safe[0]]))
    high[chosen] = np.where(reach_high >= end, auction.price_max,
                            np.maximum(high[chosen], price[safe[1]]))
    return Window(low, high)


def _parts(curves: Curves, window: Window) -> Ints:
    part = np.where(curves.price < window.low[curves.cell], BELOW,
                    np.where(curves.price > window.high[curves.cell], ABOVE, WITHIN))
    return np.where(curves.offer == NONE, part, WITHIN)


def _first(fields: list[Ints]) -> NDArray[np.bool_]:
    """Say of sorted rows which differ from the row before."""
    first = np.ones(fields[0].size, np.bool_)
    if first.size:
        first[1:] = np.logical_or.reduce([field[1:] != field[:-1] for field in fields])
    return first


def _crossing(auction: Auction, label: Ints) -> Ints:
    """Return the price at which the curves of each label's cells, taken together, cross: (cells,).

    In rising price: supply up to it and demand given up below it come to the whole demand.
    """
    curves = auction.curves
    middle = np.full(auction.cells, (auction.price_min + auction.price_max) // 2)
    if not curves.cell.size:
        return middle
    rank = np.lexsort((curves.price, label[curves.cell]))
    owner, lots = label[curves.cell][rank], curves.lots[rank]
    is_buy = curves.side[rank] == BUY
    sums = np.cumsum(lots)
    start = np.searchsorted(owner, np.arange(auction.cells))
    end = np.searchsorted(owner, np.arange(auction.cells), side="right")
    before = np.where(start > 0, sums[start - 1], 0)
    demand = np.zeros(auction.cells, np.int64)
    np.add.at(demand, owner, np.where(is_buy, lots, 0))
    at = np.clip(np.searchsorted(sums, before + demand), start, np.maximum(end - 1, start))
    price = curves.price[rank][np.clip(at, 0, lots.size - 1)]
    found = np.where(end > start, price, middle)
    return np.clip(found, auction.price_min, auction.price_max)[label]
