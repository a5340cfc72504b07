"""Every scheduler by its name on the command line; made fresh for each run."""

from collections.abc import Callable
from typing import Final

from suanli.planning.scheduler import Scheduler
from suanli.simulation.baselines.gavel import Gavel
from suanli.simulation.baselines.greedy import Greedy
from suanli.simulation.baselines.shockwave import Shockwave
from suanli.terms.errors import InputError

# Each takes the seed of the run, for those whose choices are random.
SCHEDULERS: Final[dict[str, Callable[[int], Scheduler]]] = {
    "fifo": lambda seed: Greedy("first"),
    "best-fit": lambda seed: Greedy("tightest"),
    "gavel": lambda seed: Gavel(),
    "shockwave": lambda seed: Shockwave(),
}


def scheduler(name: str, seed: int) -> Scheduler:
    """Return a fresh scheduler.

    Raises
    ------
    InputError
        For a name that is not known.
    """
    if name not in SCHEDULERS:
        raise InputError(f"policy {name!r}; {', '.join(SCHEDULERS)} are accepted")
    return SCHEDULERS[name](seed)
