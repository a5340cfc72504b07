"""The fairness program against hand computation and the exact exponential-cone optimum."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from suanli.planning.fairness.layout import layout_of
from suanli.planning.fairness.matrix import Matrix
from suanli.planning.fairness.problem import Problem
from suanli.planning.fairness.program import Program
from suanli.planning.fairness.shares import Shares
from suanli.planning.solver import Unsolved
from suanli.simulation.bench_fairness import a_round_later, synthetic

LIMIT_S = 60.0
MUCH = 1e6


def market(budgets: Any, theta: Any, capacity: Any, **changes: Any) -> Problem:
    """Return a one-hour, one-slot market of one uncapped row for each tenant."""
    theta = np.asarray(theta, dtype=float)
    rows, pools = theta.shape
    problem = Problem(
        budgets=np.asarray(budgets, dtype=float), received=np.zeros(rows),
        tenant_of_row=np.arange(rows), theta=theta, demand=np.full((rows, 1), MUCH),
        work=np.full(rows, MUCH), capacity=np.asarray(capacity, dtype=float)[:, None],
        hours=np.ones(1), discount=np.ones(1), cost=np.zeros((pools, 1)))
    return replace(problem, **{name: np.asarray(value) for name, value in changes.items()})


def solved(problem: Problem) -> Shares:
    shares = Program(problem).solve(problem, LIMIT_S)
    assert -1e-9 <= shares.gap <= 0.005
    keeps_all_bounds(problem, shares)
    return shares


def keeps_all_bounds(problem: Problem, shares: Shares) -> None:
    x, slack = shares.devices, 1 + 1e-12
    done = np.einsum("kgt,kg,t->k", x, problem.theta, problem.hours)
    assert (x >= 0).all()
    assert (x.sum(0) <= problem.capacity * slack).all()
    assert (x.sum(1) <= problem.demand * slack).all()
    assert (done <= problem.work * slack).all()
    assert not x[problem.theta == 0].any()


def objective(problem: Problem, shares: Shares) -> float:
    """Return the objective, computed apart from the code under test."""
    gained = np.einsum("kgt,kg,t->k", shares.devices, problem.theta,
                       problem.hours * problem.discount)
    utility = problem.received + np.bincount(problem.tenant_of_row, gained, problem.tenants)
    assert utility == pytest.approx(shares.utility)
    counts = (problem.budgets > 0) & (utility > 0)
    cost = (problem.cost * problem.hours * shares.devices.sum(0)).sum()
    weights = problem.budgets / problem.budgets.sum()
    return float((weights[counts] * np.log(utility[counts])).sum() - cost)


def exact(problem: Problem) -> float:
    """Return the optimum of the exponential-cone program, by Clarabel."""
    clarabel, sparse = pytest.importorskip("clarabel"), pytest.importorskip("scipy.sparse")
    row, pool = np.nonzero(problem.theta)
    pairs, (rows, pools, slots) = len(row), problem.shape
    n, tenants = pairs * slots, problem.tenants
    at = np.arange(n)
    p, t = at // slots, at % slots
    theta = problem.theta[row, pool][p]

    def block(index: Any, value: Any, height: int) -> Any:
        return sparse.csc_matrix((value * unit, (index, at)), (height, n + tenants))

    # An interior-point method is only as exact as its numbers are near 1: shares in parts of
    # what a pair could use, utilities in parts of what a tenant's budget is likely to fetch.
    weights = problem.budgets / problem.budgets.sum()
    likely = problem.received + weights * float((problem.capacity * problem.hours).sum())
    unit = np.minimum(problem.capacity[pool[p], t], problem.demand[row[p], t]) * problem.hours[t]
    utility = block(problem.tenant_of_row[row][p], theta * problem.discount[t]
                    / likely[problem.tenant_of_row[row][p]], tenants)
    logs = sparse.csc_matrix((np.ones(tenants), (np.arange(tenants), n + np.arange(tenants))),
                             (tenants, n + tenants))
    # Rows (s, 1, U) of each tenant: exp(s) <= U.
    cone = sparse.vstack([part for u in range(tenants) for part in (
        -logs[u], sparse.csc_matrix((1, n + tenants)), -utility[u])])
    cone_rhs = np.column_stack(
        [np.zeros(tenants), np.ones(tenants), problem.received / likely]).ravel()
    bounds = sparse.vstack([
        block(pool[p] * slots + t, np.ones(n), pools * slots),
        block(row[p] * slots + t, np.ones(n), rows * slots), block(row[p], theta, rows),
        block(at, -np.ones(n), n)])
    largest = abs(bounds).max(axis=1).toarray().ravel()
    scale = 1 / np.where(largest > 0, largest, 1.0)
    bounds = sparse.diags(scale) @ bounds
    rhs = scale * np.concatenate([(problem.capacity * problem.hours).ravel(),
                          (problem.demand * problem.hours).ravel(), problem.work, np.zeros(n)])
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    q = np.concatenate([problem.cost[pool[p], t] * unit, -weights])
    found = clarabel.DefaultSolver(
        sparse.csc_matrix((n + tenants,) * 2), q, sparse.csc_matrix(sparse.vstack([bounds, cone])),
        np.concatenate([rhs, cone_rhs]),
        [clarabel.NonnegativeConeT(len(rhs))] + [clarabel.ExponentialConeT()] * tenants,
        settings).solve()
    assert str(found.status) in ("Solved", "AlmostSolved")
    return float((weights * np.log(likely)).sum() - found.obj_val)


@pytest.mark.parametrize(("seed", "shape"), [
    (0, (3, 9, 2, 4)), (1, (8, 24, 3, 4)), (2, (15, 45, 3, 8)), (3, (10, 60, 6, 10))])
@pytest.mark.parametrize("past", [0.0, 0.5])
def test_agrees_with_the_exact_cone_program(seed: int, shape: Any, past: float) -> None:
    problem = synthetic(seed, *shape)
    scale = past * (problem.capacity * problem.hours).sum() / problem.tenants
    chance = np.random.default_rng(seed)
    # Everybody has a row: the cone program knows no tenant that can have nothing.
    problem = replace(problem, received=scale * chance.random(problem.tenants),
                      cost=problem.cost * 1e3,
                      tenant_of_row=np.arange(len(problem.work)) % problem.tenants)
    shares = solved(problem)
    best, reached = exact(problem), objective(problem, shares)
    assert shares.upper_bound - shares.gap == pytest.approx(reached, abs=1e-9)
    assert reached <= best + 1e-6
    assert best <= shares.upper_bound + 1e-6
    assert shares.gap <= 1e-4


def test_one_pool_is_shared_in_proportion_to_budgets() -> None:
    shares = solved(market([3, 1], [[1.0], [1.0]], [8]))
    assert shares.devices[:, 0, 0] == pytest.approx([6, 2], rel=0.01)
    # 8 device-hours for budgets that add up to 1.
    assert shares.prices[0, 0] == pytest.approx(1 / 8, rel=0.01)


def test_what_a_capped_tenant_leaves_goes_to_the_others_by_budget() -> None:
    shares = solved(market([2, 1, 1], [[1.0]] * 3, [12], demand=[[2.0], [MUCH], [MUCH]]))
    assert shares.devices[:, 0, 0] == pytest.approx([2, 5, 5], rel=0.01)
    assert shares.duals.parallelism[0, 0] > 0
    assert not shares.duals.parallelism[1:].any()


def test_each_of_two_unlike_tenants_takes_the_pool_it_is_better_on() -> None:
    # Equilibrium: prices (1/20, 1/20) per device-hour; each spends 1/2 on 10 devices.
    shares = solved(market([1, 1], [[2.0, 1.0], [1.0, 2.0]], [10, 10]))
    assert shares.devices[:, :, 0] == pytest.approx(np.array([[10, 0], [0, 10]]), abs=0.1)
    assert shares.prices[:, 0] == pytest.approx([1 / 20, 1 / 20], rel=0.01)


def test_a_tenant_that_had_its_part_waits() -> None:
    # Water filling of (10, 0) with 6 more: the second gets all and is still behind.
    shares = solved(market([1, 1], [[1.0], [1.0]], [6], received=[10.0, 0.0]))
    assert shares.devices[:, 0, 0] == pytest.approx([0, 6], abs=0.01)
    assert shares.utility == pytest.approx([10, 6], abs=0.01)


def test_tenants_spend_their_budgets_where_a_cu_is_cheapest() -> None:
    chance = np.random.default_rng(5)
    budgets, theta = chance.uniform(1, 5, 8), chance.uniform(0.2, 2, (8, 4))
    problem = market(budgets, theta, [10, 20, 30, 5])
    shares = solved(problem)
    spent = (shares.devices[:, :, 0] * shares.prices[:, 0]).sum(1)
    assert (shares.prices * problem.capacity).sum() == pytest.approx(1, rel=0.005)
    assert spent == pytest.approx(budgets / budgets.sum(), rel=0.02)
    worth = theta / shares.prices[:, 0]
    bought = shares.devices[:, :, 0] > 1e-6
    assert (worth[bought] >= (worth.max(1)[:, None] * (1 - 1e-6) * bought)[bought]).all()


def test_a_cost_above_its_worth_leaves_devices_alone() -> None:
    # The first device-hour of the second pool is worth less than 0.1 once the first is had.
    shares = solved(market([1], [[1.0, 0.001]], [10, 10], cost=[[0.0], [0.1]]))
    assert shares.devices[0, :, 0] == pytest.approx([10, 0])


def without_budget(problem: Problem) -> Problem:
    return replace(problem, budgets=np.where(np.arange(problem.tenants) < 2, 0, problem.budgets))


ODD = {
    "tenants without a budget": without_budget,
    "no budget at all": lambda p: replace(p, budgets=p.budgets * 0),
    "no demand": lambda p: replace(p, demand=p.demand * 0),
    "a tenant without demand": lambda p: replace(
        p, demand=np.where((p.tenant_of_row == 0)[:, None], 0, p.demand)),
    "rows that fit nowhere": lambda p: replace(
        p, theta=np.where(np.arange(len(p.work))[:, None] % 3 == 0, 0, p.theta)),
    "no row fits": lambda p: replace(p, theta=p.theta * 0),
    "a pool that is gone": lambda p: replace(
        p, capacity=np.where(np.arange(len(p.capacity))[:, None] == 0, 0, p.capacity)),
    "no capacity": lambda p: replace(p, capacity=p.capacity * 0),
    "one tenant": lambda p: replace(p, budgets=np.ones(1), received=np.zeros(1),
                                    tenant_of_row=p.tenant_of_row * 0),
    "equal budgets": lambda p: replace(p, budgets=np.ones(p.tenants)),
    "budgets 1 : 1,000,000": lambda p: replace(
        p, budgets=np.where(np.arange(p.tenants) == 0, 1e6, 1.0)),
    "work all but done": lambda p: replace(p, work=p.work * 1e-15),
    "one row all but done": lambda p: replace(
        p, work=np.where(np.arange(len(p.work)) == 0, 1e-7, p.work)),
    "a second left of the first slot": lambda p: replace(
        p, hours=np.where(np.arange(len(p.hours)) == 0, 1 / 3600, p.hours)),
    "no rows": lambda p: replace(
        p, tenant_of_row=p.tenant_of_row[:0], theta=p.theta[:0], demand=p.demand[:0],
        work=p.work[:0]),
    "everything received": lambda p: replace(p, received=np.full(p.tenants, 1e6)),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_markets_are_solved(case: str) -> None:
    problem = ODD[case](synthetic(4, 6, 20, 3, 4))
    shares = solved(problem)
    assert np.isfinite(shares.devices).all()
    assert np.isfinite(shares.prices).all()
    poor = problem.budgets[problem.tenant_of_row] <= 0
    assert not shares.devices[poor].any()


def test_a_thin_budget_gets_its_thin_share() -> None:
    shares = solved(market([1e6, 1], [[1.0], [1.0]], [1000]))
    assert shares.devices[:, 0, 0] == pytest.approx([1000, 0.001], rel=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_solving_again_equals_solving_anew(seed: int) -> None:
    problem = synthetic(seed, 8, 30, 3, 6)
    program = Program(problem)
    program.solve(problem, LIMIT_S)
    for turn in range(5):
        problem = a_round_later(problem, turn)
        assert program.fits(problem)
        warm, cold = program.solve(problem, LIMIT_S), solved(problem)
        keeps_all_bounds(problem, warm)
        assert warm.gap <= 1e-4
        assert objective(problem, warm) == pytest.approx(
            objective(problem, cold), abs=warm.gap + cold.gap + 1e-12)
        assert warm.utility == pytest.approx(cold.utility, rel=0.1)


def test_a_warm_program_follows_a_great_change() -> None:
    problem = synthetic(7, 8, 30, 3, 6)
    program = Program(problem)
    for factor in (1.0, 0.01, 100.0, 0.0, 1.0):
        changed = replace(problem, capacity=problem.capacity * factor,
                          budgets=problem.budgets[::-1] if factor > 1 else problem.budgets)
        assert program.solve(changed, LIMIT_S).gap <= 1e-4


def test_another_matrix_does_not_fit() -> None:
    problem = synthetic(1, 4, 9, 2, 3)
    program = Program(problem)
    assert program.fits(replace(problem, hours=problem.hours * 2, budgets=problem.budgets[::-1]))
    assert not program.fits(replace(problem, theta=problem.theta * 2))
    assert not program.fits(replace(problem, discount=problem.discount * 0.5))
    assert not program.fits(synthetic(1, 4, 10, 2, 3))


def test_what_is_no_number_never_reaches_the_solver() -> None:
    problem = synthetic(1, 4, 9, 2, 3)
    layout = layout_of(problem)
    matrix = Matrix(layout, problem.discount, 1)
    with pytest.raises(Unsolved, match="too large"):
        matrix.set_costs(np.zeros(layout.columns), np.full((4, 1), np.nan))


def test_the_largest_numbers_are_solved() -> None:
    problem = synthetic(1, 4, 9, 2, 3)
    solved(replace(problem, capacity=np.full((2, 3), 1e15), demand=np.full((9, 3), 1e15),
                   work=np.full(9, 1e15)))


def test_no_time_is_a_failure_by_name() -> None:
    problem = synthetic(1, 4, 9, 2, 3)
    with pytest.raises(Unsolved, match="Time limit"):
        Program(problem).solve(problem, 0.0)
