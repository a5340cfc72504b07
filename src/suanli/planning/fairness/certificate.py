"""What no sharing can exceed, proved from prices alone; and what a sharing reaches.

The logarithm lies below each of its tangents, B log U <= pi U - B + B log(B / pi) for any pi > 0,
and a linear objective is bounded by any dual solution. So marginal utilities pi and prices of the
rows' own caps, whatever their source, give an upper bound: capacity prices are *recomputed* here
as the least that cover every column, hence no tolerance of a solver enters.
"""

from dataclasses import dataclass

import numpy as np

from suanli.planning.fairness.layout import Layout
from suanli.planning.fairness.problem import Floats, Mask, Problem


@dataclass(frozen=True, eq=False)
class Duals:
    """What one unit more would be worth, in units of the objective; all at least 0."""

    marginal: Floats  # (U,) per CU-h of utility, above 0 for active tenants
    parallelism: Floats  # (K, T) per device-hour
    work: Floats  # (K,) per CU-h


def prices_of(problem: Problem, layout: Layout, duals: Duals) -> Floats:
    """Return the least (G, T) prices per device-hour at which no column is worth more."""
    worth = duals.marginal[layout.tenant][:, None] * problem.discount
    worth = worth - duals.work[layout.row][:, None]
    surplus = worth * layout.theta[:, None] - duals.parallelism[layout.row] \
        - problem.cost[layout.pool]
    surplus[problem.budgets[layout.tenant] <= 0] = 0.0
    prices = np.zeros(layout.shape[1:])
    if len(layout.pool):
        first = np.flatnonzero(np.diff(layout.pool, prepend=-1))
        prices[layout.pool[first]] = np.maximum(np.maximum.reduceat(surplus, first, axis=0), 0.0)
    return prices


def upper_bound(problem: Problem, duals: Duals, prices: Floats, is_active: Mask) -> float:
    """Return a number that no sharing's objective exceeds."""
    weight, marginal = problem.weights[is_active], duals.marginal[is_active]
    tangents = marginal * problem.received[is_active] - weight + weight * np.log(weight / marginal)
    bounds = (prices * problem.capacity * problem.hours).sum() \
        + (duals.parallelism * problem.demand * problem.hours).sum() \
        + (duals.work * problem.work).sum()
    return float(tangents.sum() + bounds)


def utility_of(problem: Problem, layout: Layout, device_hours: Floats) -> Floats:
    """Return (U,) CU-h: what was received and what (P, T) device-hours add."""
    gained = (device_hours * problem.discount).sum(1) * layout.theta
    return problem.received + np.bincount(layout.tenant, gained, problem.tenants)


def objective(problem: Problem, layout: Layout, device_hours: Floats, is_active: Mask) -> float:
    """Return the objective that (P, T) device-hours reach."""
    utility = utility_of(problem, layout, device_hours)[is_active]
    if (utility <= 0).any():
        return -float("inf")
    cost = (device_hours * problem.cost[layout.pool]).sum()
    return float((problem.weights[is_active] * np.log(utility)).sum() - cost)


def within_bounds(problem: Problem, layout: Layout, device_hours: Floats) -> Floats:
    """Return (P, T) device-hours that keep every bound exactly: a solver keeps them nearly.

    Only ever takes away, so a later bound cannot break an earlier one.
    """
    kept = np.maximum(device_hours, 0.0)
    over = _factor(layout.sum_by_pool(kept), problem.capacity * problem.hours)
    kept = kept * over[layout.pool]
    over = _factor(layout.sum_by_row(kept), problem.demand * problem.hours)
    kept = kept * over[layout.row]
    done = np.bincount(layout.row, kept.sum(1) * layout.theta, len(problem.work))
    scaled: Floats = kept * _factor(done.astype(np.float64), problem.work)[layout.row][:, None]
    return scaled


def _factor(used: Floats, bound: Floats) -> Floats:
    return np.divide(bound, used, out=np.ones_like(used), where=used > bound)
