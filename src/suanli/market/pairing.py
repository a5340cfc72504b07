"""Two queues that meet: who gets how much of whom, first come first served on both sides."""

from collections.abc import Iterable


def paired(givers: Iterable[tuple[int, int]],
           takers: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Return (giver, taker, lots) until the givers' (number, lots) are used up.

    The takers' lots sum to the givers' at least.
    """
    pairs: list[tuple[int, int, int]] = []
    rest = iter(takers)
    taker, wanted = 0, 0
    for giver, given in givers:
        while given:
            if not wanted:
                taker, wanted = next(rest)
            lots = min(given, wanted)
            pairs.append((giver, taker, lots))
            given, wanted = given - lots, wanted - lots
    return pairs
