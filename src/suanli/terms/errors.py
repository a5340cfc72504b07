"""The four families of failure; a refusal, the first, is a value and lives in `refusals`.

`InputError` is raised while decoding, before the core. `AdapterError` is the outside world,
translated at the border. `Broken` is a bug or a damaged disk: the replica stops and keeps the
evidence.
"""

from typing import Any, TypeVar

T = TypeVar("T")


class InputError(ValueError):
    """Something from outside that cannot be read; nothing reached the core."""


class AdapterError(Exception):
    """A part of the outside world did not do what it should."""


class Unavailable(AdapterError):
    """The outside part cannot be reached now; the same call may work later."""


class Conflict(AdapterError):
    """Somebody else holds what was asked for."""


class Broken(Exception):
    """An invariant or the integrity of stored bytes does not hold."""


class InvariantBroken(Broken):
    """The state contradicts one of its laws."""


class IntegrityBroken(Broken):
    """Stored or received bytes are not what they were when they were written."""


def present(value: T | None, law: str) -> T:
    """Return a value that a law says is there, or stop."""
    if value is None:
        raise InvariantBroken(law)
    return value


def invariant(holds: bool, law: str, **facts: Any) -> None:
    """Stop with the story if a law does not hold (`assert` would vanish under -O)."""
    if not holds:
        story = ", ".join(f"{name}={value!r}" for name, value in facts.items())
        raise InvariantBroken(f"{law}: {story}")
