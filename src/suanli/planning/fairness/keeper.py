"""The shares in force, and what was thought of them, from round to round.

A round whose solver fails changes nothing: the last good shares stay, marked as not fresh and
with the reason. Slots that are alike are merged before each solve.
"""

import time
from collections import deque
from dataclasses import dataclass, replace

from suanli.planning.fairness.checks import Checks, checks_of
from suanli.planning.fairness.merge import alike, expanded, merged
from suanli.planning.fairness.problem import Problem
from suanli.planning.fairness.program import Program
from suanli.planning.fairness.shares import Shares, nothing
from suanli.planning.fairness.split import Split
from suanli.planning.solver import Unsolved

ROUNDS_KEPT = 10_000  # a week of minutes


@dataclass(frozen=True)
class Round:
    """What a round came to; `checks` where they were asked for and the shares are fresh."""

    at_ms: int
    is_fresh: bool
    reason: str
    gap: float
    seconds: float
    checks: Checks | None


class FairShares:
    """Keeps the program, the shares in force and the last rounds.

    `in_force` belongs to the rows and slots of the problem of `since_ms`: a caller that adds rows
    while a solver fails finds fewer rows there.
    """

    def __init__(self, time_limit_s: float, parts: int = 1, seed: int = 0) -> None:
        self.time_limit_s = time_limit_s
        self.in_force: Shares | None = None
        self.since_ms: int | None = None
        self.rounds: deque[Round] = deque(maxlen=ROUNDS_KEPT)
        self._parts, self._seed = parts, seed
        self._program: Program | Split | None = None

    def update(self, problem: Problem, at_ms: int, with_checks: bool = False) -> Shares:
        """Return the shares of a problem, or the last good ones where it could not be solved."""
        started = time.perf_counter()
        try:
            shares = self._solved(problem)
        except Unsolved as failure:
            shares = replace(self.in_force or nothing(problem), is_fresh=False, reason=str(failure))
            # Whatever the solver holds after a failure is not worth starting from.
            self._program = None
        else:
            self.in_force, self.since_ms = shares, at_ms
        checks = checks_of(problem, shares) if with_checks and shares.is_fresh else None
        self.rounds.append(Round(at_ms, shares.is_fresh, shares.reason, shares.gap,
                                 time.perf_counter() - started, checks))
        return shares

    def _solved(self, problem: Problem) -> Shares:
        group = alike(problem)
        small = merged(problem, group)
        if self._program is None or not self._program.fits(small):
            self._program = (Program(small) if self._parts == 1
                             else Split(small, self._parts, self._seed))
        return expanded(self._program.solve(small, self.time_limit_s), group)
