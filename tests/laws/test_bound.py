"""No scheduler waits less in the mean than the SRPT yardstick, on fleets of one chip.

Not a theorem where jobs cannot use the whole pool (see `simulation/bounds`): what is held here is
that it stays below on random small workloads, light and overloaded, for every scheduler we have.
"""

import numpy as np
import pytest
from tests.stage import CHIP, spec

from suanli.planning.onboarding import Fleet, HostGroup
from suanli.simulation.arena import Arena
from suanli.simulation.bounds import srpt_bound
from suanli.simulation.schedulers import SCHEDULERS, scheduler
from suanli.simulation.workload import Arrival, Workload
from suanli.simulation.world import EPOCH
from suanli.terms.instant import HOUR, MINUTE

FLEET = Fleet((HostGroup("z", "a", CHIP, 4, 3),), 1000)


def random_workload(seed: int, count: int = 60) -> Workload:
    rng = np.random.default_rng(seed)
    horizon = int(rng.integers(200, 6000))
    return Workload(tuple(
        Arrival(EPOCH + int(at) * MINUTE, f"t{rng.integers(3)}",
                spec(devices=int(rng.integers(1, 9)), time_limit_ms=99 * HOUR),
                ((CHIP, int(rng.integers(1, 400)) * MINUTE),))
        for at in np.sort(rng.integers(0, horizon, count))), f"seed {seed}")


@pytest.mark.parametrize("policy", sorted(SCHEDULERS))
def test_no_scheduler_is_below_the_bound(policy: str) -> None:
    waits = 0
    for seed in range(12):
        made = random_workload(seed)
        record = Arena(made, [FLEET], scheduler(policy, seed)).go()
        bound, mean = srpt_bound(made, FLEET), float(record.waited.mean()) / 1000
        if record.note:  # a deadlock: its delays are censored, and no mean at all
            assert (record.ended < 0).any(), record.note
        else:
            assert bound <= mean + 0.01, f"seed {seed}: {bound} above {mean}"
        waits += bound > 60
    assert waits >= 6  # the bound says something in half of them
