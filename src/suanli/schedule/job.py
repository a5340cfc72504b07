"""A job: what its tenant asked for (`Spec`, for ever) and where it stands (`Job`)."""

from dataclasses import dataclass

from suanli.terms.quantity import WHOLE_DEVICE

PPM = 1_000_000


@dataclass(frozen=True, slots=True)
class Spec:
    """A request.

    `chips` lists admissible chips with their speed in parts per million of the first one's:
    the time limit is for the first, and scales by speed on the others. `share` is thousandths
    of a device, below 1000 only for a single device. `commitment` hides the tenant in the
    provenance leaf: SHA-256 of a salt and the tenant's name, kept by the tenant.
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

    @property
    def is_fraction(self) -> bool:
        return self.share < WHOLE_DEVICE

    @property
    def in_gang(self) -> bool:
        return self.devices > 1

    def limit_ms(self, chip: str) -> int | None:
        """Return the time limit on a chip, rounded up; None where it is not admissible."""
        for name, speed_ppm in self.chips:
            if name == chip:
                return -(-self.time_limit_ms * PPM // speed_ppm)
        return None


@dataclass(frozen=True, slots=True)
class Job:
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
