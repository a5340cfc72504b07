"""Clocks: the host's, and one that only moves when told."""

import time


class HostClock:
    """The host's wall clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000


class VirtualClock:
    """A clock that a simulation moves."""

    def __init__(self, at: int) -> None:
        self._at = at

    def now(self) -> int:
        return self._at

    def advance(self, at: int) -> None:
        self._at = max(self._at, at)
