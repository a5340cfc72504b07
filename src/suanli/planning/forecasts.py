"""When a waiting job will start: an interval that eight of ten starts should fall into.

The future is played ahead twice (`future`): jobs run for the tenth and for the ninetieth
percentile of their learned run times. What comes out is right as far as nobody else comes, and as
far as the model is. So past forecasts correct it: of the fifty that were most like this one (both
waits, on a logarithmic scale), the tenth and the ninetieth percentile of the waits that really
came are told; while there are not fifty, whatever is wider. Forecasts whose job still waits count
as waits of at least that long (Kaplan and Meier, JASA 53, 1958), or long waits would be missing.
Nothing is known from later than the instant.
"""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from suanli.planning.future import Future
from suanli.planning.scheduler import Scheduler
from suanli.planning.tokenflow.scheduler import ROUND_MS, TokenFlow
from suanli.planning.view import View

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LOW, HIGH = 0.1, 0.9
ALIKE: Final = 50  # past forecasts that are asked
KEPT_MAX: Final = 2000
SAMPLED_MAX: Final = 50  # waiting jobs whose forecasts are kept at an instant


@dataclass(slots=True)
class Forecast:
    """What was told of a job at an instant; waits in milliseconds from then."""

    row: int
    at: int
    played: tuple[int, int]  # the wait in each of the two futures
    told: tuple[int, int]
    wait: int | None = None  # what really came, once it has


class Forecasts:
    """The forecasts of one scheduler, and what came of them."""

    def __init__(self) -> None:
        self.over: deque[Forecast] = deque(maxlen=KEPT_MAX)
        self.open: dict[int, Forecast] = {}  # by row: the first since it entered the queue

    def of(self, view: View, scheduler: Scheduler, row: int, at: int) -> tuple[int, int] | None:
        """Return the (earliest, latest) start of a queued row; None under other schedulers."""
        if not isinstance(scheduler, TokenFlow):
            return None
        return self.tell(view, scheduler, at, [row])[row]

    def tell(self, view: View, scheduler: TokenFlow, at: int,
             rows: Collection[int] = ()) -> dict[int, tuple[int, int]]:
        """Return (earliest, latest) start of waiting rows and of a sample of all that wait."""
        self.learn(view)
        waiting = list(view.queued)
        sampled = waiting[::-(-len(waiting) // SAMPLED_MAX) or 1]
        early, late = (Future(view, scheduler, at, part).starts() for part in (LOW, HIGH))
        intervals = {}
        for row in dict.fromkeys([*rows, *sampled]):
            # A future of longer runs is not always a later one: who waits for whom changes.
            played = early[row] - at, max(early[row], late[row]) - at
            told = self.corrected(played, at)
            intervals[row] = at + told[0], at + told[1]
            self.open.setdefault(row, Forecast(row, at, played, told))
        return intervals

    def learn(self, view: View) -> None:
        """Take in which jobs started since; one that left without a start teaches nothing."""
        for row in list(self.open):
            one, jobs = self.open[row], view.jobs
            if row in view.queued and jobs.queued_at[row] <= one.at:
                continue
            del self.open[row]
            if jobs.placed_at[row] > one.at:  # a forecast is of who was left waiting then
                one.wait = int(jobs.placed_at[row]) - one.at
                self.over.append(one)

    def corrected(self, played: tuple[int, int], at: int) -> tuple[int, int]:
        """Return the interval of waits that past forecasts like this one speak for."""
        past = [*self.over, *(one for one in self.open.values() if one.at < at)]
        if not past:
            return played
        scale = np.log(np.array([one.played for one in past], dtype=np.float64) + ROUND_MS)
        apart = np.abs(scale - np.log(np.array(played) + float(ROUND_MS))).sum(axis=1)
        alike = [past[index] for index in np.argsort(apart, kind="stable")[:ALIKE]]
        waits = np.array([at - one.at if one.wait is None else one.wait for one in alike],
                         dtype=np.float64)
        is_over = np.array([one.wait is not None for one in alike])
        low, high = (censored_quantile(waits, is_over, part) for part in (LOW, HIGH))
        if len(past) < ALIKE:
            return min(round(low), played[0]), max(round(high), played[1])
        return round(low), round(high)

    def coverage(self) -> dict[str, float | int | None]:
        """Return the share of starts within their interval, their number, the median width."""
        judged = list(self.over)
        hits = [one.told[0] <= (one.wait or 0) <= one.told[1] for one in judged]
        widths = [(one.told[1] - one.told[0]) / 1000 for one in judged]
        return {"interval_coverage": float(np.mean(hits)) if hits else None,
                "intervals": len(hits),
                "interval_width_median_s": float(np.median(widths)) if hits else None}


def censored_quantile(values: Floats, is_over: Flags, part: float) -> float:
    """Return the value that a `part` does not exceed, where some are only known to be larger.

    Where too few are over to tell, the largest value.
    """
    order = np.lexsort((~is_over, values))
    values, is_over = values[order], is_over[order]
    survival = np.cumprod(1 - is_over / np.arange(len(values), 0, -1))
    # Rounding must not push a quantile that falls on a value to the next one.
    found = int(np.argmax(survival <= 1 - part + 1e-9)) if (
        survival[-1] <= 1 - part + 1e-9) else len(values) - 1
    return float(values[found])
