"""Metering: what placements used of what they bought, and the sums that follow from it.

Theory of operation: hours that are over are settled while their placement runs on; when it ends,
all that it has open is settled up to when it finished, and the provenance leaf of its attempt is
written. What is settled is added to two tables: usage by attempt, statements by operator and
tenant.

Laws
----
* A tenant never pays for more than was metered, nor more than was held.
* Usage and statements are sums over the same postings: what tenants paid is what operators
  received.
* While a placement is being preempted nothing of it is settled: what that costs, its end says.
"""

from typing import Any

from suanli.chips.state import Chips
from suanli.ledger.row import link
from suanli.schedule.job import Job
from suanli.schedule.state import Schedule
from suanli.settlement.commands import Meter
from suanli.settlement.compensation import Compensation
from suanli.settlement.purchase import (
    Placed,
    Purchase,
    Used,
    open_purchases,
    placed_of,
    settled,
)
from suanli.terms.canonical import encode
from suanli.terms.change import Change, Part, Write
from suanli.terms.refusals import Code, Refusal


class Sums:
    """What one command adds to usage and statements."""

    def __init__(self, tables: Any) -> None:
        self.tables = tables  # settlement's
        self._more: dict[tuple[str, int, int], Used] = {}  # by (table, its key)

    def add(self, id: int, job: Job, used: Used) -> None:
        """Count what a job used in both tables."""
        for key in (("usage", id, job.attempt), ("statements", job.operator, job.tenant)):
            self._more[key] = _sum(self._more.get(key), used)

    def device_ms(self, id: int, attempt: int) -> int:
        """Return the device time of an attempt, with what is added."""
        before, more = self.tables["usage"].get((id, attempt)), self._more.get(
            ("usage", id, attempt))
        return _sum(before, more or Used(0, 0, 0)).device_ms

    def writes(self) -> list[Write]:
        return [Write("settlement", table, tuple(key),
                      tuple(_sum(self.tables[table].get(tuple(key)), more)))
                for (table, *key), more in self._more.items()]


def _sum(before: tuple[int, int, int] | None, more: Used) -> Used:
    return Used(*(a + b for a, b in zip(before, more, strict=True))) if before else more


class Metering:
    """Settles what is over, on tables of the settlement room."""

    def __init__(self, chips: Chips, schedule: Schedule, tables: Any,
                 compensation: Compensation) -> None:
        self.chips = chips
        self.schedule = schedule
        self.tables = tables  # settlement's
        self.compensation = compensation

    # -- hours that are over ---------------------------------------------------------------

    def meter(self, command: Meter, at: int, sender: int) -> Change | Refusal:
        """Settle the hours of running placements that are over, a part a placement.

        Order of checks: the instant; then, job by job, whose it is and whether it has an hour
        over.
        """
        if command.until > at:
            return Refusal(Code.METER_OUT_OF_RANGE,
                           f"until {command.until}; at most {at} is accepted")
        sums, parts = Sums(self.tables), []
        names_one_twice = len(set(command.jobs)) != len(command.jobs)
        for id in command.jobs:
            job = self.schedule.job(id)
            if job is None or job.operator != sender or not job.slots:
                return Refusal(Code.UNKNOWN_JOB, f"no placement {id} with you")
            over = [p for p in open_purchases(self.tables, id) if p.end <= command.until]
            if job.is_being_preempted or not over or names_one_twice:
                return Refusal(Code.METER_OUT_OF_RANGE, f"job {id} has no hour over")
            parts.append(self._settled(placed_of(self.schedule, id, job), over, sums))
        return Change((*parts, Part(tuple(sums.writes()))), is_array=True)

    def _settled(self, placed: Placed, over: list[Purchase], sums: Sums) -> Part:
        """Return what settles whole hours of a placement."""
        rows = []
        for purchase in over:
            found, used = settled(placed, purchase, purchase.end)
            rows += found
            sums.add(placed.id, placed.job, used)
        return Part(tuple(_gone(placed.id, over)), link(rows))

    # -- the end of a placement ------------------------------------------------------------

    def close(self, id: int, job: Job, saved: int, finished: int) -> Part:
        """Settle all that an ended placement has bought, up to when it finished.

        Of a preempted one, up to when its work was saved, as far as the operator bears the rest.
        """
        placed, sums, rows = placed_of(self.schedule, id, job), Sums(self.tables), []
        until = self.compensation.charged_until(job, saved, finished)
        purchases = open_purchases(self.tables, id)
        for purchase in purchases:
            found, used = settled(placed, purchase, until)
            rows += found
            sums.add(id, job, used)
        if repaid := self.compensation.repaid(id, job, until):
            rows.append(repaid)
            sums.add(id, job, Used(0, 0, -repaid.amount))
        writes = (Write("settlement", "covered", id, None), *_gone(id, purchases), *sums.writes())
        leaf = self._leaf(placed, sums.device_ms(id, job.attempt), finished,
                          purchases[-1] if purchases else None)
        return Part(writes, link(rows), leaves=(leaf,))

    def _leaf(self, placed: Placed, device_ms: int, finished: int,
              last: Purchase | None) -> bytes:
        """Return the provenance leaf: which chips ran what, for whom, behind a commitment."""
        job, spec = placed.job, placed.spec
        return encode({
            "job": placed.id, "attempt": job.attempt, "tenant": spec.commitment,
            "workload": spec.workload, "chip": job.chip,
            "origin": self.chips.datasheet[job.chip].origin,
            "devices": [[self.chips.tables["hosts"][host].identity, list(indices)]
                        for host, indices in job.slots],
            "rating": last.rating if last else 0,
            "rating_version": last.rating_version if last else 0,
            "device_ms": device_ms, "from": job.placed, "to": finished,
            "evidence": 0,  # the operator's statement; see the levels in docs/provenance.md
        })


def _gone(id: int, purchases: list[Purchase]) -> list[Write]:
    """Forget purchases that are settled."""
    return [Write("settlement", "purchases", (id, purchase.start), None)
            for purchase in purchases]
