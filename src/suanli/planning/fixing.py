"""Which taken strips of our operators have hours to fix, and until when hours are to be attested.

Hours can be fixed when an auction is settled, when a strip is taken whose hours were auctioned
before, and as an hour begins. Nothing else makes a price, so the strips are looked at once for each
of these; none needs an instant of its own: the planner wakes at every hour, and whatever is
committed is followed by a decision. What is kept is a memo: what was not heard is said again in an
hour, and a sweep fixes what nobody asked for.
"""

from collections.abc import Iterator
from typing import Any

from suanli.market.commands import FixStrip


class Fixing:
    """Decides for the strips that some operators have written."""

    def __init__(self, operators: list[int]) -> None:
        self.operators = operators
        self._looked_at: tuple[Any, ...] = ()

    def decide(self, rooms: Any, at: int, hour: int) -> Iterator[tuple[int, FixStrip]]:
        """Yield (operator, command) for each strip with hours whose price is known."""
        market = rooms.market.tables
        seen = (hour, market["counters"].get("strip"), *market["auction_results"])
        if seen == self._looked_at:
            return
        self._looked_at = seen
        for id, taken in market["strips_taken"].items():
            if taken.strip.issuer in self.operators and rooms.market.strips.due(taken, at):
                yield taken.strip.issuer, FixStrip(id)
