"""Jobs as flat arrays: a column for each thing that a scheduler may know of them.

A job has a row for ever. Limits are as stated; true durations are nobody's to know.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from suanli.chips.topology import LEVELS
from suanli.planning.blocks import Ints
from suanli.terms.quantity import WHOLE_DEVICE

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
        self._size(row, request)
        self.tier[row] = SERVING if request.slo_ms else SHARED
        self.submitted[row] = self.queued_at[row] = at
        self.phase[row] = QUEUED
        return row

    def _size(self, row: int, request: Request) -> None:
        self.devices_min[row] = request.devices_min or request.devices
        self.width[row] = request.devices
        self.allotted[row] = request.share
        if request.share < WHOLE_DEVICE:
            self.parts[row] = request.share
        self.speed[row] = request.speeds

    def _grow(self) -> None:
        self.speed = np.concatenate([self.speed, np.zeros_like(self.speed)])
        self.cost = np.concatenate([self.cost, np.zeros_like(self.cost)])
        self.parts = np.concatenate([self.parts, np.zeros_like(self.parts)])
        self.slice = np.concatenate([self.slice, np.full_like(self.slice, NO_SLICE)])
        for name, empty in COLUMNS.items():
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full_like(old, empty)]))
