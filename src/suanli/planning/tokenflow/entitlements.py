"""What tenants are entitled to, and what chips are worth: from the fairness program, every quarter.

Rows are (tenant, speeds by pool), since jobs with equal speeds are exchangeable to the program;
what they want is expected work, from learned run times. The program's first slot gives each
tenant a target; what a tenant received less than its targets is its entitlement, in windows of an
equal share of the fleet. Its duals are the forward price signal (`shares`). Chips are chosen by
the prices of the balanced assignment (`prices`).
"""

from copy import copy
from typing import Final

import numpy as np
import numpy.typing as npt

from suanli.planning.fairness.keeper import FairShares, Solving
from suanli.planning.fairness.problem import Problem
from suanli.planning.tokenflow.estimates import RunTimes
from suanli.planning.tokenflow.prices import balanced_prices
from suanli.planning.tokenflow.queue import expected_left
from suanli.planning.view import PPM, RUNNING, Ints, View
from suanli.terms.instant import DAY, HOUR, MINUTE
from suanli.terms.quantity import WHOLE_DEVICE

Floats = npt.NDArray[np.float64]

EVERY_MS: Final = 15 * MINUTE
SLOT_HOURS: Final = (0.25, 2.0, 21.75)
DISCOUNT: Final = (1.0, 1.0, 1.0)
WINDOW_MS: Final = DAY
# Never reached by problems of a replay's size: a bound for the day it is, not a way to decide.
SOLVE_S_MAX: Final = 30.0
FOREVER: Final = 2**62
PRICE_MEMORY_MS: Final = HOUR  # prices move slowly: what is placed stays for hours


class Entitlements:
    """Prices by pool and entitlements by tenant, as they stand; none are owed if not `is_fair`."""

    def __init__(self, is_fair: bool, is_beside: bool = False) -> None:
        self.is_fair = is_fair
        self.shares = FairShares(SOLVE_S_MAX)
        self._solving = Solving(self.shares, is_beside)
        self.prices: Floats = np.ones(0)
        self.owed: Floats = np.zeros(0)  # reference device-milliseconds, by tenant
        self.due: Floats = np.zeros(0)  # all targets so far, reference device-milliseconds
        self.targets: Floats = np.zeros(0)  # reference devices, by tenant, since the last update
        self._at: int | None = None

    def of(self, view: View) -> Floats:
        """Return by tenant what it is owed, in windows of an equal share of the fleet."""
        tenants = max(1, len(self.owed))
        return self.owed / (WINDOW_MS * max(1, view.capacity) / tenants)

    def frozen(self) -> "Entitlements":
        """Return one that stays as it is."""
        still = copy(self)
        still._at = FOREVER
        return still

    def update(self, view: View, at: int, runtimes: RunTimes) -> None:
        """Solve anew if a quarter of an hour has passed; take what was solved beside since."""
        self.grow(view)
        self._take()
        if self._at is not None and at - self._at < EVERY_MS:
            return
        elapsed = at - self._at if self._at is not None else 0
        if self.is_fair:
            self._accrue(view, elapsed)
        self._at = at
        rows = np.concatenate([view.rows(view.queued), view.rows(view.active)])
        if len(rows):
            self._solve(view, rows, at, runtimes, elapsed)

    def grow(self, view: View) -> None:
        """Take in tenants that are new, with nothing owed to them."""
        tenants = int(view.jobs.tenant[:view.jobs.count].max(initial=-1)) + 1
        missing = tenants - len(self.owed)
        if missing > 0:
            self.owed, self.due, self.targets = (
                np.append(known, np.zeros(missing))
                for known in (self.owed, self.due, self.targets))
        if not len(self.prices):
            self.prices = np.ones(len(view.pools))

    def _accrue(self, view: View, elapsed: int) -> None:
        """Add targets, take off what runs, and let what is old fade."""
        jobs, rows = view.jobs, view.rows(view.active)
        rows = rows[jobs.phase[rows] == RUNNING]
        speed = jobs.speed[rows, jobs.pool[rows]] / PPM
        wide = jobs.width[rows] * jobs.allotted[rows] / WHOLE_DEVICE
        runs = _sums(jobs.tenant[rows], wide * speed, len(self.owed))
        self.due += self.targets * elapsed
        fade = np.exp(-elapsed / WINDOW_MS)
        self.owed = self.owed * fade + (self.targets - runs) * elapsed

    def _solve(self, view: View, rows: Ints, at: int, runtimes: RunTimes, elapsed: int) -> None:
        problem = problem_of(view, rows, at, runtimes, len(self.owed))
        prices = balanced_prices(problem.theta, problem.work, problem.capacity[:, 0])
        if prices is not None:
            fade = np.exp(-elapsed / PRICE_MEMORY_MS)
            self.prices = self.prices * fade + prices * (1 - fade)
        if not self.is_fair:
            return
        self._solving.start(problem, at)
        self._take()

    def _take(self) -> None:
        """Let fresh shares be the targets: of the whole quarter, even if they came beside it."""
        found = self._solving.taken()
        if found is not None and found[1].is_fresh:
            problem, shares = found
            rate = (shares.devices[:, :, 0] * problem.theta).sum(axis=1)
            self.targets = _sums(problem.tenant_of_row, rate, len(self.owed))


def problem_of(view: View, rows: Ints, at: int, runtimes: RunTimes, tenants: int) -> Problem:
    """Return the fairness problem of the jobs that wait or run."""
    jobs = view.jobs
    kinds, of_kind = np.unique(np.column_stack([jobs.tenant[rows], jobs.speed[rows]]), axis=0,
                               return_inverse=True)
    of_kind = of_kind.ravel()
    wide = jobs.devices[rows] * jobs.share[rows] / WHOLE_DEVICE
    work = expected_left(view, rows, at, runtimes) * wide / HOUR
    slots = len(SLOT_HOURS)
    capacity = view.capacity_by_pool.astype(np.float64)
    wanted = _sums(of_kind, wide, len(kinds))
    return Problem(
        budgets=np.array([view.budgets.get(t, 0.0) for t in range(tenants)]),
        received=np.zeros(tenants), tenant_of_row=kinds[:, 0], theta=kinds[:, 1:] / PPM,
        demand=np.repeat(wanted[:, None], slots, axis=1),
        work=_sums(of_kind, work, len(kinds)),
        capacity=np.repeat(capacity[:, None], slots, axis=1), hours=np.array(SLOT_HOURS),
        discount=np.array(DISCOUNT), cost=np.zeros((len(capacity), slots)))


def _sums(group: Ints, values: Floats, groups: int) -> Floats:
    return np.bincount(group, weights=values, minlength=groups).astype(np.float64)
