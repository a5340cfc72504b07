"""The state machine: one door, `apply`, that checks everything and then commits everything.

Order of checks: envelope (chain, participant, signature, nonce, role, delegation), command
fields, room declared, the room's own check, follow-ups, spending, ledger rows. A refusal of an
authenticated envelope consumes its nonce and changes nothing else.
"""

from dataclasses import dataclass
from typing import Any

from suanli.domain.follow_ups import FOLLOW_UPS
from suanli.domain.genesis import Genesis
from suanli.domain.rooms import KINDS, Rooms
from suanli.ledger.commands import Batch
from suanli.ledger.row import ROW_BYTES
from suanli.ledger.state import TokenClass
from suanli.market.auction.commands import SettleAuction
from suanli.market.auction.phases import Head
from suanli.market.product import ProductGrid
from suanli.members.envelope import Envelope
from suanli.members.state import Member, Signer
from suanli.schedule.commands import Ended, PlaceMany, Renew
from suanli.settlement.commands import Meter
from suanli.terms.canonical import encode
from suanli.terms.change import Change, Effect, Part, Write
from suanli.terms.command import decode_command
from suanli.terms.errors import InputError, invariant
from suanli.terms.quantity import INT64_MAX
from suanli.terms.refusals import Code, Refusal

# Commands whose postings cannot fail while the laws hold: they resolve holds that are there.
MUST_SUCCEED = (Meter, Ended, SettleAuction)
# An account's sums only grow. All other commands leave them the upper half of 64 bits, so that
# whatever was moved to and fro before, these are never refused for an overflow.
CEILING = INT64_MAX // 2
# Arrays whose first part is not an item: it opens the token classes that the items buy.
OPENING = (PlaceMany.kind, Renew.kind)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a command was answered; `codes` one an item for array commands."""

    code: int
    reason: str
    answer: dict[str, Any]
    codes: tuple[int, ...]
    rows: bytes
    effects: tuple[Effect, ...]
    leaves: tuple[bytes, ...]

    def to_bytes(self, first_row: int, first_leaf: int) -> bytes:
        """Return the canonical result; rows and leaves by their place in the block."""
        return encode({
            "code": self.code, "reason": self.reason, "answer": self.answer,
            "codes": list(self.codes), "rows": [first_row, len(self.rows) // ROW_BYTES],
            "effects": [[e.kind, e.fields] for e in self.effects],
            "leaves": [first_leaf, len(self.leaves)]})


@dataclass(frozen=True, slots=True)
class Decided:
    """A change that may be committed, with its rows' codes and the writes they lead to."""

    change: Change
    codes: list[int]
    writes: list[Write]


class Domain:
    """One state machine over a declared set of rooms."""

    def __init__(self, genesis: Genesis) -> None:
        self.genesis = genesis
        self.rooms = Rooms(genesis)
        for id, (name, roles, key) in enumerate(genesis.members, start=1):
            self.rooms.members.commit((
                Write("members", "members", id, Member(id, name, roles, key)),
                Write("members", "signers", key, Signer(id, False, 0, (), 0, 0, 0))))

    def follows(self, head: bytes, time: int) -> None:
        """Take note of the block before the one that is being made: auctions draw from it."""
        if "market" in self.rooms.by_name:
            self.rooms.market.auctions.head = Head(head, time)

    # -- the door --------------------------------------------------------------------------

    def authenticate(self, envelope: Envelope, at: int) -> Signer | Refusal:
        """Say who signs, or why this envelope may not enter a block."""
        if envelope.chain != self.genesis.chain:
            return Refusal(Code.WRONG_CHAIN, f"signed for chain {envelope.chain!r}; this is "
                           f"{self.genesis.chain!r}")
        return self.rooms.members.authenticate(envelope, at)

    def apply(self, envelope: Envelope, at: int) -> Receipt:
        """Answer one envelope, changing the state if and only if it is not refused."""
        signer = self.authenticate(envelope, at)
        if isinstance(signer, Refusal):
            return _refused(signer)
        outcome = self._decide(envelope, at)
        spend = outcome.change.spend if isinstance(outcome, Decided) else 0
        signed = self.rooms.members.signed(envelope, signer, spend)
        if isinstance(signed, Refusal):
            outcome, signed = signed, self.rooms.members.consumed(envelope, signer, 0)
        self.rooms.members.commit((signed,))
        return _refused(outcome) if isinstance(outcome, Refusal) else self._commit(
            outcome, envelope.command[0])

    def _decide(self, envelope: Envelope, at: int) -> Decided | Refusal:
        """Return what would happen, rows included; nothing has changed yet."""
        try:
            command = decode_command(KINDS, envelope.command)
        except InputError as error:
            known = bool(envelope.command) and envelope.command[0] in KINDS
            return Refusal(Code.MALFORMED if known else Code.UNKNOWN_COMMAND, str(error))
        room = command.kind.split(".")[0]
        if room not in self.rooms.by_name:
            return Refusal(Code.ROOM_ABSENT, f"room {room!r} is not in this domain; it has "
                           f"{', '.join(self.rooms.by_name)}")
        grid = self.rooms.grid()
        change = self._check(room, command, at, envelope.member, grid)
        follow_up = FOLLOW_UPS.get(type(command))
        if isinstance(change, Change) and follow_up and grid:
            change = follow_up(self.rooms, command, change, at, grid)
        if isinstance(change, Refusal):
            return change
        codes, writes = self._rows(change, at, envelope.member if isinstance(command, Batch)
                                   else None, INT64_MAX if isinstance(command, MUST_SUCCEED)
                                   else CEILING)
        failed = next((c for c in codes if c and c != Code.LINKED_ROW_FAILED), 0)
        invariant(not failed or not isinstance(command, MUST_SUCCEED), "resolving rows succeed",
                  command=command.kind, code=failed)
        if failed and not change.is_array:
            return Refusal(Code(failed), f"a posting was refused: {Code(failed).name.lower()}")
        return Decided(change, codes, writes)

    def _check(self, room: str, command: Any, at: int, sender: int,
               grid: ProductGrid | None) -> Change | Refusal:
        rooms: Any = self.rooms.by_name[room]
        if room == "market":
            return rooms.check(command, at, sender, grid)  # type: ignore[no-any-return]
        return rooms.check(command, at, sender)  # type: ignore[no-any-return]

    def _rows(self, change: Change, at: int, sender: int | None,
              ceiling: int) -> tuple[list[int], list[Write]]:
        rows = b"".join(part.rows for part in change.parts)
        if not rows:
            return [], []
        opened: dict[int, TokenClass] = {
            w.key: w.value for part in change.parts for w in part.writes
            if w.table == "classes" and w.value is not None}
        return self.rooms.ledger.check_rows(rows, at, sender, opened, ceiling)

    def _commit(self, decided: Decided, kind: str) -> Receipt:
        """Commit ledger rows first, then the records of the parts that stand."""
        change, row_codes = decided.change, decided.codes
        part_codes = _codes_by_part(change.parts, row_codes)
        if decided.writes:
            self.rooms.ledger.commit(decided.writes)
        standing = [p for p, c in zip(change.parts, part_codes, strict=True) if not c]
        by_room: dict[str, list[Write]] = {}
        for part in standing:
            for write in part.writes:
                by_room.setdefault(write.room, []).append(write)
        for room, writes in by_room.items():
            self.rooms.by_name[room].commit(writes)
        return Receipt(0, "", change.answer, _item_codes(change, part_codes, row_codes, kind),
                       _committed_rows(change, standing, row_codes, kind),
                       tuple(e for p in standing for e in p.effects),
                       tuple(leaf for p in standing for leaf in p.leaves))

    # -- the whole state -------------------------------------------------------------------

    def roots(self) -> dict[str, bytes]:
        """Return every room's root."""
        return self.rooms.roots()

    def snapshot(self) -> bytes:
        """Return the whole state as canonical bytes."""
        return encode({name: room.snapshot() for name, room in self.rooms.by_name.items()})

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over a decoded snapshot of a domain with the same rooms."""
        for name, room in self.rooms.by_name.items():
            room.restore(snapshot[name])


def _refused(refusal: Refusal) -> Receipt:
    return Receipt(int(refusal.code), refusal.reason, {}, (), b"", (), ())


def _codes_by_part(parts: tuple[Part, ...], row_codes: list[int]) -> list[int]:
    """Return each part's code: that of the row that broke its chain, or 0."""
    if not any(row_codes):
        return [0] * len(parts)
    codes, start = [], 0
    for part in parts:
        end = start + len(part.rows) // ROW_BYTES
        codes.append(next((c for c in row_codes[start:end]
                           if c and c != Code.LINKED_ROW_FAILED), 0))
        start = end
    return codes


def _committed_rows(change: Change, standing: list[Part], row_codes: list[int],
                    kind: str) -> bytes:
    """Return the rows that moved something: whole parts, or single rows of a member's batch."""
    if kind != Batch.kind:
        return b"".join(part.rows for part in standing)
    rows = change.parts[0].rows
    return b"".join(rows[i * ROW_BYTES:(i + 1) * ROW_BYTES]
                    for i, code in enumerate(row_codes) if not code)


def _item_codes(change: Change, part_codes: list[int], row_codes: list[int],
                kind: str) -> tuple[int, ...]:
    """Return one code an item: a row of a batch, or an item of another array."""
    if kind == Batch.kind:
        return tuple(row_codes)
    if not change.is_array:
        return ()
    codes = part_codes[1:] if kind in OPENING else part_codes
    refused = dict(change.refused)
    remaining = iter(codes)
    return tuple(refused.get(i) or next(remaining, 0) for i in range(len(codes) + len(refused)))


