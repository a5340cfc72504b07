"""The genesis: what a chain starts from. Its hash is the first block's predecessor."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from suanli.terms.canonical import decode, encode, sha256
from suanli.terms.errors import IntegrityBroken

GENESIS_TAG = b"suanli genesis 1\x00"
FORMAT = 1
ALL_ROOMS = ("members", "chips", "units", "ledger", "market", "schedule", "settlement")


@dataclass(frozen=True, slots=True)
class Genesis:
    """Chain id, start instant, rooms, first members (name, roles, key), validators, datasheet.

    `slices`: the table of slice profiles; left out of the bytes where there is none, as before it
    came: then every chip is shared by any fraction.
    """

    chain: str
    time: int
    rooms: tuple[str, ...]
    members: tuple[tuple[str, tuple[str, ...], bytes], ...]
    validators: tuple[bytes, ...]
    datasheet: str
    _: KW_ONLY
    slices: str = ""

    def to_bytes(self) -> bytes:
        fields = {name: getattr(self, name) for name in self.__slots__}
        if not self.slices:
            del fields["slices"]
        return encode({"format": FORMAT, **fields})

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
                   tuple(value["validators"]), value["datasheet"],
                   slices=value.get("slices", ""))
