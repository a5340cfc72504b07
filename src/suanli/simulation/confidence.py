"""The mean of a few seeds with its 95 % interval by Student's t.

Source: Abramowitz and Stegun, 26.7.3 and 26.7.4 (the distribution function for whole degrees of
freedom, as a finite sum), inverted by bisection.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

LEVEL = 0.95


class Mean(NamedTuple):
    """A mean over seeds; `half`: half the width of its interval, None for a single seed."""

    value: float
    half: float | None
    seeds: int


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of one value or more, and the half-width of its 95 % interval."""
    count = len(values)
    mean = math.fsum(values) / count
    if count == 1:
        return Mean(mean, None, 1)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return Mean(mean, quantile(count - 1) * math.sqrt(variance / count), count)


def quantile(freedom: int) -> float:
    """Return the two-sided 95 % quantile of Student's t: 12.706 for one degree of freedom."""
    low, high = 0.0, 16.0
    while high - low > 1e-10:
        middle = (low + high) / 2
        low, high = (middle, high) if _inside(middle, freedom) < LEVEL else (low, middle)
    return high


def _inside(t: float, freedom: int) -> float:
    """Return the probability that |T| is at most t."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    if freedom % 2:
        term, total = math.cos(angle), 0.0
        for k in range(1, (freedom - 1) // 2 + 1):
            total += term
            term *= square * 2 * k / (2 * k + 1)
        return 2 / math.pi * (angle + sine * total)
    term, total = 1.0, 0.0
    for k in range(1, freedom // 2 + 1):
        total += term
        term *= square * (2 * k - 1) / (2 * k)
    return sine * total
