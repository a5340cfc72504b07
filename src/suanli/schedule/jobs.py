"""The jobs of the room: what their tenants asked for, where they stand, and who is in which phase.

`by_phase` is derived from the table of jobs: so planning need not scan it.
"""

from typing import Any

from suanli.chips.state import Chips
from suanli.members.state import Members
from suanli.schedule import phases
from suanli.schedule.job import Job, Spec
from suanli.terms.change import Write
from suanli.terms.errors import present
from suanli.terms.quantity import WHOLE_DEVICE


class Jobs:
    """Reading of jobs, on tables of the schedule's room."""

    def __init__(self, members: Members, chips: Chips, tables: Any) -> None:
        self.members = members
        self.chips = chips
        self.tables = tables  # the schedule's
        self.by_phase: dict[str, dict[int, None]] = {}  # ids in order of entry; derived

    def job(self, id: int) -> Job | None:
        found: Job | None = self.tables["jobs"].get(id)
        return found

    def spec(self, id: int) -> Spec:
        found: Spec = self.tables["specs"][id]
        return found

    def ids_in(self, *wanted: str) -> list[int]:
        """Return the ids of jobs in the given phases."""
        return [id for phase in wanted for id in self.by_phase.get(phase, ())]

    def share_on(self, spec: Spec, chip: str) -> int:
        """Return the thousandths of each device that a placement on a chip is allotted."""
        if spec.share == WHOLE_DEVICE:
            return WHOLE_DEVICE
        return present(self.chips.allot(chip, spec.share, spec.memory_gb),
                       "a placement is on a chip that holds it").share

    def limit_ms(self, id: int, chip: str, width: int = 0) -> int | None:
        """Return how long a queued job may run on `width` devices (0: all) of a chip from now on.

        That is what is left of its time limit, and an allowance for restoring what it had saved;
        None where the chip is not admissible.
        """
        job = present(self.job(id), "a queued job is there")
        left_ms = self.spec(id).limit_ms(chip, job.spent_ms, width)
        return None if left_ms is None else left_ms + self.resume_ms(job)

    def resume_ms(self, job: Job) -> int:
        """Return what restoring may take: only those who were sent away need it."""
        resumes = job.progress_ms > 0 and job.stop_reason in phases.OPERATORS_DOING
        return self.members.parameter("resume_allowance_ms") if resumes else 0

    # -- the index -------------------------------------------------------------------------

    def follow(self, write: Write) -> None:
        """Bring the index into line with a write of a job that is about to happen."""
        old = self.tables["jobs"].get(write.key)
        if old is not None:
            self.by_phase[old.phase].pop(write.key, None)
        self.by_phase.setdefault(write.value.phase, {})[write.key] = None

    def restored(self) -> None:
        """Derive the index anew."""
        self.by_phase = {}
        for id, job in sorted(self.tables["jobs"].items()):
            self.by_phase.setdefault(job.phase, {})[id] = None
