"""What is to be shared: tenants, rows, pools and slots, as arrays; and the carve-out before it.

A *row* is (tenant, workload class, size band), a *pool* is (zone, chip, block group), a *slot*
is a stretch of the horizon. The wish is to

    maximise   sum_u B_u log U_u  -  sum cost[g,t] hours[t] x[k,g,t]
    where      U_u = received_u + sum_{k of u} discount[t] hours[t] theta[k,g] x[k,g,t]
    such that  sum_k x[k,g,t] <= capacity[g,t]          (price)
               sum_g x[k,g,t] <= demand[k,t]            (parallelism)
               sum_{g,t} hours[t] theta[k,g] x[k,g,t] <= work[k]

which is Eisenberg and Gale's program (1959) for a Fisher market, with caps on what each row can
use and with what a tenant received before counted in.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suanli.terms.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

QUARTER_MS = 15 * 60 * 1000
HOUR_MS = 4 * QUARTER_MS
# Far above any fleet or budget, and products of three stay far below the largest float.
VALUE_MAX = 1e15
# Quarters are what a round can still steer, hours are delivery periods, days only give work that
# can wait somewhere to wait.
NEAR_SLOTS, HOUR_SLOTS, DAY_SLOTS = 8, 22, 6


@dataclass(frozen=True, eq=False)
class Problem:
    """One problem; U tenants, K rows, G pools, T slots. Everything is from 0 to VALUE_MAX.

    Raises: InputError, naming what was found.
    """

    budgets: Floats  # (U,) weights, normalised inside; a tenant with 0 gets nothing
    received: Floats  # (U,) CU-h received in the accounting window
    tenant_of_row: Ints  # (K,)
    theta: Floats  # (K, G) CU per device; 0 where the row must not run
    demand: Floats  # (K, T) devices that the row can use at once
    work: Floats  # (K,) CU-h left
    capacity: Floats  # (G, T) devices, after the carve-out
    hours: Floats  # (T,) length, above 0
    discount: Floats  # (T,) worth of a CU-h in that slot, above 0
    cost: Floats  # (G, T) per device-hour, in units of the objective

    def __post_init__(self) -> None:
        for field in fields(self):
            kind = np.int64 if field.name == "tenant_of_row" else np.float64
            array = _array(field.name, getattr(self, field.name), kind)
            object.__setattr__(self, field.name, array)
        rows, pools, slots = len(self.work), len(self.capacity), len(self.hours)
        shapes = {"budgets": (self.tenants,), "received": (self.tenants,),
                  "tenant_of_row": (rows,), "theta": (rows, pools), "demand": (rows, slots),
                  "work": (rows,), "capacity": (pools, slots), "hours": (slots,),
                  "discount": (slots,), "cost": (pools, slots)}
        for name, shape in shapes.items():
            if (found := getattr(self, name).shape) != shape:
                raise InputError(f"{name} has shape {found}; {shape} is accepted")
        for name in ("hours", "discount"):
            if not (getattr(self, name) > 0).all():
                raise InputError(f"{name} holds {getattr(self, name).min()}; above 0 is accepted")
        if rows and self.tenant_of_row.max() >= self.tenants:
            raise InputError(f"tenant_of_row holds {self.tenant_of_row.max()}; "
                             f"below {self.tenants} is accepted")

    @property
    def tenants(self) -> int:
        """The number of tenants, U."""
        return len(self.budgets)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(K, G, T): rows, pools, slots."""
        return len(self.work), len(self.capacity), len(self.hours)

    @property
    def weights(self) -> Floats:
        """(U,) budgets that add up to 1, or all 0 where no tenant has any."""
        total = self.budgets.sum()
        return self.budgets / total if total > 0 else self.budgets


def _array(name: str, value: object, kind: type) -> NDArray[Any]:
    """Return a value as an array of a kind, refusing what is no finite number of 0 or more."""
    try:
        array = np.ascontiguousarray(value)
        if kind is np.int64 and array.size and array.dtype.kind not in "iu":
            raise InputError(f"{name} holds {array.dtype}; whole numbers are accepted")
        array = array.astype(kind, copy=False)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is no array of numbers: {error}") from error
    good = (array >= 0) & (array <= VALUE_MAX)  # neither holds for what is no number
    if not good.all():
        at = tuple(int(i) for i in np.argwhere(~good)[0])
        raise InputError(f"{name} at {at} is {array[at]}; 0 to {VALUE_MAX:g} is accepted")
    return array


def carve_out(healthy: Floats, firm: Floats, inference_floor: Floats,
              failover_headroom: Floats) -> Floats:
    """Return what is left to share, (G, T) devices: floored at 0, since promises come first.

    Raises: InputError for a negative or endless number, or shapes that differ.
    """
    parts = {"healthy": healthy, "firm": firm, "inference_floor": inference_floor,
             "failover_headroom": failover_headroom}
    arrays = [_array(name, value, np.float64) for name, value in parts.items()]
    for name, array in zip(parts, arrays, strict=True):
        if array.shape != arrays[0].shape:
            raise InputError(f"{name} has shape {array.shape}; {arrays[0].shape} is accepted")
    left: Floats = np.maximum(arrays[0] - arrays[1] - arrays[2] - arrays[3], 0.0)
    return left


def horizon(now_ms: int) -> tuple[Ints, Ints]:
    """Return (start, length) in ms of the 36 slots of a week: 8 quarters, 22 hours, 6 days.

    Every bound is on a quarter, and from the first hour slot on, on the hour, so that no slot
    lies in two delivery periods before the days. The first slot is what is left of the running
    quarter; the first hour slot is what is left of its hour.
    """
    quarters = now_ms // QUARTER_MS * QUARTER_MS + QUARTER_MS * np.arange(1, NEAR_SLOTS + 1)
    hours = quarters[-1] // HOUR_MS * HOUR_MS + HOUR_MS * np.arange(1, HOUR_SLOTS + 1)
    days = hours[-1] + 24 * HOUR_MS * np.arange(1, DAY_SLOTS + 1)
    ends = np.concatenate([quarters, hours, days]).astype(np.int64)
    starts = np.concatenate([[now_ms], ends[:-1]]).astype(np.int64)
    return starts, ends - starts
