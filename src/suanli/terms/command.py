"""Commands as data: frozen dataclasses that decode strictly from plain values.

A room declares each of its commands as a frozen dataclass with a `kind`; `decode_command`
checks every field against its annotation, so that nothing hostile reaches the core.
Annotations used: int, str, bytes, bool, tuple[T, ...], tuple[A, B], and other dataclasses.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

from suanli.terms.canonical import fields_of, values_of
from suanli.terms.errors import InputError
from suanli.terms.quantity import INT64_MAX

TEXT_MAX = 16_384


def decode_command(kinds: Mapping[str, type], plain: Any) -> Any:
    """Return the command of a plain `[kind, fields…]` list.

    Raises
    ------
    InputError
        If the kind is unknown or a field is missing, superfluous or of the wrong type.
    """
    if not isinstance(plain, list) or len(plain) != 2 or not isinstance(plain[0], str):
        raise InputError("a command is a list of its kind and its fields")
    kind, fields = plain
    if kind not in kinds:
        raise InputError(f"unknown command {kind!r}; known are {', '.join(sorted(kinds))}")
    return _build(kinds[kind], fields, kind)


def encode_command(command: Any) -> list[Any]:
    """Return the plain form that `decode_command` reads."""
    return [command.kind, values_of(command)]


@cache
def _annotations(cls: type) -> list[tuple[str, Any]]:
    hints = typing.get_type_hints(cls)
    return [(field.name, hints[field.name]) for field in dataclasses.fields(cls)]


def _build(cls: Any, values: Any, where: str) -> Any:
    wanted, (first, later) = _annotations(cls), fields_of(cls)
    if not isinstance(values, list) or not len(first) <= len(values) <= len(wanted):
        names = ", ".join(name for name, _ in wanted)
        raise InputError(f"{where}: found {values!r:.80}; a list of ({names}) is accepted")
    made = cls(**{name: typed_value(hint, value, f"{where}.{name}")
                  for (name, hint), value in zip(wanted, values, strict=False)})
    # Two encodings of one record would be two hashes of it.
    if len(values_of(made)) != len(values):
        raise InputError(f"{where}: {', '.join(name for name, _ in later)} at their defaults; "
                         "they are left out at the end")
    return made


def typed_value(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, where)
    if typing.get_origin(hint) is tuple:
        return _tuple(typing.get_args(hint), value, where)
    if isinstance(hint, types.UnionType):
        return None if value is None else typed_value(typing.get_args(hint)[0], value, where)
    if type(value) is not hint:
        raise InputError(f"{where}: found {value!r:.80}; {hint.__name__} is accepted")
    if hint is int and not -INT64_MAX <= value <= INT64_MAX:
        raise InputError(f"{where}: found {value}; a signed 64-bit integer is accepted")
    if hint is str and len(value) > TEXT_MAX:
        raise InputError(f"{where}: text of {len(value)} characters; at most {TEXT_MAX}")
    return value


def _tuple(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise InputError(f"{where}: found {value!r:.80}; a list is accepted")
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(typed_value(hints[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if len(value) != len(hints):
        raise InputError(f"{where}: found {len(value)} items; {len(hints)} are accepted")
    return tuple(typed_value(hint, item, f"{where}[{i}]")
                 for i, (hint, item) in enumerate(zip(hints, value, strict=True)))
