"""The calendar of call auctions: which sessions there are, and when each may be what.

A session sells the hours of one delivery day or week. All instants follow from the first delivery
hour and governed parameters, so that anybody may open an auction and nobody can choose its times.
"""

from typing import Final, NamedTuple

from suanli.members.state import Members
from suanli.terms.instant import DAY, HOUR

WEEK: Final = 7 * DAY
# The first Monday after the epoch of Unix time, which was a Thursday.
MONDAY: Final = 4 * DAY


class Session(NamedTuple):
    """Where a session's hours lie in its day (or week) and how long before them its gate is."""

    period: int  # it is held once in so long
    first: int  # its first hour, after the start of the day
    hours: int
    lead: str  # the parameter that says how long before the first hour the gate closes
    takes_curves: bool


SESSIONS: Final[dict[str, Session]] = {
    "day-ahead": Session(DAY, 0, 24, "auction_day_ahead_lead_ms", True),
    "intraday-1": Session(DAY, 0, 24, "auction_intraday_1_lead_ms", True),
    "intraday-2": Session(DAY, 0, 24, "auction_intraday_2_lead_ms", True),
    "intraday-3": Session(DAY, 12 * HOUR, 12, "auction_intraday_3_lead_ms", True),
    # Strips: what somebody wants of a week is one block, whole or by a ratio.
    "weekly": Session(WEEK, 0, 168, "auction_weekly_lead_ms", False),
}


class Times(NamedTuple):
    """The instants of one auction before it ends."""

    opens: int
    no_cancel_from: int
    gate: int


def times(members: Members, session: Session, start: int) -> Times:
    """Return when an auction of the delivery from `start` opens, takes no cancels, and closes."""
    gate = start - members.parameter(session.lead)
    opens = gate - members.parameter("auction_open_ms")
    return Times(opens, max(opens, gate - members.parameter("auction_no_cancel_ms")), gate)


def is_in_calendar(members: Members, session: Session, start: int) -> bool:
    """Say whether a session's delivery begins at an instant.

    >>> is_in_calendar(Members(), SESSIONS["weekly"], MONDAY + WEEK)
    True
    """
    return (start - _anchor(members, session)) % session.period == 0


def next_start(members: Members, session: Session, at: int) -> int:
    """Return the first delivery of a session whose gate is still to come at an instant."""
    anchor = _anchor(members, session)
    earliest = at + members.parameter(session.lead) + 1
    return anchor + -((anchor - earliest) // session.period) * session.period


def _anchor(members: Members, session: Session) -> int:
    """Return an instant at which a delivery of a session begins: the first after the epoch."""
    week = MONDAY if session.period == WEEK else 0
    return members.parameter("auction_day_start_ms") + session.first + week
