"""Where everything stands in the program's arrays: one column for each (row, pool) and slot.

Columns are in *device-hours*, not devices, so that slot lengths stay out of the matrix: as time
passes only bounds change. Only admissible pairs (theta above 0) have columns, pool-major, so that
what concerns one pool is one stretch.
"""

from dataclasses import dataclass

import numpy as np

from suanli.planning.fairness.problem import Floats, Ints, Problem


@dataclass(frozen=True, eq=False)
class Layout:
    """The admissible pairs of a problem, P of them, by pool and then by row."""

    shape: tuple[int, int, int]
    tenants: int
    row: Ints  # (P,)
    pool: Ints  # (P,)
    tenant: Ints  # (P,)
    theta: Floats  # (P,)

    @property
    def columns(self) -> int:
        """The number of columns of shares: pairs times slots."""
        return len(self.row) * self.shape[2]

    def sum_by_row(self, values: Floats) -> Floats:
        """Return (K, T): values of (P, T) added up over the pools of each row."""
        return _sums(self.row, values, self.shape[0])

    def sum_by_pool(self, values: Floats) -> Floats:
        """Return (G, T): values of (P, T) added up over the rows in each pool."""
        return _sums(self.pool, values, self.shape[1])

    def spread(self, values: Floats) -> Floats:
        """Return (K, G, T) with the values of (P, T) in their places and 0 elsewhere."""
        full = np.zeros(self.shape)
        full[self.row, self.pool] = values
        return full


def layout_of(problem: Problem) -> Layout:
    """Return the layout; it depends on `theta` and `tenant_of_row` alone."""
    pool, row = np.nonzero(problem.theta.T)
    return Layout(problem.shape, problem.tenants, row, pool, problem.tenant_of_row[row],
                  problem.theta[row, pool])


def _sums(group: Ints, values: Floats, groups: int) -> Floats:
    slots = values.shape[1]
    flat = (group[:, None] * slots + np.arange(slots)).ravel()
    sums: Floats = np.bincount(flat, values.ravel(), groups * slots).astype(np.float64)
    return sums.reshape(groups, slots)
