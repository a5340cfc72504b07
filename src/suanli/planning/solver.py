"""The linear-programming solver as the rest of the house sees it: silent, and failing by name.

HiGHS prints a banner to the real standard output when it is constructed, which would spoil
the output of a verb; and it reports how a run ended as a number. Both end here.
"""

import os
import sys
from typing import Any

import highspy

from suanli.terms.errors import AdapterError


class Unsolved(AdapterError):
    """The solver stopped without an optimum; the text says why (time limit, infeasible, ...)."""


def quiet_solver() -> Any:
    """Return a solver that says nothing: its banner goes to the real standard output at once."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.setOptionValue("output_flag", False)
        return solver
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def run_to_optimum(solver: Any, time_limit_s: float) -> bool:
    """Solve the model that the solver holds; False where another method should be tried.

    That is where the iteration limit came first, or the method broke down numerically (which
    depends on the processor too). Raises: Unsolved where it stops for any other reason.
    """
    # HiGHS counts the time of all runs of one object together against its limit.
    solver.setOptionValue("time_limit", solver.getRunTime() + max(time_limit_s, 0.0))
    solver.run()
    status = solver.getModelStatus()
    if status in (highspy.HighsModelStatus.kIterationLimit,
                  highspy.HighsModelStatus.kSolveError):
        return False
    if status != highspy.HighsModelStatus.kOptimal:
        raise Unsolved(solver.modelStatusToString(status))
    return True
