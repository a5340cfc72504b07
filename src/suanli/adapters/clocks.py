"""The host's clock. Virtual time is the `at` that a simulation hands to each step."""

import time


class HostClock:
    """The host's wall clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000
