"""The audit: a naive ledger over the rows of verified blocks, and the metering behind them.

It trusts neither kernel nor settlement: a dictionary of balances, rules spelled out again, the
metering formula recomputed from what the rows claim. Used by `suanli verify`.
"""

import struct
from collections import defaultdict
from dataclasses import dataclass, field

from suanli.chain.verify import Verified
from suanli.terms.errors import IntegrityBroken

ROW = struct.Struct("<HHIQQq16s16sqQq16sIH18s")
TRANSFER, HOLD, POST, VOID, ISSUE, BURN, EXPIRE, RETIRE = range(1, 9)
ISSUER_KIND = 2


@dataclass(slots=True)
class NaiveLedger:
    """Balances by account, holds by id, and what was metered by job and hour."""

    balance: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    pending: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    holds: dict[bytes, tuple[int, int, int]] = field(default_factory=dict)
    rows: int = 0

    def block(self, block: Verified) -> None:
        """Apply a block's rows.

        Raises
        ------
        IntegrityBroken
            Naming the height, the row, and what does not add up.
        """
        height = block.header["height"]
        claims: dict[bytes, list[tuple[int, int, int, int]]] = defaultdict(list)
        touched: set[int] = set()
        for index, row in enumerate(ROW.iter_unpack(block.rows)):
            where = f"block {height}, row {index}"
            self._row(row, where, touched)
            if row[0] == POST and row[2] and row[12]:
                claims[row[11]].append((row[5], row[10], row[12], row[13]))
        self.rows += len(block.rows) // ROW.size
        self._metering(claims, height)
        for account in touched:
            free = self.balance[account] - self.pending[account]
            if account & 0xFF != ISSUER_KIND and free < 0:
                raise IntegrityBroken(f"block {height}: account {account} is overdrawn by {-free}")

    def _row(self, row: tuple[int, ...], where: str, touched: set[int]) -> None:
        code, _, klass, debit, credit, amount = row[:6]
        if amount < 0 or any(a >> 8 & 0xFFFF_FFFF != klass for a in (debit, credit)):
            raise IntegrityBroken(f"{where}: amount {amount} or an account of another class")
        if code == HOLD:
            self.holds[row[6]] = (debit, credit, amount)  # type: ignore[index]
            self.pending[debit] += amount
        elif code in (POST, VOID):
            held = self.holds.pop(row[7], None)  # type: ignore[call-overload]
            if held is None or held[:2] != (debit, credit) or amount > held[2]:
                raise IntegrityBroken(f"{where}: resolves a hold that is not there or is less")
            self.pending[debit] -= held[2]
            self._move(debit, credit, amount if code == POST else 0)
        elif code in (TRANSFER, ISSUE, BURN, EXPIRE, RETIRE):
            self._move(debit, credit, amount)
        else:
            raise IntegrityBroken(f"{where}: unknown row code {code}")
        touched.add(debit)

    def _move(self, debit: int, credit: int, amount: int) -> None:
        self.balance[debit] -= amount
        self.balance[credit] += amount

    @staticmethod
    def _metering(claims: dict[bytes, list[tuple[int, int, int, int]]], height: int) -> None:
        """Per job and hour, the tokens posted are what the device time is worth, rounded down."""
        for user, posts in claims.items():
            _, device_ms, rating, share = posts[0]
            worth = device_ms * share * rating // 1_000_000
            posted = sum(post[0] for post in posts)
            if posted != worth:
                job = int.from_bytes(user[:8], "big")
                raise IntegrityBroken(f"block {height}: job {job} was posted {posted} CU-us for "
                                      f"{device_ms} device-ms worth {worth}")

    def check_sums(self) -> None:
        """In every class, what left accounts is what reached accounts."""
        sums: dict[int, int] = defaultdict(int)
        for account, amount in self.balance.items():
            sums[account >> 8 & 0xFFFF_FFFF] += amount
        broken = {klass: total for klass, total in sums.items() if total}
        if broken:
            raise IntegrityBroken(f"classes do not sum to zero: {broken}")
