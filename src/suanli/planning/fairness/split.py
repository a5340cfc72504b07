"""A large problem as a few random parts, each with its part of the capacity.

POP (Narayanan et al., "Solving large-scale granular resource allocation problems efficiently with
POP", SOSP 2021): parts that are random samples of the rows have nearly the prices of the whole.
A tenant's rows are dealt evenly over the parts, and its budget and what it received follow what
its rows in a part can use, so that a part is the whole market in small.
"""

from dataclasses import dataclass, replace

import numpy as np

from suanli.planning.fairness.certificate import (
    Duals,
    objective,
    prices_of,
    upper_bound,
    utility_of,
)
from suanli.planning.fairness.grid import reach_of
from suanli.planning.fairness.layout import Layout, layout_of
from suanli.planning.fairness.problem import Floats, Ints, Problem
from suanli.planning.fairness.program import Program
from suanli.planning.fairness.shares import Shares
from suanli.terms.errors import InputError

PARTS_MAX = 8


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows, their market in small, and its share of all budgets and all capacity."""

    rows: Ints
    problem: Problem
    weight: float


class Split:
    """The parts of one problem; they stay the same rows from round to round."""

    def __init__(self, problem: Problem, parts: int, seed: int) -> None:
        if not 2 <= parts <= PARTS_MAX:
            raise InputError(f"{parts} parts; 2 to {PARTS_MAX} are accepted")
        self._layout = layout_of(problem)
        self.rows = deal(problem, parts, seed)
        self._programs = [Program(part.problem) for part in parts_of(problem, self.rows)]

    def fits(self, problem: Problem) -> bool:
        """Say whether the parts of a problem have the matrices of these parts."""
        return (problem.shape == self._layout.shape and problem.tenants == self._layout.tenants
                and all(program.fits(part.problem) for program, part in
                        zip(self._programs, parts_of(problem, self.rows), strict=True)))

    def solve(self, problem: Problem, time_limit_s: float) -> Shares:
        """Return merged shares; the gap is certified for the whole problem.

        Raises: Unsolved where a part is not solved in its equal part of the time.
        """
        parts = parts_of(problem, self.rows)
        solved = [program.solve(part.problem, time_limit_s / len(parts))
                  for program, part in zip(self._programs, parts, strict=True)]
        return _merged(problem, self._layout, list(zip(parts, solved, strict=True)))


def deal(problem: Problem, parts: int, seed: int) -> list[Ints]:
    """Return the rows of each part, rising: shuffled, then dealt tenant by tenant."""
    order = np.random.default_rng(seed).permutation(len(problem.work))
    order = order[np.argsort(problem.tenant_of_row[order], kind="stable")]
    return [np.sort(order[part::parts]) for part in range(parts)]


def parts_of(problem: Problem, rows: list[Ints]) -> list[Part]:
    """Return the parts of a problem; budgets follow what a tenant's rows could use."""
    best = problem.theta.max(axis=1, initial=0.0)
    wanted = np.minimum(problem.work, (problem.demand * problem.hours).sum(1) * best)
    totals = np.bincount(problem.tenant_of_row, wanted, problem.tenants)
    parts = []
    for own in rows:
        of_tenant = np.bincount(problem.tenant_of_row[own], wanted[own], problem.tenants)
        share = np.divide(of_tenant, totals, out=np.zeros_like(totals), where=totals > 0)
        parts.append(_part(problem, own, share))
    used = sum(part.weight for part in parts) or 1.0
    return [replace(part, weight=part.weight / used, problem=replace(
        part.problem, capacity=problem.capacity * (part.weight / used))) for part in parts]


def _part(problem: Problem, rows: Ints, share: Floats) -> Part:
    """Return one part, with all capacity still; its objective counts its own budgets as 1."""
    weight = float((share * problem.weights).sum())
    return Part(rows, replace(
        problem, budgets=problem.weights * share, received=problem.received * share,
        tenant_of_row=problem.tenant_of_row[rows], theta=problem.theta[rows],
        demand=problem.demand[rows], work=problem.work[rows],
        cost=problem.cost / weight if weight > 0 else problem.cost), weight)


def _merged(problem: Problem, layout: Layout, solved: list[tuple[Part, Shares]]) -> Shares:
    """Return the parts' shares as those of the whole, in the whole's units, and certified."""
    devices, prices = np.zeros(problem.shape), np.zeros_like(problem.capacity)
    parallelism, work = np.zeros_like(problem.demand), np.zeros_like(problem.work)
    for part, shares in solved:
        devices[part.rows] = shares.devices
        parallelism[part.rows] = shares.duals.parallelism * part.weight
        work[part.rows] = shares.duals.work * part.weight
        # A part's price in units of the whole is x weight; and it is the price of that much.
        prices += shares.prices * part.weight**2
    used = devices[layout.row, layout.pool] * problem.hours
    utility = utility_of(problem, layout, used)
    marginal = np.divide(problem.weights, utility, out=np.zeros_like(utility), where=utility > 0)
    duals = Duals(marginal, parallelism, work)
    is_active = reach_of(problem, layout).is_active
    bound = upper_bound(problem, duals, prices_of(problem, layout, duals), is_active)
    return Shares(devices, prices, duals, utility, bound,
                  bound - objective(problem, layout, used, is_active),
                  sum(s.seconds for _, s in solved), sum(s.iterations for _, s in solved))
