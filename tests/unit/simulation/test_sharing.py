"""Shares of tenants: asked for, got, and due."""

import numpy as np
import pytest
from tests.stage import CHIP, spec

from suanli.planning.onboarding import Fleet, HostGroup
from suanli.simulation.arena import Arena
from suanli.simulation.record import Interval, Record
from suanli.simulation.schedulers import scheduler
from suanli.simulation.sharing import share_gap, tenant_shares
from suanli.simulation.workload import Arrival, Workload
from suanli.terms.instant import HOUR, MINUTE

SLOW = "v100-sxm-32"


def test_shares_by_hand() -> None:
    """Two hours on a chip of half the speed are worth one: half each; three to one is due."""
    both = spec(chips=((CHIP, 1_000_000), (SLOW, 500_000)), time_limit_ms=9 * HOUR)
    workload = Workload((Arrival(0, "a", both, ((CHIP, HOUR),)),
                         Arrival(0, "b", both, ((CHIP, 3 * HOUR),))), "by hand")
    record = Record(np.zeros(2), np.full(2, 4.0 * HOUR), np.zeros(2), ("a", "b"), (
        Interval(0, 0, 0, HOUR, 1, CHIP), Interval(1, 0, 0, 2 * HOUR, 1, SLOW)), 2, 4 * HOUR,
        targets=(("a", 0.75), ("b", 0.25)))
    shares = tenant_shares(record, workload, 0, 4 * HOUR)
    assert [tuple(share) for share in shares] == [
        ("b", 0.75, pytest.approx(0.5), 0.25), ("a", 0.25, pytest.approx(0.5), 0.75)]
    assert share_gap(shares) == pytest.approx(0.25)
    # The window ends while the slow one runs: a third of an hour's work against half of one.
    late = tenant_shares(record, workload, 0, HOUR // 2)
    assert [share.held for share in late] == [pytest.approx(1 / 3), pytest.approx(2 / 3)]


@pytest.mark.parametrize(("policy", "has_targets"), [
    ("tokenflow", True), ("tokenflow-unfair", False), ("fifo", False)])
def test_what_a_scheduler_publishes_is_in_the_record(policy: str, has_targets: bool) -> None:
    arrivals = tuple(Arrival(n * 20 * MINUTE, f"t{n % 2}", spec(devices=2, time_limit_ms=4 * HOUR),
                             ((CHIP, 3 * HOUR),)) for n in range(12))
    fleet = Fleet((HostGroup("z", "a", CHIP, 4, 1),), 1000)
    record = Arena(Workload(arrivals, "by hand"), [fleet], scheduler(policy, 1)).go()
    assert sum(due for _, due in record.targets) == pytest.approx(1.0 if has_targets else 0.0)
    assert bool(record.prices) == policy.startswith("tokenflow")
    gap = share_gap(tenant_shares(record, Workload(arrivals, ""), 0, 4.0 * HOUR))
    assert (gap is not None) == has_targets
    assert gap is None or gap < 0.5
