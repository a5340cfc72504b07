"""What a round decides: devices by row, pool and slot; prices; and how good that is."""

from dataclasses import dataclass

import numpy as np

from suanli.planning.fairness.certificate import Duals
from suanli.planning.fairness.problem import Floats, Problem


@dataclass(frozen=True, eq=False)
class Shares:
    """The outcome of one problem.

    `gap` is the certified distance to the best possible objective, in budget-weighted log
    utility with budgets adding up to 1: an absolute number which is also, for small values, the
    relative loss of the budget-weighted geometric mean utility (0.005 = half a percent).
    """

    devices: Floats  # (K, G, T) device targets, not whole numbers
    prices: Floats  # (G, T) utility per device-hour: the forward price signal
    duals: Duals  # what the rows' own caps are worth: which of them binds
    utility: Floats  # (U,) CU-h, what was received before included
    upper_bound: float  # no sharing can have a higher objective
    gap: float
    seconds: float  # reported, never decides
    iterations: int
    is_fresh: bool = True
    reason: str = ""  # why the shares are not fresh


def nothing(problem: Problem) -> Shares:
    """Return shares that give nobody anything, with no claim about how good that is."""
    rows, pools, slots = problem.shape
    duals = Duals(np.zeros(problem.tenants), np.zeros((rows, slots)), np.zeros(rows))
    return Shares(np.zeros((rows, pools, slots)), np.zeros((pools, slots)), duals,
                  problem.received.copy(), float("inf"), float("inf"), 0.0, 0, is_fresh=False)
