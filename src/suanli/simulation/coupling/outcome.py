"""What a day came to under one form of market, in the words that forms are compared by."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suanli.simulation.coupling.world import LINK_FEE_MRMB, Day
from suanli.terms.quantity import RMB

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`bought` (tenants,) lots that are of use; `sold` and `price` (operators, hours)."""

    bought: Ints
    sold: Ints
    price: Ints
    cost: int  # of delivery and transport, micro-RMB


def figures(day: Day, outcome: Outcome) -> dict[str, float]:
    """Return welfare, utilisation, the part of what was asked that was served, convergence.

    Prices have converged in an hour if no two differ by more than what moving work costs.
    """
    value = sum(int(lots) * tenant.value_mrmb
                for lots, tenant in zip(outcome.bought, day.tenants, strict=True))
    asked = sum(tenant.asked() for tenant in day.tenants)
    spread = outcome.price.max(axis=0) - outcome.price.min(axis=0)
    return {"welfare_rmb": (value - outcome.cost) / RMB,
            "utilisation": float(outcome.sold.sum() / np.sum(day.capacity)),
            "useful": float(outcome.bought.sum() / np.sum(day.capacity)),
            "fill_rate": float(outcome.bought.sum() / asked),
            "price_convergence": float((spread <= LINK_FEE_MRMB).mean()),
            "price_mrmb": float(outcome.price.mean())}
