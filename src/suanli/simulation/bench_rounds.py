"""How long a TokenFlow round takes on a large fleet, on a seeded synthetic load.

18,000 devices on 6,500 hosts: three data centres of 500 hosts of eight, and five edge provinces of
800 hosts of one and 200 of two. 20,000 jobs wait at every round: what started or ended is made up
for by arrivals. Rounds are a virtual minute apart, so the fairness program, which runs beside
them, is asked for far more often in real time than it would be.
"""

import heapq
import time

import numpy as np

from suanli.planning.scheduler import Bind, Preempt
from suanli.planning.tokenflow.scheduler import ROUND_MS, Settings, TokenFlow
from suanli.planning.view import PPM, PoolSpec, Request, View
from suanli.terms.instant import HOUR, MINUTE

PENDING, TENANTS = 20_000, 40
FILLING = 3  # rounds until the fleet is full: the first places thousands, and compiles kernels
CENTRES, EDGES = ("h100-sxm-80", "h800", "ascend-910b"), 5
SIZES = (1, 2, 4, 8, 16, 32, 64, 256)
SIZE_PARTS = (0.70, 0.08, 0.08, 0.10, 0.02, 0.01, 0.008, 0.002)
FRACTIONS = 0.05  # of the one-device jobs: half a device
DURATION_MS_MEDIAN, DURATION_SPREAD = 40 * MINUTE, 1.5  # lognormal
# Those of the start came over two days: twice the patience, so that drain reservations are sought.
WAITED_MS_MAX = 48 * HOUR
# Which chips a job can use, and at which speeds, data centres and edge: data of the load.
KINDS = ((PPM, PPM, 0, 0), (PPM, 900_000, 430_000, 0), (0, 0, PPM, 0), (PPM, 800_000, 700_000, 0),
         (PPM, PPM, 600_000, 200_000), (0, 0, 0, PPM))


def measure_rounds(rounds: int, runs: int) -> dict[str, float | int | str]:
    """Return medians over runs of the percentiles of one `decide`, once the fleet is full."""
    found = []
    for seed in range(1, runs + 1):
        load = Load(seed)
        seconds = [load.round() for _ in range(rounds + FILLING)][FILLING:]
        found.append([float(np.percentile(seconds, part)) for part in (50, 99, 100)])
    p50, p99, most = np.median(found, axis=0).round(4).tolist()
    return {"round_p50_s": p50, "round_p99_s": p99, "round_max_s": most, "rounds": rounds,
            "round_runs": runs, "round_devices": load.view.capacity,
            "round_hosts": len(load.view.free), "round_pending": PENDING,
            "round_running": len(load.view.active), "round_started": load.started,
            "round_preempted": load.preempted, "round_drains": len(load.scheduler.drains.by_row),
            "round_fairness": "beside, in a thread",
            "round_solves": sum(s.is_fresh for s in load.scheduler.entitlements.shares.rounds)}


class Load:
    """A view that is kept full, and the scheduler that works on it."""

    def __init__(self, seed: int) -> None:
        edge = (1,) * 800 + (2,) * 200
        self.view = View((*(PoolSpec(f"centre-{chip}", chip, (8,) * 500,
                                     tuple(f"leaf-{h // 32}" for h in range(500)),
                                     tuple(f"spine-{h // 128}" for h in range(500)))
                            for chip in CENTRES),
                          *(PoolSpec(f"edge-{n}", "edge", edge) for n in range(EDGES))))
        self.scheduler = TokenFlow(Settings(is_beside=True))
        self.at = self.started = self.preempted = 0
        self._chance = np.random.default_rng(seed)
        self._duration: list[int] = []  # by row, on the reference chip
        self._ends: list[tuple[int, int, int]] = []  # (instant, row, placed at)

    def round(self) -> float:
        """Let end what ends, arrive what arrives, decide, and perform it; seconds of deciding."""
        self._end_due()
        self._arrive(PENDING - len(self.view.queued), 0 if self.started else WAITED_MS_MAX)
        actions = self.scheduler.decide(self.view, self.at)
        seconds = 0.0
        while True:
            began = time.perf_counter()
            action = next(actions, None)
            seconds += time.perf_counter() - began
            if action is None:
                break
            self._perform(action)
        self.at += ROUND_MS
        return seconds

    def _arrive(self, count: int, waited_ms_max: int) -> None:
        """Queue so many jobs, as if each had come at some instant within the last while."""
        chance = self._chance
        came = np.sort(self.at - chance.integers(0, waited_ms_max + 1, count))
        devices = chance.choice(SIZES, count, p=SIZE_PARTS)
        kinds = chance.integers(0, len(KINDS), count)
        durations = np.minimum(MINUTE + DURATION_MS_MEDIAN * chance.lognormal(
            0, DURATION_SPREAD, count), 72 * HOUR).astype(np.int64)
        limits = (durations * chance.uniform(1, 5, count)).astype(np.int64)
        halves, tenants = chance.random(count) < FRACTIONS, chance.integers(0, TENANTS, count)
        for size, kind, duration, limit, is_half, tenant, at in zip(
                devices.tolist(), kinds.tolist(), durations.tolist(), limits.tolist(),
                halves.tolist(), tenants.tolist(), came.tolist(), strict=True):
            *centres, edge = KINDS[kind if size <= 2 else kind % 5]
            self._duration.append(duration)
            self.view.submit(Request(len(self._duration), tenant, size,
                                     500 if is_half and size == 1 else 1000,
                                     (*centres, *([edge if size <= 2 else 0] * EDGES)), limit),
                             at)

    def _perform(self, action: object) -> None:
        view, jobs = self.view, self.view.jobs
        if isinstance(action, Bind):
            row = action.row
            view.bind(row, action.slots, self.at)
            work = max(1, self._duration[row] - int(jobs.progress_ms[row]))
            speed = int(jobs.speed[row, jobs.pool[row]])
            heapq.heappush(self._ends, (self.at + work * PPM // speed, row, self.at))
            self.started += 1
        elif isinstance(action, Preempt):
            self._preempt(action.row)

    def _preempt(self, row: int) -> None:
        jobs = self.view.jobs
        ran = (self.at - int(jobs.placed_at[row])) * int(jobs.speed[row, jobs.pool[row]]) // PPM
        jobs.preemptions[row] += 1
        self.preempted += 1
        self.view.release(row)
        self.view.requeue(row, self.at, int(jobs.progress_ms[row]) + ran)

    def _end_due(self) -> None:
        while self._ends and self._ends[0][0] <= self.at:
            _, row, placed_at = heapq.heappop(self._ends)
            if row in self.view.active and self.view.jobs.placed_at[row] == placed_at:
                self.view.release(row)
                self.view.end(row, self._duration[row])
