"""Scheduling policies by name: what a server, or a replay through the whole domain, may run."""

from collections.abc import Callable
from typing import Final

from suanli.planning.greedy import Greedy
from suanli.planning.scheduler import Scheduler

# Makes a scheduler that remembers nothing yet.
Policy = Callable[[], Scheduler]


def _tokenflow(is_beside: bool = False) -> Scheduler:
    """Imported late: only who has a queue to schedule waits for its solver and its kernels."""
    from suanli.planning.tokenflow.scheduler import Settings, TokenFlow
    return TokenFlow(Settings(is_beside=is_beside))


def live(name: str) -> Policy:
    """Return a policy as a live server runs it: rounds do not wait for the fairness program."""
    return (lambda: _tokenflow(is_beside=True)) if name == "tokenflow" else POLICIES[name]


POLICIES: Final[dict[str, Policy]] = {
    "tokenflow": _tokenflow,
    "best-fit": lambda: Greedy("tightest"),
    "fifo": lambda: Greedy("first"),
}
