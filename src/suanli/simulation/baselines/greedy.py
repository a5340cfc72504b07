"""First in, first out over whole gangs, skipping what does not fit: `fifo` and `best-fit`.

A job takes the first pool, by speed, that has room. `fifo` takes the first fitting host,
`best-fit` the one that is left with the least. Serving replicas are tried before other work.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from suanli.planning.placing import Rule, place
from suanli.planning.scheduler import Action, Bind
from suanli.planning.view import View


class Greedy:
    """Tries every queued job at every instant, urgent ones first, in order of arrival."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def decide(self, view: View, at: int) -> Iterator[Action]:
        """Yield a binding for each job that fits."""
        failed: dict[Any, int] = {}  # kind of request -> fewest that did not fit
        for row in view.urgent_first():
            kind = view.kind(row)
            devices = int(view.jobs.devices[row])
            if devices >= failed.get(kind, devices + 1):
                continue
            for pool in np.argsort(-view.jobs.speed[row], kind="stable"):
                if not view.jobs.speed[row, pool]:
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
