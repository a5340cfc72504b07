"""What a preemption costs the operator: the work that was lost, up to a governed bound.

Theory of operation: what a preempted placement has open is metered to when its work was saved
only. What of the lost time was settled before, is paid back, at the mean price of all that was
settled; so that it can be, the operator puts it on hold when it preempts.

Laws
----
* The operator bears `preempt_compensation_ms_max` of lost time at most; the tenant bears the rest.
* What is paid back was held, and never exceeds what the attempt has paid.
* A placement that runs on its tenant's firm tokens is not preempted: these hours are the tenant's.
"""

from typing import Any

from suanli.ledger.row import CASH, Row, RowCode, account, link
from suanli.ledger.state import Ledger
from suanli.schedule.job import Job
from suanli.schedule.state import Schedule
from suanli.settlement.purchase import (
    COMPENSATION,
    Placed,
    Purchase,
    hold_id,
    open_purchases,
    placed_of,
    user_of,
)
from suanli.terms.change import Part
from suanli.terms.instant import hour_of
from suanli.terms.refusals import Code, Refusal


class Compensation:
    """Holds and pays back what preemptions cost, on tables of the settlement room."""

    def __init__(self, ledger: Ledger, schedule: Schedule, tables: Any) -> None:
        self.ledger = ledger
        self.schedule = schedule
        self.tables = tables  # settlement's

    def secure(self, id: int, job: Job, at: int) -> Part | Refusal:
        """Hold what preempting a placement now may cost its operator of hours already settled.

        Refuses NOT_PREEMPTIBLE while the running hour draws on the tenant's firm tokens.
        """
        placed = placed_of(self.schedule, id, job)
        if any(_is_firm(placed, purchase, at) for purchase in open_purchases(self.tables, id)):
            return Refusal(Code.NOT_PREEMPTIBLE, f"job {id} runs on its tenant's firm tokens")
        cash = self._paid_since(id, job, max(job.placed, at - self._borne_ms()))
        if not cash:
            return Part()
        return Part(rows=link([Row(
            RowCode.HOLD, 0, CASH, account(job.operator, CASH), account(job.tenant, CASH), cash,
            id=hold_id(COMPENSATION, id, job.placed), user=user_of(id, hour_of(at).start))]))

    def charged_until(self, job: Job, saved: int, finished: int) -> int:
        """Return up to when an ended placement is the tenant's to pay."""
        return max(saved, finished - self._borne_ms()) if job.is_being_preempted else finished

    def repaid(self, id: int, job: Job, since: int) -> Row | None:
        """Return the row that resolves a preempted placement's hold, if it has one."""
        hold = hold_id(COMPENSATION, id, job.placed)
        held = self.ledger.tables["holds"].get(hold)
        if held is None:
            return None
        return Row(RowCode.POST, 0, CASH, account(job.operator, CASH), account(job.tenant, CASH),
                   min(held[2], self._paid_since(id, job, since)), hold=hold,
                   user=user_of(id, hour_of(since).start))

    def _borne_ms(self) -> int:
        return self.schedule.members.parameter("preempt_compensation_ms_max")

    def _paid_since(self, id: int, job: Job, since: int) -> int:
        """Return what the placement has paid for its settled time from an instant on.

        At the mean price of all its settled time, rounded down: the remainder is the operator's.
        """
        purchases = open_purchases(self.tables, id)
        settled = purchases[0].begin if purchases else int(self.tables["covered"][id])
        if since >= settled:
            return 0
        _, _, cash = self.tables["usage"].get((id, job.attempt)) or (0, 0, 0)
        return int(cash) * (settled - since) // (settled - job.placed)


def _is_firm(placed: Placed, purchase: Purchase, at: int) -> bool:
    """Say whether what runs at an instant is paid by own tokens, which are used first."""
    used = placed.tokens(at - purchase.begin, purchase.rating)
    return purchase.begin <= at < purchase.end and used < purchase.own_tokens
