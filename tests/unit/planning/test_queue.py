"""Weights by hand."""

import numpy as np
import numpy.typing as npt
import pytest

from suanli.planning.tokenflow.estimates import RunTimes
from suanli.planning.tokenflow.queue import weigh
from suanli.planning.view import PPM, PoolSpec, Request, View
from suanli.terms.instant import HOUR


class Exact(RunTimes):
    """Every job takes its stated limit."""

    def expected(self, used: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return 1 - used


def view_of(*hours: float, speed: int = PPM) -> View:
    view = View((PoolSpec("z", "chip", (8,)),))
    for number, each in enumerate(hours):
        view.submit(Request(number, 0, 1, 1000, (speed,), round(each * HOUR)), 0)
    return view


def hours_of(view: View, at: float) -> list[float]:
    rows = view.rows(view.queued)
    return (weigh(view, rows, round(at * HOUR), Exact(), np.ones(1), np.zeros(1)).weight
            / HOUR).tolist()


def test_a_weight_is_work_over_the_response_ratio() -> None:
    """After 4 h a job of 2 h would take 6 h in all, three times its own; one of 8 h, 12 h."""
    view = view_of(2, 8)
    assert hours_of(view, 0) == pytest.approx([2, 8])
    assert hours_of(view, 4) == pytest.approx([2 / 3, 8 / 1.5])


def test_on_half_the_speed_a_wait_counts_by_the_longer_run() -> None:
    """Its 2 h of the reference take 4 h here: after 4 h it would take 8 h, twice its own."""
    assert hours_of(view_of(2, speed=PPM // 2), 4) == pytest.approx([4 / 2])


def test_half_done_work_is_run_time_too() -> None:
    """4 h of 8 done at once, 2 h displaced, 4 h to go: 10 h for 8."""
    view = view_of(8)
    view.bind(0, ((0, (0,)),), 0)
    view.release(0)
    view.requeue(0, 4 * HOUR, 4 * HOUR)
    assert hours_of(view, 6) == pytest.approx([4 / 1.25])
