"""Slurm's multifactor priority: age, fair share of decayed usage, job size.

priority = 1000 x age + 10000 x fair share + 1000 x size, each factor 0 to 1: the weights of the
configuration example in Slurm's own page (the defaults, all 0 or 1, would be first in first out;
its partition factor is the same for all here). Age: time since submission over PriorityMaxAge, 7
days. Fair share: Fair Tree over one level of accounts, one a tenant, shares by budget: tenants
ranked by shares over usage, rank / number of tenants, equals equal. Usage: device-time allocated
(a device comes with its share of its host's CPUs, so device-time stands for CPU-time), halved every
7 days (PriorityDecayHalfLife). Size: the part of the fleet's devices (PriorityFavorSmall is no, so
large is first). Factors are computed anew every 5 minutes (PriorityCalcPeriod); usage decays
continuously instead of in such steps.

Sources: slurm doc/html/{priority_multifactor,fair_tree,classic_fair_share}.shtml.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from suanli.planning.view import Ints, View
from suanli.terms.instant import DAY, MINUTE
from suanli.terms.quantity import WHOLE_DEVICE

WEIGHT_AGE, WEIGHT_FAIR_SHARE, WEIGHT_SIZE = 1000, 10_000, 1000
HALF_LIFE_MS: Final = 7 * DAY
AGE_MAX_MS: Final = 7 * DAY
CALC_PERIOD_MS: Final = 5 * MINUTE
Floats = npt.NDArray[np.float64]


def decayed(usage: Floats, rate: Floats, passed_ms: int) -> Floats:
    """Return device-milliseconds after a time at a constant rate of devices, both by tenant."""
    kept = 0.5 ** (passed_ms / HALF_LIFE_MS)
    return np.asarray(usage * kept + rate * (HALF_LIFE_MS / np.log(2)) * (1 - kept))


def fair_tree(usage: Floats, shares: Floats) -> Floats:
    """Return the fair-share factor by tenant: the rank from below over the number of tenants."""
    total = usage.sum()
    level = np.full(len(usage), np.inf)
    np.divide(shares / shares.sum(), usage / max(total, 1.0), out=level, where=usage > 0)
    return np.asarray((level[:, None] >= level[None, :]).sum(axis=1) / len(level))


class Priorities:
    """Usage by tenant, and every job's priority as of the last calculation."""

    def __init__(self) -> None:
        self._usage = np.zeros(0)  # by tenant's number, device-milliseconds
        self._rate = np.zeros(0)  # devices held since `_at`
        self._at = 0
        self._calculated = -CALC_PERIOD_MS
        self._factors: dict[int, float] = {}  # fair share by tenant
        self._of: dict[int, float] = {}  # priority by row, of queued rows

    def accrue(self, view: View, at: int) -> None:
        """Charge what was held since the last call."""
        new = np.zeros(max(view.budgets, default=-1) + 1 - len(self._usage))
        self._usage = np.concatenate([self._usage, new])
        self._rate = np.concatenate([self._rate, new])
        self._usage = decayed(self._usage, self._rate, at - self._at)
        self._at = at

    def hold(self, view: View) -> None:
        """Note what is held from now on."""
        rows, jobs = view.rows(view.active), view.jobs
        self._rate = np.bincount(jobs.tenant[rows], jobs.held[rows] * jobs.share[rows],
                                 minlength=len(self._usage)) / WHOLE_DEVICE

    def ranked(self, view: View, at: int) -> Ints:
        """Return the queued rows: highest priority, then earliest submission, first.

        `accrue` must have been called for this instant.
        """
        rows, jobs = view.rows(view.queued), view.jobs
        if at - self._calculated >= CALC_PERIOD_MS:
            self._calculated, self._of, self._factors = at, {}, {}
        new = [row for row in rows.tolist() if row not in self._of]
        if new:
            self._rate_jobs(view, np.array(new), at)
        priority = np.array([self._of[row] for row in rows.tolist()])
        return rows[np.lexsort((rows, jobs.submitted[rows], -priority))]

    def _rate_jobs(self, view: View, rows: Ints, at: int) -> None:
        tenants = list(view.budgets)
        if len(self._factors) < len(tenants):  # computed anew, or for a tenant's first job
            shares = np.array([view.budgets[tenant] for tenant in tenants])
            factors = fair_tree(self._usage[tenants], shares).tolist()
            self._factors = dict(zip(tenants, factors, strict=True))
        jobs = view.jobs
        age = np.minimum((at - jobs.submitted[rows]) / AGE_MAX_MS, 1.0)
        size = jobs.devices[rows] * jobs.share[rows] / WHOLE_DEVICE / view.capacity
        fair = np.array([self._factors[tenant] for tenant in jobs.tenant[rows].tolist()])
        values = WEIGHT_AGE * age + WEIGHT_FAIR_SHARE * fair + WEIGHT_SIZE * size
        self._of.update(zip(rows.tolist(), values.tolist(), strict=True))
