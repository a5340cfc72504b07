"""Commands as data: frozen dataclasses that decode strictly from plain values.

A room declares each of its commands as a frozen dataclass with a `kind`; `decode_command`
checks every field against its annotation, so that nothing hostile reaches the core.
Annotations used: int, str, bytes, bool, tuple[T, ...], tuple[A, B], other dataclasses, and named
tuples (records that are made by the thousand: they are cheaper to build).
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
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
    return typed_value(kinds[kind], fields, kind)


def encode_command(command: Any) -> list[Any]:
    """Return the plain form that `decode_command` reads."""
    return [command.kind, values_of(command)]


Read = Callable[[Any, str], Any]  # (plain value, where it stands) -> typed value


def typed_value(hint: Any, value: Any, where: str) -> Any:
    """Return a plain value as what an annotation says, or raise InputError."""
    read: Read = _reader(hint)
    return read(value, where)


@cache
def _reader(hint: Any) -> Any:
    """Return the function that reads values of an annotation: resolved once, not once a value."""
    if dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"):
        return _record_reader(hint)
    if typing.get_origin(hint) is tuple:
        hints = typing.get_args(hint)
        is_list = len(hints) == 2 and hints[1] is Ellipsis
        return _list_reader(hints[0]) if is_list else _tuple_reader(hints)
    if isinstance(hint, types.UnionType):
        some = _reader(typing.get_args(hint)[0])
        return lambda value, where: None if value is None else some(value, where)
    return _int if hint is int else _text if hint is str else _exactly(hint)


def _record_reader(cls: Any) -> Read:
    kind: type = cls
    first, later = fields_of(kind) if dataclasses.is_dataclass(cls) else (cls._fields, ())
    names, least = [*first, *(name for name, _ in later)], len(first)
    hints = typing.get_type_hints(cls)
    readers = [(_reader(hints[name]), name) for name in names]

    def read(values: Any, where: str) -> Any:
        if not isinstance(values, list) or not least <= len(values) <= len(readers):
            raise InputError(f"{where}: found {values!r:.80}; a list of ({', '.join(names)}) is "
                             "accepted")
        got = [field(value, f"{where}.{name}")
               for (field, name), value in zip(readers, values, strict=False)]
        # Two encodings of one record would be two hashes of it.
        if len(got) > least and got[-1] == later[len(got) - least - 1][1]:
            raise InputError(f"{where}: {names[len(got) - 1]} at its default; it is left out at "
                             "the end")
        return cls(*got[:least], **dict(zip(names[least:], got[least:], strict=False)))
    return read


def _list_reader(hint: Any) -> Read:
    item = _reader(hint)

    def read(value: Any, where: str) -> Any:
        return tuple([item(each, where) for each in _listed(value, where)])
    return read


def _tuple_reader(hints: tuple[Any, ...]) -> Read:
    readers = [_reader(hint) for hint in hints]

    def read(value: Any, where: str) -> Any:
        if len(_listed(value, where)) != len(readers):
            raise InputError(f"{where}: found {len(value)} items; {len(readers)} are accepted")
        return tuple([item(each, where) for item, each in zip(readers, value, strict=True)])
    return read


def _listed(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{where}: found {value!r:.80}; a list is accepted")
    return value


def _exactly(hint: type) -> Read:
    def read(value: Any, where: str) -> Any:
        if type(value) is not hint:
            raise InputError(f"{where}: found {value!r:.80}; {hint.__name__} is accepted")
        return value
    return read


def _int(value: Any, where: str) -> Any:
    if type(value) is not int:
        raise InputError(f"{where}: found {value!r:.80}; int is accepted")
    if not -INT64_MAX <= value <= INT64_MAX:
        raise InputError(f"{where}: found {value}; a signed 64-bit integer is accepted")
    return value


def _text(value: Any, where: str) -> Any:
    if type(value) is not str:
        raise InputError(f"{where}: found {value!r:.80}; str is accepted")
    if len(value) > TEXT_MAX:
        raise InputError(f"{where}: text of {len(value)} characters; at most {TEXT_MAX}")
    return value
