"""A solver of somebody else in the same thread does not keep ours from solving."""

import highspy
import numpy as np

from suanli.clearing import solve
from suanli.market.auction.instance import Auction, Curves
from suanli.planning.solver import quiet_solver


def crossing() -> Auction:
    """One cell where a buyer at 10 meets a seller at 6."""
    columns = ((0, 0), (0, 1), (10, 6), (5, 5), (-1, -1))
    return Auction(1, 1, 100, Curves(*(np.array(column, np.int64) for column in columns)))


def test_after_a_run_with_another_number_of_threads() -> None:
    for threads in (0, 2):
        other = quiet_solver()
        highspy.Highs.resetGlobalScheduler(True)
        other.setOptionValue("threads", threads)
        other.addVar(0, 1)
        other.changeColCost(0, -1.0)
        assert other.run() == highspy.HighsStatus.kOk
        found = solve(crossing(), seconds=5.0)
        assert found.method != "decoupled"
        assert found.clearing.welfare == 20
