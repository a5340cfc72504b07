"""The kernel: runs packed rows against an overlay of the ledger, row by row, chain by chain.

Theory of operation: the overlay copies an account, hold, attestation or issue on first touch;
rows change the copies; a journal undoes a broken chain. Nothing of the ledger changes until the
overlay's writes are committed, so a refused set leaves no trace.

Order of checks of a row: code, reserved bytes, amount, accounts (class, kind, distinct), then
what the code itself needs (hold, attestation, expiry), then balance, then overflow.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from suanli.ledger.row import (
    CASH,
    LINKED,
    NO_ID,
    STRUCT,
    Kind,
    Row,
    RowCode,
    class_of,
    kind_of,
    owner_of,
)
from suanli.terms.change import Write
from suanli.terms.quantity import INT64_MAX, device_ms_of
from suanli.terms.refusals import Code

ABSENT = object()
RESERVED = bytes(18)
Balance = tuple[int, int, int, int]  # debits posted, credits posted, debits and credits pending
NOTHING: Balance = (0, 0, 0, 0)


class Hold(NamedTuple):
    """A reserved amount that waits for POST or VOID."""

    debit: int
    credit: int
    amount: int
    timeout: int


class Kernel:
    """One batch of rows over one ledger; see the module's theory of operation."""

    def __init__(self, tables: dict[str, Any], at: int, opened: dict[int, Any],
                 sender: int | None = None, headroom_ppm: int = 0, members: int = 0) -> None:
        self.tables = tables
        self.at = at
        self.opened = opened  # classes opened by the same change, not yet in the tables
        self.sender = sender  # None: rows that the domain derived
        self.headroom_ppm = headroom_ppm
        self.members = members  # ids 1 to this; a sender may pay nobody else
        self.overlay: dict[tuple[str, Any], Any] = {}  # value None: deleted
        self.journal: list[tuple[tuple[str, Any], Any]] = []
        self.actions: dict[int, Callable[[Row], int]] = {
            RowCode.TRANSFER: self._transfer, RowCode.HOLD: self._hold, RowCode.POST: self._post,
            RowCode.VOID: self._void, RowCode.ISSUE: self._issue, RowCode.BURN: self._burn,
            RowCode.EXPIRE: self._expire, RowCode.RETIRE: self._retire}

    def run(self, rows: bytes) -> list[int]:
        """Return one code a row; chains (LINKED runs) succeed or fail whole."""
        codes: list[int] = []
        chain_start, chain_code = 0, 0
        for index, fields in enumerate(STRUCT.iter_unpack(rows)):
            row = Row(*fields)
            code = (chain_code and Code.LINKED_ROW_FAILED) or self._row(row)
            codes.append(code)
            if code and not chain_code:
                chain_code = code
                self._undo()
                codes[chain_start:index] = [Code.LINKED_ROW_FAILED] * (index - chain_start)
            if not row.flags & LINKED:
                self.journal.clear()
                chain_start, chain_code = index + 1, 0
        if chain_start < len(codes):
            self._undo()
            codes[chain_start:] = [code or Code.CHAIN_OPEN for code in codes[chain_start:]]
        return codes

    def writes(self) -> list[Write]:
        """Return what the successful chains change."""
        return [Write("ledger", table, key, value) for (table, key), value in self.overlay.items()
                if value is not None or key in self.tables[table]]

    def _row(self, row: Row) -> int:
        action = self.actions.get(row.code)
        if action is None:
            return Code.UNKNOWN_ROW_CODE
        if row.reserved != RESERVED or row.flags & ~LINKED:
            return Code.RESERVED_BYTES_NOT_ZERO
        least = 0 if row.code in (RowCode.POST, RowCode.VOID) else 1
        if not least <= row.amount <= INT64_MAX:
            return Code.AMOUNT_OUT_OF_RANGE
        if row.code in (RowCode.POST, RowCode.VOID):
            return action(row)
        if row.debit == row.credit:
            return Code.SAME_ACCOUNT
        if class_of(row.debit) != row.klass or class_of(row.credit) != row.klass:
            return Code.UNKNOWN_CLASS
        if row.klass != CASH and self._class(row.klass) is None:
            return Code.UNKNOWN_CLASS
        if self.sender is not None and row.code not in (RowCode.TRANSFER, RowCode.HOLD):
            return Code.UNKNOWN_ROW_CODE
        if self.sender is not None and owner_of(row.debit) != self.sender:
            return Code.DEBIT_NOT_YOURS
        if self.sender is not None and not 1 <= owner_of(row.credit) <= self.members:
            return Code.UNKNOWN_PARTICIPANT
        return action(row)

    # -- the overlay -----------------------------------------------------------------------

    def _get(self, table: str, key: Any) -> Any:
        value = self.overlay.get((table, key), ABSENT)
        return self.tables[table].get(key) if value is ABSENT else value

    def _set(self, table: str, key: Any, value: Any) -> None:
        slot = (table, key)
        self.journal.append((slot, self.overlay.get(slot, ABSENT)))
        self.overlay[slot] = value

    def _undo(self) -> None:
        for slot, before in reversed(self.journal):
            if before is ABSENT:
                del self.overlay[slot]
            else:
                self.overlay[slot] = before
        self.journal.clear()

    def _class(self, klass: int) -> Any:
        return self.opened.get(klass) or self.tables["classes"].get(klass)

    def _move(self, debit: int, credit: int, posted: int, pending: int) -> int:
        """Move `posted` and add `pending` (negative: release) between two accounts."""
        d = self._get("accounts", debit) or NOTHING
        c = self._get("accounts", credit) or NOTHING
        debits, credits = (d[0] + posted, d[2] + pending), (c[1] + posted, c[3] + pending)
        if kind_of(debit) != Kind.ISSUER and d[1] - debits[0] - debits[1] < 0:
            return Code.INSUFFICIENT_BALANCE
        if max(sum(debits), sum(credits)) > INT64_MAX:
            return Code.OVERFLOW
        self._set("accounts", debit, (debits[0], d[1], debits[1], d[3]))
        self._set("accounts", credit, (c[0], credits[0], c[2], credits[1]))
        return 0

    # -- one action a code -----------------------------------------------------------------

    def _transfer(self, row: Row) -> int:
        if not self._kinds(row, Kind.HOLDER, Kind.HOLDER):
            return Code.WRONG_ACCOUNT_KIND
        if self._has_expired(row.klass):
            return Code.TOKEN_EXPIRED
        return self._move(row.debit, row.credit, row.amount, 0)

    def _hold(self, row: Row) -> int:
        if kind_of(row.debit) != Kind.HOLDER or kind_of(row.credit) not in (
                Kind.HOLDER, Kind.BURNED):
            return Code.WRONG_ACCOUNT_KIND
        if self._has_expired(row.klass):
            return Code.TOKEN_EXPIRED
        if row.id == NO_ID or self._get("holds", row.id) is not None:
            return Code.HOLD_EXISTS
        if code := self._move(row.debit, row.credit, 0, row.amount):
            return code
        self._set("holds", row.id, Hold(row.debit, row.credit, row.amount, row.timeout))
        return 0

    def _resolved(self, row: Row, posted: int) -> int:
        hold = self._get("holds", row.hold)
        if code := self._move(hold[0], hold[1], posted, -hold[2]):
            return code
        self._set("holds", row.hold, None)
        return 0

    def _post(self, row: Row) -> int:
        hold = self._get("holds", row.hold)
        if hold is None:
            return Code.UNKNOWN_HOLD
        if (hold[0], hold[1]) != (row.debit, row.credit):
            return Code.HOLD_MISMATCH
        if self.sender is not None and owner_of(hold[1]) != self.sender:
            return Code.DEBIT_NOT_YOURS
        if row.amount > hold[2]:
            return Code.HOLD_EXCEEDED
        if hold[3] and self.at > hold[3]:
            return Code.HOLD_EXPIRED
        return self._resolved(row, row.amount)

    def _void(self, row: Row) -> int:
        hold = self._get("holds", row.hold)
        if hold is None:
            return Code.UNKNOWN_HOLD
        if (hold[0], hold[1]) != (row.debit, row.credit):
            return Code.HOLD_MISMATCH
        has_timed_out = hold[3] and self.at > hold[3]
        if self.sender is not None and owner_of(hold[1]) != self.sender and not has_timed_out:
            return Code.DEBIT_NOT_YOURS
        return self._resolved(row, 0)

    def _issue(self, row: Row) -> int:
        if not self._kinds(row, Kind.ISSUER, Kind.HOLDER):
            return Code.WRONG_ACCOUNT_KIND
        if row.klass == CASH:
            return self._move(row.debit, row.credit, row.amount, 0)
        if code := self._consume(row, row.amount):
            return code
        return self._move(row.debit, row.credit, row.amount, 0)

    def _retire(self, row: Row) -> int:
        if not self._kinds(row, Kind.HOLDER, Kind.ISSUER) or row.klass == CASH:
            return Code.WRONG_ACCOUNT_KIND
        if code := self._move(row.debit, row.credit, row.amount, 0):
            return code
        return self._consume(row, -row.amount)

    def _consume(self, row: Row, tokens: int) -> int:
        """Take device time for tokens (negative: give it back); the supply law lives here."""
        klass = self._class(row.klass)
        attestation = self._get("attestations", row.attestation)
        if attestation is None or not klass.may_draw_on(attestation):
            return Code.NOT_ATTESTED
        rating = klass.rating(attestation.chip)
        if rating is None:
            return Code.NOT_ATTESTED
        key = (row.klass, row.attestation)
        issued = self._get("issued", key) or 0
        if issued + tokens < 0:
            return Code.ISSUANCE_ABOVE_ATTESTATION
        more = device_ms_of(issued + tokens, rating) - device_ms_of(issued, rating)
        consumed = attestation.consumed_ms + more
        sellable = attestation.device_ms * (1_000_000 - self.headroom_ppm) // 1_000_000
        if more > 0 and (consumed > sellable or more > attestation.left_ms(self.at)):
            return Code.ISSUANCE_ABOVE_ATTESTATION
        self._set("issued", key, issued + tokens or None)
        self._set("attestations", row.attestation, attestation.consuming(consumed))
        return 0

    def _burn(self, row: Row) -> int:
        if not self._kinds(row, Kind.HOLDER, Kind.BURNED):
            return Code.WRONG_ACCOUNT_KIND
        return self._move(row.debit, row.credit, row.amount, 0)

    def _expire(self, row: Row) -> int:
        if not self._kinds(row, Kind.HOLDER, Kind.EXPIRED) or row.klass == CASH:
            return Code.WRONG_ACCOUNT_KIND
        if self.at < self._class(row.klass).expires:
            return Code.NOT_YET_EXPIRED
        return self._move(row.debit, row.credit, row.amount, 0)

    @staticmethod
    def _kinds(row: Row, debit: int, credit: int) -> bool:
        return kind_of(row.debit) == debit and kind_of(row.credit) == credit

    def _has_expired(self, klass: int) -> bool:
        return klass != CASH and self.at >= int(self._class(klass).expires)
