"""Around the program: input, carve-out, horizon, merged slots, parts, checks, and failed rounds."""

import threading
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from suanli.planning.fairness.checks import checks_of
from suanli.planning.fairness.keeper import STILL_SOLVING, FairShares, Solving
from suanli.planning.fairness.merge import alike, merged
from suanli.planning.fairness.problem import Problem, carve_out, horizon
from suanli.planning.fairness.program import Program
from suanli.planning.fairness.shares import Shares
from suanli.planning.fairness.split import Split, deal
from suanli.planning.tokenflow.entitlements import Entitlements
from suanli.planning.tokenflow.estimates import RunTimes
from suanli.planning.view import PoolSpec, Request, View
from suanli.simulation.bench_fairness import a_round_later, synthetic
from suanli.terms.errors import InputError

LIMIT_S = 60.0
QUARTER, HOUR = 900_000, 3_600_000


def solved(problem: Problem) -> Shares:
    return Program(problem).solve(problem, LIMIT_S)


def reached(shares: Shares) -> float:
    return shares.upper_bound - shares.gap


def free_market(seed: int) -> Problem:
    """Return a market without caps, costs and discount: Fisher's own."""
    problem = synthetic(seed, 5, 10, 3, 3)
    return replace(problem, demand=problem.demand * 1e3, work=problem.work * 1e6,
                   cost=problem.cost * 0, discount=np.ones(3),
                   tenant_of_row=np.arange(10) % 5)


@pytest.mark.parametrize(("name", "value", "said"), [
    ("budgets", [1.0, -2.0], "budgets at \\(1,\\) is -2.0"),
    ("budgets", [1.0, float("nan")], "budgets at \\(1,\\) is nan"),
    ("budgets", ["much", "little"], "budgets is no array of numbers"),
    ("received", [1.0], "received has shape \\(1,\\); \\(2,\\) is accepted"),
    ("tenant_of_row", [0, 2, 1], "tenant_of_row holds 2; below 2"),
    ("tenant_of_row", [0, -1, 1], "tenant_of_row at \\(1,\\) is -1"),
    ("tenant_of_row", [0.0, 1.0, 1.0], "tenant_of_row holds float64"),
    ("theta", [[float("inf")] * 2] * 3, "theta at \\(0, 0\\) is inf"),
    ("capacity", [[1e308] * 2] * 2, "capacity at \\(0, 0\\) is 1e\\+308; 0 to 1e\\+15"),
    ("hours", [0.25, 0.0], "hours holds 0.0; above 0"),
    ("discount", [1.0, 0.0], "discount holds 0.0; above 0"),
    ("capacity", [[1.0], [1.0]], "capacity has shape \\(2, 1\\)"),
])
def test_bad_input_is_named(name: str, value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(synthetic(0, 2, 3, 2, 2), **{name: value})


def test_carve_out_takes_promises_first_and_stops_at_nothing() -> None:
    healthy = np.array([[10.0, 4.0]])
    left = carve_out(healthy, np.array([[2.0, 3.0]]), np.array([[1.0, 1.0]]), np.array([[1.0, 1]]))
    assert left.tolist() == [[6.0, 0.0]]
    with pytest.raises(InputError, match="firm at \\(0, 1\\) is -1"):
        carve_out(healthy, np.array([[0.0, -1.0]]), healthy * 0, healthy * 0)
    with pytest.raises(InputError, match="inference_floor has shape"):
        carve_out(healthy, healthy * 0, np.zeros((2, 2)), healthy * 0)


@pytest.mark.parametrize("past_ms", [0, 1, QUARTER, 3 * QUARTER - 1, HOUR - 1])
def test_the_horizon_keeps_to_quarters_and_hours(past_ms: int) -> None:
    now = 1_800_000 * HOUR + past_ms
    start, length = horizon(now)
    ends = start + length
    assert len(start) == 36
    assert start[0] == now
    assert (length > 0).all()
    assert all(end == begin for end, begin in pairwise([*ends[:1], *start[1:2]]))
    assert (ends[:-1] == start[1:]).all()
    assert (ends[:8] % QUARTER == 0).all()
    assert (length[1:8] == QUARTER).all()
    assert (ends[8:] % HOUR == 0).all()
    assert (length[9:30] == HOUR).all()
    assert (length[30:] == 24 * HOUR).all()


def test_merging_slots_that_are_alike_loses_nothing_and_is_even() -> None:
    problem = synthetic(6, 5, 15, 2, 6)
    first = [0, 1, 0, 1, 1, 0]
    problem = replace(problem, capacity=problem.capacity[:, first],
                      discount=problem.discount[first],
                      hours=np.array([0.1, 0.25, 0.25, 0.5, 1, 1]))
    group = alike(problem)
    assert group.tolist() == first
    assert merged(problem, group).hours.tolist() == [1.35, 1.75]
    keeper = FairShares(LIMIT_S)
    shares = keeper.update(problem, 0)
    whole = solved(problem)
    assert reached(shares) == pytest.approx(reached(whole), abs=1e-4)
    assert (shares.devices[:, :, [0, 2]] == shares.devices[:, :, [2, 5]]).all()
    assert shares.prices == pytest.approx(whole.prices, rel=0.02)


@pytest.mark.parametrize("parts", [2, 4])
def test_parts_lose_little_and_break_nothing(parts: int) -> None:
    problem = synthetic(1, 10, 200, 4, 4)
    rows = deal(problem, parts, 7)
    assert np.sort(np.concatenate(rows)).tolist() == list(range(200))
    split, whole = Split(problem, parts, 7), solved(problem)
    for _ in range(2):
        shares = split.solve(problem, LIMIT_S)
        loss = reached(whole) - reached(shares)
        print(f"{parts} parts: loss {loss:.4f}, certified {shares.gap:.4f}")
        assert -whole.gap <= loss <= 0.05
        assert shares.gap >= loss - 1e-9
        assert (shares.devices.sum(0) <= problem.capacity * (1 + 1e-9)).all()
        assert (shares.devices.sum(1) <= problem.demand * (1 + 1e-9)).all()
    assert split.fits(a_round_later(problem, 1))
    assert not split.fits(replace(problem, theta=problem.theta * 2))


@pytest.mark.parametrize("parts", [1, 9])
def test_too_few_or_too_many_parts_are_refused(parts: int) -> None:
    with pytest.raises(InputError, match=f"{parts} parts; 2 to 8"):
        Split(synthetic(1, 2, 9, 2, 2), parts, 0)


@pytest.mark.parametrize("seed", range(3))
def test_a_free_market_is_fair(seed: int) -> None:
    problem = free_market(seed)
    found = checks_of(problem, solved(problem))
    assert found.envy <= 1.01
    assert found.envy_paid <= 1.01
    assert found.incentive_share == 1.0
    assert found.incentive_worst >= 0.99
    assert found.pareto_gain <= 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_with_caps_nobody_envies_what_was_paid_for(seed: int) -> None:
    problem = replace(synthetic(seed, 6, 20, 3, 3), cost=np.zeros((3, 3)))
    found = checks_of(problem, solved(problem))
    assert found.envy_paid <= 1.01
    assert found.pareto_gain <= 1e-4


def doctored(problem: Problem, shares: Shares, devices: Any) -> Shares:
    gained = np.einsum("kgt,kg,t->k", devices, problem.theta, problem.hours * problem.discount)
    return replace(shares, devices=devices, utility=problem.received + np.bincount(
        problem.tenant_of_row, gained, problem.tenants))


def test_checks_find_what_is_planted() -> None:
    problem = free_market(1)
    shares = solved(problem)
    robbed = np.where((problem.tenant_of_row == 2)[:, None, None], 0.1, 1.0) * shares.devices
    found = checks_of(problem, doctored(problem, shares, robbed))
    assert found.envy > 5
    assert found.incentive_share == 0.8
    assert found.incentive_worst < 0.2
    assert found.pareto_gain > 0.1
    # Exactly what the robbed tenant could have back: nine times what it holds, by its budget.
    assert found.pareto_gain >= 9 * problem.weights[2] * 0.99
    swapped = shares.devices.copy()
    swapped[problem.tenant_of_row == 0] = 0
    assert checks_of(problem, doctored(problem, shares, swapped)).pareto_gain > 0


def test_a_failed_round_leaves_the_last_good_shares_in_force() -> None:
    problem = synthetic(2, 6, 20, 3, 3)
    keeper = FairShares(LIMIT_S)
    good = keeper.update(problem, 60_000, with_checks=True)
    keeper.time_limit_s = 0.0
    # Another matrix, so that there is no optimum at hand already.
    other = replace(problem, theta=problem.theta * 1.5)
    kept = keeper.update(other, 120_000, with_checks=True)
    assert not kept.is_fresh
    assert kept.reason == "Time limit reached"
    assert kept.devices is good.devices
    assert keeper.in_force is good
    assert keeper.since_ms == 60_000
    keeper.time_limit_s = LIMIT_S
    assert keeper.update(other, 120_000).is_fresh
    assert [(r.at_ms, r.is_fresh, r.checks is None) for r in keeper.rounds] == [
        (60_000, True, False), (120_000, False, True), (120_000, True, True)]


def test_a_first_round_that_fails_gives_nothing_and_says_so() -> None:
    shares = FairShares(0.0).update(synthetic(2, 6, 20, 3, 3), 0)
    assert not shares.is_fresh
    assert not shares.devices.any()
    assert shares.gap == float("inf")


def test_rounds_of_a_replay_reuse_the_program() -> None:
    problem = synthetic(2, 6, 20, 2, 4)
    keeper = FairShares(LIMIT_S, parts=1)
    costs = []
    for turn in range(4):
        shares = keeper.update(problem, turn)
        assert shares.is_fresh
        costs.append(shares.iterations)
        problem = a_round_later(problem, turn)
    assert max(costs[1:]) < costs[0]


def test_odd_markets_are_checked_too() -> None:
    problem = synthetic(4, 5, 12, 2, 3)
    for odd in (replace(problem, budgets=problem.budgets * 0),
                replace(problem, capacity=problem.capacity * 0),
                replace(problem, theta=problem.theta * 0),
                replace(problem, budgets=np.array([0, 1, 1e6, 1, 1.0]))):
        found = checks_of(odd, solved(odd))
        assert np.isfinite([found.envy, found.envy_paid, found.pareto_gain]).all()


class Slow(FairShares):
    """A keeper whose solver waits for a signal first."""

    def __init__(self) -> None:
        super().__init__(LIMIT_S)
        self.go = threading.Event()

    def update(self, problem: Problem, at_ms: int, with_checks: bool = False) -> Shares:
        self.go.wait(LIMIT_S)
        return super().update(problem, at_ms, with_checks)


def taken(solving: Solving) -> tuple[Problem, Shares]:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if found := solving.taken():
            return found
        time.sleep(0.001)
    raise AssertionError("nothing was solved")


def test_rounds_go_on_while_a_problem_is_solved_beside_them() -> None:
    problem, keeper = synthetic(2, 6, 20, 3, 3), Slow()
    solving = Solving(keeper, is_beside=True)
    solving.start(problem, 60_000)
    assert solving.taken() is None
    solving.start(problem, 120_000)  # the round says that the last one is not done
    assert [(r.at_ms, r.is_fresh, r.reason) for r in keeper.rounds] == [
        (120_000, False, STILL_SOLVING)]
    keeper.go.set()
    solved_problem, shares = taken(solving)
    assert solved_problem is problem
    assert shares.devices == pytest.approx(FairShares(LIMIT_S).update(problem, 0).devices)
    assert solving.taken() is None  # an answer is taken once
    keeper.time_limit_s = 0.0
    solving.start(replace(problem, theta=problem.theta * 1.5), 180_000)
    kept = taken(solving)[1]
    assert (kept.is_fresh, kept.devices is shares.devices) == (False, True)


def test_a_bug_in_the_thread_is_raised_in_the_round() -> None:
    solving = Solving(FairShares(LIMIT_S), is_beside=True)
    solving.start(None, 0)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        taken(solving)


@pytest.mark.parametrize("is_beside", [False, True])
def test_targets_are_the_same_wherever_they_are_found(is_beside: bool) -> None:
    """Two tenants, one of whom has all devices: what each is owed after two quarters."""
    view = View((PoolSpec("z", "chip", (4,)),))
    for tenant, devices in ((0, 4), (1, 4)):
        view.submit(Request(tenant + 1, tenant, devices, 1000, (1_000_000,), 100 * HOUR), 0)
    view.bind(0, ((0, (0, 1, 2, 3)),), 0)
    entitlements = Entitlements(True, is_beside)
    entitlements.update(view, 0, RunTimes())
    deadline = time.monotonic() + LIMIT_S
    while not entitlements.targets.any() and time.monotonic() < deadline:
        entitlements.update(view, 1, RunTimes())  # nothing is due: it only takes
    assert entitlements.targets == pytest.approx([2, 2], rel=0.001)
    entitlements.update(view, QUARTER, RunTimes())
    assert entitlements.owed == pytest.approx([-2 * QUARTER, 2 * QUARTER], rel=0.01)
