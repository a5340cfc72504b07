"""Gavel: max-min fairness over effective throughput, realised in rounds: `gavel`.

Narayanan et al., OSDI 2020: the allocation x[job, pool], shares of time, maximises the least
normalised effective throughput (section 4.1: sum of speed x share x gang size, over what an equal
split of the fleet's time would give); in rounds, jobs run in order of allocation over time
received (section 5), where time is counted anew now and then and what was owed breaks ties. On one
pool it is least-attained-service time sharing.

What the LP leaves open is settled for use: on one pool by filling levels further up, else by the
most total throughput at the same least. Gavel's pairs of jobs on one device are not modelled; a
fraction takes a whole device.
"""

from collections.abc import Iterator
from typing import Final

import highspy
import numpy as np
import numpy.typing as npt

from suanli.planning.scheduler import Action
from suanli.planning.solver import quiet_solver
from suanli.planning.view import PPM, Ints, View
from suanli.simulation.baselines.rounds import Rounds, take_seats, unstoppable
from suanli.terms.errors import InvariantBroken
from suanli.terms.instant import DAY, SECOND

Floats = npt.NDArray[np.float64]

ROUND_MS: Final = 360 * SECOND  # section 7.1
# The published runs allocate and count anew after 1000 s. At rounds of 360 s that is too soon for a
# large gang, whose turn comes after many rounds, ever to have one: our own runs count for a day.
PUBLISHED_MS: Final = 1000 * SECOND
COUNT_MS: Final = DAY
# What a unit of mean throughput is worth against a unit of the least. Giving way by one frees
# devices that gain others no more than the largest ratio of speeds, so below its inverse the least
# is not traded away.
TOTAL_WEIGHT: Final = 1e-4


class Gavel:
    """`solve_ms`, `count_ms`: the least time between two allocations, and between two counts.

    Jobs that came since the last allocation wait for the next.
    """

    def __init__(self, round_ms: int = ROUND_MS, solve_ms: int = 0,
                 count_ms: int = COUNT_MS) -> None:
        self.rounds = Rounds(round_ms)
        self.solve_ms, self.count_ms = solve_ms, count_ms
        self._share = np.zeros((0, 0))  # [row, pool], of time
        self._received = np.zeros((0, 0))  # [row, pool], ms since the count began
        self._owed = np.zeros((0, 0))  # [row, pool], ms from earlier counts
        self._solved_for: tuple[int, int] | None = None  # (rows ever, rows in the system)
        self._solved_at = self._counted_at = self._seen_at = 0
        self._has_more = False

    def decide(self, view: View, at: int) -> Iterator[Action]:
        """Yield a round's changes of hands."""
        self._count(view, at)
        # On one pool nothing is better than running where one runs; on several, jobs move.
        if self.rounds.begins(view, at) and self._could_change(view):
            self._allocate(view, at)
            yield from take_seats(view, self._choose(view))
        self._has_more = self._could_change(view)

    def next_instant(self, at: int) -> int | None:
        """Return the next round, where it could change anything."""
        return self.rounds.after(at) if self._has_more else None

    def _could_change(self, view: View) -> bool:
        return bool(view.queued) or (len(view.pools) > 1 and bool(view.active))

    def _count(self, view: View, at: int) -> None:
        """Note the time that active jobs received since the last instant."""
        size, pools = view.jobs.speed.shape
        if len(self._share) < size:
            self._share, self._received, self._owed = (
                np.concatenate([old.reshape(-1, pools), np.zeros((size - len(old), pools))])
                for old in (self._share, self._received, self._owed))
        rows = view.rows(view.active)
        self._received[rows, view.jobs.pool[rows]] += at - self._seen_at
        self._seen_at = at

    def _allocate(self, view: View, at: int) -> None:
        """Solve again where jobs came or went."""
        rows = np.concatenate([view.rows(view.active), view.rows(view.queued)])
        stands = (view.jobs.count, len(rows))
        is_first = self._solved_for is None
        if stands == self._solved_for or not (is_first or at - self._solved_at >= self.solve_ms):
            return
        if is_first or at - self._counted_at >= self.count_ms:
            self._owed += self._share * (0 if is_first else at - self._counted_at) - self._received
            self._received[:] = 0
            self._counted_at = at
        self._solved_for, self._solved_at = stands, at
        self._share[:] = 0
        self._share[rows] = shares(view, rows)

    def _choose(self, view: View) -> list[tuple[int, int]]:
        """Return (row, pool) for the round: by pool, in order of priority, whatever fits."""
        rows = np.concatenate([view.rows(view.active), view.rows(view.queued)])
        rows = np.sort(rows[self._share[rows].any(axis=1)])
        chosen = unstoppable(view)
        taken = {row for row, _ in chosen}
        devices = view.jobs.devices
        for pool in range(len(view.pools)):
            hosts = view.devices[view.first_host[pool]:view.first_host[pool + 1]]
            left = int(hosts.sum()) - sum(int(devices[r]) for r, p in chosen if p == pool)
            for row in self._ranked(view, rows, pool):
                if not left:
                    break
                if row not in taken and devices[row] <= left:
                    left -= int(devices[row])
                    taken.add(row)
                    chosen.append((row, pool))
        return chosen

    def _ranked(self, view: View, rows: Ints, pool: int) -> list[int]:
        """Return admissible rows by priority, then by what is owed, then by order of arrival."""
        rows = rows[view.jobs.speed[rows, pool] > 0]
        share = self._share[rows, pool]
        priority = share / (self._received[rows, pool] + self.rounds.round_ms / 2)
        ranked = np.lexsort((-share, -self._owed[rows, pool], -priority))
        return [int(row) for row in rows[ranked]]


def shares(view: View, rows: Ints) -> Floats:
    """Return the max-min shares of time, [row, pool]; equal jobs have equal ones.

    Source: OSDI 2020, section 4.1, with equal weights.
    """
    keys = np.column_stack([view.jobs.speed[rows], view.jobs.devices[rows]])
    kinds, kind_of, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    capacity = np.array([view.devices[a:b].sum() for a, b in
                         zip(view.first_host[:-1], view.first_host[1:], strict=True)])
    by_kind = max_min(kinds[:, :-1] / PPM, kinds[:, -1].astype(np.float64),
                      counts.astype(np.float64), capacity.astype(np.float64))
    return np.asarray(by_kind[kind_of.reshape(-1)])


def max_min(speeds: Floats, devices: Floats, counts: Floats, capacity: Floats) -> Floats:
    """Return the shares of time [kind, pool] of `counts` jobs of each kind.

    `speeds`: (kind, pool); `devices`: (kind,) of one job; `capacity`: (pool,) devices.
    """
    if speeds.shape[1] == 1:
        return _levels(devices, counts, float(capacity[0]))[:, None]
    equal = speeds @ (capacity / capacity.sum())
    worth = speeds * devices[:, None] / equal[:, None]
    return _Program(worth, devices, counts, capacity).solve()


def _levels(devices: Floats, counts: Floats, capacity: float) -> Floats:
    """Return the share of each kind where the same number of devices goes to every job."""
    share = np.zeros(len(devices))
    left, jobs = capacity, float(counts.sum())
    for kind in np.argsort(devices, kind="stable"):
        level = min(devices[kind], left / jobs)
        share[kind] = level / devices[kind]
        left -= level * counts[kind]
        jobs -= counts[kind]
    return share


class _Program:
    """The LP: columns x[kind, pool] row by row, then the least t."""

    def __init__(self, worth: Floats, devices: Floats, counts: Floats, capacity: Floats) -> None:
        kinds, pools = worth.shape
        self.shape, self.solver = (kinds, pools), quiet_solver()
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = kinds * pools + 1, 2 * kinds + pools
        program.sense_ = highspy.ObjSense.kMaximize
        program.col_cost_ = np.append(
            (worth * counts[:, None]).ravel() * (TOTAL_WEIGHT / counts.sum()), 1.0)
        program.col_lower_ = np.zeros(kinds * pools + 1)
        program.col_upper_ = np.append((worth > 0).ravel().astype(float), highspy.kHighsInf)
        # Rows: throughput - t >= 0 by kind; time <= 1 by kind; devices by pool.
        program.row_lower_ = np.append(np.zeros(kinds), np.full(kinds + pools, -highspy.kHighsInf))
        program.row_upper_ = np.concatenate([np.full(kinds, highspy.kHighsInf), np.ones(kinds),
                                             capacity])
        self._fill(program.a_matrix_, worth, devices * counts)
        self.solver.passModel(program)

    def _fill(self, matrix: highspy.HighsSparseMatrix, worth: Floats, demand: Floats) -> None:
        kinds, pools = worth.shape
        kind, pool = (part.ravel() for part in np.indices(worth.shape))
        matrix.format_ = highspy.MatrixFormat.kColwise
        matrix.start_ = np.append(np.arange(kinds * pools + 1) * 3, 3 * kinds * pools + kinds)
        rows = np.column_stack([kind, kinds + kind, 2 * kinds + pool])
        values = np.column_stack([worth.ravel(), np.ones(kinds * pools), demand[kind]])
        matrix.index_ = np.append(rows.ravel(), np.arange(kinds))
        matrix.value_ = np.append(values.ravel(), np.full(kinds, -1.0))

    def solve(self) -> Floats:
        """Return the shares with the most total throughput among those with the best least."""
        self.solver.run()
        status = self.solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise InvariantBroken(f"the max-min program ended with {status}; it has a solution")
        found = np.array(self.solver.getSolution().col_value)
        return np.asarray(np.clip(found[:-1], 0, 1).reshape(self.shape))
