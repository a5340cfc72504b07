"""Who asked for how much of the fleet's work, who got it, and what the scheduler meant for them.

All in device time of the reference chip: an hour on a chip of half the speed counts half.
"""

from typing import NamedTuple

from suanli.planning.view import PPM
from suanli.simulation.record import Interval, Record
from suanli.simulation.workload import Workload


class TenantShare(NamedTuple):
    """Shares of all tenants' sum, 0 to 1; `due` is None where the scheduler set none."""

    tenant: str
    asked: float
    held: float
    due: float | None


def tenant_shares(record: Record, workload: Workload, first: float,
                  last: float) -> list[TenantShare]:
    """Return by tenant, who asked for most first: shares of the work asked for, and got in time."""
    asked: dict[str, float] = dict.fromkeys(workload.tenants, 0.0)
    held = dict(asked)
    for arrival in workload.arrivals:
        asked[arrival.tenant] += arrival.spec.devices * min(arrival.durations[0][1],
                                                            arrival.spec.time_limit_ms)
    for interval in record.intervals:
        held[record.tenants[interval.job]] += _work(interval, workload, first, last)
    due = dict(record.targets)
    sums = max(1e-9, sum(asked.values())), max(1e-9, sum(held.values()))
    found = [TenantShare(t, asked[t] / sums[0], held[t] / sums[1], due.get(t))
             for t in workload.tenants]
    return sorted(found, key=lambda share: -share.asked)


def _work(interval: Interval, workload: Workload, first: float, last: float) -> float:
    """Return what a placement ran in the window, device-milliseconds of the reference chip."""
    inside = max(0.0, min(interval.end, last) - max(interval.ran_from, first))
    speed = workload.arrivals[interval.job].spec.speed_ppm(interval.chip) or 0
    return inside * interval.devices * speed / PPM


def share_gap(shares: list[TenantShare]) -> float | None:
    """Return the part of all work that went to others than it was due to; None if none was due."""
    if any(share.due is None for share in shares):
        return None
    return sum(abs(share.held - (share.due or 0.0)) for share in shares) / 2
