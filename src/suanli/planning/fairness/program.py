"""The piecewise-linear program (scheduler.md 9.3): built once, solved again each round.

Two passes: over the whole range where utilities can lie, then over a narrow one around what was
found, whose pieces are so short that utilities, and not only the objective, are right to a
fraction of a per cent. The next round starts on that narrow grid and keeps it while the
certificate is good.

Method, as measured on 48,030 columns (500 rows, 12 pools, 10 slots): from nothing, interior point
with crossover takes 5 to 6 s, dual simplex 5 to 17 s, PDLP 19 to 26 s with less exact prices; from
the last round's basis, simplex takes 0.3 to 2 s. Small programs are simplex always.
"""

import time
from dataclasses import replace

import numpy as np

from suanli.planning.fairness.certificate import (
    Duals,
    objective,
    prices_of,
    upper_bound,
    utility_of,
    within_bounds,
)
from suanli.planning.fairness.grid import PIECES, Reach, around, pieces, reach_of
from suanli.planning.fairness.layout import layout_of
from suanli.planning.fairness.matrix import Matrix
from suanli.planning.fairness.problem import Problem
from suanli.planning.fairness.shares import Shares, nothing
from suanli.planning.solver import Unsolved, run_to_optimum

# Quantities are scaled so that all capacity together is this many, and the objective by as much,
# so that prices are near 1 and the solver's absolute tolerances of 1e-7 mean something.
SCALE = 1e4
# Below this size simplex from nothing is faster than interior point and crossover.
INTERIOR_POINT_COLUMNS_MIN = 20_000
# A basis that is worth keeping needs fewer (about 1 ms each at 50,000 columns); a count, unlike a
# clock, ends at the same place on every machine.
WARM_ITERATIONS_MAX = 5_000
ITERATIONS_MAX = 2**31 - 1
# Narrow pieces make gaps of about 4e-6; above this a tenant has left the narrow grid.
GAP_KEPT, RECENTRED_MAX = 2e-5, 2
# How often the grid may be extended downwards where a tenant's utility lies below it.
EXTENSIONS_MAX, EXTENSION = 4, 1e3


class Program:
    """One program; `solve` it for any problem that `fits` it."""

    def __init__(self, problem: Problem) -> None:
        self._of = problem
        self.layout = layout_of(problem)
        self._matrix = Matrix(self.layout, problem.discount, PIECES)
        self._is_large = self.layout.columns >= INTERIOR_POINT_COLUMNS_MIN
        self._has_basis = False
        self._near: Reach | None = None  # the last narrow grid; its tenants are `is_active`
        self._iterations = 0

    def fits(self, problem: Problem) -> bool:
        """Say whether a problem has this program's matrix."""
        return problem is self._of or (
            problem.shape == self._of.shape and problem.tenants == self._of.tenants
            and np.array_equal(problem.theta, self._of.theta)
            and np.array_equal(problem.tenant_of_row, self._of.tenant_of_row)
            and np.array_equal(problem.discount, self._of.discount))

    def solve(self, problem: Problem, time_limit_s: float) -> Shares:
        """Return the shares of a problem that fits.

        Raises: Unsolved where the solver ends without an optimum, or the time is over.
        """
        started = time.perf_counter()
        until = started + time_limit_s
        self._iterations = 0
        reach = reach_of(problem, self.layout)
        if not (reach.is_active & (reach.highest > problem.received)).any():
            return self._idle(problem, reach)
        unit = float((problem.capacity * problem.hours).sum()) / SCALE
        self._matrix.set_rows(problem, problem.capacity, unit)
        found = self._again(problem, reach, unit, until) or self._anew(problem, reach, unit, until)
        return replace(found, seconds=time.perf_counter() - started, iterations=self._iterations)

    def _idle(self, problem: Problem, reach: Reach) -> Shares:
        """Return the shares of a problem in which nobody can have anything: the optimum."""
        weight, received = problem.weights[reach.is_active], problem.received[reach.is_active]
        reached = float((weight * np.log(received)).sum())
        return replace(nothing(problem), upper_bound=reached, gap=0.0, is_fresh=True)

    def _again(self, problem: Problem, reach: Reach, unit: float, until: float) -> Shares | None:
        """Solve on the last narrow grid, and around what that gives, if the certificate likes it.

        An unchanged grid leaves costs as they were, so that the last basis is nearly optimal.
        """
        for _ in range(RECENTRED_MAX):
            near = self._near
            if near is None or not np.array_equal(near.is_active, reach.is_active):
                return None
            found = self._pass(problem, near, unit, until)
            if found.gap <= GAP_KEPT:
                return found
            self._near = around(reach, found.utility)
        return None

    def _anew(self, problem: Problem, reach: Reach, unit: float, until: float) -> Shares:
        """Solve over the whole range, extended down where it has to be, then around that."""
        found = self._pass(problem, reach, unit, until)
        for _ in range(EXTENSIONS_MAX):
            is_below = reach.is_active & (found.utility < 0.999 * reach.lowest)
            if not is_below.any():
                break
            lowest = np.where(is_below, reach.lowest / EXTENSION, reach.lowest)
            reach = replace(reach, lowest=lowest)
            found = self._pass(problem, reach, unit, until)
        self._near = around(reach, found.utility)
        finer = self._pass(problem, self._near, unit, until)
        return finer if finer.gap <= found.gap else found

    def _pass(self, problem: Problem, reach: Reach, unit: float, until: float) -> Shares:
        """Solve with one grid."""
        width, slope = pieces(reach)
        self._matrix.set_costs(problem.cost[self.layout.pool] * (unit * SCALE),
                               slope * problem.weights[:, None] * (-unit * SCALE))
        self._matrix.set_pieces(np.zeros_like(width), width / unit)
        self._run(until)
        return self._shares(problem, reach, unit)

    def _run(self, until: float) -> None:
        """Run from the basis there is, for as long as that is worth it; else from nothing."""
        is_warm = not self._is_large or self._has_basis
        self._has_basis = is_warm and self._run_with("simplex", until)
        if not self._has_basis:
            self._matrix.solver.clearSolver()
            if not self._run_with("ipm", until):
                raise Unsolved("neither method came to an optimum")
            self._has_basis = True

    def _run_with(self, method: str, until: float) -> bool:
        """Say whether a method came to an optimum within its iterations."""
        solver = self._matrix.solver
        solver.setOptionValue("solver", method)
        is_limited = self._is_large and method == "simplex"
        solver.setOptionValue("simplex_iteration_limit",
                              WARM_ITERATIONS_MAX if is_limited else ITERATIONS_MAX)
        is_done = run_to_optimum(solver, until - time.perf_counter())
        info = solver.getInfo()
        self._iterations += info.simplex_iteration_count + info.ipm_iteration_count \
            + info.crossover_iteration_count
        return is_done

    def _shares(self, problem: Problem, reach: Reach, unit: float) -> Shares:
        """Return what the solver found, with its certificate."""
        used = within_bounds(problem, self.layout, self._matrix.shares() * unit)
        marginal, _, parallelism, work = (
            part / (-SCALE * unit) for part in self._matrix.row_duals())
        duals = Duals(marginal, np.maximum(parallelism, 0.0), np.maximum(work, 0.0))
        prices = prices_of(problem, self.layout, duals)
        bound = upper_bound(problem, duals, prices, reach.is_active)
        reached = objective(problem, self.layout, used, reach.is_active)
        return Shares(self.layout.spread(used / problem.hours), prices, duals,
                      utility_of(problem, self.layout, used), bound, bound - reached, 0.0, 0)
