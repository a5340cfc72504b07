"""The genesis: what a chain starts from. Its hash is the first block's predecessor."""

from dataclasses import dataclass
from typing import Any

from suanli.terms.canonical import decode, encode, sha256
from suanli.terms.errors import IntegrityBroken

GENESIS_TAG = b"suanli genesis 1\x00"
FORMAT = 1
ALL_ROOMS = ("members", "chips", "units", "ledger", "market", "schedule", "settlement")


@dataclass(frozen=True, slots=True)
class Genesis:
    """Chain id, start instant, rooms, first members (name, roles, key), validators, datasheet."""

    chain: str
    time: int
    rooms: tuple[str, ...]
    members: tuple[tuple[str, tuple[str, ...], bytes], ...]
    validators: tuple[bytes, ...]
    datasheet: str

    def to_bytes(self) -> bytes:
        return encode({"format": FORMAT, **{n: getattr(self, n) for n in self.__slots__}})

    def hash(self) -> bytes:
        return sha256(GENESIS_TAG, self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Genesis":
        """Decode a stored genesis; raises IntegrityBroken when it is another version's."""
        value: dict[str, Any] = decode(data)
        if value.get("format") != FORMAT:
            raise IntegrityBroken(f"genesis format {value.get('format')}; this version of suanli "
                                  f"reads format {FORMAT}")
        members = tuple((name, tuple(roles), key) for name, roles, key in value["members"])
        return cls(value["chain"], value["time"], tuple(value["rooms"]), members,
                   tuple(value["validators"]), value["datasheet"])
