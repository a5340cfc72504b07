"""Whole prices that support given quantities: the rules of verification as linear rows."""

import numpy as np
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import lil_matrix

from suanli.market.auction.instance import NONE, UNIT, Auction
from tests.oracles.quantities import Quantities

Row = tuple[list[tuple[int, float]], float, float]  # (cell, coefficient), least, most
SOME = 1e-5  # less of a quantity is nothing


def supporting_prices(auction: Auction, found: Quantities,
                      offers: np.ndarray) -> np.ndarray | None:
    """Return whole prices under which the quantities obey every rule, or None."""
    low, high = _intervals(auction, found, offers)
    if (low > high).any():
        return None
    rows = _rows(auction, found, offers)
    matrix = lil_matrix((max(len(rows), 1), auction.cells))
    least, most = np.full(max(len(rows), 1), -np.inf), np.full(max(len(rows), 1), np.inf)
    for n, (entries, least[n], most[n]) in enumerate(rows):
        for cell, number in entries:
            matrix[n, cell] += number
    answer = milp(np.zeros(auction.cells), integrality=np.ones(auction.cells),
                  bounds=(low, high), constraints=LinearConstraint(matrix.tocsr(), least, most))
    return None if answer.x is None else np.rint(answer.x)


def supports(auction: Auction, found: Quantities, offers: np.ndarray, prices: np.ndarray) -> bool:
    """Say whether given prices support the quantities."""
    low, high = _intervals(auction, found, offers)
    return bool((low <= prices).all() and (prices <= high).all()) and all(
        least <= sum(number * prices[cell] for cell, number in entries) <= most
        for entries, least, most in _rows(auction, found, offers))


def _intervals(auction: Auction, found: Quantities,
               offers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each cell's bounds by its steps: (cells,) each."""
    curves, lots = auction.curves, found.curve_lots
    is_open = (curves.offer == NONE) | np.append(offers, True)[curves.offer]
    some, not_all = lots > SOME, lots < curves.lots - SOME
    # a buyer's part is taken: the price is no higher; is left: no lower. A seller's mirrored
    caps = is_open & np.where(curves.side == 0, some, not_all)
    floors = is_open & np.where(curves.side == 0, not_all, some)
    low = np.full(auction.cells, float(auction.price_min))
    high = auction.highest.astype(float)
    np.minimum.at(high, curves.cell[caps], curves.price[caps])
    np.maximum.at(low, curves.cell[floors], curves.price[floors])
    return low, high


def _rows(auction: Auction, found: Quantities, offers: np.ndarray) -> list[Row]:
    return (_arc_rows(auction, found) + _block_rows(auction, found.block_share)
            + _offer_rows(auction, found.curve_lots, offers))


def _arc_rows(auction: Auction, found: Quantities) -> list[Row]:
    arcs, rows = auction.arcs, []
    for a in range(arcs.source.size):
        gain, fee = arcs.gain_ppm[a] / UNIT, float(arcs.fee[a])
        tick = 0.0 if arcs.gain_ppm[a] == UNIT else max(gain, 1.0) - 1 / UNIT
        loss = 0.0 if arcs.gain_ppm[a] == UNIT else gain - 1 / UNIT
        least = fee - loss if found.flows[a] > SOME else -np.inf
        most = fee + tick if found.flows[a] < arcs.capacity[a] - SOME else np.inf
        rows.append(([(int(arcs.target[a]), gain), (int(arcs.source[a]), -1.0)], least, most))
    return rows


def gain_row(auction: Auction, block: int, weight: float = 1.0) -> tuple[list[tuple[int, float]],
                                                                         float]:
    """Return a block's surplus as coefficients of the prices, and a constant."""
    blocks = auction.blocks
    sign = weight * (1 if blocks.side[block] == 0 else -1)
    legs = range(blocks.leg_start[block], blocks.leg_start[block + 1])
    entries = [(int(blocks.leg_cell[g]), -sign * float(blocks.leg_lots[g])) for g in legs]
    return entries, -sum(number for _, number in entries) * float(blocks.price[block])


def family_of(auction: Auction, block: int) -> list[int]:
    """Return a block and its descendants."""
    family = [block]
    for member in family:
        family += np.flatnonzero(auction.blocks.parent == member).tolist()
    return family


def _block_rows(auction: Auction, share: np.ndarray) -> list[Row]:
    blocks, rows = auction.blocks, []
    for b in np.flatnonzero(share > SOME).tolist():
        entries, constant = [], 0.0
        for member in family_of(auction, b):
            if share[member] > SOME:
                more, plus = gain_row(auction, member, float(share[member]))
                entries += more
                constant += plus
        rows.append((entries, -constant, np.inf))
        if blocks.ratio_ppm[b] / UNIT + SOME < share[b] < 1 - SOME:
            own, constant = gain_row(auction, b)
            lots = sum(abs(number) for _, number in own)
            rows.append((own, 1 - lots - constant, lots - 1 - constant))
    return rows


def _offer_rows(auction: Auction, lots: np.ndarray, offers: np.ndarray) -> list[Row]:
    curves, rows = auction.curves, []
    for offer in np.flatnonzero(offers).tolist():
        steps = np.flatnonzero((curves.offer == offer) & (lots > SOME))
        entries = [(int(curves.cell[s]), float(lots[s])) for s in steps]
        cost = float(auction.offers.fixed[offer] + (curves.price[steps] * lots[steps]).sum())
        rows.append((entries, cost, np.inf))
    return rows
