"""First in, first out over whole gangs, skipping what does not fit: `fifo` and `best-fit`.

A job takes the first pool that has room: the cheapest for its tenant, where there is a market, else
the fastest. `fifo` takes the first fitting host, `best-fit` the one that is left with the least.
Work on firm tokens is tried first, then serving, then all other work.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from suanli.planning.placing import Rule, place
from suanli.planning.scheduler import Action, Bind
from suanli.planning.view import View


class Greedy:
    """Tries every queued job at every instant, by tier and then in order of arrival."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def decide(self, view: View, at: int) -> Iterator[Action]:
        """Yield a binding for each job that fits."""
        jobs = view.jobs
        failed: dict[Any, int] = {}  # kind of request -> fewest that did not fit
        for row in view.in_order():
            kind = (view.kind(row), int(jobs.tier[row]))
            devices = int(jobs.devices[row])
            if devices >= failed.get(kind, devices + 1):
                continue
            for pool in np.lexsort((-jobs.speed[row], jobs.cost[row])):
                if not jobs.speed[row, pool]:
                    continue
                slots = place(view, int(row), int(pool), self.rule)
                if slots is not None:
                    yield Bind(int(row), slots)
                    break
            else:
                failed[kind] = devices

    def next_instant(self, at: int) -> int | None:
        """Only arrivals and ends change anything."""
        return None
