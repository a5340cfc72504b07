"""The 128-byte row: the wire format of every movement, fixed from the first day.

| offset | field       | type | meaning                                                          |
|--------|-------------|------|------------------------------------------------------------------|
| 0      | code        | u16  | what the row does, see `RowCode`                                 |
| 2      | flags       | u16  | bit 0 LINKED: all-or-nothing with the next row; bit 1 REGRADED:  |
|        |             |      | an ISSUE on what its set retires, of any grade                   |
| 4      | class       | u32  | token class; 0 is cash                                           |
| 8      | debit       | u64  | account the amount leaves                                        |
| 16     | credit      | u64  | account the amount reaches                                       |
| 24     | amount      | i64  | CU-microseconds, or micro-RMB for cash                           |
| 32     | id          | 16 B | the row's own id, for its sender; a HOLD's id                    |
| 48     | hold        | 16 B | the hold that POST and VOID resolve                              |
| 64     | timeout     | i64  | instant after which a HOLD no longer posts; 0: never             |
| 72     | attestation | u64  | what ISSUE consumes and RETIRE gives back                        |
| 80     | device_ms   | i64  | metered device time behind a token POST, for the auditor         |
| 88     | user        | 16 B | correlation: a job, a trade                                      |
| 104    | rating      | u32  | micro-CU bound at allocation, with device_ms                     |
| 108    | share       | u16  | thousandths of a device, with device_ms                          |
| 110    | reserved    | 18 B | zero                                                             |

An account is 64 bits: owner (24) | class (32) | kind (8). Nothing needs opening: an account is
named by what it is.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

import numpy as np

ROW_BYTES = 128
ROW = np.dtype([
    ("code", "<u2"), ("flags", "<u2"), ("class", "<u4"), ("debit", "<u8"), ("credit", "<u8"),
    ("amount", "<i8"), ("id", "V16"), ("hold", "V16"), ("timeout", "<i8"),
    ("attestation", "<u8"), ("device_ms", "<i8"), ("user", "V16"), ("rating", "<u4"),
    ("share", "<u2"), ("reserved", "V18")])
STRUCT = struct.Struct("<HHIQQq16s16sqQq16sIH18s")
LINKED, REGRADED = 1, 2
FLAGS_AT = 2  # the lower byte
NO_ID = bytes(16)
# How ids of holds begin that the domain makes: for jobs, orders, auctions, strips. No member may
# make one like it, nor resolve one, though it be made out to it: what holds it counts on it.
DOMAIN_IDS = (b"own", b"tok", b"csh", b"cmp", b"ord", b"auc", b"stp")
CASH = 0
CLEARING = 0  # the owner of what is between two owners; no participant


class RowCode(IntEnum):
    """What a row does."""

    TRANSFER = 1
    HOLD = 2
    POST = 3  # amount <= held; the rest is voided
    VOID = 4
    ISSUE = 5  # issuer -> its own holder account
    BURN = 6  # holder -> burned
    EXPIRE = 7  # holder -> expired
    RETIRE = 8  # unsold tokens back to the issuer; their device time is free again


class Kind(IntEnum):
    """What an account is for."""

    HOLDER = 1
    ISSUER = 2  # the only kind that may owe; equals minus the supply
    BURNED = 3
    EXPIRED = 4


class Row(NamedTuple):
    """One row, in wire order."""

    code: int
    flags: int
    klass: int
    debit: int
    credit: int
    amount: int
    id: bytes = NO_ID
    hold: bytes = NO_ID
    timeout: int = 0
    attestation: int = 0
    device_ms: int = 0
    user: bytes = NO_ID
    rating: int = 0
    share: int = 0
    reserved: bytes = bytes(18)

    def pack(self) -> bytes:
        return STRUCT.pack(*self)


def account(owner: int, klass: int, kind: int = Kind.HOLDER) -> int:
    """Return the account that an owner has in a class.

    >>> account(1, 2, 3) == (1 << 40) + (2 << 8) + 3
    True
    """
    return owner << 40 | klass << 8 | kind


def owner_of(account: int) -> int:
    return account >> 40


def class_of(account: int) -> int:
    return account >> 8 & 0xFFFF_FFFF


def kind_of(account: int) -> int:
    return account & 0xFF


def link(rows: list[Row]) -> bytes:
    """Return the rows as one all-or-nothing set."""
    packed = bytearray(b"".join([STRUCT.pack(*row) for row in rows]))
    for flags in range(FLAGS_AT, len(packed) - ROW_BYTES, ROW_BYTES):
        packed[flags] |= LINKED
    return bytes(packed)


def unpack(rows: bytes) -> list[Row]:
    """Return packed rows as tuples."""
    return [Row(*fields) for fields in STRUCT.iter_unpack(rows)]
