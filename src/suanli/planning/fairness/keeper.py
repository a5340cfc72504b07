"""The shares in force, and what was thought of them, from round to round.

A round whose solver fails changes nothing: the last good shares stay, marked as not fresh and
with the reason. Slots that are alike are merged before each solve.

`Solving` is the one way in which rounds ask: either the answer is there at once, which is what
replays need to be deterministic; or it is found beside the rounds, in a thread (HiGHS lets go of
the interpreter while it works), and taken by the first round that finds it ready.
"""

import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, replace

from suanli.planning.fairness.checks import Checks, checks_of
from suanli.planning.fairness.merge import alike, expanded, merged
from suanli.planning.fairness.problem import Problem
from suanli.planning.fairness.program import Program
from suanli.planning.fairness.shares import Shares, nothing
from suanli.planning.fairness.split import Split
from suanli.planning.solver import Unsolved

ROUNDS_KEPT = 10_000  # a week of minutes
STILL_SOLVING = "the last problem is still being solved"


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


class Solving:
    """At most one problem under way, at once or beside the rounds."""

    def __init__(self, keeper: FairShares, is_beside: bool) -> None:
        self.keeper = keeper
        self.is_beside = is_beside
        self._under_way: tuple[Problem, Future[Shares]] | None = None

    def start(self, problem: Problem, at_ms: int) -> None:
        """Have a problem solved; if one is under way still, note that this one is not."""
        if self._under_way is not None:
            self.keeper.rounds.append(Round(at_ms, False, STILL_SOLVING, float("inf"), 0.0, None))
            return
        future: Future[Shares] = Future()
        self._under_way = problem, future
        if self.is_beside:
            # A daemon: a server that stops does not wait for shares that nobody will use.
            threading.Thread(target=self._solve, args=(problem, at_ms, future), daemon=True).start()
        else:
            self._solve(problem, at_ms, future)

    def _solve(self, problem: Problem, at_ms: int, future: Future[Shares]) -> None:
        try:
            future.set_result(self.keeper.update(problem, at_ms))
        except BaseException as failure:  # a bug: raised in the round that takes the answer
            future.set_exception(failure)

    def taken(self) -> tuple[Problem, Shares] | None:
        """Return a problem that has been solved since the last call, with its shares."""
        if self._under_way is None or not self._under_way[1].done():
            return None
        (problem, future), self._under_way = self._under_way, None
        return problem, future.result()
