"""The client's limit on requests: a token bucket, 50 a second with a burst of 100 by default.

Each bind costs one token and waits its turn; cycles go on meanwhile, as binding is asynchronous.
Status updates of rejected pods are not counted, which favours the baseline.
"""

from typing import Final

QPS: Final = 50
BURST: Final = 100
MICRO: Final = 1_000_000


class TokenBucket:
    """Counts in millionths of a token; may owe, whereby later calls wait longer."""

    def __init__(self, qps: int = QPS, burst: int = BURST) -> None:
        self.qps, self.burst = qps, burst
        self._left = burst * MICRO
        self._at = 0

    def take(self, at: int) -> int:
        """Return the instant (microseconds) at which a call that is ready now may go."""
        self._left = min(self.burst * MICRO, self._left + (at - self._at) * self.qps)
        self._at = at
        self._left -= MICRO
        return at if self._left >= 0 else at - self._left // self.qps
