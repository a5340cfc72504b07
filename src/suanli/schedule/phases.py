"""The phases of a job, as a table.

Transitions are keyed by (phase, what happens). What is not here is refused with WRONG_PHASE and
changes nothing. A stopped job goes back to the queue only for the reasons in REQUEUES.
"""

from typing import Final

QUEUED, PLACED, RUNNING, STOPPING, ENDED = "queued", "placed", "running", "stopping", "ended"

PLACE, START, STOP, END, CANCEL, RENEW = "place", "start", "stop", "end", "cancel", "renew"
WARN, PREEMPT = "warn", "preempt"

TRANSITIONS: Final[dict[tuple[str, str], str]] = {
    (QUEUED, PLACE): PLACED,
    (QUEUED, CANCEL): ENDED,
    (PLACED, START): RUNNING,
    (PLACED, STOP): STOPPING,
    (PLACED, CANCEL): STOPPING,
    (PLACED, RENEW): PLACED,
    (PLACED, WARN): PLACED,
    (PLACED, END): ENDED,
    (RUNNING, STOP): STOPPING,
    (RUNNING, CANCEL): STOPPING,
    (RUNNING, PREEMPT): STOPPING,
    (RUNNING, RENEW): RUNNING,
    (RUNNING, WARN): RUNNING,
    (RUNNING, END): ENDED,
    (STOPPING, END): ENDED,
}

SUCCEEDED, FAILED, LOST, CANCELLED = "succeeded", "failed", "lost", "cancelled"
TIME_LIMIT, PRICED_OUT, SHORT_OF_FUNDS, DISPLACED, PREEMPTED = (
    "time_limit", "priced_out", "short_of_funds", "displaced", "preempted")

# Why an operator may stop a job (preemption has a command and checks of its own), which reasons
# send it back to the queue, and which of those are the operator's doing, not the tenant's.
STOP_REASONS: Final = frozenset({TIME_LIMIT, PRICED_OUT, SHORT_OF_FUNDS, DISPLACED})
REQUEUES: Final = frozenset({PRICED_OUT, SHORT_OF_FUNDS, DISPLACED, PREEMPTED})
OPERATORS_DOING: Final = frozenset({DISPLACED, PREEMPTED})

HOLDS_DEVICES: Final = frozenset({PLACED, RUNNING, STOPPING})
