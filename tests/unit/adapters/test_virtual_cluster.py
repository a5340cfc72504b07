"""Virtual hosts by hand: a job on half its devices takes twice as long."""

import pytest
from tests.stage import spec

from suanli.adapters.virtual_cluster import VirtualCluster
from suanli.loop.ports import Report


@pytest.mark.parametrize(("devices", "ends"), [((0, 1, 2, 3), 30), ((0, 1, 2), 40), ((0, 1), 60)])
def test_fewer_devices_take_longer(devices: tuple[int, ...], ends: int) -> None:
    cluster = VirtualCluster(lambda job, spec, host: 30)
    cluster.start(1, 1, spec(devices=4, devices_min=2), (("h", devices),), 0)
    assert cluster.poll(ends - 1) == [Report(1, 1, True)]
    assert [report.finished for report in cluster.poll(ends)] == [ends]


def test_what_runs_on_failed_hosts_is_lost_at_once() -> None:
    cluster = VirtualCluster(lambda job, spec, host: 30)
    for job in (1, 2):
        cluster.start(job, 1, spec(), (("h", (job,)),), 0)
    assert len(cluster.poll(0)) == 2
    cluster.fail([2, 3], 10)  # of the third it knows nothing
    assert cluster.next_instant() == 0
    assert cluster.poll(10) == [Report(2, 1, False, 0, 10, -1, True)]
    assert cluster.next_instant() == 30
    assert [(report.job, report.finished) for report in cluster.poll(40)] == [(1, 30)]
