"""The linear part that the program and the checks have in common, as one model in HiGHS.

Rows: a tenant's pieces add up to its utility (equations); capacity; parallelism; work. Columns:
device-hours by (pair, slot); then each tenant's pieces. The matrix is made of whole arrays and
depends on theta, the rows' tenants and the discount alone: budgets, what was received, demand,
work, capacity, slot lengths and costs are bounds and costs, so that a round changes no entry.
"""

from typing import Any

import highspy
import numpy as np

from suanli.planning.fairness.layout import Layout
from suanli.planning.fairness.problem import Floats, Problem
from suanli.planning.solver import Unsolved, quiet_solver

INFINITY = highspy.kHighsInf


class Matrix:
    """A minimisation over (shares, pieces) whose bounds and costs can be set again and again."""

    def __init__(self, layout: Layout, discount: Floats, pieces: int) -> None:
        self.layout = layout
        self.solver = quiet_solver()
        lp = _model(layout, discount, pieces)
        self._columns = np.arange(lp.num_col_, dtype=np.int32)
        self._rows = np.arange(lp.num_row_, dtype=np.int32)
        self.solver.passModel(lp)

    def set_costs(self, shares: Floats, pieces: Floats) -> None:
        """Set the costs of shares (P, T) and of pieces (U, N)."""
        costs = np.concatenate([shares.ravel(), pieces.ravel()])
        _refuse_what_is_no_number(costs)
        self.solver.changeColsCost(len(costs), self._columns, costs)

    def set_pieces(self, lower: Floats, upper: Floats) -> None:
        """Set the bounds of pieces (U, N)."""
        columns = self._columns[self.layout.columns:]
        self.solver.changeColsBounds(len(columns), columns, lower.ravel(), upper.ravel())

    def set_rows(self, problem: Problem, capacity: Floats, unit: float) -> None:
        """Set what the rows may use of a capacity, with quantities in `unit` device-hours.

        Rows of tenants without a budget may use nothing.
        """
        may = (problem.budgets[problem.tenant_of_row] > 0)[:, None]
        upper = np.concatenate([
            problem.received, (capacity * problem.hours).ravel(),
            (problem.demand * problem.hours * may).ravel(), problem.work]) / unit
        _refuse_what_is_no_number(upper)
        lower = np.full(len(upper), -INFINITY)
        lower[:problem.tenants] = upper[:problem.tenants]
        self.solver.changeRowsBounds(len(upper), self._rows, lower, upper)

    def shares(self) -> Floats:
        """Return the (P, T) shares of the solution."""
        found = np.asarray(self.solver.getSolution().col_value)[:self.layout.columns]
        return found.reshape(-1, self.layout.shape[2])

    def row_duals(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return duals of tenants (U,), capacity (G, T), parallelism (K, T) and work (K,)."""
        rows, pools, slots = self.layout.shape
        ends = np.cumsum([self.layout.tenants, pools * slots, rows * slots])
        duals = np.asarray(self.solver.getSolution().row_dual)
        tenants, capacity, parallelism, work = np.split(duals, ends)
        return tenants, capacity.reshape(pools, slots), parallelism.reshape(rows, slots), work


def _refuse_what_is_no_number(values: Floats) -> None:
    # HiGHS accepts NaN and then runs for ever, past its time limit.
    if not np.isfinite(values).all():
        raise Unsolved("numbers too large or too small for the solver")


def _model(layout: Layout, discount: Floats, pieces: int) -> Any:
    """Return the model with its matrix, by columns, and every bound still 0 or endless."""
    rows, pools, slots = layout.shape
    lp = highspy.HighsLp()
    lp.num_col_ = layout.columns + layout.tenants * pieces
    lp.num_row_ = layout.tenants + pools * slots + rows * slots + rows
    lp.col_cost_ = lp.col_lower_ = np.zeros(lp.num_col_)
    lp.col_upper_ = np.full(lp.num_col_, INFINITY)
    lp.row_lower_ = lp.row_upper_ = np.zeros(lp.num_row_)
    index, value = _share_entries(layout, discount)
    ends = index.size + np.arange(layout.tenants * pieces + 1)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.concatenate(
        [np.arange(layout.columns) * index.shape[-1], ends]).astype(np.int32)
    lp.a_matrix_.index_ = np.concatenate(
        [index.ravel(), np.repeat(np.arange(layout.tenants), pieces)]).astype(np.int32)
    lp.a_matrix_.value_ = np.concatenate([value.ravel(), np.ones(layout.tenants * pieces)])
    return lp


def _share_entries(layout: Layout, discount: Floats) -> tuple[Any, Floats]:
    """Return row index and value, (P, T, 4), of the four entries of each share's column."""
    rows, pools, slots = layout.shape
    slot = np.arange(slots)
    capacity, demand = layout.tenants, layout.tenants + pools * slots
    work = demand + rows * slots
    theta = layout.theta[:, None]
    index = (layout.tenant[:, None], capacity + layout.pool[:, None] * slots + slot,
             demand + layout.row[:, None] * slots + slot, work + layout.row[:, None])
    value = (-theta * discount, np.ones(1), np.ones(1), theta)
    shape = (len(layout.row), slots)
    return (np.stack([np.broadcast_to(part, shape) for part in index], -1),
            np.stack([np.broadcast_to(part, shape) for part in value], -1))
