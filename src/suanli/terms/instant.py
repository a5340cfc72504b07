"""Instants and delivery periods: Unix milliseconds, always handed in, never asked for."""

from typing import NamedTuple

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Period(NamedTuple):
    """A half-open span [start, end) in Unix milliseconds."""

    start: int
    end: int

    @property
    def duration_ms(self) -> int:
        return self.end - self.start


def hour_start(at: int) -> int:
    """Return the first instant of the delivery hour that contains one.

    >>> hour_start(3_600_001)
    3600000
    """
    return at - at % HOUR


def hour_of(at: int) -> Period:
    """Return the delivery hour that contains the instant.

    >>> hour_of(3_600_001)
    Period(start=3600000, end=7200000)
    """
    start = hour_start(at)
    return Period(start, start + HOUR)


def is_on_the_hour(at: int) -> bool:
    """Say whether a delivery hour starts at this instant."""
    return at % HOUR == 0


def in_words(ms: int) -> str:
    """Return a span of time as people say it.

    >>> in_words(9_000_000)
    '2.5 h'
    """
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if ms >= 2 * unit:
            tenths = (10 * ms + unit // 2) // unit
            return f"{tenths // 10}.{tenths % 10} {name}"
    return f"{ms // SECOND} s"
