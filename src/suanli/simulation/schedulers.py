"""Every scheduler by its name on the command line; made fresh for each run."""

from collections.abc import Callable
from typing import Final

from suanli.planning.policies import POLICIES
from suanli.planning.scheduler import Scheduler
from suanli.planning.tokenflow.scheduler import Settings, TokenFlow
from suanli.simulation.baselines.gavel import Gavel
from suanli.simulation.baselines.kube.scheduler import Kube
from suanli.simulation.baselines.kube.throttle import TokenBucket
from suanli.simulation.baselines.kube_gang import KubeGang
from suanli.simulation.baselines.kueue import Kueue
from suanli.simulation.baselines.shockwave import Shockwave
from suanli.simulation.baselines.slurm import Slurm
from suanli.terms.errors import InputError

# Each takes the seed of the run, for those whose choices are random.
SCHEDULERS: Final[dict[str, Callable[[int], Scheduler]]] = {
    **{name: lambda seed, policy=policy: policy()  # type: ignore[misc]
       for name, policy in POLICIES.items()},
    "tokenflow-unfair": lambda seed: TokenFlow(Settings(is_fair=False)),
    "tokenflow-unpreempted": lambda seed: TokenFlow(Settings(is_preempting=False)),
    "kube": lambda seed: Kube("few", seed),
    "kube-split": lambda seed: Kube("split", seed),
    "kube-qps50": lambda seed: Kube("few", seed, TokenBucket()),
    "kube-qps50-split": lambda seed: Kube("split", seed, TokenBucket()),
    "kube-gang": KubeGang,
    "kueue": lambda seed: Kueue(),
    "slurm": lambda seed: Slurm(),
    "gavel": lambda seed: Gavel(),
    "slurm-devices": lambda seed: Slurm(books_whole_hosts=False),
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
