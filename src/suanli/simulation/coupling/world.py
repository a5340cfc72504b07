"""A day of three operators and their tenants, drawn from a seed: the same for every market form.

Assumptions, all of them data of this file: sizes and posted prices are the published ones of three
operators, a tenth of the size; a posted price is what a token costs its operator to deliver; values
are lognormal around one RMB a token; inference follows a daily curve and takes any part of what it
asks; training needs all its hours or none and may start at several. Tenants are spread over the
operators otherwise than capacity is, which is what coupling lives of.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from suanli.terms.quantity import LOT, TOKEN

HOURS: Final = 24
TENANTS: Final = 200
POSTED_MRMB: Final = (1200, 1000, 800)
# Tokens an hour: 15,600, 9,600 and 8,000 H100-equivalents, a tenth of them.
CAPACITY: Final = (1560, 960, 800)
DEMAND: Final = 1.15  # tokens asked over tokens there
TRAINING_SHARE: Final = 0.5
VALUE_MRMB, VALUE_SPREAD = 1300, 0.45
LINK_SHARE: Final = 0.3  # of the smaller side's capacity, each way
LINK_FEE_MRMB: Final = 20
TRAINING_HOURS: Final = (2, 12)
STARTS: Final = 6


class Tenant(NamedTuple):
    """Who asks: `lots` in each hour (inference), or `width` lots for `hours` from a start."""

    home: int
    value_mrmb: int
    lots: tuple[int, ...] = ()
    width: int = 0
    hours: int = 0
    starts: tuple[int, ...] = ()

    def asked(self) -> int:
        """Return all that it asks, in lots."""
        return self.width * self.hours if self.width else sum(self.lots)


class Link(NamedTuple):
    """What one operator's site may deliver for another's tenants, lots an hour."""

    source: int
    target: int
    lots: int
    fee_mrmb: int


@dataclass(frozen=True, slots=True)
class Day:
    """Capacity in lots, (operators, hours); tenants in the order in which they come."""

    capacity: tuple[tuple[int, ...], ...]
    tenants: tuple[Tenant, ...]
    links: tuple[Link, ...]


def draw_day(seed: int) -> Day:
    """Return the day of a seed."""
    rng = np.random.default_rng(seed)
    capacity = tuple(tuple(int(lots) for lots in tokens * (TOKEN // LOT)
                           * rng.uniform(0.9, 1.0, HOURS)) for tokens in CAPACITY)
    homes = rng.choice(len(CAPACITY), TENANTS, p=rng.dirichlet((4, 4, 4)))
    sizes = rng.lognormal(0, 0.8, TENANTS)
    scale = DEMAND * sum(map(sum, capacity)) / sizes.sum()
    values = rng.lognormal(np.log(VALUE_MRMB), VALUE_SPREAD, TENANTS)
    tenants = tuple(_tenant(rng, int(home), int(value), size * scale)
                    for home, value, size in zip(homes, values, sizes, strict=True))
    return Day(capacity, tenants, _links())


def _tenant(rng: np.random.Generator, home: int, value: int, lots: float) -> Tenant:
    if rng.random() < TRAINING_SHARE:
        hours = int(rng.integers(*TRAINING_HOURS, endpoint=True))
        latest = HOURS - hours
        first = int(rng.integers(0, latest, endpoint=True))
        starts = tuple(range(first, min(first + STARTS - 1, latest) + 1))
        return Tenant(home, value, width=max(1, int(lots / hours)), hours=hours, starts=starts)
    curve = 1 + 0.5 * np.sin((np.arange(HOURS) - 9) / HOURS * 2 * np.pi)
    each = np.maximum(1, lots * curve / curve.sum()).astype(int)
    return Tenant(home, value, tuple(int(n) for n in each))


def _links() -> tuple[Link, ...]:
    return tuple(Link(a, b, int(LINK_SHARE * min(CAPACITY[a], CAPACITY[b]) * (TOKEN // LOT)),
                      LINK_FEE_MRMB)
                 for a in range(len(CAPACITY)) for b in range(len(CAPACITY)) if a != b)
