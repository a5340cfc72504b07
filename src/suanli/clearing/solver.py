"""HiGHS as this room sees it: silent, fed with whole arrays, failing by name.

`planning` has the like for itself; the two rooms are blind to each other. HiGHS prints a banner to
the real standard output when it is constructed, and reports how a run ended as a number.
"""

from typing import Any, NamedTuple

import highspy
import numpy as np
from numpy.typing import NDArray

from suanli.market.auction.instance import Ints
from suanli.terms.errors import AdapterError

INFINITY = highspy.kHighsInf
Floats = NDArray[np.float64]


class Unsolved(AdapterError):
    """The solver stopped without an answer; the text says why (time limit, infeasible, ...)."""


class Infeasible(Unsolved):
    """There is no solution, and the solver says so."""


class Quiet(highspy.Highs):
    """HiGHS told to be silent before its constructor sets callbacks up, which prints the banner."""

    def enableCallbacks(self) -> None:
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()  # type: ignore[no-untyped-call]


class Entries(NamedTuple):
    """Entries of a matrix, each array of shape (entries,)."""

    row: Ints
    column: Ints
    value: Floats


class Bounds(NamedTuple):
    """Lower and upper bounds."""

    lower: Floats
    upper: Floats


def joined(parts: list[Entries]) -> Entries:
    """Return the entries of several matrices as one."""
    if not parts:
        nothing = np.zeros(0, np.int64)
        return Entries(nothing, nothing, np.zeros(0))
    return Entries(np.concatenate([part.row for part in parts]),
                   np.concatenate([part.column for part in parts]),
                   np.concatenate([part.value for part in parts]))


def loaded(cost: Floats, columns: Bounds, rows: Bounds, entries: Entries,
           is_whole: NDArray[np.bool_] | None = None) -> Any:
    """Return a solver that holds the minimisation of these arrays."""
    solver = Quiet()  # type: ignore[no-untyped-call]
    if not cost.size:
        # HiGHS calls a model without columns empty, and does not look whether its rows can hold
        cost, columns = np.zeros(1), Bounds(np.zeros(1), np.zeros(1))
        is_whole = None
    entries = _by_column(entries)
    start = np.searchsorted(entries.column, np.arange(cost.size))
    kind = np.zeros(cost.size, np.int32) if is_whole is None else is_whole.astype(np.int32)
    solver.passModel(
        cost.size, rows.lower.size, entries.row.size, int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize), 0.0, _finite(cost), columns.lower, columns.upper,
        rows.lower, rows.upper, start.astype(np.int32), entries.row.astype(np.int32),
        entries.value, kind)
    # One thread: the same answer on every machine, and a neighbour keeps its core. Not by the
    # option `threads`: all solvers of a process share one pool, and once another has made it with
    # a different number, HiGHS refuses to run.
    solver.setOptionValue("parallel", "off")
    return solver


def run(solver: Any, seconds: float, is_integer: bool = False) -> bool:
    """Run; True at the optimum, False where the time was over first.

    Raises: Infeasible, Unsolved.
    """
    # HiGHS counts the time of all linear runs of one object together against its limit, but each
    # integer run by itself.
    before = 0.0 if is_integer else solver.getRunTime()
    solver.setOptionValue("time_limit", before + max(seconds, 0.0))
    solver.run()
    status = solver.getModelStatus()
    if status in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kModelEmpty):
        return True
    if status in (highspy.HighsModelStatus.kTimeLimit, highspy.HighsModelStatus.kSolutionLimit,
                  highspy.HighsModelStatus.kIterationLimit):
        return False
    if status in (highspy.HighsModelStatus.kInfeasible,
                  highspy.HighsModelStatus.kUnboundedOrInfeasible):
        raise Infeasible(solver.modelStatusToString(status))
    raise Unsolved(solver.modelStatusToString(status))


def _by_column(entries: Entries) -> Entries:
    """Return the entries sorted by column and row, those of one place added up."""
    rank = np.lexsort((entries.row, entries.column))
    row, column, value = entries.row[rank], entries.column[rank], entries.value[rank]
    first = np.ones(row.size, np.bool_)
    first[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1])
    start = np.flatnonzero(first)
    total = np.add.reduceat(value, start) if start.size else value
    return Entries(row[start], column[start], total)


def _finite(values: Floats) -> Floats:
    # HiGHS accepts NaN and then runs for ever, past its time limit.
    if not np.isfinite(values).all():
        raise Unsolved("numbers too large or too small for the solver")
    return values
