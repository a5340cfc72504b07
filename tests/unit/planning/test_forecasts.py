"""Predicted starts: learned quantiles, the future played ahead, and what past forecasts teach."""

import numpy as np
import pytest

from suanli.planning.forecasts import ALIKE, Forecast, Forecasts, censored_quantile
from suanli.planning.future import HORIZON_MS, STEP_GROWTH, Future
from suanli.planning.tokenflow.estimates import RunTimes
from suanli.planning.tokenflow.scheduler import TokenFlow
from suanli.planning.view import PPM, PoolSpec, Request, View
from suanli.terms.instant import HOUR, MINUTE


def view(*hosts: int) -> View:
    return View((PoolSpec("z", "chip", hosts),))


def submit(v: View, devices: int, hours: float) -> int:
    return v.submit(Request(v.jobs.count + 1, 0, devices, 1000, (PPM,), round(hours * HOUR)), 0)


def taught(v: View, ratio: float) -> TokenFlow:
    """Return a scheduler that has seen many jobs use a part of their limit."""
    scheduler = TokenFlow()
    for _ in range(2000):
        v.end(submit(v, 1, 10), round(10 * HOUR * ratio))
    scheduler.runtimes.learn(v)
    return scheduler


def test_quantiles_rise_with_the_part_and_stay_within_the_limit() -> None:
    v = view(1)
    runtimes = taught(v, 0.3).runtimes
    parts = np.linspace(0, 1, 21)
    for used in (0.0, 0.005, 0.2, 0.35, 0.9, 1.0):
        left = [float(runtimes.quantile(np.array([used]), part)[0]) for part in parts]
        assert left == sorted(left)
        assert left[0] == pytest.approx(0)
        assert left[-1] == pytest.approx(1 - used)


def test_quantiles_know_what_was_learned() -> None:
    left = taught(view(1), 0.3).runtimes.quantile(np.array([0.0, 0.2]), 0.5)
    assert left == pytest.approx([0.3, 0.1], abs=0.03)  # bins are 8 % wide
    flat = RunTimes().quantile(np.array([0.0]), 0.5)[0]
    assert flat == pytest.approx(0.1, rel=0.05)  # a logarithmic scale from 0.01 to 1


def test_the_future_starts_jobs_one_after_the_other() -> None:
    """One device, jobs that use three hours of ten: the lighter is next, then the other."""
    v = view(1)
    scheduler = taught(v, 0.3)
    v.bind(submit(v, 1, 10), ((0, (0,)),), 0)
    second, first = submit(v, 1, 20), submit(v, 1, 10)
    version = v.version
    for part in (0.1, 0.9):
        starts = Future(v, scheduler, 0, part).starts()
        for row, hours in ((first, 3), (second, 6)):
            assert 0.9 * hours <= starts[row] / HOUR <= 1.12 * hours * STEP_GROWTH
    assert v.version == version
    assert list(v.queued) == [second, first]


def test_what_never_fits_starts_at_the_horizon() -> None:
    v = view(1)
    row = submit(v, 2, 10)
    assert Future(v, TokenFlow(), 5, 0.9).starts() == {row: 5 + HORIZON_MS}


@pytest.mark.parametrize(("values", "is_over", "part", "expected"), [
    (range(1, 11), [1] * 10, 0.1, 1),
    (range(1, 11), [1] * 10, 0.9, 9),
    ([1, 2, 3], [1, 0, 1], 0.5, 3),  # two thirds exceed 1; the one that left at 2 may exceed 3
    ([1, 2, 3], [1, 1, 1], 0.5, 2),
    ([4, 5], [0, 0], 0.5, 5),  # nothing is known but that both are larger
])
def test_quantiles_of_waits_that_are_not_over(values: list[int], is_over: list[int], part: float,
                                              expected: float) -> None:
    assert censored_quantile(np.array(values, dtype=float), np.array(is_over, dtype=bool),
                             part) == expected


def test_past_forecasts_like_this_one_correct_it() -> None:
    """Fifty told ten minutes took 1 to 50 minutes; fifty told ten hours took ten hours."""
    forecasts = Forecasts()
    brief, long = (10 * MINUTE, 10 * MINUTE), (10 * HOUR, 10 * HOUR)
    for number in range(1, ALIKE + 1):
        forecasts.over.append(Forecast(0, 0, brief, brief, number * MINUTE))
        forecasts.over.append(Forecast(0, 0, long, long, 10 * HOUR))
    assert forecasts.corrected(brief, HOUR) == (5 * MINUTE, 45 * MINUTE)
    assert forecasts.corrected(long, HOUR) == (10 * HOUR, 10 * HOUR)


def test_with_few_past_forecasts_the_wider_interval_is_told() -> None:
    forecasts, played = Forecasts(), (3 * MINUTE, 4 * MINUTE)
    assert forecasts.corrected(played, HOUR) == played
    forecasts.over.append(Forecast(0, 0, (1, 2), (1, 2), 10 * HOUR))
    assert forecasts.corrected(played, 11 * HOUR) == (3 * MINUTE, 10 * HOUR)


def test_a_start_is_learned_and_judged_once() -> None:
    v, forecasts = view(1), Forecasts()
    v.bind(submit(v, 1, 1), ((0, (0,)),), 0)
    row, gone = submit(v, 1, 1), submit(v, 1, 1)
    told = forecasts.tell(v, TokenFlow(), 0)[row]
    v.end(gone, None)  # cancelled while it waited: it teaches nothing
    v.release(0)
    v.bind(row, ((0, (0,)),), 20 * MINUTE)
    forecasts.learn(v)
    forecasts.learn(v)
    assert [(one.row, one.wait) for one in forecasts.over] == [(row, 20 * MINUTE)]
    is_hit = told[0] <= 20 * MINUTE <= told[1]
    assert forecasts.coverage()["interval_coverage"] == float(is_hit)
    assert forecasts.open == {}
