"""The kernel: runs packed rows against an overlay of the ledger, row by row, chain by chain.

Theory of operation: the overlay copies an account, hold, attestation or issue on first touch;
rows change the copies; a journal undoes a broken chain. Nothing of the ledger changes until the
overlay's writes are committed, so a refused set leaves no trace.

Order of checks of a row: code, reserved bytes, amount, accounts (class, kind, distinct), then
what the code itself needs (hold, attestation, expiry), then balance, then overflow. Of a
member's own row, before what its code needs: whether a member may ask for the code, the debit's
owner, the credit's owner, whether the class may be transferred.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from suanli.ledger.row import (
    CASH,
    DOMAIN_IDS,
    LINKED,
    NO_ID,
    REGRADED,
    STRUCT,
    Kind,
    Row,
    RowCode,
    kind_of,
    owner_of,
)
from suanli.terms.change import Write
from suanli.terms.quantity import INT64_MAX, device_ms_of
from suanli.terms.refusals import Code

ABSENT = object()
# As plain integers: reading a member of an enumeration costs more than all else of a row's checks.
TRANSFER, HOLD, POST, VOID, ISSUE, BURN, EXPIRE, RETIRE = map(int, RowCode)
ISSUER, HOLDER, BURNED, EXPIRED = map(int, (Kind.ISSUER, Kind.HOLDER, Kind.BURNED, Kind.EXPIRED))
RESOLVING, HOLDS_FOR = (POST, VOID), (HOLDER, BURNED)
# The standing of an issuer's credits, claims in micro-RMB: no device time backs them, and a member
# may do nothing with them but give them back.
PREPAID_CREDIT = "prepaid-credit"
CLASS_MASK = 0xFFFF_FFFF
RESERVED = bytes(18)
AS_ROW = partial(tuple.__new__, Row)  # `Row._make`, less the count of fields, which the format has
Balance = tuple[int, int, int, int]  # debits posted, credits posted, debits and credits pending
NOTHING: Balance = (0, 0, 0, 0)


class Hold(NamedTuple):
    """A reserved amount that waits for POST or VOID."""

    debit: int
    credit: int
    amount: int
    timeout: int


# What a chain has changed: (the overlay's records, key, what was there before).
Journal = list[tuple[dict[Any, Any], Any, Any]]


class Overlay:
    """One table with changes on top that are not committed; None is a deleted record."""

    def __init__(self, name: str, tables: dict[str, Any]) -> None:
        self.name = name
        self.table = tables[name]
        self.stored = self.table.get
        self.changed: dict[Any, Any] = {}

    def get(self, key: Any) -> Any:
        value = self.changed.get(key, ABSENT)
        return self.stored(key) if value is ABSENT else value

    def put(self, key: Any, value: Any, journal: Journal) -> None:
        journal.append((self.changed, key, self.changed.get(key, ABSENT)))
        self.changed[key] = value

    def writes(self) -> list[Write]:
        return [Write("ledger", self.name, key, value) for key, value in self.changed.items()
                if value is not None or key in self.table]


class Kernel:
    """One batch of rows over one ledger; see the module's theory of operation."""

    def __init__(self, tables: dict[str, Any], at: int, opened: dict[int, Any],
                 sender: int | None = None, headroom_ppm: int = 0, members: int = 0,
                 ceiling: int = INT64_MAX) -> None:
        self.tables = tables
        self.at = at
        self.opened = opened  # classes opened by the same change, not yet in the tables
        self.sender = sender  # None: rows that the domain derived
        self.headroom_ppm = headroom_ppm
        self.members = members  # ids 1 to this; a sender may pay nobody else
        self.ceiling = ceiling  # of all that an account was ever debited or credited
        self.accounts = Overlay("accounts", tables)
        self.holds = Overlay("holds", tables)
        self.attestations = Overlay("attestations", tables)
        self.issued = Overlay("issued", tables)
        self.journal: Journal = []
        self.freed: dict[int, int] = {}  # by attestation: device-ms that the running set retired
        # What was looked up: no row changes a class, nor which attestations it may draw on.
        self._classes: dict[int, Any] = {}
        self._credits: dict[int, int] = {}  # of these, an issuer's credits: class -> issuer
        self._ratings: dict[tuple[int, int], int] = {}
        self.actions: dict[int, Callable[[Row], int]] = {
            TRANSFER: self._transfer, HOLD: self._hold, POST: self._post, VOID: self._void,
            ISSUE: self._issue, BURN: self._burn, EXPIRE: self._expire, RETIRE: self._retire}

    def run(self, rows: bytes) -> list[int]:
        """Return one code a row; chains (LINKED runs) succeed or fail whole."""
        codes: list[int] = []
        chain_start, chain_code = 0, 0
        for index, row in enumerate(map(AS_ROW, STRUCT.iter_unpack(rows))):
            code = (chain_code and Code.LINKED_ROW_FAILED) or self._row(row)
            codes.append(code)
            if code and not chain_code:
                chain_code = code
                self._undo()
                codes[chain_start:index] = [Code.LINKED_ROW_FAILED] * (index - chain_start)
            if not row.flags & LINKED:
                self.journal.clear()
                self.freed.clear()
                chain_start, chain_code = index + 1, 0
        if chain_start < len(codes):
            self._undo()
            codes[chain_start:] = [code or Code.CHAIN_OPEN for code in codes[chain_start:]]
        return codes

    def writes(self) -> list[Write]:
        """Return what the successful chains change."""
        return [write for overlay in (self.accounts, self.holds, self.attestations, self.issued)
                for write in overlay.writes()]

    def _row(self, row: Row) -> int:
        action = self.actions.get(row.code)
        if action is None:
            return Code.UNKNOWN_ROW_CODE
        if row.reserved != RESERVED or (row.flags & ~LINKED and not self._is_regraded(row)):
            return Code.RESERVED_BYTES_NOT_ZERO
        resolves = row.code in RESOLVING
        if not (0 if resolves else 1) <= row.amount <= INT64_MAX:
            return Code.AMOUNT_OUT_OF_RANGE
        if resolves:
            return action(row)
        if row.debit == row.credit:
            return Code.SAME_ACCOUNT
        klass = row.klass
        if row.debit >> 8 & CLASS_MASK != klass or row.credit >> 8 & CLASS_MASK != klass:
            return Code.UNKNOWN_CLASS
        if klass != CASH and self._class(klass) is None:
            return Code.UNKNOWN_CLASS
        return action(row) if self.sender is None else self._senders(row) or action(row)

    def _is_regraded(self, row: Row) -> bool:
        """Say whether a row may have, and has, the one flag beside LINKED."""
        return self.sender is None and row.code == ISSUE and row.flags & ~LINKED == REGRADED

    def _senders(self, row: Row) -> int:
        """Return why a member may not ask for a row, or 0."""
        if row.code not in (TRANSFER, HOLD):
            return Code.UNKNOWN_ROW_CODE
        payee = row.credit >> 40  # `owner_of`, less a call
        if row.debit >> 40 != self.sender:
            return Code.DEBIT_NOT_YOURS
        if not 1 <= payee <= self.members:
            return Code.UNKNOWN_PARTICIPANT
        if row.klass in self._credits and (row.code == HOLD or payee != self._credits[row.klass]):
            return Code.NOT_TRANSFERABLE
        return Code.ID_RESERVED if row.code == HOLD and row.id[:3] in DOMAIN_IDS else 0

    # -- the overlay -----------------------------------------------------------------------

    def _undo(self) -> None:
        for changed, key, before in reversed(self.journal):
            if before is ABSENT:
                del changed[key]
            else:
                changed[key] = before
        self.journal.clear()
        self.freed.clear()

    def _class(self, klass: int) -> Any:
        found = self._classes.get(klass)
        if found is None:
            found = self.opened.get(klass) or self.tables["classes"].get(klass)
            self._classes[klass] = found
            if found is not None and found.standing == PREPAID_CREDIT:
                self._credits[klass] = found.issuer
        return found

    def _move(self, debit: int, credit: int, posted: int, pending: int) -> int:
        """Move `posted` and add `pending` (negative: release) between two accounts."""
        accounts, journal = self.accounts, self.journal
        changed, stored = accounts.changed, accounts.stored
        debited, credited = changed.get(debit), changed.get(credit)
        d0, d1, d2, d3 = debited or stored(debit) or NOTHING
        c0, c1, c2, c3 = credited or stored(credit) or NOTHING
        d0, d2, c1, c3 = d0 + posted, d2 + pending, c1 + posted, c3 + pending
        if debit & 0xFF != ISSUER and d1 - d0 - d2 < 0:
            return Code.INSUFFICIENT_BALANCE
        if d0 + d2 > self.ceiling or c1 + c3 > self.ceiling:
            return Code.OVERFLOW
        journal += ((changed, debit, debited or ABSENT), (changed, credit, credited or ABSENT))
        changed[debit], changed[credit] = (d0, d1, d2, d3), (c0, c1, c2, c3)
        return 0

    # -- one action a code -----------------------------------------------------------------

    def _transfer(self, row: Row) -> int:
        if not self._kinds(row, HOLDER, HOLDER):
            return Code.WRONG_ACCOUNT_KIND
        if self._has_expired(row.klass):
            return Code.TOKEN_EXPIRED
        return self._move(row.debit, row.credit, row.amount, 0)

    def _hold(self, row: Row) -> int:
        if row.debit & 0xFF != HOLDER or row.credit & 0xFF not in HOLDS_FOR:
            return Code.WRONG_ACCOUNT_KIND
        if self._has_expired(row.klass):
            return Code.TOKEN_EXPIRED
        id, holds = row.id, self.holds
        if id == NO_ID or holds.get(id) is not None:
            return Code.HOLD_EXISTS
        if code := self._move(row.debit, row.credit, 0, row.amount):
            return code
        holds.put(id, Hold(row.debit, row.credit, row.amount, row.timeout), self.journal)
        return 0

    def _resolved(self, row: Row, posted: int) -> int:
        hold = self.holds.get(row.hold)
        if code := self._move(hold[0], hold[1], posted, -hold[2]):
            return code
        self.holds.put(row.hold, None, self.journal)
        return 0

    def _post(self, row: Row) -> int:
        hold = self.holds.get(row.hold)
        if hold is None:
            return Code.UNKNOWN_HOLD
        if (hold[0], hold[1]) != (row.debit, row.credit):
            return Code.HOLD_MISMATCH
        if self.sender is not None and not self._may_resolve(row, hold):
            return Code.DEBIT_NOT_YOURS
        if row.amount > hold[2]:
            return Code.HOLD_EXCEEDED
        if hold[3] and self.at > hold[3]:
            return Code.HOLD_EXPIRED
        return self._resolved(row, row.amount)

    def _void(self, row: Row) -> int:
        hold = self.holds.get(row.hold)
        if hold is None:
            return Code.UNKNOWN_HOLD
        if (hold[0], hold[1]) != (row.debit, row.credit):
            return Code.HOLD_MISMATCH
        has_timed_out = hold[3] and self.at > hold[3]
        if self.sender is not None and not self._may_resolve(row, hold) and not has_timed_out:
            return Code.DEBIT_NOT_YOURS
        return self._resolved(row, 0)

    def _may_resolve(self, row: Row, hold: Hold) -> bool:
        """Say whether the sender may: what is held for it, but by the domain."""
        return owner_of(hold[1]) == self.sender and row.hold[:3] not in DOMAIN_IDS

    def _issue(self, row: Row) -> int:
        if row.debit & 0xFF != ISSUER or row.credit & 0xFF != HOLDER:
            return Code.WRONG_ACCOUNT_KIND
        if row.klass != CASH and (code := self._consume(row, row.amount)):
            return code
        return self._move(row.debit, row.credit, row.amount, 0)

    def _retire(self, row: Row) -> int:
        if not self._kinds(row, HOLDER, ISSUER) or row.klass == CASH:
            return Code.WRONG_ACCOUNT_KIND
        if code := self._move(row.debit, row.credit, row.amount, 0):
            return code
        return self._consume(row, -row.amount)

    def _consume(self, row: Row, tokens: int) -> int:
        """Take device time for tokens (negative: give it back); the supply law lives here."""
        key = (row.klass, row.attestation)
        attestation = self.attestations.get(row.attestation)
        rating = self._ratings.get(key)
        if rating is None:
            klass = self._class(row.klass)
            if row.klass in self._credits:
                return 0  # of device time: it is a claim in money
            if attestation is None or not klass.may_draw_on(attestation):
                return Code.NOT_ATTESTED
            rating = klass.rating(attestation.chip)
            if rating is None:
                return Code.NOT_ATTESTED
            self._ratings[key] = rating
        issued = self.issued.get(key) or 0
        if issued + tokens < 0:
            return Code.ISSUANCE_ABOVE_ATTESTATION
        more = device_ms_of(issued + tokens, rating) - device_ms_of(issued, rating)
        consumed = attestation.consumed_ms + more
        if more > 0 and not self._may_consume(row, attestation, more):
            return Code.ISSUANCE_ABOVE_ATTESTATION
        if tokens < 0 or row.flags & REGRADED:
            self.freed[row.attestation] = self.freed.get(row.attestation, 0) - more
        self.issued.put(key, issued + tokens or None, self.journal)
        self.attestations.put(row.attestation, attestation.consuming(consumed), self.journal)
        return 0

    def _may_consume(self, row: Row, attestation: Any, more: int) -> bool:
        """Say whether an attestation can give so much more device time to a row that issues."""
        if row.flags & REGRADED:  # device time that was sold, in another grade: nothing is added
            return more <= self.freed.get(row.attestation, 0)
        sellable = attestation.device_ms * (1_000_000 - self.headroom_ppm) // 1_000_000
        within: bool = attestation.consumed_ms + more <= sellable
        return within and more <= int(attestation.left_ms(self.at))

    def _burn(self, row: Row) -> int:
        if not self._kinds(row, HOLDER, BURNED):
            return Code.WRONG_ACCOUNT_KIND
        return self._move(row.debit, row.credit, row.amount, 0)

    def _expire(self, row: Row) -> int:
        if not self._kinds(row, HOLDER, EXPIRED) or row.klass == CASH:
            return Code.WRONG_ACCOUNT_KIND
        if self.at < self._class(row.klass).expires:
            return Code.NOT_YET_EXPIRED
        return self._move(row.debit, row.credit, row.amount, 0)

    @staticmethod
    def _kinds(row: Row, debit: int, credit: int) -> bool:
        return kind_of(row.debit) == debit and kind_of(row.credit) == credit

    def _has_expired(self, klass: int) -> bool:
        return klass != CASH and self.at >= int(self._class(klass).expires)
