"""Canonical bytes: deterministic CBOR (RFC 8949 section 4.2) and the two tagged hashes.

Laws
----
* Equal values have equal bytes, and only canonical bytes decode: `encode(decode(b)) == b`.
* Only integers, strings, bytes, booleans, null, arrays and string-keyed maps exist; no floats.
* Keyword-only fields came later than the others: those at the end that stand at their defaults are
  left out, so that bytes and roots from before they came are still what they were.
* A leaf and a node can never be confused: they are hashed behind different first bytes
  (RFC 9162 section 2.1.1).
"""

import dataclasses
import hashlib
from functools import cache
from typing import Any

import cbor2

from suanli.terms.errors import InputError

MESSAGE_BYTES_MAX = 8 * 1024 * 1024
# Far deeper than any message of ours, far shallower than Python's own recursion limit.
DEPTH_MAX = 24


_ATOMS = (int, str, bytes, bool, type(None))


def plain(value: Any) -> Any:
    """Return dataclasses and tuples as the plain lists that CBOR knows."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if isinstance(value, (tuple, list)):
        return [item if type(item) in _ATOMS else plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in values_of(value)] if dataclasses.is_dataclass(kind) else value


def values_of(record: Any) -> list[Any]:
    """Return a dataclass's values in order, less the later fields left out at the end."""
    kind: type = type(record)
    first, later = fields_of(kind)
    values = [getattr(record, name) for name in first]
    added = [getattr(record, name) for name, _ in later]
    while added and added[-1] == later[len(added) - 1][1]:
        added.pop()
    return values + added


@cache
def fields_of(kind: type) -> tuple[tuple[str, ...], tuple[tuple[str, Any], ...]]:
    """Return the names of a dataclass's fields, and names and defaults of those that came later."""
    fields = dataclasses.fields(kind)
    return (tuple(f.name for f in fields if not f.kw_only),
            tuple((f.name, f.default) for f in fields if f.kw_only))


def encode(value: Any) -> bytes:
    """Return the one canonical encoding of a value; dataclasses as the list of their fields."""
    return cbor2.dumps(value, canonical=True, default=_encode_fields)


def _encode_fields(encoder: Any, value: Any) -> None:
    """Encode what CBOR does not know, as `plain` would have it."""
    found = plain(value)
    if found is value:
        raise InputError(f"value of type {type(value).__name__} has no canonical bytes")
    encoder.encode(found)


def decode(data: bytes, bytes_max: int = MESSAGE_BYTES_MAX) -> Any:
    """Return the value of canonical bytes.

    Raises
    ------
    InputError
        If the bytes are not CBOR, are not canonical, are too long or too deep, or hold a float.
    """
    if len(data) > bytes_max:
        raise InputError(f"message of {len(data)} bytes; at most {bytes_max} are accepted")
    try:
        value = cbor2.loads(data)
    except Exception as error:  # cbor2 raises many kinds on hostile bytes; all mean the same
        raise InputError(f"bytes are not CBOR: {error}") from error
    _only_plain_values(value, 0)
    if encode(value) != data:
        raise InputError("bytes are not canonical CBOR (RFC 8949 section 4.2)")
    return value


def _only_plain_values(value: Any, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise InputError(f"message nests deeper than {DEPTH_MAX} levels")
    if isinstance(value, list):
        for item in value:
            _only_plain_values(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InputError(f"map key {key!r}; keys are strings")
            _only_plain_values(item, depth + 1)
    elif value is not None and not isinstance(value, (int, str, bytes, bool)):
        raise InputError(f"value of type {type(value).__name__}; only integers, strings, bytes, "
                         "booleans, null, arrays and maps are accepted")


def sha256(*parts: bytes) -> bytes:
    """Return SHA-256 over the parts joined."""
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(data: bytes) -> bytes:
    """Return an RFC 9162 leaf hash."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return an RFC 9162 inner node hash."""
    return hashlib.sha256(b"\x01" + left + right).digest()
