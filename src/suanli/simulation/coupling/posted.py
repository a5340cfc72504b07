"""Three islands with posted prices: who comes first to its home operator is served first."""

import numpy as np

from suanli.simulation.coupling.outcome import Ints, Outcome
from suanli.simulation.coupling.world import HOURS, POSTED_MRMB, Day, Tenant


def posted(day: Day) -> Outcome:
    """Sell to each tenant, in order, what its home has left, where the price suits it."""
    left = np.array(day.capacity, np.int64)
    bought = np.zeros(len(day.tenants), np.int64)
    for number, tenant in enumerate(day.tenants):
        if tenant.value_mrmb >= POSTED_MRMB[tenant.home]:
            taken = _takes(tenant, left[tenant.home])
            left[tenant.home] -= taken
            bought[number] = taken.sum()
    sold = np.array(day.capacity, np.int64) - left
    prices = np.array(POSTED_MRMB, np.int64)
    cost = int((sold.sum(axis=1) * prices).sum())
    return Outcome(bought, sold, np.repeat(prices[:, None], HOURS, axis=1), cost)


def _takes(tenant: Tenant, left: Ints) -> Ints:
    """Return the lots by hour that a tenant takes: all of its block at the first start, or part."""
    if not tenant.width:
        taken: Ints = np.minimum(left, np.array(tenant.lots, np.int64))
        return taken
    taken = np.zeros(HOURS, np.int64)
    for start in tenant.starts:
        if (left[start:start + tenant.hours] >= tenant.width).all():
            taken[start:start + tenant.hours] = tenant.width
            break
    return taken
