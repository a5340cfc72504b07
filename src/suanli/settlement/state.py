"""The settlement room: its tables, and who answers for the life of a purchase.

Theory of operation: a placement buys its running hour (and, within five minutes of the hour's
end, the next one) as a pending trade: the tenant's own firm tokens first, then at the
operator's posted price, both sides on hold. When the hour or the job ends the metered part is
posted and burned; the rest of the cash returns to the tenant and the rest of the tokens is
retired, so that its device time can be sold again.

| holder         | answers for                                                        |
|----------------|--------------------------------------------------------------------|
| `buying`       | hours: the first of a placement, and each next one                 |
| `metering`     | what was used of them: usage, statements, provenance               |
| `compensation` | what a preemption costs the operator                               |
| `delivery`     | firm hours that were sold and not there                            |

`purchase` says what is on hold for an hour, and how it is resolved.

Laws
----
* A tenant never pays for more than was metered, nor more than was held.
* Within an hour the price and the rating are those bound when the hour was bought.
* A preempted placement's lost work is the operator's, up to a governed bound: what is open is
  metered to the last save only, and what was settled is paid back from a hold that the operator
  gave when it preempted. In between nothing of it is settled.
* Statements are sums over postings: what tenants paid is what operators received.
"""

from typing import Any, ClassVar

from suanli.chips.state import Chips
from suanli.ledger.state import Ledger
from suanli.market.product import ProductGrid
from suanli.market.state import Market
from suanli.schedule.job import Job
from suanli.schedule.state import Schedule
from suanli.settlement.buying import Basket, Buying
from suanli.settlement.commands import MakeGood, Meter
from suanli.settlement.compensation import Compensation
from suanli.settlement.delivery import Contract, Delivery
from suanli.settlement.metering import Metering
from suanli.settlement.purchase import Purchase, placed_of
from suanli.terms.change import Change, Part
from suanli.terms.refusals import Refusal
from suanli.terms.room import Room


class Settlement(Room):
    """Who owes whom."""

    name: ClassVar[str] = "settlement"
    schema: ClassVar[dict[str, tuple[Any, Any]]] = {
        "purchases": (tuple[int, int], Purchase),  # (job, delivery hour)
        "covered": (int, int),  # job -> instant up to which its placement has bought
        # (job, attempt) -> device_ms, tokens, cash
        "usage": (tuple[int, int], tuple[int, int, int]),
        # (operator, tenant) -> device_ms, tokens, cash
        "statements": (tuple[int, int], tuple[int, int, int]),
    }
    schema_later: ClassVar[dict[str, tuple[Any, Any]]] = {
        "contracts": (tuple[int, int], Contract),  # (owner, firm class), see `delivery`
        "refunded": (tuple[int, int], int),  # (firm class, owner) -> tokens made good
    }

    def __init__(self, chips: Chips, ledger: Ledger, market: Market, schedule: Schedule) -> None:
        super().__init__()
        self.schedule = schedule
        self.buying = Buying(chips, ledger, market, schedule, self.tables)
        self.compensation = Compensation(ledger, schedule, self.tables)
        self.metering = Metering(chips, schedule, self.tables, self.compensation)
        self.delivery = Delivery(chips, ledger, market, self.tables)

    def usage(self, job: int, attempt: int) -> tuple[int, int, int]:
        """Return the device-ms, tokens and micro-RMB of an attempt that are settled."""
        found: tuple[int, int, int] = self.tables["usage"].get((job, attempt)) or (0, 0, 0)
        return found

    def check(self, command: Meter | MakeGood, at: int, sender: int) -> Change | Refusal:
        """Answer one of this room's commands."""
        if isinstance(command, MakeGood):
            return self.delivery.make_good(command.klass, at)
        return self.metering.meter(command, at, sender)

    # -- what follows from the schedule's commands -----------------------------------------

    def open(self, id: int, job: Job, at: int, basket: Basket) -> Part | Refusal:
        """Buy a fresh placement's first hour, and the next if this one is nearly over."""
        return self.buying.open(placed_of(self.schedule, id, job), at, basket)

    def renew(self, jobs: tuple[int, ...], grid: ProductGrid) -> Change:
        """Buy the next hour for each job, as one array."""
        return self.buying.renew(jobs, grid)

    def secure(self, id: int, job: Job, at: int) -> Part | Refusal:
        """Hold what preempting a placement now may cost its operator of hours already settled."""
        return self.compensation.secure(id, job, at)

    def close(self, id: int, job: Job, saved: int, finished: int) -> Part:
        """Settle all that an ended placement has bought, up to when it finished or was saved."""
        return self.metering.close(id, job, saved, finished)
