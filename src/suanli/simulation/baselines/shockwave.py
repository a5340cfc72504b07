"""Shockwave: Nash social welfare over a window of future rounds: `shockwave`.

Zheng et al., NSDI 2023, with the published settings: a plan of 20 rounds of 120 s, made anew when
a job comes or goes and at the latest after 8 rounds. It maximises the mean log progress, the log
piecewise linear on fifths of a job, less k x the longest run time left after the window
(makespan). Every job shall finish by the running average of its finish times under equal shares;
where that cannot be, jobs behind it weigh rho^12 (rho^100 in their last round). Idle devices go to
the jobs with the most left.

Ours differs in three ways. A concave log needs no binaries, so how many rounds a job gets is an LP
over counts; these are rounded down, what is left over goes by weight and remainder, and rounds are
filled in order of weight, jobs without slack first. Where the paper has Dirichlet posteriors of
batch sizes, ours has the stated limit: nobody here is told more. And finish times count from a
job's own submission, so that the start of the clock does not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import highspy
import numpy as np
import numpy.typing as npt

from suanli.planning.scheduler import Action
from suanli.planning.solver import quiet_solver
from suanli.planning.view import Ints, View
from suanli.simulation.baselines.rounds import Rounds, take_seats, unstoppable
from suanli.terms.errors import InputError, InvariantBroken
from suanli.terms.instant import SECOND

Floats = npt.NDArray[np.float64]

# The published settings: scheduler/configurations/tacc_32gpus.json, scheduler/scheduler.py.
ROUND_MS: Final = 120 * SECOND
WINDOW: Final = 20  # rounds
REPLAN: Final = 8  # rounds
MAKESPAN_WEIGHT: Final = 1e-3  # k, for a second of the longest rest
WEIGHT_POWER: Final = 12.0  # lambda
LAST_POWER: Final = 100.0
MOMENTUM: Final = 0.9
BASES: Final = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
LOGS: Final = np.log(np.maximum(BASES, 1e-6))
# A weight beyond this says no more, and a double does not resolve the rest beside it.
WEIGHT_MAX: Final = 1e6
JOBS_MAX: Final = 1000  # in the system: a plan takes 0.15 s, and a day has up to 720


@dataclass(frozen=True, slots=True)
class Window:
    """What a plan is made from, by job; times in rounds."""

    devices: Floats
    done: Floats  # run so far
    left: Floats  # of the stated limit
    elapsed: Floats  # since submission
    fair: Floats  # running average of the finish under equal shares, since submission
    share: float  # of a job under equal shares
    capacity: int

    @property
    def whole(self) -> Floats:
        return self.done + self.left

    @property
    def charge(self) -> Floats:
        """Whole rounds a round of work costs: a job that could finish takes its last one whole."""
        return np.where(self.left <= WINDOW, np.ceil(self.left) / self.left, 1.0)


class Shockwave:
    """One pool of one chip: the published policy knows no other."""

    def __init__(self) -> None:
        self.rounds = Rounds(ROUND_MS)
        self._fair = _FairFinish()
        self._plan: list[list[int]] = []  # rows by round still to come
        self._planned_for: tuple[int, int] | None = None  # (rows ever, rows in the system)
        self._since_plan = 0
        self._is_waiting = False

    def decide(self, view: View, at: int) -> Iterator[Action]:
        """Yield a round's changes of hands.

        Raises
        ------
        InputError
            On a fleet of several pools, and with more jobs than a plan can be made for.
        """
        if len(view.pools) != 1:
            raise InputError(f"shockwave on {len(view.pools)} pools; one pool of one chip is "
                             "accepted, as in the paper")
        if self.rounds.begins(view, at) and (view.queued or view.active):
            yield from self._round(view, at)
        self._is_waiting = bool(view.queued)

    def next_instant(self, at: int) -> int | None:
        """Return the next round while jobs wait."""
        return self.rounds.after(at) if self._is_waiting else None

    def _round(self, view: View, at: int) -> Iterator[Action]:
        rows = np.sort(np.concatenate([view.rows(view.active), view.rows(view.queued)]))
        if len(rows) > JOBS_MAX:
            raise InputError(f"shockwave with {len(rows)} jobs in the system; a plan is made for "
                             f"at most {JOBS_MAX}")
        stands = (view.jobs.count, len(rows))
        if stands != self._planned_for or self._since_plan >= REPLAN or not self._plan:
            window = self._window(view, rows, at, stands != self._planned_for)
            self._plan = [[int(rows[i]) for i in each] for each in plan(window)]
            self._planned_for, self._since_plan = stands, 0
        self._since_plan += 1
        chosen = unstoppable(view)
        left = view.capacity - sum(int(view.jobs.devices[row]) for row, _ in chosen)
        fixed = {row for row, _ in chosen}
        for row in self._plan.pop(0):
            if row not in fixed and view.jobs.devices[row] <= left:
                left -= int(view.jobs.devices[row])
                chosen.append((row, 0))
        yield from take_seats(view, chosen)

    def _window(self, view: View, rows: Ints, at: int, is_changed: bool) -> Window:
        jobs = view.jobs
        running = jobs.pool[rows] >= 0
        done = jobs.progress_ms[rows] + np.where(running, at - jobs.placed_at[rows], 0)
        left = np.maximum(jobs.limit_ms[rows] - done, 1)
        share = min(1.0, view.capacity / len(rows))
        elapsed = (at - jobs.submitted[rows]).astype(np.float64)
        if is_changed:
            self._fair.note(rows, (done + left) / share, at)
        return Window(jobs.devices[rows].astype(np.float64), done / ROUND_MS, left / ROUND_MS,
                      elapsed / ROUND_MS, self._fair.average(rows, at) / ROUND_MS, share,
                      view.capacity)


class _FairFinish:
    """By row: finish times under equal shares, weighed by how long each was the estimate."""

    def __init__(self) -> None:
        self._of: dict[int, list[float]] = {}  # row -> [time x estimate, time, last, since]

    def note(self, rows: Ints, estimates: Floats, at: int) -> None:
        for row, estimate in zip(rows.tolist(), estimates.tolist(), strict=True):
            area, time, last, since = self._of.get(row, [0.0, 0.0, estimate, float(at)])
            self._of[row] = [area + last * (at - since), time + at - since, estimate, float(at)]

    def average(self, rows: Ints, at: int) -> Floats:
        averages = []
        for row in rows.tolist():
            area, time, last, since = self._of[row]
            time += at - since
            mean = (area + last * (at - since)) / time if time else last
            averages.append(MOMENTUM * mean + (1 - MOMENTUM) * last)
        return np.array(averages)


def plan(window: Window) -> list[list[int]]:
    """Return who runs, as indices, by round of the window."""
    jobs = len(window.devices)
    after = (window.fair - window.elapsed - WINDOW) * window.share  # rounds that may be left then
    if (after >= 0).all():
        counts = _counts(window, np.ones(jobs), np.maximum(window.left - after, 0))
        if counts is not None:
            return _fill(window, _whole(window, counts, np.ones(jobs)), np.ones(jobs))
    weights = _weights(window)
    counts = _counts(window, weights, np.zeros(jobs))
    if counts is None:
        raise InvariantBroken("no plan without finish times; giving nobody a round is one")
    return _fill(window, _whole(window, counts, weights), weights)


def _weights(window: Window) -> Floats:
    """Return rho to the power of lambda where a job is behind, else 1."""
    rho = (window.elapsed + window.left / window.share) / window.fair
    power = np.where(window.left < 1, LAST_POWER, WEIGHT_POWER)
    behind = np.minimum(power * np.log(np.maximum(rho, 1)), np.log(WEIGHT_MAX))
    return np.asarray(np.exp(behind))


def _counts(window: Window, weights: Floats, least: Floats) -> Floats | None:
    """Return rounds by job, fractional; None where `least` cannot be given to all.

    Columns: rounds q, log progress u, by job; the longest rest z. Order of rows: u under each
    chord of the log, z over each rest, devices in the window.
    """
    jobs, chords = len(weights), len(BASES) - 1
    most = np.minimum(window.left, WINDOW)
    if (least > most + 1e-9).any():
        return None
    slopes = np.diff(LOGS) / np.diff(BASES)
    offsets = LOGS[:-1] - slopes * BASES[:-1]
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = 2 * jobs + 1, jobs * (chords + 1) + 1
    program.sense_ = highspy.ObjSense.kMaximize
    program.col_cost_ = np.concatenate([np.zeros(jobs), weights / (jobs * WINDOW),
                                        [-MAKESPAN_WEIGHT * ROUND_MS / SECOND]])
    program.col_lower_ = np.concatenate([np.minimum(least, most), np.full(jobs, LOGS[0]), [0.0]])
    program.col_upper_ = np.concatenate([most, np.zeros(jobs), [highspy.kHighsInf]])
    base = window.done / window.whole
    under = (offsets[None, :] + slopes[None, :] * base[:, None]).ravel()
    program.row_lower_ = np.concatenate([np.full(jobs * chords, -highspy.kHighsInf), window.left,
                                         [-highspy.kHighsInf]])
    program.row_upper_ = np.concatenate([under, np.full(jobs, highspy.kHighsInf),
                                         [window.capacity * WINDOW]])
    _matrix(program.a_matrix_, window, slopes)
    return _solved(program, jobs)


def _matrix(matrix: Any, window: Window, slopes: Floats) -> None:
    jobs, chords = len(window.devices), len(slopes)
    entries = chords + 2
    each = np.arange(jobs)
    under = each[:, None] * chords + np.arange(chords)[None, :]
    rest, devices = jobs * chords + each, np.full(jobs, jobs * (chords + 1))
    rows = np.column_stack([under, rest, devices])
    values = np.column_stack([-slopes[None, :] / window.whole[:, None], np.ones(jobs),
                              window.devices * window.charge])
    matrix.format_ = highspy.MatrixFormat.kColwise
    matrix.start_ = np.concatenate([np.arange(jobs) * entries,
                                    jobs * entries + np.arange(jobs) * chords,
                                    [jobs * (entries + chords),
                                     jobs * (entries + chords) + jobs]])
    matrix.index_ = np.concatenate([rows.ravel(), under.ravel(), rest])
    matrix.value_ = np.concatenate([values.ravel(), np.ones(jobs * chords), np.ones(jobs)])


def _solved(program: Any, jobs: int) -> Floats | None:
    solver = quiet_solver()
    solver.passModel(program)
    solver.run()
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None
    if status != highspy.HighsModelStatus.kOptimal:
        raise InvariantBroken(f"the plan's program ended with {status}")
    return np.asarray(np.clip(np.array(solver.getSolution().col_value)[:jobs], 0, WINDOW))


def _whole(window: Window, counts: Floats, weights: Floats) -> Ints:
    """Return whole rounds: down, then up by weight and remainder while devices last."""
    wanted = counts * window.charge
    whole = np.floor(wanted + 1e-6)
    spare = window.capacity * WINDOW - float(window.devices @ whole)
    for job in np.lexsort((whole - wanted, -weights)):
        if wanted[job] - whole[job] > 1e-6 and window.devices[job] <= spare:
            whole[job] += 1
            spare -= window.devices[job]
    return np.asarray(whole.astype(np.int64))


def _fill(window: Window, counts: Ints, weights: Floats) -> list[list[int]]:
    """Return jobs by round: without slack first, then by weight; then whoever has most left."""
    due, left = counts.copy(), window.left.copy()
    rounds: list[list[int]] = []
    for index in range(WINDOW):
        has_slack = due < WINDOW - index
        first = np.lexsort((-window.left, -weights, has_slack))
        ranked = [*(int(j) for j in first if due[j] > 0),
                  *(int(j) for j in np.argsort(-left, kind="stable") if due[j] <= 0)]
        free, chosen = window.capacity, []
        for job in ranked:
            if window.devices[job] <= free and left[job] > 0:
                free -= int(window.devices[job])
                chosen.append(job)
        due[chosen] -= 1
        left[chosen] -= 1
        rounds.append(chosen)
    return rounds
