"""The queue as TokenFlow sees it: which job next, and on which chips.

A job's *weight* is what it is still expected to take from the fleet: expected run time left, times
its devices, times the price of the chip on which it does its work most cheaply. The lightest goes
first: that keeps the mean wait short, since a light job delays the others least. A tenant that got
less than its fair share has its jobs counted lighter, by the factor e for a window's worth of
share (`entitlement`). So that nobody waits out of proportion, a weight is divided by the job's
response ratio: the time from its submission to its end, if it started now, over its run time
(Hansen 1971, highest response ratio next). A job with a promised start weighs nothing: it goes
before all others.

A job may use a chip while doing its work there costs at most `DEARER_MAX` times its cheapest:
otherwise it waits. Prices tell what others lose by it, so fast chips go to those who gain most. A
promised start may use every admissible chip. Among the chips that are worth it, its tenant's
cheapest comes first.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from suanli.planning.tokenflow.estimates import RunTimes
from suanli.planning.view import PPM, RUNNING, Ints, View

Floats = npt.NDArray[np.float64]

DEARER_MAX: Final = 1.3


@dataclass(frozen=True, slots=True)
class Weighed:
    """Rows with their weights, in device-milliseconds of the reference chip at price 1."""

    rows: Ints  # (n,)
    weight: Floats  # (n,)
    pools: Ints  # (n, pools) by preference, -1 where no further one is worth it
    tier: Ints  # (n,)

    def part(self, which: slice | npt.NDArray[Any]) -> "Weighed":
        return Weighed(self.rows[which], self.weight[which], self.pools[which], self.tier[which])

    def lightest_first(self) -> "Weighed":
        """Return the rows by tier, then by weight."""
        return self.part(np.lexsort((self.rows, self.weight, self.tier)))


def weigh(view: View, rows: Ints, at: int, runtimes: RunTimes, prices: Floats,
          entitlement: Floats) -> Weighed:
    """Return rows with weights and preferences; `prices` by pool, `entitlement` by tenant."""
    jobs = view.jobs
    left = expected_left(view, rows, at, runtimes)
    is_promised = jobs.slo_ms[rows] > 0
    speed = jobs.speed[rows]
    fastest = speed.max(axis=1) / PPM
    ratio = (at - jobs.submitted[rows] + left / fastest) * fastest / (
        left + done_by(view, rows, at))
    with np.errstate(divide="ignore"):
        cost = np.where(speed > 0, prices[None, :] * PPM / speed, np.inf)
    cheapest = cost.min(axis=1)
    wide = jobs.devices[rows] * jobs.share[rows] / 1000
    due = np.exp(-entitlement[jobs.tenant[rows]])
    weight = left * wide * cheapest / prices.mean() * due / ratio
    dearest = np.where(is_promised, np.finfo(np.float64).max, DEARER_MAX * cheapest)
    is_worth = cost <= dearest[:, None]
    order = np.lexsort((cost, jobs.cost[rows], ~is_worth), axis=1)
    pools = np.where(np.take_along_axis(is_worth, order, axis=1), order, -1)
    return Weighed(rows, np.where(is_promised, 0.0, weight), pools, jobs.tier[rows])


def expected_left(view: View, rows: Ints, at: int, runtimes: RunTimes) -> Floats:
    """Return the expected work left, in milliseconds of the reference chip."""
    limit = view.jobs.limit_ms[rows].astype(np.float64)
    return limit * runtimes.expected(done_by(view, rows, at) / limit)


def done_by(view: View, rows: Ints, at: int) -> Floats:
    """Return the work done, in milliseconds of the reference chip, restoring counted as work."""
    jobs = view.jobs
    speed = jobs.speed[rows, np.maximum(jobs.pool[rows], 0)] / PPM
    part = jobs.width[rows] / jobs.devices[rows]
    running = (jobs.phase[rows] == RUNNING) * (at - jobs.placed_at[rows]) * speed * part
    done: Floats = np.minimum(jobs.progress_ms[rows] + running, jobs.limit_ms[rows])
    return done
