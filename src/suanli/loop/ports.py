"""What the loop needs of the world, as Protocols; adapters provide them, bootstrap wires them."""

from typing import NamedTuple, Protocol

from suanli.chain.block import Block
from suanli.domain.application import Application, Finalised
from suanli.members.envelope import Envelope
from suanli.schedule.commands import Slots
from suanli.schedule.job import Spec
from suanli.terms.refusals import Refusal


class Clock(Protocol):
    """Where `now` comes from, Unix milliseconds."""

    def now(self) -> int: ...


class Engine(Protocol):
    """Orders envelopes into blocks and makes them durable; calls the application."""

    application: Application

    def submit(self, envelope: Envelope, at: int) -> Refusal | None:
        """Queue an authentic envelope for the next block, or say why not."""
        ...

    def produce(self, at: int) -> tuple[Block, Finalised] | None:
        """Make the queued envelopes a durable block; None when there are none.

        Raises Unavailable when the block could not be stored; nothing was acknowledged then.
        """
        ...

    def block(self, height: int) -> Block | None:
        """Return a stored block."""
        ...

    def close(self) -> None:
        """Let go of what the engine owns."""
        ...


class Report(NamedTuple):
    """What a cluster saw of a placement: that it runs, or that it ended."""

    job: int
    attempt: int
    is_running: bool
    saved: int = 0  # up to when a checkpoint holds its work; nothing newer than its start: 0
    finished: int = 0
    exit_code: int = 0
    is_lost: bool = False
    cpu_ms: int = 0
    memory_bytes_max: int = 0


class Cluster(Protocol):
    """Where placements run."""

    def start(self, job: int, attempt: int, spec: Spec, slots: Slots, at: int) -> None: ...

    def stop(self, job: int, attempt: int, grace_ms: int, at: int) -> None:
        """Signal the placement to end, and end it by force when its grace is over."""
        ...

    def warn(self, job: int, attempt: int, reason: str, stops: int) -> None:
        """Tell the placement that it will be stopped, when and why."""
        ...

    def poll(self, at: int) -> list[Report]:
        """Return what happened since the last call, oldest first."""
        ...

    def forget(self, job: int) -> None:
        """Drop what is kept for a job's next attempt: there will be none."""
        ...

    def recover(self, placements: dict[int, int], queued: list[int], at: int) -> list[Report]:
        """After a restart: end what an earlier server left running, report each as lost.

        Only for these jobs, placed or queued, is anything kept.
        """
        ...

    def close(self) -> None:
        """End what still runs; the next start reports it as lost."""
        ...
