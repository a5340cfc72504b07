"""Why a job stands where it does, as the server knows: where it runs, how it ended, what it waits
for. Of a queued job the market's reasons come first, for they keep it from the scheduler:

`no-offer`    nobody offers its class of work on a chip that it may use
`too-dear`    the cheapest offer costs more an hour than it may
`no-funds`    its tenant cannot pay what is left of the hour on the cheapest offer
`refused`     its last placement was refused; it is tried again soon
"""

from typing import Any

from suanli.gateway.service import Service
from suanli.ledger.row import CASH, account
from suanli.planning.explaining import explain
from suanli.planning.forecasts import Forecasts
from suanli.planning.mirror import Mirror
from suanli.planning.view import View
from suanli.schedule import phases
from suanli.schedule.job import Job, Spec
from suanli.terms.instant import HOUR, hour_of
from suanli.terms.quantity import RMB

Reason = tuple[str, str, int | None]  # constraint, sentence, price gap in micro-RMB


class Explanations:
    """Explains the jobs of a service; keeps what its forecasts came to."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._forecasts = Forecasts()
        self._view: View | None = None  # of the forecasts: rows of another view mean other jobs

    def of(self, id: int) -> dict[str, Any]:
        """Return where a job of the schedule stands and why."""
        rooms, at = self.service.rooms, self.service.clock.now()
        job, spec = rooms.schedule.job(id), rooms.schedule.spec(id)
        row = {"id": id, "name": spec.name, "phase": job.phase, "at": at, "constraint": None,
               "position": None, "waiting": None, "price_gap": None, "price_gap_micro_rmb": None,
               "starts_earliest": None, "starts_latest": None}
        if job.phase == phases.QUEUED:
            return row | self._pending(id, spec, job, at)
        return row | {"sentence": _ended(job) if job.phase == phases.ENDED else _placed(job)}

    def _pending(self, id: int, spec: Spec, job: Job, at: int) -> dict[str, Any]:
        planner = self.service.driver.planner
        mirror = planner.cycle.mirror or Mirror(self.service.rooms, planner.operators, at)
        reason = self._market(mirror, spec, job, at)
        if reason is not None:
            return dict(zip(("constraint", "sentence", "price_gap_micro_rmb"), reason,
                            strict=True))
        row = mirror.rows[id]
        if row not in mirror.view.queued and mirror.view.jobs.speed[row].any():
            return {"constraint": "refused", "sentence": "its last placement was refused; it is "
                    "tried again within a minute"}
        return self._scheduled(mirror.view, row, at)

    def _scheduled(self, view: View, row: int, at: int) -> dict[str, Any]:
        cycle = self.service.driver.planner.cycle
        scheduler = cycle.scheduler or cycle.policy()
        found = explain(view, scheduler, row, at)
        told = {"constraint": found.constraint, "sentence": found.sentence,
                "position": found.position, "waiting": found.waiting,
                "price_gap": found.price_gap}
        if found.position is None:
            return told
        if self._view is not view:
            self._view, self._forecasts = view, Forecasts()
        earliest, latest = self._forecasts.of(view, scheduler, row, at) or (None, None)
        return told | {"starts_earliest": earliest, "starts_latest": latest}

    def _market(self, mirror: Mirror, spec: Spec, job: Job, at: int) -> Reason | None:
        """Return what the market has against a job, if anything."""
        hourly = [mirror.admission.hourly_cost(spec, pool)
                  for pool, seller in enumerate(mirror.sellers)
                  if spec.speed_ppm(seller.chip) and spec.area in ("", seller.area)]
        offered = [cost for cost in hourly if cost is not None]
        if not hourly:
            return None
        if not offered:
            return "no-offer", f"nobody offers {spec.workload} on a chip that it may use", None
        cheapest = min(offered)
        if cheapest > spec.max_hourly_cost:
            gap = cheapest - spec.max_hourly_cost
            return "too-dear", (f"the cheapest offer costs {_rmb(cheapest)} an hour and it may "
                                f"cost {_rmb(spec.max_hourly_cost)}: it would have to pay "
                                f"{_rmb(gap)} more, or wait for the price to fall"), gap
        return self._funds(job, cheapest, at)

    def _funds(self, job: Job, cheapest: int, at: int) -> Reason | None:
        available = self.service.rooms.ledger.available(account(job.tenant, CASH))
        needed = -(-cheapest * (hour_of(at).end - at) // HOUR)
        if available >= needed:
            return None
        return "no-funds", (f"what is left of this hour costs {_rmb(needed)} at the least, and "
                            f"its tenant has {_rmb(available)}"), needed - available


def _placed(job: Job) -> str:
    hosts = ", ".join(host for host, _ in job.slots)
    stops = f"; told to stop: {job.stop_reason}" if job.phase == phases.STOPPING else ""
    return f"it has devices of {job.chip} on {hosts}, attempt {job.attempt}{stops}"


def _ended(job: Job) -> str:
    code = f", exit code {job.exit_code}" if job.outcome in (
        phases.SUCCEEDED, phases.FAILED) else ""
    return f"it ended: {job.outcome}{code}, after {job.attempt} attempts"


def _rmb(micro_rmb: int) -> str:
    return f"{micro_rmb / RMB:.6f}".rstrip("0").rstrip(".") + " RMB"
