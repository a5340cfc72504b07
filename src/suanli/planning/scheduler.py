"""A scheduler decides on a `View`; whoever owns the view checks and performs what it decides."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from suanli.planning.view import Slots, View

Floats = npt.NDArray[np.float64]


class Bind(NamedTuple):
    """Give a waiting job devices; it starts when it has all that it asked for.

    `is_all`: it gets no more, which is enough for an elastic job that accepts so few.
    """

    row: int
    slots: Slots
    is_all: bool = False


class Unbind(NamedTuple):
    """Take back the devices of a job that does not yet have all of them."""

    row: int


class Preempt(NamedTuple):
    """Stop a running job; it returns to the queue with its progress.

    `beneficiary` is the queued job that it makes way for; -1 where a round changes hands.
    """

    row: int
    beneficiary: int = -1


Action = Bind | Unbind | Preempt


class Scheduler(Protocol):
    """What runs next. All that it keeps must be derivable from what it has seen."""

    def decide(self, view: View, at: int) -> Iterator[Action]:
        """Yield what to do now; each action is performed before the next is asked for."""
        ...

    def next_instant(self, at: int) -> int | None:
        """Return when to be asked again though nothing happens; later than `at`, or None."""
        ...


class Published(NamedTuple):
    """What a scheduler says beside its actions: relative prices, and what it owes by its shares."""

    prices: Floats  # (pools,) of a device-hour, with mean 1
    due: Floats  # (tenants,) reference device-milliseconds that its targets came to so far


@runtime_checkable
class Publisher(Protocol):
    """A scheduler that sets prices and shares."""

    def published(self) -> Published:
        """Return them as they stand."""
        ...
