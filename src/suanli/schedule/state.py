"""When and where it runs: jobs, the devices they hold, and reservations.

The room keeps the tables and says who answers what: `submission` lets jobs in, `placement` puts
them on devices, `preemption` sends them back for others, `ending` ends them. What is read is in
`jobs` and `devices`; a job's phase changes in `transition` alone.

Laws
----
* A device's used shares never exceed a whole device, and equal what its placements hold.
* Slices of one device never share a unit of it (`chips.slices`), and are never moved.
* A gang is placed whole or not at all, on one chip model in one zone, and within one block of the
  level that it requires.
* An elastic job has at most what it asks for and at least what it accepts, for a whole attempt.
* Phases move only along `phases.TRANSITIONS`.
* Preemptions keep the laws of `preemption`.
"""

from typing import Any, ClassVar

from suanli.chips.state import Chips
from suanli.members.state import Members
from suanli.schedule import phases
from suanli.schedule.commands import (
    Cancel,
    Place,
    PlaceMany,
    Preempt,
    Renew,
    Started,
    Stop,
    Submit,
    Warn,
)
from suanli.schedule.devices import Devices
from suanli.schedule.ending import Ending
from suanli.schedule.job import Job, Spec
from suanli.schedule.jobs import Jobs
from suanli.schedule.placement import Placement
from suanli.schedule.preemption import Preemption
from suanli.schedule.submission import Submission
from suanli.schedule.transition import moved
from suanli.terms.change import Change, Write
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import Room
from suanli.units.state import Units


class Schedule(Room):
    """When and where it runs."""

    name: ClassVar[str] = "schedule"
    schema: ClassVar[dict[str, tuple[Any, Any]]] = {
        "specs": (int, Spec),
        "jobs": (int, Job),
        # Host -> used share by device; absent: all free. Writes say (devices, share to add), so
        # that placements of one array stand or fall each by itself.
        "used": (str, tuple[int, ...]),
        "reservations": (tuple[int, int], int),  # (owner, token class) -> tokens bought
        "preempted": (int, tuple[tuple[int, int], ...]),  # operator -> `preemption.Recent`
        "counters": (str, int),
    }
    schema_later: ClassVar[dict[str, tuple[Any, Any]]] = {
        # Job -> (host, device, units taken) of a placement on a slice
        "slices": (int, tuple[str, int, int]),
    }

    def __init__(self, members: Members, chips: Chips, units: Units) -> None:
        super().__init__()
        self.members = members
        self.chips = chips
        self.units = units
        self.jobs = Jobs(members, chips, self.tables)
        self.devices = Devices(chips, self.tables)
        self.submission = Submission(members, chips, units, self.tables)
        self.placement = Placement(chips, units, self.jobs, self.devices)
        self.preemption = Preemption(members, chips, self.jobs, self.tables)
        self.ending = Ending(self.jobs, self.devices)

    # -- reading ---------------------------------------------------------------------------

    def job(self, id: int) -> Job | None:
        return self.jobs.job(id)

    def spec(self, id: int) -> Spec:
        return self.jobs.spec(id)

    def ids_in(self, *wanted: str) -> list[int]:
        """Return the ids of jobs in the given phases."""
        return self.jobs.ids_in(*wanted)

    def share_on(self, spec: Spec, chip: str) -> int:
        """Return the thousandths of each device that a placement on a chip is allotted."""
        return self.jobs.share_on(spec, chip)

    def limit_ms(self, id: int, chip: str, width: int = 0) -> int | None:
        """Return how long a queued job may run on `width` devices (0: all), or None: never."""
        return self.jobs.limit_ms(id, chip, width)

    def used(self, host: str, devices: int) -> tuple[int, ...]:
        """Return the used share of each device of a host, in thousandths."""
        return self.devices.used(host, devices)

    @property
    def standing(self) -> dict[tuple[str, int], int]:
        """The units that slices take, by (host, device)."""
        return self.devices.standing

    # -- writing ---------------------------------------------------------------------------

    def commit(self, writes: Any) -> None:
        """Apply writes, keeping what is derived from them."""
        super().commit(map(self._followed, writes))

    def _followed(self, write: Write) -> Write:
        """Return the write as the table takes it, with what is derived brought into line before."""
        if write.table == "jobs":
            self.jobs.follow(write)
        elif write.table == "used":
            return self.devices.with_share(write)
        elif write.table == "slices":
            self.devices.follow(write)
        return write

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over a snapshot and derive the rest anew."""
        super().restore(snapshot)
        self.jobs.restored()
        self.devices.restored()

    # -- commands --------------------------------------------------------------------------

    def check(self, command: Any, at: int, sender: int) -> Change | Refusal:
        """Answer one of this room's commands."""
        if isinstance(command, Submit):
            return self.submission.submit(command.spec, at, sender)
        if isinstance(command, Renew):
            return self.placement.renew(command, sender)
        if isinstance(command, PlaceMany):
            return self.placement.place_many(command, at, sender)
        job = self.job(command.job)
        if job is None:
            return Refusal(Code.UNKNOWN_JOB, f"no job {command.job}")
        if isinstance(command, Place):
            return self.placement.place(command, job, at, sender)
        if isinstance(command, Cancel):
            return self.ending.cancel(command.job, job, at, sender)
        if job.operator != sender:
            return Refusal(Code.NOT_THE_OWNER, f"job {command.job} is not placed with you")
        return self._of_placement(command, job, at)

    def _of_placement(self, command: Any, job: Job, at: int) -> Change | Refusal:
        """Answer what its operator says of a placement; a report is of its running attempt."""
        if isinstance(command, (Stop, Warn)):
            return self.ending.stop(command, job)
        if isinstance(command, Preempt):
            return self.preemption.preempt(command, job, at)
        if command.attempt != job.attempt:
            return Refusal(Code.WRONG_PHASE, f"job {command.job} is at attempt {job.attempt}; "
                           f"found a report on {command.attempt}")
        if isinstance(command, Started):
            return moved(command.job, job, phases.START)
        return self.ending.ended(command, job, at)
