"""A job: what its tenant asked for (`Spec`, for ever) and where it stands (`Job`)."""

from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

from suanli.schedule import phases
from suanli.terms.quantity import WHOLE_DEVICE

PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Spec:
    """A request.

    `chips` lists admissible chips with their speed in parts per million of the first one's:
    the time limit is for the first, and scales by speed on the others. `share` is thousandths
    of a device, below 1000 only for a single device. `commitment` hides the tenant in the
    provenance leaf: SHA-256 of a salt and the tenant's name, kept by the tenant.
    `is_preemptible`: the job may be sent back to the queue for a smaller one while it runs on
    devices of the spot tier. `level_required`, `level_preferred`: the widest block over which its
    devices may spread, and the one within which they should stay (`topology.LEVELS`).

    `memory_gb`: what a device, or the part of it, must have at least; 0 where it does not matter.
    Of a chip with slice profiles the job gets the smallest that holds share and memory.

    `devices_min`: above 0, the job is elastic: it may run on fewer devices, down to so many. The
    time limit is for all `devices`; on fewer it is longer in proportion, which assumes that it
    does proportionally less. Its speed is in that sense its tenant's statement.
    """

    name: str
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    directory: str
    devices: int
    share: int
    workload: str
    chips: tuple[tuple[str, int], ...]
    area: str
    time_limit_ms: int
    max_hourly_cost: int  # micro-RMB, for the whole job
    grace_ms: int
    commitment: bytes
    is_preemptible: bool = True
    _: KW_ONLY
    level_required: str = ""
    level_preferred: str = ""
    devices_min: int = 0
    memory_gb: int = 0

    @property
    def is_fraction(self) -> bool:
        return self.share < WHOLE_DEVICE

    @property
    def in_gang(self) -> bool:
        return self.devices > 1

    @property
    def width_min(self) -> int:
        """The fewest devices on which the job may run."""
        return self.devices_min or self.devices

    def width(self, job: "Job") -> int:
        """Return on how many devices a placement of this job runs."""
        placed = sum(len(indices) for _, indices in job.slots) if self.devices_min else 0
        return placed or self.devices

    @property
    def stated_size(self) -> int:
        """What the tenant asks for at most: milliseconds x thousandths of a device."""
        return self.time_limit_ms * self.devices * self.share

    def speed_ppm(self, chip: str) -> int | None:
        """Return a chip's speed in parts per million of the first one's, if it is admissible."""
        for name, speed in self.chips:
            if name == chip:
                return speed
        return None

    def limit_ms(self, chip: str, spent_ms: int = 0, width: int = 0) -> int | None:
        """Return what a chip needs for the time limit less `spent_ms`, both the first chip's.

        On `width` devices, 0 for all. Rounded up; None where the chip is not admissible.
        """
        speed = self.speed_ppm(chip)
        if speed is None:
            return None
        left = (self.time_limit_ms - spent_ms) * self.devices
        return -(-left * PPM // (speed * (width or self.devices)))

    def worked_ms(self, chip: str, ran_ms: int, width: int) -> int:
        """Return what was done in a run time, as the first chip's on all devices, rounded down."""
        return ran_ms * (self.speed_ppm(chip) or 0) * width // (PPM * self.devices)


class Job(NamedTuple):
    """Where a job stands. Slots and the fields after it belong to the current attempt."""

    tenant: int
    submitted: int
    queued: int  # when it last entered the queue
    phase: str
    attempt: int
    operator: int
    grade: str
    chip: str
    slots: tuple[tuple[str, tuple[int, ...]], ...]
    placed: int
    limit: int  # the instant at which the placement is ended
    stop_reason: str
    ended: int
    outcome: str
    exit_code: int
    cpu_ms: int
    memory_bytes_max: int
    waited_ms: int  # queueing of all attempts so far
    # Over the attempts that went back to the queue, in milliseconds of all devices of the first
    # admissible chip, rounded down: what checkpoints hold, and what has been used of the time
    # limit (no less).
    progress_ms: int = 0
    spent_ms: int = 0
    lost_ms: int = 0  # run time of those attempts that no checkpoint holds
    preemptions: int = 0
    resume_ms: int = 0  # of this attempt: its allowance for restoring, beside the time limit

    def placed_on(self, slots: tuple[tuple[str, tuple[int, ...]], ...], chip: str, operator: int,
                  grade: str, phase: str, at: int, left_ms: int, resume_ms: int) -> "Job":
        """Return the job at its next attempt; field by field, which is faster than `_replace`."""
        return Job(self.tenant, self.submitted, self.queued, phase, self.attempt + 1, operator,
                   grade, chip, slots, at, at + left_ms + resume_ms, "", self.ended, self.outcome,
                   self.exit_code, self.cpu_ms, self.memory_bytes_max,
                   self.waited_ms + at - self.queued, self.progress_ms, self.spent_ms,
                   self.lost_ms, self.preemptions, resume_ms)

    @property
    def is_being_preempted(self) -> bool:
        """Say whether the placement has been told to end for another job's sake."""
        return (self.phase, self.stop_reason) == (phases.STOPPING, phases.PREEMPTED)
