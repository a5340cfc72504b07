"""Whether shares are fair: envy, sharing incentive, Pareto efficiency (scheduler.md 6.4, 9.1).

Values, not verdicts. Without caps and with nothing received before, envy is at most 1, everybody
has the sharing incentive and nothing can be gained; demand caps weaken the first two, so they are
looked at each round. `envy_paid` scales by what a tenant *pays* at the round's prices instead of
by its budget; it is at most 1 (but for the gap) at every optimum, caps or not, without costs.

Utilities of somebody else's bundle are linear programs, and there are many pairs: an upper bound
of each ranks them, and only those that could be the largest are solved.
"""

from dataclasses import dataclass, replace

import numpy as np

from suanli.planning.fairness.grid import Reach, reach_of
from suanli.planning.fairness.layout import Layout, layout_of
from suanli.planning.fairness.matrix import INFINITY, Matrix
from suanli.planning.fairness.problem import Floats, Problem
from suanli.planning.fairness.shares import Shares
from suanli.planning.solver import Unsolved, run_to_optimum

# A tenant has its incentive if it lacks no more than this part: the gap allows about as much.
INCENTIVE_TOLERANCE = 0.01
CHECK_LIMIT_S = 600.0


@dataclass(frozen=True)
class Checks:
    """What the checks found."""

    envy: float  # greatest worth of another's bundle, scaled by budget, over one's own
    envy_paid: float  # the same, scaled by what both pay
    incentive_share: float  # of tenants, those with their budget's share of U(all)
    incentive_worst: float  # least utility over that share; above 1 all are better off
    pareto_gain: float  # what could be gained without a loss, in budget-weighted log utility


class Alone:
    """What one tenant could make of a bundle of devices, within its own caps."""

    def __init__(self, problem: Problem, tenant: int) -> None:
        rows = np.flatnonzero(problem.tenant_of_row == tenant)
        self._own = replace(
            problem, budgets=np.ones(1), received=np.zeros(1), theta=problem.theta[rows],
            tenant_of_row=np.zeros(len(rows), dtype=np.int64), demand=problem.demand[rows],
            work=problem.work[rows])
        self._layout = layout_of(self._own)
        self._matrix = Matrix(self._layout, problem.discount, 1)
        self._matrix.set_costs(np.zeros(self._layout.columns), -np.ones((1, 1)))

    def worth(self, bundle: Floats) -> float:
        """Return CU-h, discounted, from a bundle of (G, T) devices."""
        unit = float((bundle * self._own.hours).sum())
        if not self._layout.columns or unit <= 0:
            return 0.0
        self._matrix.set_rows(self._own, bundle, unit)
        _solve(self._matrix)
        return -float(self._matrix.solver.getInfo().objective_function_value) * unit


def checks_of(problem: Problem, shares: Shares) -> Checks:
    """Return all checks. Cost: about a solve of the same problem, and a few small ones."""
    layout = layout_of(problem)
    reach = reach_of(problem, layout)
    alone = {int(u): Alone(problem, int(u)) for u in np.flatnonzero(reach.is_active)}
    paid = (shares.prices * problem.hours * bundles(problem, shares)).sum((1, 2))
    share, worst = _incentive(problem, shares, alone)
    return Checks(_envy(problem, shares, reach, alone, problem.weights),
                  _envy(problem, shares, reach, alone, paid), share, worst,
                  pareto_gain(problem, layout, shares, reach))


def bundles(problem: Problem, shares: Shares) -> Floats:
    """Return (U, G, T): the devices of each tenant."""
    held = np.zeros((problem.tenants, *problem.capacity.shape))
    np.add.at(held, problem.tenant_of_row, shares.devices)
    return held


def _envy(problem: Problem, shares: Shares, reach: Reach, alone: dict[int, Alone],
          weights: Floats) -> float:
    """Return the greatest envy, bundles scaled by weights; 0 where there is nobody to envy."""
    held = bundles(problem, shares)
    bound = _envy_bounds(problem, shares, reach, held, weights)
    worst = 0.0
    for flat in np.argsort(-bound, axis=None, kind="stable"):
        u, v = (int(i) for i in np.unravel_index(flat, bound.shape))
        if bound[u, v] <= worst:
            break
        worth = alone[u].worth(held[v] * (weights[u] / weights[v]))
        worst = max(worst, (problem.received[u] + worth) / shares.utility[u])
    return float(worst)


def _envy_bounds(problem: Problem, shares: Shares, reach: Reach, held: Floats,
                 weights: Floats) -> Floats:
    """Return (U, U) upper bounds of the envy of u for v; 0 on the diagonal and without weight."""
    best = np.zeros((problem.tenants, len(problem.capacity)))
    np.maximum.at(best, problem.tenant_of_row, problem.theta)
    hours = (held * problem.hours * problem.discount).sum(2)
    counts = (weights > 1e-9 * weights.sum()) & reach.is_active & (shares.utility > 0)
    scale = np.divide(weights[:, None], weights, out=np.zeros((len(weights),) * 2),
                      where=counts[:, None] & counts)
    own = problem.received[:, None] + np.minimum((best @ hours.T) * scale,
                                        (reach.highest - problem.received)[:, None])
    bound: Floats = np.divide(own, shares.utility[:, None], out=np.zeros_like(scale),
                              where=scale > 0)
    np.fill_diagonal(bound, 0.0)
    return bound


def _incentive(problem: Problem, shares: Shares, alone: dict[int, Alone]) -> tuple[float, float]:
    """Return the share of tenants with U >= budget share x U(all), and the least ratio."""
    ratios = np.array([shares.utility[u] / (problem.weights[u] * (
        problem.received[u] + own.worth(problem.capacity))) for u, own in alone.items()])
    if not len(ratios):
        return 1.0, float("inf")
    return float((ratios >= 1 - INCENTIVE_TOLERANCE).mean()), float(ratios.min())


def pareto_gain(problem: Problem, layout: Layout, shares: Shares, reach: Reach) -> float:
    """Return the greatest sum of budget x relative gain with no tenant worse off; 0 if efficient.

    Costs are left out: what is not worth its cost counts as a gain here.
    """
    counts = reach.is_active & (shares.utility > 0)
    unit = float((problem.capacity * problem.hours).sum())
    if not layout.columns or unit <= 0 or not counts.any():
        return 0.0
    matrix = Matrix(layout, problem.discount, 1)
    rate = np.divide(problem.weights, shares.utility, out=np.zeros_like(shares.utility),
                     where=counts)
    matrix.set_costs(np.zeros(layout.columns), -rate[:, None] * unit)
    # A hair below, so that rounding does not make what is held infeasible.
    least = shares.utility * (1 - 1e-9) / unit
    matrix.set_pieces(least[:, None], np.full((problem.tenants, 1), INFINITY))
    matrix.set_rows(problem, problem.capacity, unit)
    _solve(matrix)
    best = -float(matrix.solver.getInfo().objective_function_value)
    return max(0.0, best - float(problem.weights[counts].sum()))


def _solve(matrix: Matrix) -> None:
    if not run_to_optimum(matrix.solver, CHECK_LIMIT_S):
        raise Unsolved("iteration limit")
