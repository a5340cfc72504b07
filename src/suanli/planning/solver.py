"""The linear-programming solver as the rest of the house sees it: silent, and failing by name.

HiGHS prints a banner to the real standard output when it is constructed, which would spoil
the output of a verb; and it reports how a run ended as a number. Both end here.
"""

from typing import Any

import highspy

from suanli.terms.errors import AdapterError


class Unsolved(AdapterError):
    """The solver stopped without an optimum; the text says why (time limit, infeasible, ...)."""


class Quiet(highspy.Highs):
    """HiGHS told to be silent before its constructor sets callbacks up, which prints the banner."""

    def enableCallbacks(self) -> None:
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()  # type: ignore[no-untyped-call]


def quiet_solver() -> Any:
    """Return a solver that says nothing."""
    return Quiet()  # type: ignore[no-untyped-call]


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
