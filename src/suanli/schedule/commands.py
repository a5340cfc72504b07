"""What may be asked of this room."""

from dataclasses import dataclass
from typing import ClassVar

from suanli.schedule.job import Spec

Slots = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Submit:
    """Queue a job of mine."""

    kind: ClassVar[str] = "schedule.submit"
    spec: Spec


@dataclass(frozen=True, slots=True)
class Cancel:
    """End a job of mine: at once if queued, by signal and grace if it runs."""

    kind: ClassVar[str] = "schedule.cancel"
    job: int


@dataclass(frozen=True, slots=True)
class Place:
    """Put a whole job on devices of mine, (host, device indices) each, sold under a grade."""

    kind: ClassVar[str] = "schedule.place"
    job: int
    grade: str
    slots: Slots


@dataclass(frozen=True, slots=True)
class PlaceMany:
    """Put jobs on devices of mine, (job, grade, slots) each; a code comes back a job.

    Each is placed whole or not at all, as by `Place`. No placement may ask for a device that one
    before it asks for, whatever becomes of that one.
    """

    kind: ClassVar[str] = "schedule.place_many"
    placements: tuple[tuple[int, str, Slots], ...]


@dataclass(frozen=True, slots=True)
class Started:
    """Report that every member of a placement runs."""

    kind: ClassVar[str] = "schedule.started"
    job: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End a placement by signal and grace, for one of `phases.STOP_REASONS`."""

    kind: ClassVar[str] = "schedule.stop"
    job: int
    reason: str


@dataclass(frozen=True, slots=True)
class Preempt:
    """Send a running job of mine back to the queue, for a queued one of smaller stated size."""

    kind: ClassVar[str] = "schedule.preempt"
    job: int
    beneficiary: int


@dataclass(frozen=True, slots=True)
class Warn:
    """Tell a placement that it will be stopped at an instant, and why."""

    kind: ClassVar[str] = "schedule.warn"
    job: int
    reason: str
    stops: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Report that a placement is over: when, how, and what it used (reported, never billed).

    `saved` is the instant up to which a checkpoint holds its work; `Job.placed` where none does.
    """

    kind: ClassVar[str] = "schedule.ended"
    job: int
    attempt: int
    saved: int
    finished: int
    exit_code: int
    is_lost: bool
    cpu_ms: int
    memory_bytes_max: int


@dataclass(frozen=True, slots=True)
class Renew:
    """Buy the next hour for placements of mine; a code comes back a job."""

    kind: ClassVar[str] = "schedule.renew"
    jobs: tuple[int, ...]


COMMANDS = (Submit, Cancel, Place, PlaceMany, Started, Stop, Preempt, Warn, Ended, Renew)
