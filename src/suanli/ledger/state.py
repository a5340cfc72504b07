"""Accounts, holds, token classes, attestations and supply.

Laws
----
* In every class, debits = credits; only an ISSUER account may owe.
* Over all grades, tokens issued / rating <= attested device time of that chip, area and hour.
* Nothing but rows moves an amount.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from suanli.chips.state import Chips
from suanli.ledger.commands import Attest, Batch, Grant
from suanli.ledger.kernel import NOTHING, Balance, Hold, Kernel
from suanli.ledger.row import (
    CASH,
    ROW_BYTES,
    Kind,
    Row,
    RowCode,
    account,
    class_of,
    kind_of,
    link,
    owner_of,
)
from suanli.members.state import Members
from suanli.terms.change import Change, Part, Write, one_part
from suanli.terms.instant import HOUR, is_on_the_hour
from suanli.terms.quantity import INT64_MAX, is_amount
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import Room

ROWS_MAX = 8190  # as TigerBeetle: one MiB of rows a batch
HOURS_AHEAD_MAX = 24 * 8


@dataclass(frozen=True, slots=True)
class TokenClass:
    """A product of one issuer (area x grade x tier x delivery hour), or its prepaid credit.

    A credit has neither area nor grade nor factors, and counts micro-RMB instead of tokens.
    """

    issuer: int
    area: str
    grade: str
    tier: str
    start: int
    expires: int
    standing: str
    factors: tuple[tuple[str, int, int], ...]  # (chip, micro-CU, rating version), for ever

    def rating(self, chip: str) -> int | None:
        for name, ucu, _ in self.factors:
            if name == chip:
                return ucu
        return None

    def may_draw_on(self, attestation: "Attestation") -> bool:
        return (self.issuer, self.area, self.start) == (
            attestation.operator, attestation.area, attestation.start)


class Attestation(NamedTuple):
    """Device time that an operator vouches for: one chip, area and hour."""

    operator: int
    area: str
    chip: str
    start: int
    devices: int
    device_ms: int
    consumed_ms: int  # = sum over classes of ceil(issued / rating)

    def left_ms(self, at: int) -> int:
        """Return the device time of the hour that has not passed: what is unsold lapses."""
        return self.devices * max(0, min(HOUR, self.start + HOUR - at))

    def consuming(self, consumed_ms: int) -> "Attestation":
        return Attestation(*self[:-1], consumed_ms)


class Ledger(Room):
    """Who owns what."""

    name: ClassVar[str] = "ledger"
    schema: ClassVar[dict[str, tuple[Any, Any]]] = {
        "accounts": (int, tuple[int, int, int, int]),
        "holds": (bytes, tuple[int, int, int, int]),
        "classes": (int, TokenClass),
        "class_ids": (tuple[int, str, str, str, int], int),  # issuer, area, grade, tier, start
        "attestations": (int, Attestation),
        "attestation_ids": (tuple[int, str, str, int], int),  # operator, area, chip, start
        "issued": (tuple[int, int], int),  # (class, attestation) -> tokens outstanding or used
        "counters": (str, int),
    }

    def __init__(self, members: Members, chips: Chips | None) -> None:
        super().__init__()
        self.members = members
        self.chips = chips
        # Accounts by token class, for closing a class; derived from `accounts`, not state.
        self.accounts_of: dict[int, list[int]] = {}

    def commit(self, writes: Iterable[Write]) -> None:
        """Apply writes, keeping the derived index beside the accounts."""
        writes = list(writes)
        for write in writes:
            if write.table == "accounts" and write.key not in self.tables["accounts"]:
                self.accounts_of.setdefault(class_of(write.key), []).append(write.key)
            elif write.table == "classes" and write.value is None:
                self.accounts_of.pop(write.key, None)
        super().commit(writes)

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over a snapshot and derive the index anew."""
        super().restore(snapshot)
        self.accounts_of = {}
        for key in self.tables["accounts"]:
            self.accounts_of.setdefault(class_of(key), []).append(key)

    # -- reading ---------------------------------------------------------------------------

    def balance(self, account: int) -> Balance:
        found: Balance = self.tables["accounts"].get(account) or NOTHING
        return found

    def available(self, account: int) -> int:
        """Return what may still be spent: credits less debits, posted and pending."""
        debits, credits, pending, _ = self.balance(account)
        return credits - debits - pending

    def token_class(self, klass: int) -> TokenClass | None:
        found: TokenClass | None = self.tables["classes"].get(klass)
        return found

    def class_id(self, issuer: int, area: str, grade: str, tier: str, start: int) -> int | None:
        found: int | None = self.tables["class_ids"].get((issuer, area, grade, tier, start))
        return found

    def attestation_id(self, operator: int, area: str, chip: str, start: int) -> int | None:
        found: int | None = self.tables["attestation_ids"].get((operator, area, chip, start))
        return found

    def attestation(self, id: int) -> Attestation:
        found: Attestation = self.tables["attestations"][id]
        return found

    def sellable_ms(self, attestation_id: int, at: int) -> int:
        """Return the device time that may still be issued now."""
        attestation = self.attestation(attestation_id)
        headroom = self.members.parameter("headroom_ppm")
        limit = attestation.device_ms * (1_000_000 - headroom) // 1_000_000
        return max(0, min(limit - attestation.consumed_ms, attestation.left_ms(at)))

    def next_id(self, counter: str) -> int:
        return int(self.tables["counters"].get(counter) or 0) + 1

    # -- rows ------------------------------------------------------------------------------

    def check_rows(self, rows: bytes, at: int, sender: int | None = None,
                   opened: dict[int, TokenClass] | None = None,
                   ceiling: int = INT64_MAX) -> tuple[list[int], list[Write]]:
        """Return a code a row and the writes of those that succeed; changes nothing."""
        kernel = Kernel(self.tables, at, opened or {}, sender,
                        self.members.parameter("headroom_ppm"),
                        len(self.members.tables["members"]), ceiling)
        return kernel.run(rows), kernel.writes()

    def apply_batch(self, rows: npt.NDArray[Any], at: int) -> npt.NDArray[np.uint16]:
        """Run packed rows (`row.ROW`) and commit those that succeed; (rows,) codes."""
        codes, writes = self.check_rows(rows.tobytes(), at)
        self.commit(writes)
        return np.array(codes, dtype=np.uint16)

    # -- commands --------------------------------------------------------------------------

    def check(self, command: Any, at: int, sender: int) -> Change | Refusal:
        """Answer one of this room's commands (`ledger.batch` rows run in the domain)."""
        if isinstance(command, Batch):
            return self._batch(command, sender)
        if isinstance(command, Grant):
            return self._grant(command, sender)
        if isinstance(command, Attest):
            return self._attest(command, at, sender)
        return self._sweep(command.classes_max, at)

    def _batch(self, command: Batch, sender: int) -> Change | Refusal:
        size = len(command.rows)
        if size % ROW_BYTES or not 0 < size <= ROWS_MAX * ROW_BYTES:
            return Refusal(Code.BATCH_TOO_LARGE,
                           f"{size} bytes; 1 to {ROWS_MAX} rows of {ROW_BYTES} are accepted")
        return Change((Part(rows=command.rows),), is_array=True)

    def _grant(self, command: Grant, sender: int) -> Change | Refusal:
        if self.members.member(command.member) is None:
            return Refusal(Code.UNKNOWN_PARTICIPANT, f"no participant {command.member}")
        if not is_amount(command.amount):
            return Refusal(Code.AMOUNT_OUT_OF_RANGE, f"{command.amount}; 1 to 2^63-1 is accepted")
        return one_part(rows=Row(
            RowCode.ISSUE, 0, CASH, account(sender, CASH, Kind.ISSUER),
            account(command.member, CASH), command.amount).pack())

    def _attest(self, command: Attest, at: int, sender: int) -> Change | Refusal:
        if not is_on_the_hour(command.start) or not 1 <= command.hours <= HOURS_AHEAD_MAX:
            return Refusal(Code.QUANTITY_OUT_OF_RANGE, f"{command.hours} hours from "
                           f"{command.start}; 1 to {HOURS_AHEAD_MAX} from a full hour are accepted")
        if command.start + HOUR <= at:
            return Refusal(Code.PERIOD_OVER, f"the hour from {command.start} is over at {at}")
        there = self.chips.capacity(sender, command.area, command.chip) if self.chips else 0
        if not 0 <= command.devices <= there:
            return Refusal(Code.ATTESTATION_ABOVE_INVENTORY, f"{command.devices} devices of "
                           f"{command.chip} in {command.area}; you have {there} up there")
        writes: list[Write] = []
        fresh = self.next_id("attestation")
        for hour in range(command.hours):
            start = command.start + hour * HOUR
            fresh += self._attest_hour(command, at, sender, start, fresh, writes)
        writes.append(Write(self.name, "counters", "attestation", fresh - 1))
        return one_part(*writes)

    def _attest_hour(self, command: Attest, at: int, sender: int, start: int, fresh: int,
                     writes: list[Write]) -> int:
        """Write one hour's attestation; return 1 if it is a new one."""
        key = (sender, command.area, command.chip, start)
        known = self.tables["attestation_ids"].get(key)
        device_ms = command.devices * min(HOUR, start + HOUR - at)
        if known is None:
            writes.append(Write(self.name, "attestation_ids", key, fresh))
            consumed = 0
        else:
            # An hour once sold cannot be attested away; a lower figure makes the operator short.
            consumed = self.attestation(known).consumed_ms
            device_ms = max(device_ms, consumed)
        record = Attestation(sender, command.area, command.chip, start, command.devices,
                             device_ms, consumed)
        writes.append(Write(self.name, "attestations", known or fresh, record))
        return known is None

    def _sweep(self, classes_max: int, at: int) -> Change | Refusal:
        """Close the oldest expired classes: expire what is left, forget their accounts."""
        over = [id for id, klass in self.tables["classes"].items() if klass.expires <= at]
        over = sorted(over)[:max(0, min(classes_max, 10_000))]
        holds = self.tables["holds"]
        held = {class_of(hold[0]) for hold in holds.values()}
        parts = [Part(rows=self._void_row(id, hold).pack())
                 for id, hold in holds.items() if hold[3] and at > hold[3]]
        # A class with a hold stays until the hold is resolved: open placements never expire.
        closing = [id for id in over if id not in held]
        parts += [self._close(id) for id in closing]
        parts.append(Part(tuple(self._attestations_past(at))))
        return Change(tuple(parts), is_array=True, answer={"closed": len(closing)})

    @staticmethod
    def _void_row(id: bytes, hold: Hold) -> Row:
        return Row(RowCode.VOID, 0, class_of(hold[0]), hold[0], hold[1], 0, hold=id)

    def _close(self, klass: int) -> Part:
        """Expire a class's balances, then forget it: the chain keeps the history."""
        record = self.tables["classes"][klass]
        rows, gone = [], set(self.accounts_of.get(klass, ()))
        for id in self.accounts_of.get(klass, ()):
            left = self.available(id) if kind_of(id) == Kind.HOLDER else 0
            if left:
                sink = account(owner_of(id), klass, Kind.EXPIRED)
                rows.append(Row(RowCode.EXPIRE, 0, klass, id, sink, left))
                gone.add(sink)
        key = (record.issuer, record.area, record.grade, record.tier, record.start)
        writes = [Write(self.name, "accounts", id, None) for id in sorted(gone)]
        writes += [Write(self.name, "issued", (klass, attestation), None)
                   for chip, _, _ in record.factors
                   if (attestation := self.attestation_id(record.issuer, record.area, chip,
                                                          record.start))
                   and (klass, attestation) in self.tables["issued"]]
        writes += [Write(self.name, "class_ids", key, None),
                   Write(self.name, "classes", klass, None)]
        return Part(tuple(writes), link(rows))

    def _attestations_past(self, at: int) -> Iterable[Write]:
        """Yield the writes that forget attestations which no open class draws on any more."""
        grace = self.members.parameter("token_grace_ms")
        drawn_on = {attestation for _, attestation in self.tables["issued"]}
        for id, record in self.tables["attestations"].items():
            if record.start + HOUR + grace < at and id not in drawn_on:
                yield Write(self.name, "attestations", id, None)
                key = (record.operator, record.area, record.chip, record.start)
                yield Write(self.name, "attestation_ids", key, None)
