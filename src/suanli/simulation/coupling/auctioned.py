"""The same day as a call auction: coupled or not, training as blocks or hour by hour."""

import numpy as np

from suanli.clearing import solve
from suanli.market.auction.instance import (
    NO_BLOCKS,
    NONE,
    UNIT,
    Arcs,
    Auction,
    Blocks,
    Clearing,
    Curves,
)
from suanli.market.auction.verification import verify
from suanli.market.book import BUY, SELL
from suanli.simulation.coupling.outcome import Ints, Outcome
from suanli.simulation.coupling.world import HOURS, POSTED_MRMB, Day, Tenant
from suanli.terms.errors import InvariantBroken

PRICE_MAX_MRMB = 100_000


def auctioned(day: Day, is_coupled: bool = True, has_blocks: bool = True) -> Outcome:
    """Clear the day's orders at uniform prices; without blocks, training bids hour by hour.

    Who bids hour by hour names its first start, and pays for what it gets though it is of no use
    unless it got all.
    """
    curves, owners = _curves(day, has_blocks)
    trainers = [n for n, tenant in enumerate(day.tenants) if tenant.width]
    blocks = _blocks(day, trainers) if has_blocks else NO_BLOCKS
    auction = Auction(len(day.capacity) * HOURS, 0, PRICE_MAX_MRMB, curves, blocks,
                      arcs=_arcs(day, is_coupled))
    clearing = solve(auction).clearing
    breach = verify(auction, clearing)
    if breach:
        raise InvariantBroken(f"a clearing of the study does not stand: {breach}")
    return _outcome(day, auction, clearing, owners)


def _curves(day: Day, has_blocks: bool) -> tuple[Curves, Ints]:
    """Return the steps, operators' first; and the tenant of each, -1 for an operator."""
    rows = [(operator * HOURS + hour, SELL, POSTED_MRMB[operator], lots, NONE)
            for operator, hours in enumerate(day.capacity) for hour, lots in enumerate(hours)]
    for number, tenant in enumerate(day.tenants):
        if not tenant.width or not has_blocks:
            rows += [(tenant.home * HOURS + hour, BUY, tenant.value_mrmb, lots, number)
                     for hour, lots in enumerate(_by_hour(tenant)) if lots]
    cell, side, price, lots, owner = np.array(rows, np.int64).T
    return Curves(cell, side, price, lots, np.full(len(rows), NONE, np.int64)), owner


def _by_hour(tenant: Tenant) -> tuple[int, ...]:
    if not tenant.width:
        return tenant.lots
    first = tenant.starts[0]
    return tuple(tenant.width * (first <= hour < first + tenant.hours) for hour in range(HOURS))


def _blocks(day: Day, trainers: list[int]) -> Blocks:
    """Return a block for every start of every trainer, exclusive by trainer."""
    rows, cells, lots, bounds = [], [], [], [0]
    for number in trainers:
        tenant = day.tenants[number]
        for start in tenant.starts:
            rows.append((BUY, tenant.value_mrmb, UNIT, NONE, number))
            cells += [tenant.home * HOURS + start + hour for hour in range(tenant.hours)]
            lots += [tenant.width] * tenant.hours
            bounds.append(len(cells))
    side, price, ratio, parent, group = np.array(rows, np.int64).reshape(-1, 5).T.copy()
    return Blocks(side, price, ratio, parent, group, np.array(bounds, np.int64),
                  np.array(cells, np.int64), np.array(lots, np.int64))


def _arcs(day: Day, is_coupled: bool) -> Arcs:
    rows = [(link.source * HOURS + hour, link.target * HOURS + hour,
             link.lots if is_coupled else 0, link.fee_mrmb, UNIT)
            for link in day.links for hour in range(HOURS)]
    return Arcs(*np.array(rows, np.int64).reshape(-1, 5).T.copy())


def _outcome(day: Day, auction: Auction, clearing: Clearing, owners: Ints) -> Outcome:
    shape = (len(day.capacity), HOURS)
    is_sell = owners == NONE
    sold = np.zeros(shape, np.int64)
    np.add.at(sold.reshape(-1), auction.curves.cell[is_sell], clearing.curve_lots[is_sell])
    got = np.zeros(len(day.tenants), np.int64)
    np.add.at(got, owners[~is_sell], clearing.curve_lots[~is_sell])
    blocks = auction.blocks
    taken = np.flatnonzero(clearing.block_ppm)
    for block in taken.tolist():
        got[blocks.group[block]] += blocks.leg_lots[
            blocks.leg_start[block]:blocks.leg_start[block + 1]].sum()
    useful = np.array([lots if not tenant.width or lots == tenant.asked() else 0
                       for lots, tenant in zip(got.tolist(), day.tenants, strict=True)], np.int64)
    fees = int((clearing.flows * auction.arcs.fee).sum())
    cost = int((sold.sum(axis=1) * np.array(POSTED_MRMB)).sum()) + fees
    return Outcome(useful, sold, clearing.prices.reshape(shape), cost)
