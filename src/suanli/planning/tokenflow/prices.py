"""What an hour of each chip is worth to all the work at hand: the duals of a balanced assignment.

The program spreads the expected work of each kind of job (equal speeds by pool) over the pools
so that the fullest is as empty as can be: minimise z with sum_p x[k,p] = work[k] and
sum_k x[k,p] / speed[k,p] <= z capacity[p]. A pool's dual says how much sooner everything would be
done with more of it. The fairness program's own duals price the near slots only, and are 0
wherever a pool is not full just now; placing by them crowds the slow chips.
"""

from typing import Any, Final

import highspy
import numpy as np
import numpy.typing as npt

from suanli.planning.solver import quiet_solver

Floats = npt.NDArray[np.float64]

PRICE_MIN: Final = 0.01  # of the mean: no chip is ever worth nothing


def balanced_prices(speeds: Floats, work: Floats, capacity: Floats) -> Floats | None:
    """Return prices by pool with mean 1; None where the program has no optimum.

    `speeds` (kinds, pools) against the reference chip, 0 where inadmissible; `work` (kinds,) in
    any unit; `capacity` (pools,) devices.
    """
    if len(capacity) == 1 or not work.sum() > 0:
        return np.ones(len(capacity))
    speeds, of_kind = np.unique(speeds, axis=0, return_inverse=True)
    work = np.bincount(of_kind.ravel(), weights=work, minlength=len(speeds)).astype(np.float64)
    solver = quiet_solver()
    fullest = solver.addVariable(0, highspy.kHighsInf, 1.0)
    loads: list[list[tuple[float, Any]]] = [[] for _ in capacity]
    for kind, amount in enumerate(work / work.sum()):
        parts = []
        for pool in np.flatnonzero((speeds[kind] > 0) & (capacity > 0)):
            parts.append(solver.addVariable(0, highspy.kHighsInf))
            loads[pool].append((1 / (speeds[kind, pool] * capacity[pool]), parts[-1]))
        if parts:
            solver.addConstr(sum(parts) == amount)
    limits = [solver.addConstr(sum(need * part for need, part in load) <= fullest)
              if load else None for load in loads]
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    duals = solver.getSolution().row_dual
    price = np.array([0.0 if limit is None else abs(duals[limit.index]) for limit in limits])
    price /= np.maximum(capacity, 1)
    return np.asarray(np.maximum(price / price.mean(), PRICE_MIN))
