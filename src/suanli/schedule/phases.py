"""The phases of a job, as a table.

Transitions are keyed by (phase, what happens). What is not here is refused with WRONG_PHASE and
changes nothing. A stopped job goes back to the queue only for the reasons in REQUEUES.
"""

from typing import Final

QUEUED, PLACED, RUNNING, STOPPING, ENDED = "queued", "placed", "running", "stopping", "ended"

PLACE, START, STOP, END, CANCEL, RENEW = "place", "start", "stop", "end", "cancel", "renew"
WARN = "warn"

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
    (RUNNING, RENEW): RUNNING,
    (RUNNING, WARN): RUNNING,
    (RUNNING, END): ENDED,
    (STOPPING, END): ENDED,
}

SUCCEEDED, FAILED, LOST, CANCELLED = "succeeded", "failed", "lost", "cancelled"
TIME_LIMIT, PRICED_OUT, SHORT_OF_FUNDS, DISPLACED = (
    "time_limit", "priced_out", "short_of_funds", "displaced")

# Why an operator may stop a job, and which of them send it back to the queue.
STOP_REASONS: Final = frozenset({TIME_LIMIT, PRICED_OUT, SHORT_OF_FUNDS, DISPLACED})
REQUEUES: Final = frozenset({PRICED_OUT, SHORT_OF_FUNDS, DISPLACED})

HOLDS_DEVICES: Final = frozenset({PLACED, RUNNING, STOPPING})
