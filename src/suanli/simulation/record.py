"""What a run leaves for the metrics, whoever ran it: the whole domain, or the arena."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A placement of a job: devices held in [start, end), all members running from `ran_from`.

    `lost_ms` of its run did no lasting work: restoring, and what no checkpoint had saved.
    """

    job: int  # index of the arrival
    start: int
    ran_from: int
    end: int
    devices: int
    chip: str
    lost_ms: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One run. Arrays are by arrival, in milliseconds; a job that never ended has `ended` -1."""

    submitted: Floats
    ended: Floats
    waited: Floats  # of all attempts; of unfinished jobs up to `stopped`
    tenants: tuple[str, ...]
    intervals: tuple[Interval, ...]
    devices: int  # of the fleet
    stopped: int  # when the run was over
    note: str = ""  # why it ended early, if it did
    preemptions: int = 0
    decisions_s: tuple[float, ...] = field(default=(), repr=False)  # measured, never deciding
