"""What a room answers to a command: a `Change` that can be committed, in parts.

A part is all-or-nothing: its record writes, ledger rows, effects and provenance leaves happen
together. Most commands have one part, and if its rows fail the whole command is refused. An
array command (renewals of an hour, meterings) has one part an item; a failing item leaves only
its code behind.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Write(NamedTuple):
    """One record to put (or, with value None, to delete) in a table of a room."""

    room: str
    table: str
    key: Any
    value: Any


class Effect(NamedTuple):
    """Something to be done outside once the block that holds it is committed."""

    kind: str
    fields: tuple[Any, ...]


class Part(NamedTuple):
    """One all-or-nothing piece of a change; `rows` is 128 bytes a row."""

    writes: tuple[Write, ...] = ()
    rows: bytes = b""
    effects: tuple[Effect, ...] = ()
    leaves: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What will happen if everything holds; `answer` is told to the sender."""

    parts: tuple[Part, ...] = ()
    answer: dict[str, Any] = field(default_factory=dict)
    is_array: bool = False
    # Array items already refused by the room, as (item index, code); the others keep their order.
    refused: tuple[tuple[int, int], ...] = ()
    # Micro-RMB that the sender commits to; counted against an agent's spend_max.
    spend: int = 0


def one_part(*writes: Write, rows: bytes = b"", effects: tuple[Effect, ...] = (),
             leaves: tuple[bytes, ...] = (), **answer: Any) -> Change:
    """Return a change of a single part."""
    return Change((Part(tuple(writes), rows, effects, leaves),), answer)
