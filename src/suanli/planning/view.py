"""What a scheduler may see: hosts, their free devices, and the jobs, as flat arrays.

One `View` serves every scheduler, ours and the baselines, in the simulator and in production, so
that none is told more than another. It knows stated limits, never true durations.

Hosts of a pool (one chip model in one zone) are contiguous: pool p owns hosts
`first_host[p]:first_host[p + 1]`. Shares are thousandths of a device. A job has a row for ever;
`queued` and `active` hold the rows in the order in which jobs entered.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from suanli.chips.slices import UNITS_MAX, Allotment, Profile, units_for
from suanli.chips.topology import LEVELS
from suanli.members.parameters import PARAMETERS
from suanli.planning.blocks import Blocks, Place, blocks_of
from suanli.terms.errors import InvariantBroken
from suanli.terms.quantity import WHOLE_DEVICE

Ints = npt.NDArray[np.int64]
PPM: Final = 1_000_000
ROWS_AT_FIRST: Final = 1024
NO_SLICE: Final = -1  # a fraction, or whole devices

# Where a row stands. HELD: devices are bound to it, but not yet all of them. STOPPING: it was told
# to end, and its devices come free when it has.
QUEUED, HELD, RUNNING, GONE, STOPPING = 0, 1, 2, 3, 4

# Who is served first, and may use what is kept from those after: work that draws on firm tokens,
# serving, all other work.
FIRM, SERVING, SHARED = 0, 1, 2
TIERS: Final = 3

# (host, device indices) pairs.
Slots = tuple[tuple[int, tuple[int, ...]], ...]


class PoolSpec(NamedTuple):
    """A pool as it is set up: hosts by count of devices; `leaf`, `spine` by host ("": unknown).

    `profiles`: the slices into which its chip's devices may be divided; of others any fraction.
    """

    zone: str
    chip: str
    devices: tuple[int, ...]
    leaf: tuple[str, ...] = ()
    spine: tuple[str, ...] = ()
    profiles: tuple[Profile, ...] = ()

    def places(self) -> list[Place]:
        unknown = ("",) * len(self.devices)
        return list(zip(self.devices, self.leaf or unknown, self.spine or unknown, strict=True))


@dataclass(frozen=True, slots=True)
class Request:
    """What a job asks for. `speeds`: parts per million of the reference chip by pool; 0: never.

    `limit_ms` is the stated time limit on the reference chip. `slo_ms`: a serving replica must
    have fully started so long after its submission; 0 for other work. Levels: `topology.LEVELS`.
    `devices_min`: the fewest devices that an elastic job accepts, 0 where it needs all; on fewer,
    it does proportionally less.
    """

    id: int
    tenant: int
    devices: int
    share: int
    speeds: tuple[int, ...]
    limit_ms: int
    is_preemptible: bool = True
    budget: float = 1.0
    slo_ms: int = 0
    level_required: str = ""
    level_preferred: str = ""
    devices_min: int = 0


class Finished(NamedTuple):
    """A job that ended by itself: what it ran, in milliseconds of the reference chip."""

    row: int
    ran_ms: int  # on all its devices


COLUMNS: Final = {
    "id": 0, "tenant": 0, "devices": 0, "share": 0, "limit_ms": 0, "phase": GONE,
    "submitted": 0,  # instants, milliseconds
    "queued_at": 0,  # when it last entered the queue
    "placed_at": 0,  # when its current placement took its first devices
    "progress_ms": 0,  # saved work, milliseconds of the reference chip
    "pool": -1,  # of the current placement
    "held": 0,  # devices bound to it now
    "allotted": 0,  # of each device of its placement, thousandths; its share while it has none
    "devices_min": 0, "width": 0,  # devices of its whole placement; all while it has none
    "preemptions": 0, "is_preemptible": 0,
    "slo_ms": 0,  # 0: no start was promised
    "level_required": 0, "level_preferred": 0,  # indices of `topology.LEVELS`; 0: none
    "tier": SHARED,
}


class Jobs:
    """The jobs' columns, grown by doubling; row numbers are never reused."""

    id: Ints
    tenant: Ints
    devices: Ints
    share: Ints
    limit_ms: Ints
    phase: Ints
    submitted: Ints
    queued_at: Ints
    placed_at: Ints
    progress_ms: Ints
    pool: Ints
    held: Ints
    preemptions: Ints
    is_preemptible: Ints
    slo_ms: Ints
    level_required: Ints
    level_preferred: Ints
    devices_min: Ints
    width: Ints
    tier: Ints
    allotted: Ints

    def __init__(self, pools: int) -> None:
        self.count = 0
        self.speed = np.zeros((ROWS_AT_FIRST, pools), dtype=np.int64)  # [row, pool], ppm
        # [row, pool] what the same work costs its tenant, in a unit of its own; all 0: no market
        self.cost = np.zeros((ROWS_AT_FIRST, pools), dtype=np.int64)
        # [row, pool] what the job would get of a device there, for shares below a device; and the
        # row of `View.after` by which it is a slice. Read through `View.part` and `pack`.
        self.parts = np.zeros((ROWS_AT_FIRST, pools), dtype=np.int64)
        self.slice = np.full((ROWS_AT_FIRST, pools), NO_SLICE, dtype=np.int64)
        for name, empty in COLUMNS.items():
            setattr(self, name, np.full(ROWS_AT_FIRST, empty, dtype=np.int64))

    def add(self, request: Request, at: int) -> int:
        """Return the row of a new job."""
        if self.count == len(self.id):
            self._grow()
        row, self.count = self.count, self.count + 1
        for name in ("id", "tenant", "devices", "share", "limit_ms",
                     "is_preemptible", "slo_ms"):
            getattr(self, name)[row] = getattr(request, name)
        for name in ("level_required", "level_preferred"):
            getattr(self, name)[row] = LEVELS.index(getattr(request, name))
        self.devices_min[row] = request.devices_min or request.devices
        self.width[row] = request.devices
        self.allotted[row] = request.share
        if request.share < WHOLE_DEVICE:
            self.parts[row] = request.share
        self.speed[row] = request.speeds
        self.tier[row] = SERVING if request.slo_ms else SHARED
        self.submitted[row] = self.queued_at[row] = at
        self.phase[row] = QUEUED
        return row

    def _grow(self) -> None:
        self.speed = np.concatenate([self.speed, np.zeros_like(self.speed)])
        self.cost = np.concatenate([self.cost, np.zeros_like(self.cost)])
        self.parts = np.concatenate([self.parts, np.zeros_like(self.parts)])
        self.slice = np.concatenate([self.slice, np.full_like(self.slice, NO_SLICE)])
        for name, empty in COLUMNS.items():
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full_like(old, empty)]))


@dataclass(slots=True)
class View:
    """The state that schedulers read; only its owner changes it, through the verbs below."""

    pools: tuple[PoolSpec, ...]
    jobs: Jobs = field(init=False)
    first_host: Ints = field(init=False)  # [pools + 1]
    pool_of: Ints = field(init=False)  # [hosts]
    sizes: Ints = field(init=False)  # [hosts], devices
    devices: Ints = field(init=False)  # [hosts]; 0 while a host is down
    used: Ints = field(init=False)  # [hosts, devices_max], thousandths; WHOLE_DEVICE where none
    free: Ints = field(init=False)  # [hosts], wholly free devices
    standing: Ints = field(init=False)  # [hosts, devices_max], units that slices take, as bits
    # [slices, sets of units] what stands on a device after a slice was put there; -1: no place
    after: Ints = field(init=False)
    # Row -> host, device, units of an active row on a slice
    slices: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    spare: Ints = field(init=False)  # [pools], thousandths of devices that nobody uses
    kept: Ints = field(init=False)  # [tiers, pools], thousandths of `spare` kept from a tier
    is_carved: bool = False  # whether anything is kept
    blocks: Blocks = field(init=False)
    _slice_of: dict[Profile, int] = field(init=False)  # -> row of `after`
    queued: dict[int, None] = field(default_factory=dict)
    active: dict[int, None] = field(default_factory=dict)  # held or running
    slots: dict[int, Slots] = field(default_factory=dict)  # of every active row
    finished: list[Finished] = field(default_factory=list)
    budgets: dict[int, float] = field(default_factory=dict)  # by tenant
    stopping: dict[int, int] = field(default_factory=dict)  # row -> whom it makes way for, or -1
    restore_ms: int = 0  # what a preempted job pays at the start of its next placement
    # The rules of preemption, as the domain's own are by default.
    preempt_run_ms_min: int = PARAMETERS["preempt_run_ms_min"][0]
    preempt_part_max: float = PARAMETERS["preempt_devices_ppm_per_hour"][0] / PPM
    version: int = 0  # goes up with every change

    def __post_init__(self) -> None:
        self.jobs = Jobs(len(self.pools))
        sizes = [count for pool in self.pools for count in pool.devices]
        self.sizes = np.array(sizes, dtype=np.int64)
        self.first_host = np.cumsum([0] + [len(p.devices) for p in self.pools])
        self.pool_of = np.repeat(np.arange(len(self.pools)), np.diff(self.first_host))
        self.devices = self.sizes.copy()
        self.free = self.devices.copy()
        self.spare = WHOLE_DEVICE * np.array([sum(p.devices) for p in self.pools], dtype=np.int64)
        self.kept = np.zeros((TIERS, len(self.pools)), dtype=np.int64)
        width = max(sizes, default=1)
        absent = np.arange(width)[None, :] >= self.devices[:, None]
        self.used = np.where(absent, WHOLE_DEVICE, 0).astype(np.int64)
        self.blocks = blocks_of([pool.places() for pool in self.pools])
        self.standing = np.zeros_like(self.used)
        profiles = {profile: pool.profiles for pool in self.pools for profile in pool.profiles}
        self._slice_of = {profile: index for index, profile in enumerate(profiles)}
        self.after = _after(profiles)

    # -- what the owner does ------------------------------------------------------------------

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
        jobs, phase = self.jobs, int(self.jobs.phase[row])
        share = self.part(row, int(self.pool_of[slots[0][0]]))
        if phase not in (QUEUED, HELD):
            raise InvariantBroken(f"job {jobs.id[row]} was given devices while not waiting")
        for host, indices in slots:
            self._take(row, host, indices, share)
        if phase == QUEUED:
            del self.queued[row]
            self.active[row] = None
            jobs.placed_at[row], jobs.phase[row] = at, HELD
            jobs.pool[row] = self.pool_of[slots[0][0]]
            jobs.allotted[row] = share
        self.slots[row] = self.slots.get(row, ()) + slots
        self.version += 1
        if jobs.held[row] > jobs.devices[row]:
            raise InvariantBroken(f"job {jobs.id[row]} was given more devices than it asked for")
        wanted = jobs.devices_min[row] if is_all else jobs.devices[row]
        is_whole = bool(jobs.held[row] >= wanted)
        if is_whole:
            self._check_level(row)
            jobs.phase[row], jobs.width[row] = RUNNING, jobs.held[row]
        return is_whole

    def _check_level(self, row: int) -> None:
        level = int(self.jobs.level_required[row])
        hosts = [host for host, _ in self.slots[row]]
        if level and len(set(hosts)) > 1:
            blocks = set(self.blocks.within(level)[hosts].tolist())
            if len(blocks) > 1 or -1 in blocks:
                raise InvariantBroken(f"job {self.jobs.id[row]} was spread beyond one "
                                      f"{LEVELS[level]}")

    def _take(self, row: int, host: int, indices: tuple[int, ...], share: int) -> None:
        if not self.jobs.speed[row, self.pool_of[host]]:
            raise InvariantBroken(f"job {self.jobs.id[row]} cannot run on host {host}")
        for index in indices:
            if self.used[host, index] + share > WHOLE_DEVICE:
                raise InvariantBroken(f"device {index} of host {host} is not free")
            self.free[host] -= self.used[host, index] == 0
            self.used[host, index] += share
        if share < WHOLE_DEVICE:
            self._cut(row, host, indices[0])
        self._use(int(self.pool_of[host]), int(self.jobs.tier[row]), share * len(indices))
        self.jobs.held[row] += len(indices)

    def _cut(self, row: int, host: int, device: int) -> None:
        """Let a slice stand on a device; a fraction takes no units."""
        index = int(self.jobs.slice[row, self.pool_of[host]])
        if index == NO_SLICE:
            return
        before = int(self.standing[host, device])
        after = int(self.after[index, before])
        if after < 0:
            raise InvariantBroken(f"device {device} of host {host} has no place for a slice")
        self.standing[host, device] = after
        self.slices[row] = (host, device, after ^ before)

    def stands(self, row: int, units: int) -> None:
        """Note which units a slice really takes; right once all that moved have been noted."""
        host, device, thought = self.slices[row]
        self.standing[host, device] ^= thought ^ units
        self.slices[row] = (host, device, units)

    def allot(self, row: int, pool: int, allotted: Allotment | None) -> None:
        """Say what a job that asks for part of a device would get in a pool."""
        if allotted is None:
            return
        self.jobs.parts[row, pool] = allotted.share
        if allotted.profile is not None:
            self.jobs.slice[row, pool] = self._slice_of[allotted.profile]

    def _use(self, pool: int, tier: int, size: int) -> None:
        """Take so many thousandths of devices: first what is kept from the tiers after."""
        if not self.is_carved:
            self.spare[pool] -= size
            return
        room = self.spare[pool] - self.kept[:, pool]
        room[:tier + 1] -= size
        room[tier + 1:] = np.minimum(room[tier + 1:], room[tier])
        self.spare[pool] -= size
        self.kept[:, pool] = self.spare[pool] - room

    def release(self, row: int) -> None:
        """Take a job's devices back; the caller says what becomes of it."""
        share = int(self.jobs.allotted[row])
        if row in self.slices:
            host, device, units = self.slices.pop(row)
            self.standing[host, device] ^= units
        for host, indices in self.slots.pop(row):
            for index in indices:
                self.used[host, index] -= share
                self.free[host] += self.used[host, index] == 0
            if self.devices[host]:
                self.spare[self.pool_of[host]] += share * len(indices)
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

    def carve_out(self, kept: Ints) -> None:
        """Keep thousandths of the spare devices of each pool from each tier."""
        self.kept, self.is_carved = kept, bool(kept.any())

    def set_stopping(self, row: int, is_stopping: bool, beneficiary: int = -1) -> None:
        """Note whether an active job was told to end, and for whom."""
        if is_stopping:
            self.jobs.phase[row] = STOPPING
            self.stopping.setdefault(row, beneficiary)
        elif self.jobs.phase[row] == STOPPING:
            self.jobs.phase[row] = RUNNING
            del self.stopping[row]

    def set_up(self, host: int, is_up: bool) -> None:
        """Open or close a host; one that is down has no devices to give."""
        size = int(self.sizes[host])
        if is_up == bool(self.devices[host]):
            return
        if not is_up:
            self.spare[self.pool_of[host]] -= (WHOLE_DEVICE - self.used[host, :size]).sum()
        self.used[host, :size] += -WHOLE_DEVICE if is_up else WHOLE_DEVICE
        self.devices[host] = size if is_up else 0
        self.free[host] = (self.used[host, :size] == 0).sum()
        if is_up:
            self.spare[self.pool_of[host]] += (WHOLE_DEVICE - self.used[host, :size]).sum()
        self.version += 1

    # -- what schedulers ask ------------------------------------------------------------------

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

    def free_devices(self, host: int, count: int) -> tuple[int, ...]:
        """Return the first `count` wholly free devices of a host that has them."""
        used = self.used[host].tolist()  # a handful of integers: arrays would take longer
        return tuple([index for index, share in enumerate(used) if share == 0][:count])

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

    @property
    def capacity_by_pool(self) -> Ints:
        """The devices of each pool's hosts that are up."""
        return np.bincount(self.pool_of, weights=self.devices,
                           minlength=len(self.pools)).astype(np.int64)

    @property
    def capacity(self) -> int:
        """The devices of all hosts that are up."""
        return int(self.devices.sum())


def _after(profiles: dict[Profile, tuple[Profile, ...]]) -> Ints:
    """Return (profiles, sets of units): what stands after a slice was put there, -1: no place."""
    found = np.full((len(profiles), 1 << UNITS_MAX), -1, dtype=np.int64)
    for index, (profile, others) in enumerate(profiles.items()):
        for standing in range(1 << profile.units):
            units = units_for(others, profile, standing)
            if units is not None:
                found[index, standing] = standing | units
    return found
