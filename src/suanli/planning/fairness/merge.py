"""Slots that are alike become one: exact, smaller, and even over time.

Slots with the same capacity, demand, discount and cost are interchangeable, and the objective is
concave; so averaging an optimum over them, weighted by their hours, is again an optimum. A solver
would return a corner instead, with one tenant's share in the first slot and another's in the last.
"""

from dataclasses import replace

import numpy as np

from suanli.planning.fairness.problem import Ints, Problem
from suanli.planning.fairness.shares import Shares


def alike(problem: Problem) -> Ints:
    """Return (T,) the group of each slot, numbered by the first slot of each."""
    columns = np.vstack([problem.capacity, problem.demand, problem.cost, problem.discount])
    groups: dict[bytes, int] = {}
    return np.array([groups.setdefault(column.tobytes(), len(groups)) for column in columns.T],
                    dtype=np.int64)


def merged(problem: Problem, group: Ints) -> Problem:
    """Return the problem with one slot for each group, as long as its slots together."""
    _, first = np.unique(group, return_index=True)
    return replace(problem, hours=np.bincount(group, problem.hours).astype(np.float64), **{
        name: getattr(problem, name)[..., first]
        for name in ("demand", "capacity", "discount", "cost")})


def expanded(shares: Shares, group: Ints) -> Shares:
    """Return the shares of a merged problem for the slots it came from."""
    duals = replace(shares.duals, parallelism=shares.duals.parallelism[:, group])
    return replace(shares, devices=shares.devices[:, :, group], prices=shares.prices[:, group],
                   duals=duals)
