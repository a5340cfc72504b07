"""Workload classes: how the reference H100's step time divides over its resources.

Shares are hal.md 4.1 (suite CU-2026.1), hand-set starting values. `memory_exponent` is b in the
memory multiplier; 0 means that capacity is a filter and never a price.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

SUITE = "CU-2026.1"


@dataclass(frozen=True, slots=True)
class WorkloadClass:
    """Shares of the reference step time; compute + memory + link + host = 1."""

    compute: Decimal
    memory: Decimal
    link: Decimal
    host: Decimal
    memory_exponent: Decimal


def _shares(*texts: str) -> WorkloadClass:
    return WorkloadClass(*(Decimal(text) for text in texts))


WORKLOAD_CLASSES: Final[dict[str, WorkloadClass]] = {
    "llm-training": _shares("0.70", "0.15", "0.15", "0", "0.25"),
    "llm-prefill": _shares("0.80", "0.15", "0.05", "0", "0"),
    "llm-decode": _shares("0.10", "0.80", "0.10", "0", "0.50"),
    "vision-training": _shares("0.40", "0.45", "0.05", "0.10", "0"),
    "embedding": _shares("0.65", "0.25", "0", "0.10", "0"),
}
