"""What a run leaves for the metrics, whoever ran it: the whole domain, or the arena."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


# (host, device indices) pairs; a host is an index of `Record.hosts`.
Slots = tuple[tuple[int, tuple[int, ...]], ...]


class Lane(NamedTuple):
    """A host as it is drawn: where it stands, what it is, how many devices it has."""

    zone: str
    chip: str
    devices: int


class Price(NamedTuple):
    """What a device-hour of a pool cost from an instant on, in the unit of who set it."""

    at: int
    zone: str
    chip: str
    per_device_hour: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A placement of a job, or a part of one: devices held in [start, end), all members of the job
    running from `ran_from`. A gang bound in parts leaves one for each part up to its start.

    `lost_ms` of its run did no lasting work: restoring, and what no checkpoint had saved.
    """

    job: int  # index of the arrival
    start: int
    ran_from: int
    end: int
    devices: int
    chip: str
    lost_ms: int = 0
    slots: Slots = ()


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
    hosts: tuple[Lane, ...] = ()
    prices: tuple[Price, ...] = ()  # in time order, of schedulers that set prices
    targets: tuple[tuple[str, float], ...] = ()  # (tenant, share due), of those that set shares
