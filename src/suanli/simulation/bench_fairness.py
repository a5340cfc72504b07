"""How long the fairness program takes, on seeded synthetic problems of the size of a large fleet.

500 rows of 40 tenants in 12 pools of 100 to 3,000 devices, demand about 1.6 times the capacity;
the near slots each round, all 36 slots of a week, split, every quarter of an hour. Capacity
differs in each slot, so that no slots are alike and nothing is merged.
"""

import statistics
from dataclasses import replace

import numpy as np

from suanli.planning.fairness.problem import Problem, horizon
from suanli.planning.fairness.program import Program
from suanli.planning.fairness.split import Split

TENANTS, ROWS, POOLS, NEAR, PARTS = 40, 500, 12, 10, 4
ROUNDS, LIMIT_S = 3, 600.0
DEMAND_RATIO, ADMISSIBLE = 1.6, 0.8


def measure_fairness(seed: int = 1) -> dict[str, float | int | str]:
    """Return seconds of a warm near round (median of 3), its gap, and of a split week."""
    near = synthetic(seed, TENANTS, ROWS, POOLS, NEAR)
    program = Program(near)
    cold = program.solve(near, LIMIT_S)
    warm = []
    for turn in range(ROUNDS):
        near = a_round_later(near, seed + turn)
        warm.append(program.solve(near, LIMIT_S))
    week = synthetic(seed, TENANTS, ROWS, POOLS, len(horizon(0)[0]))
    full = Split(week, PARTS, seed).solve(week, LIMIT_S)
    return {
        "lp_s": statistics.median(shares.seconds for shares in warm),
        "lp_gap": max(shares.gap for shares in warm), "lp_cold_s": cold.seconds,
        "lp_full_s": full.seconds, "lp_full_gap": full.gap, "lp_full_parts": PARTS, "rows": ROWS,
        "variables": program.layout.columns,
        "variables_full": int((week.theta > 0).sum()) * len(week.hours),
        "solver": "HiGHS: interior point and crossover, then simplex",
        "iterations": int(statistics.median(shares.iterations for shares in warm)),
    }


def synthetic(seed: int, tenants: int, rows: int, pools: int, slots: int) -> Problem:
    """Return a problem with nothing received, unequal tenants, and chips of unequal worth."""
    chance = np.random.default_rng(seed)
    theta = chance.uniform(0.2, 2.3, pools) * chance.uniform(0.7, 1.3, (rows, pools))
    theta *= chance.random((rows, pools)) < ADMISSIBLE
    capacity = np.round(chance.uniform(100, 3000, (pools, 1))
                        * chance.uniform(0.5, 1.0, (pools, slots)))
    fleet = capacity.mean(axis=1).sum()
    weight = chance.lognormal(0, 1.2, (rows, 1))
    demand = np.ceil(weight / weight.sum() * fleet * DEMAND_RATIO) * np.ones((1, slots))
    hours = horizon(0)[1][:slots] / 3_600_000
    return Problem(
        budgets=chance.lognormal(0, 1, tenants), received=np.zeros(tenants),
        tenant_of_row=chance.integers(0, tenants, rows), theta=theta, demand=demand,
        work=demand[:, 0] * hours.sum() * chance.uniform(0.05, 2, rows), capacity=capacity,
        hours=hours, discount=0.999 ** np.cumsum(hours),
        cost=chance.uniform(0, 1e-8, (pools, 1)) * np.ones((1, slots)))


def a_round_later(problem: Problem, seed: int) -> Problem:
    """Return the problem after a round: some devices gone, work done, one row in 20 changed."""
    chance = np.random.default_rng(seed)
    rows = len(problem.work)
    change = np.where(chance.random(rows) < 0.05, chance.uniform(0.5, 1.5, rows), 1.0)
    return replace(
        problem, demand=problem.demand * change[:, None],
        capacity=np.round(problem.capacity * chance.uniform(0.97, 1, problem.capacity.shape)),
        work=problem.work * chance.uniform(0.98, 1, rows),
        received=problem.received + chance.uniform(0, 0.001, problem.tenants)
        * problem.capacity.mean(axis=1).sum())
