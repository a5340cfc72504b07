"""The logarithm as a few straight pieces for each tenant, where its utility can lie.

Tangents at a geometric grid of ratio r lie above the logarithm by at most (ln r)^2 / 8
(scheduler.md 9.3). A tenant's utility is the sum of pieces, each with the slope of its tangent;
slopes fall, so a maximum fills them in order. The number of pieces is fixed and the ratio follows
from the range, so that the program keeps its shape from round to round.
"""

from dataclasses import dataclass

import numpy as np

from suanli.planning.fairness.layout import Layout
from suanli.planning.fairness.problem import Floats, Mask, Problem

# With 40 tenants a range is about 8 x 40, and 64 pieces make r = 1.1: an error of 0.11 %.
PIECES = 64
# How far below its budget's share of what it could have alone a tenant is expected at first.
SLACK = 8.0
# Less than this part of all device-hours is below the solver's tolerance: nothing.
NEGLIGIBLE = 1e-9
# More than one piece of the wide grid either way, up to a range of 1 : 60,000.
NARROW = 1.2


@dataclass(frozen=True, eq=False)
class Reach:
    """What each tenant could have: alone on the whole capacity, and at the least."""

    lowest: Floats  # (U,) CU-h, where the grid begins
    highest: Floats  # (U,) CU-h, no sharing gives more
    is_active: Mask  # (U,) whether the tenant has a budget and can have any utility


def reach_of(problem: Problem, layout: Layout) -> Reach:
    """Return bounds of each tenant's utility, from its own caps and from all capacity."""
    hours_each = problem.capacity * problem.hours
    can_use = (np.minimum(hours_each[layout.pool], problem.demand[layout.row]) > 0) \
        & (problem.work[layout.row] > 0)[:, None]
    theta = can_use * layout.theta[:, None]
    rows, pools, slots = layout.shape
    best_of_row = np.zeros((rows, slots))
    np.maximum.at(best_of_row, layout.row, theta)
    usable = (best_of_row * problem.demand * problem.hours * problem.discount).sum(1)
    usable = np.minimum(usable, problem.work * problem.discount.max(initial=0.0))
    own = np.bincount(problem.tenant_of_row, usable, problem.tenants)
    best_of_tenant = np.zeros((problem.tenants, pools, slots))
    np.maximum.at(best_of_tenant, (layout.tenant, layout.pool), theta)
    alone = (best_of_tenant * hours_each * problem.discount).sum((1, 2))
    gain = np.where(problem.budgets > 0, np.minimum(own, alone), 0.0)
    gain[gain < NEGLIGIBLE * hours_each.sum()] = 0.0
    least = np.minimum(gain, problem.weights * alone) / SLACK
    highest = problem.received + gain
    return Reach(np.maximum(problem.received, least), highest,
                 (problem.budgets > 0) & (highest > 0))


def around(reach: Reach, utility: Floats) -> Reach:
    """Return a narrow range around what was found, for pieces of well below one per cent.

    Never around less than the wide range: a solver may find 0, which has no logarithm.
    """
    centre = np.maximum(utility, reach.lowest)
    return Reach(np.where(reach.is_active, centre / NARROW, reach.lowest),
                 np.where(reach.is_active, centre * NARROW, reach.highest), reach.is_active)


def pieces(reach: Reach) -> tuple[Floats, Floats]:
    """Return (width, slope), both (U, PIECES): CU-h, and log utility per CU-h.

    The last piece is endless: what was received may exceed any grid. Tenants that cannot have
    anything get slopes of 0.
    """
    is_active = reach.is_active
    low = np.where(is_active, reach.lowest, 1.0)
    log_ratio = np.log(np.maximum(np.where(is_active, reach.highest, 1.0) / low, 1.01)) / PIECES
    touch = low[:, None] * np.exp(log_ratio[:, None] * (np.arange(PIECES) + 0.5))
    # Two neighbouring tangents meet at q ln r / (1 - 1 / r).
    ends = touch * (log_ratio / -np.expm1(-log_ratio))[:, None]
    width = np.diff(ends, axis=1, prepend=0.0)
    width[:, -1] = np.inf
    return width, np.where(is_active[:, None], 1.0 / touch, 0.0)
