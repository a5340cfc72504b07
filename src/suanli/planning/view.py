"""What a scheduler may see: hosts, their free devices, and the jobs, as flat arrays.

One `View` serves every scheduler, ours and the baselines, in the simulator and in production, so
that none is told more than another. It knows stated limits, never true durations. Its arrays of
devices are those of `hosts`, its jobs the columns of `rows`; a scheduler imports all of it here.

`queued` and `active` hold rows in the order in which jobs entered.
"""

from dataclasses import dataclass, field

import numpy as np

from suanli.chips.slices import Allotment
from suanli.chips.topology import LEVELS
from suanli.members.parameters import PARAMETERS
from suanli.planning.blocks import Ints
from suanli.planning.hosts import Hosts, PoolSpec
from suanli.planning.rows import (
    FIRM,
    GONE,
    HELD,
    NO_SLICE,
    PPM,
    QUEUED,
    RUNNING,
    SERVING,
    SHARED,
    STOPPING,
    TIERS,
    Finished,
    Jobs,
    Request,
)
from suanli.terms.errors import InvariantBroken
from suanli.terms.quantity import WHOLE_DEVICE

__all__ = ["FIRM", "HELD", "NO_SLICE", "PPM", "QUEUED", "RUNNING", "SERVING", "SHARED", "TIERS",
           "Ints", "PoolSpec", "Request", "Slots", "View"]

# (host, device indices) pairs.
Slots = tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(slots=True)
class View(Hosts):
    """The state that schedulers read; only its owner changes it, through the verbs below."""

    jobs: Jobs = field(init=False)
    queued: dict[int, None] = field(default_factory=dict)
    active: dict[int, None] = field(default_factory=dict)  # held or running
    slots: dict[int, Slots] = field(default_factory=dict)  # of every active row
    # Row -> host, device, units of an active row on a slice
    slices: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    stopping: dict[int, int] = field(default_factory=dict)  # row -> whom it makes way for, or -1
    finished: list[Finished] = field(default_factory=list)
    budgets: dict[int, float] = field(default_factory=dict)  # by tenant
    restore_ms: int = 0  # what a preempted job pays at the start of its next placement
    # The rules of preemption, as the domain's own are by default.
    preempt_run_ms_min: int = PARAMETERS["preempt_run_ms_min"][0]
    preempt_part_max: float = PARAMETERS["preempt_devices_ppm_per_hour"][0] / PPM

    def __post_init__(self) -> None:
        Hosts.__post_init__(self)  # a class with slots is made twice, which `super()` cannot see
        self.jobs = Jobs(len(self.pools))

    # -- what the owner does: a job's life ------------------------------------------------------

    def submit(self, request: Request, at: int) -> int:
        """Queue a job; return its row."""
        row = self.jobs.add(request, at)
        self.queued[row] = None
        self.budgets.setdefault(request.tenant, request.budget)
        self.version += 1
        return row

    def bind(self, row: int, slots: Slots, at: int, is_all: bool = False) -> bool:
        """Give devices to a queued or half-bound job; return whether it now has all of them.

        `is_all`: an elastic job gets no more.

        Raises
        ------
        InvariantBroken
            When a device does not have the share free, a chip is not admissible, too many are
            given, or a gang spreads beyond the level it requires: no scheduler may do that.
        """
        phase, pool = int(self.jobs.phase[row]), int(self.pool_of[slots[0][0]])
        if phase not in (QUEUED, HELD):
            raise InvariantBroken(f"job {self.jobs.id[row]} was given devices while not waiting")
        share = self.part(row, pool)
        for host, indices in slots:
            self._take(row, host, indices, share)
        if phase == QUEUED:
            self._enter(row, pool, share, at)
        self.slots[row] = self.slots.get(row, ()) + slots
        self.version += 1
        return self._is_whole(row, is_all)

    def _enter(self, row: int, pool: int, share: int, at: int) -> None:
        del self.queued[row]
        self.active[row] = None
        self.jobs.placed_at[row], self.jobs.phase[row] = at, HELD
        self.jobs.pool[row], self.jobs.allotted[row] = pool, share

    def _is_whole(self, row: int, is_all: bool) -> bool:
        """Let a job run that has all of its devices."""
        jobs = self.jobs
        if jobs.held[row] > jobs.devices[row]:
            raise InvariantBroken(f"job {jobs.id[row]} was given more devices than it asked for")
        if jobs.held[row] < (jobs.devices_min[row] if is_all else jobs.devices[row]):
            return False
        self._check_level(row)
        jobs.phase[row], jobs.width[row] = RUNNING, jobs.held[row]
        return True

    def _check_level(self, row: int) -> None:
        level = int(self.jobs.level_required[row])
        if not level:
            return
        hosts = [host for host, _ in self.slots[row]]
        blocks = set(self.blocks.within(level)[hosts].tolist())
        if len(set(hosts)) > 1 and (len(blocks) > 1 or -1 in blocks):
            raise InvariantBroken(f"job {self.jobs.id[row]} was spread beyond one "
                                  f"{LEVELS[level]}")

    def _take(self, row: int, host: int, indices: tuple[int, ...], share: int) -> None:
        jobs, pool = self.jobs, int(self.pool_of[host])
        if not jobs.speed[row, pool]:
            raise InvariantBroken(f"job {jobs.id[row]} cannot run on host {host}")
        self.take(host, indices, share)
        if share < WHOLE_DEVICE and jobs.slice[row, pool] != NO_SLICE:
            units = self.cut(host, indices[0], int(jobs.slice[row, pool]))
            self.slices[row] = (host, indices[0], units)
        self.spend(pool, int(jobs.tier[row]), share * len(indices))
        jobs.held[row] += len(indices)

    def release(self, row: int) -> None:
        """Take a job's devices back; the caller says what becomes of it."""
        share = int(self.jobs.allotted[row])
        if row in self.slices:
            host, device, units = self.slices.pop(row)
            self.standing[host, device] ^= units
        for host, indices in self.slots.pop(row):
            self.give_back(host, indices, share)
        del self.active[row]
        self.stopping.pop(row, None)
        self.jobs.held[row], self.jobs.pool[row] = 0, -1
        self.jobs.width[row] = self.jobs.devices[row]
        self.jobs.allotted[row] = self.jobs.share[row]
        self.version += 1

    def requeue(self, row: int, at: int, progress_ms: int) -> None:
        """Put a released job back into the queue with the work that it has saved."""
        jobs = self.jobs
        jobs.phase[row], jobs.queued_at[row], jobs.progress_ms[row] = QUEUED, at, progress_ms
        self.queued[row] = None

    def end(self, row: int, ran_ms: int | None) -> None:
        """Let a released or queued job go; `ran_ms` where it ended by itself."""
        self.queued.pop(row, None)
        self.jobs.phase[row] = GONE
        if ran_ms is not None:
            self.finished.append(Finished(row, ran_ms))
        self.version += 1

    def set_stopping(self, row: int, is_stopping: bool, beneficiary: int = -1) -> None:
        """Note whether an active job was told to end, and for whom."""
        if is_stopping:
            self.jobs.phase[row] = STOPPING
            self.stopping.setdefault(row, beneficiary)
        elif self.jobs.phase[row] == STOPPING:
            self.jobs.phase[row] = RUNNING
            del self.stopping[row]

    # -- what the owner learns of slices --------------------------------------------------------

    def allot(self, row: int, pool: int, allotted: Allotment | None) -> None:
        """Say what a job that asks for part of a device would get in a pool."""
        if allotted is None:
            return
        self.jobs.parts[row, pool] = allotted.share
        if allotted.profile is not None:
            self.jobs.slice[row, pool] = self.slice_of[allotted.profile]

    def stands(self, row: int, units: int) -> None:
        """Note which units a slice really takes; right once all that moved have been noted."""
        host, device, thought = self.slices[row]
        self.standing[host, device] ^= thought ^ units
        self.slices[row] = (host, device, units)

    # -- what schedulers ask -------------------------------------------------------------------

    def rows(self, which: dict[int, None]) -> Ints:
        """Return the rows of `queued` or `active` in order of entry."""
        return np.fromiter(which, dtype=np.int64, count=len(which))

    def waiting(self, is_promised: bool) -> Ints:
        """Return the queued rows with, or without, a promised start, in order of entry."""
        rows = self.rows(self.queued)
        found: Ints = rows[(self.jobs.slo_ms[rows] > 0) == is_promised]
        return found

    def in_order(self) -> Ints:
        """Return the queued rows by tier, each by when it entered the queue."""
        rows = self.rows(self.queued)
        return rows[np.lexsort((rows, self.jobs.queued_at[rows], self.jobs.tier[rows]))]

    def room(self, row: int, pool: int) -> int:
        """Return how many thousandths of devices a job's tier may still have in a pool."""
        return int(self.spare[pool] - self.kept[self.jobs.tier[row], pool])

    def part(self, row: int, pool: int) -> int:
        """Return the thousandths of each device that a job would get in a pool."""
        share = int(self.jobs.share[row])
        return share if share == WHOLE_DEVICE else int(self.jobs.parts[row, pool])

    def limit_on(self, row: int, pool: int) -> int:
        """Return what is left of a job's stated limit on its width of a pool's chip, in ms."""
        jobs = self.jobs
        left = max(1, int(jobs.limit_ms[row] - jobs.progress_ms[row])) * int(jobs.devices[row])
        return -(-left * PPM // int(jobs.speed[row, pool] * jobs.width[row]))

    def kind(self, row: int) -> tuple[bytes, bytes, int, int, int]:
        """Return what makes jobs alike but for their count of devices."""
        jobs = self.jobs
        slice = (jobs.slice[row].tobytes() + jobs.parts[row].tobytes()
                 if jobs.share[row] < WHOLE_DEVICE else b"")
        return (jobs.speed[row].tobytes(), slice, int(jobs.share[row]),
                int(jobs.level_required[row]), int(jobs.level_preferred[row]))
