"""Quantities and prices in one program, for auctions of few steps and many blocks.

Where blocks make most of the welfare, cutting one proposal after another is hopeless: nearly every
choice has losers. Here prices are columns too, and strong duality ties them to quantities (Madani
and Van Vyve, arXiv 1410.4468):

    welfare of quantities >= sum(surplus of steps) + sum(rents of arcs) + sum(surplus of blocks)

Weak duality says "at most" for any prices, so the row makes every surplus exact. A step's surplus
is at least its lots times what the price leaves it; an accepted block's is at least what prices
give it (a big M switches that off for a rejected one), and no family's may be negative. A
curtailable block is taken whole, at its least ratio, or in between with a surplus of nothing: three
binaries. An offer's steps have a surplus only if it is accepted, its fixed cost or more.

The program is denser than the master's and its relaxation weaker, so it is for small auctions; its
prices are not whole, and are found anew for what it decides.
"""

import time
from itertools import pairwise
from typing import Any, NamedTuple

import highspy
import numpy as np

from suanli.clearing.decision import (
    GENERATIONS,
    Decision,
    as_ppm,
    block_lots,
    block_of_leg,
)
from suanli.clearing.dispatch import costs, network, scale_of
from suanli.clearing.solver import (
    INFINITY,
    Bounds,
    Entries,
    Floats,
    joined,
    loaded,
    run,
)
from suanli.clearing.steps import Window, columns_of
from suanli.market.auction.instance import NONE, UNIT, Auction, Ints
from suanli.market.book import BUY, SELL

# Above these the cut loop is better: measured on random auctions of 20 to 60 blocks.
STEPS_MAX, BLOCKS_MAX = 1_500, 120


class Places(NamedTuple):
    """Numbers of the columns of each kind."""

    steps: Ints
    arcs: Ints
    whole: Ints  # (blocks,) taken whole
    least: Ints  # (curtailable,) taken at the least ratio
    between: Ints  # (curtailable,) taken in between
    ratio: Ints  # (curtailable,) the ratio in between
    offers: Ints
    prices: Ints
    surplus: Ints  # of steps
    rents: Ints  # of arcs
    gain: Ints  # (blocks,) surplus of those taken whole
    gain_least: Ints  # (curtailable,)


class Choice(NamedTuple):
    """What the program chooses, and what it proves."""

    decision: Decision
    bound: float  # no clearing has more welfare, micro-RMB; endless where prices were narrowed
    is_optimal: bool
    taken: Ints  # its binaries that are one, by column
    others: Ints


def is_for(auction: Auction) -> bool:
    """Say whether an auction is small enough."""
    return (auction.curves.cell.size + auction.arcs.source.size <= STEPS_MAX
            and auction.blocks.side.size + auction.offers.fixed.size <= BLOCKS_MAX
            and bool((auction.arcs.gain_ppm == UNIT).all()))


class Joint:
    """The program of one auction; cuts stay."""

    def __init__(self, auction: Auction) -> None:
        self.auction, self.scale = auction, scale_of(auction)
        everything = np.full(auction.cells, auction.price_min), np.full(auction.cells,
                                                                        auction.price_max)
        self.columns = columns_of(auction.curves, Window(*everything))
        self.curtailable = np.flatnonzero(auction.blocks.ratio_ppm < UNIT)
        self.places = self._places()
        self.low, self.high = self._price_range()
        self._rows: list[tuple[Entries, Floats, Floats]] = []
        self._count = 0
        self._state()
        self._binaries = np.concatenate([self.places.whole, self.places.least,
                                         self.places.between, self.places.offers])
        self._solver = self._load()

    def solve(self, until: float, gap: float, start: Decision | None) -> Choice:
        """Return the best choice.

        Raises: TimeoutError where there is none yet, Infeasible, Unsolved.
        """
        self._solver.setOptionValue("mip_rel_gap", gap)
        self._solver.setOptionValue("mip_abs_gap", 1e-6)
        self._hint(start)
        is_done = run(self._solver, until - time.perf_counter(), True)
        info = self._solver.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            raise TimeoutError("the time for solving is over")
        value = np.asarray(self._solver.getSolution().col_value)
        bound = -info.mip_dual_bound * self.scale.price * self.scale.lots
        is_narrowed = self.low > self.auction.price_min or self.high < self.auction.price_max
        is_taken = value[self._binaries] > 0.5
        return Choice(self._decision(value), np.inf if is_narrowed else bound, is_done,
                      self._binaries[is_taken], self._binaries[~is_taken])

    def cut(self, choice: Choice) -> None:
        """Forbid a choice."""
        index = np.concatenate([choice.taken, choice.others]).astype(np.int32)
        value = np.concatenate([np.full(choice.taken.size, -1.0), np.ones(choice.others.size)])
        self._solver.addRow(1.0 - choice.taken.size, INFINITY, index.size, index, value)

    def _hint(self, start: Decision | None) -> None:
        if start is None:
            return
        ppm, some = start.block_ppm, self.curtailable
        cut = ppm[some]
        is_least = cut == self.auction.blocks.ratio_ppm[some]
        value = np.concatenate([ppm == UNIT, is_least, (cut > 0) & (cut < UNIT) & ~is_least,
                                start.offers == 1]).astype(float)
        self._solver.setSolution(value.size, self._binaries.astype(np.int32), value)

    def _decision(self, value: Floats) -> Decision:
        places, blocks, some = self.places, self.auction.blocks, self.curtailable
        ppm = np.where(value[places.whole] > 0.5, UNIT, 0)
        ppm[some] += np.where(value[places.least] > 0.5, blocks.ratio_ppm[some], 0)
        between = as_ppm(value[places.ratio])
        ppm[some] += np.where(value[places.between] > 0.5, between, 0)
        ppm = np.where(ppm > 0, np.clip(ppm, blocks.ratio_ppm, UNIT), 0)
        return Decision(ppm, (value[places.offers] > 0.5).astype(np.int64))

    def _places(self) -> Places:
        steps, arcs = self.columns.cell.size, self.auction.arcs.source.size
        blocks, some = self.auction.blocks.side.size, self.curtailable.size
        offers = self.auction.offers.fixed.size
        ends = np.cumsum([0, steps, arcs, blocks, some, some, some, offers, self.auction.cells,
                          steps, arcs, blocks, some])
        return Places(*(np.arange(a, b) for a, b in pairwise(ends)))

    def _price_range(self) -> tuple[int, int]:
        """Return where prices are looked for: the orders' limits, and as much again each way."""
        auction = self.auction
        limits = np.concatenate([auction.curves.price, auction.blocks.price])
        least, most = int(limits.min(initial=0)), int(limits.max(initial=0))
        span = most - least + int(auction.arcs.fee.max(initial=0)) + 1
        return max(auction.price_min, least - span), min(auction.price_max, most + span)

    def _state(self) -> None:
        """State all rows."""
        self._add(self._balance(), 0.0, 0.0, self.auction.cells)
        self._step_duals()
        self._arc_duals()
        self._strong_duality()
        self._block_gains()
        self._rules()
        self._offers()

    def _add(self, entries: Entries, lower: Floats | float, upper: Floats | float,
             rows: int) -> None:
        self._rows.append((entries._replace(row=entries.row + self._count),
                           np.broadcast_to(np.asarray(lower, float), rows),
                           np.broadcast_to(np.asarray(upper, float), rows)))
        self._count += rows

    def _balance(self) -> Entries:
        blocks = self.auction.blocks
        owner = block_of_leg(blocks)
        sign = np.where(blocks.side[owner] == SELL, 1.0, -1.0)
        lots = sign * blocks.leg_lots / self.scale.lots
        return joined([network(self.columns, self.auction, self.scale),
                       *(Entries(blocks.leg_cell[leg], column, lots[leg] * weight)
                         for leg, column, weight in self._taken(owner))])

    def _taken(self, owner: Ints) -> list[tuple[Ints, Ints, Floats]]:
        """Return, for rows that name blocks, which of them, the column and its weight."""
        some = self.curtailable
        place = np.full(self.auction.blocks.side.size, NONE)
        place[some] = np.arange(some.size)
        member = np.flatnonzero(place[owner] != NONE)
        at, ratio = place[owner[member]], self.auction.blocks.ratio_ppm[owner[member]] / UNIT
        everyone = np.arange(owner.size)
        return [(everyone, self.places.whole[owner], np.ones(owner.size)),
                (member, self.places.least[at], ratio),
                (member, self.places.ratio[at], np.ones(member.size))]

    def _step_duals(self) -> None:
        """A step's surplus is at least what the price leaves it, if its offer is accepted."""
        columns, places = self.columns, self.places
        number = np.arange(columns.cell.size)
        lots, price = columns.lots / self.scale.lots, columns.price / self.scale.price
        low, high = self.low / self.scale.price, self.high / self.scale.price
        offered = np.flatnonzero(columns.offer != NONE)
        most = np.zeros(columns.cell.size)
        most[offered] = (lots * np.maximum(high - np.maximum(price, low), 0.0))[offered]
        self._add(joined([
            Entries(number, places.surplus, np.ones(number.size)),
            Entries(number, places.prices[columns.cell], -columns.sign * lots),
            Entries(offered, places.offers[columns.offer[offered]], -most[offered])]),
            -columns.sign * lots * price - most, INFINITY, number.size)

    def _arc_duals(self) -> None:
        arcs, number = self.auction.arcs, np.arange(self.auction.arcs.source.size)
        capacity = arcs.capacity / self.scale.lots
        self._add(joined([
            Entries(number, self.places.rents, np.ones(number.size)),
            Entries(number, self.places.prices[arcs.target], -capacity),
            Entries(number, self.places.prices[arcs.source], capacity)]),
            -capacity * arcs.fee / self.scale.price, INFINITY, number.size)

    def _strong_duality(self) -> None:
        places = self.places
        value = -self._cost()
        value[places.offers] = 0.0
        duals = np.concatenate([places.surplus, places.rents, places.gain, places.gain_least])
        primal = np.flatnonzero(value)
        row = np.zeros(primal.size + duals.size, np.int64)
        self._add(Entries(row, np.concatenate([primal, duals]),
                          np.concatenate([value[primal], -np.ones(duals.size)])),
                  0.0, INFINITY, 1)

    def _block_gains(self) -> None:
        """An accepted block's gain is at least what prices give it; in between it is nothing."""
        blocks, places, some = self.auction.blocks, self.places, self.curtailable
        everyone, ratio = np.arange(blocks.side.size), blocks.ratio_ppm[some] / UNIT
        for chosen, taken, gain, weight in (
                (everyone, places.whole, places.gain, np.ones(everyone.size)),
                (some, places.least, places.gain_least, ratio)):
            entries, limit, most = self._surplus(chosen)
            number = np.arange(chosen.size)
            # gain - weight * surplus - M * taken >= -M, and |gain| <= M * taken
            scaled = entries._replace(value=-entries.value * weight[entries.row])
            self._add(joined([Entries(number, gain, np.ones(number.size)), scaled,
                              Entries(number, taken, -most)]),
                      -most - weight * limit, INFINITY, number.size)
            for side in (1.0, -1.0):
                self._add(joined([Entries(number, gain, np.full(number.size, side)),
                                  Entries(number, taken, -most)]), -INFINITY, 0.0, number.size)
        entries, limit, most = self._surplus(some)
        number = np.arange(some.size)
        for side in (1.0, -1.0):
            self._add(joined([entries._replace(value=entries.value * side),
                              Entries(number, places.between, most)]),
                      -INFINITY, most + side * limit, some.size)

    def _surplus(self, chosen: Ints) -> tuple[Entries, Floats, Floats]:
        """Return surpluses as ``entries @ prices - limit``, and the most that they can be."""
        blocks = self.auction.blocks
        owner = block_of_leg(blocks)
        place = np.full(blocks.side.size, NONE)
        place[chosen] = np.arange(chosen.size)
        leg = np.flatnonzero(place[owner] != NONE)
        sign = np.where(blocks.side == SELL, 1.0, -1.0)
        lots = blocks.leg_lots / self.scale.lots
        entries = Entries(place[owner[leg]], self.places.prices[blocks.leg_cell[leg]],
                          (sign[owner] * lots)[leg])
        total = block_lots(blocks) / self.scale.lots
        limit = sign * total * blocks.price / self.scale.price
        far = np.maximum(np.abs(self.high - blocks.price), np.abs(blocks.price - self.low))
        return entries, limit[chosen], (total * far / self.scale.price)[chosen]

    def _rules(self) -> None:
        """Families do not lose; one way to be taken; links; exclusive groups."""
        blocks, places, some = self.auction.blocks, self.places, self.curtailable
        self._families()
        number = np.arange(some.size)
        one = np.ones(some.size)
        self._add(joined([Entries(number, places.whole[some], one),
                          Entries(number, places.least, one),
                          Entries(number, places.between, one)]), -INFINITY, 1.0, some.size)
        for weight, lower, upper in ((blocks.ratio_ppm[some] / UNIT, 0.0, INFINITY),
                                     (one, -INFINITY, 0.0)):
            self._add(joined([Entries(number, places.ratio, one),
                              Entries(number, places.between, -weight)]),
                      lower, upper, some.size)
        child = np.flatnonzero(blocks.parent != NONE)
        self._add(joined([Entries(at, column, weight * side)
                          for side, ends in ((1.0, child), (-1.0, blocks.parent[child]))
                          for at, column, weight in self._taken(ends)]),
                  -INFINITY, 0.0, child.size)
        member = np.flatnonzero(blocks.group != NONE)
        numbers, group = np.unique(blocks.group[member], return_inverse=True)
        self._add(joined([Entries(group[at], column, weight)
                          for at, column, weight in self._taken(member)]),
                  -INFINITY, 1.0, numbers.size)

    def _families(self) -> None:
        blocks, places, some = self.auction.blocks, self.places, self.curtailable
        parts, above = [], np.arange(blocks.side.size)
        for _ in range(GENERATIONS):
            member = np.flatnonzero(above != NONE)
            parts.append(Entries(above[member], places.gain[member], np.ones(member.size)))
            cut = np.flatnonzero(above[some] != NONE)
            parts.append(Entries(above[some[cut]], places.gain_least[cut], np.ones(cut.size)))
            above = np.where(above == NONE, NONE, blocks.parent[above])
        self._add(joined(parts), 0.0, INFINITY, blocks.side.size)

    def _offers(self) -> None:
        """An offer's steps only with it, and then with its fixed cost or more."""
        columns, places, fixed = self.columns, self.places, self.auction.offers.fixed
        step = np.flatnonzero(columns.offer != NONE)
        number, owner = np.arange(step.size), places.offers[columns.offer[step]]
        lots = columns.lots[step] / self.scale.lots
        self._add(joined([Entries(number, places.steps[step], np.ones(step.size)),
                          Entries(number, owner, -lots)]), -INFINITY, 0.0, step.size)
        self._add(joined([Entries(columns.offer[step], places.surplus[step], np.ones(step.size)),
                          Entries(np.arange(fixed.size), places.offers,
                                  -fixed / (self.scale.price * self.scale.lots))]),
                  0.0, INFINITY, fixed.size)

    def _cost(self) -> Floats:
        blocks, places, some = self.auction.blocks, self.places, self.curtailable
        cost = np.zeros(int(max(kind.max() for kind in places if kind.size)) + 1)
        cost[np.concatenate([places.steps, places.arcs])] = costs(self.columns, self.auction,
                                                                 self.scale)
        sign = np.where(blocks.side == BUY, -1.0, 1.0)
        each = sign * block_lots(blocks) / self.scale.lots * blocks.price / self.scale.price
        cost[places.whole] = each
        cost[places.least] = each[some] * blocks.ratio_ppm[some] / UNIT
        cost[places.ratio] = each[some]
        cost[places.offers] = self.auction.offers.fixed / (self.scale.price * self.scale.lots)
        return cost

    def _load(self) -> Any:
        places, cost = self.places, self._cost()
        lower, upper = np.zeros(cost.size), np.full(cost.size, INFINITY)
        upper[places.steps] = self.columns.lots / self.scale.lots
        upper[places.arcs] = self.auction.arcs.capacity / self.scale.lots
        for kind in (self._binaries, places.ratio):
            upper[kind] = 1.0
        lower[places.prices] = self.low / self.scale.price
        upper[places.prices] = self.high / self.scale.price
        lower[np.concatenate([places.gain, places.gain_least])] = -INFINITY
        is_whole = np.zeros(cost.size, np.bool_)
        is_whole[self._binaries] = True
        entries = joined([row[0] for row in self._rows])
        return loaded(cost, Bounds(lower, upper),
                      Bounds(np.concatenate([row[1] for row in self._rows]),
                             np.concatenate([row[2] for row in self._rows])), entries, is_whole)
