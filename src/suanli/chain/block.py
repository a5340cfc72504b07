"""Blocks: what was asked, what was answered, the rows that moved, and who vouches for it.

Laws
----
* A header names its predecessor's hash and the roots of everything in the body, of the state
  after it, and of the history before it. Changing any byte changes the hash or breaks a root.
* The certificate of an embedded chain is the operator's signature over the header hash.
"""

from dataclasses import dataclass
from typing import Any

from suanli.chain import merkle
from suanli.terms.canonical import decode, encode, sha256
from suanli.terms.errors import IntegrityBroken

FORMAT = 1
HEADER_TAG = b"suanli block 1\x00"
CHECKPOINT_TAG = b"suanli checkpoint 1\x00"
ROW_BYTES = 128
# Of a stored body: SQLite's own limit for one value. An array command of a large fleet leads to
# far more bytes of rows and results than a message may have.
STORED_BYTES_MAX = 10**9


@dataclass(frozen=True, slots=True)
class Header:
    """What a block's hash covers. `time` is the block's instant, never before the last one's."""

    format: int
    chain: str
    height: int
    time: int
    previous: bytes
    envelopes: bytes
    results: bytes
    rows: bytes
    leaves: bytes
    history: bytes
    state: bytes
    rooms: dict[str, bytes]

    def to_bytes(self) -> bytes:
        return encode({name: getattr(self, name) for name in self.__dataclass_fields__})

    def hash(self) -> bytes:
        return sha256(HEADER_TAG, self.to_bytes())


@dataclass(frozen=True, slots=True)
class Body:
    """What the roots of a header are over. `rows` is 128 bytes a row, in execution order."""

    envelopes: tuple[bytes, ...]
    results: tuple[bytes, ...]
    rows: bytes
    leaves: tuple[bytes, ...]

    def roots(self) -> dict[str, bytes]:
        """Return the four body roots by header field."""
        rows = [self.rows[i:i + ROW_BYTES] for i in range(0, len(self.rows), ROW_BYTES)]
        return {"envelopes": merkle.root(self.envelopes), "results": merkle.root(self.results),
                "rows": merkle.root(rows), "leaves": merkle.root(self.leaves)}

    def to_bytes(self) -> bytes:
        return encode([list(self.envelopes), list(self.results), self.rows, list(self.leaves)])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Body":
        envelopes, results, rows, leaves = _decoded(data)
        return cls(tuple(envelopes), tuple(results), rows, tuple(leaves))


@dataclass(frozen=True, slots=True)
class Block:
    """A header, its body, and the certificate (a signature over the header's hash)."""

    header: Header
    body: Body
    certificate: bytes

    @property
    def hash(self) -> bytes:
        return self.header.hash()


def state_root(rooms: dict[str, bytes]) -> bytes:
    """Return the one state root over every room's root."""
    return sha256(b"suanli state 1\x00", encode(rooms))


def header_from_bytes(data: bytes) -> Header:
    """Decode a stored header."""
    value = _decoded(data)
    if not isinstance(value, dict) or set(value) != set(Header.__dataclass_fields__):
        raise IntegrityBroken("a stored header does not have a header's fields")
    return Header(**value)


def _decoded(data: bytes) -> Any:
    try:
        return decode(data, STORED_BYTES_MAX)
    except ValueError as error:
        raise IntegrityBroken(f"stored bytes cannot be decoded: {error}") from error
