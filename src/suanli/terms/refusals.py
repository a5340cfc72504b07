"""Refusals: permanent code numbers, one enum for all rooms, and the value that carries them.

Laws
----
* A number is never reused and never renumbered; each room owns a hundred.
* A refusal says what was found and what would be accepted, and changes nothing.
* `transient` refusals may succeed later unchanged; the others never will.
"""

from dataclasses import dataclass
from enum import IntEnum


class Code(IntEnum):
    """Every refusal code; 0 is success."""

    OK = 0
    # terms and domain: 1-99
    MALFORMED = 1
    UNKNOWN_COMMAND = 2
    ROOM_ABSENT = 3
    WRONG_CHAIN = 4
    AMOUNT_OUT_OF_RANGE = 5
    # members: 100-199
    UNKNOWN_PARTICIPANT = 100
    BAD_SIGNATURE = 101
    NONCE_REPLAYED = 102
    ROLE_LACKS_RIGHT = 103
    DELEGATION_LACKS_RIGHT = 104
    DELEGATION_EXPIRED = 105
    SPEND_LIMIT_EXCEEDED = 106
    PARTICIPANT_EXISTS = 107
    UNKNOWN_ROLE = 108
    UNKNOWN_PARAMETER = 109
    # reserved for the alliance
    KEY_ROTATION_RESERVED = 110
    APPROVALS_RESERVED = 111
    KEY_IN_USE = 112
    # chips: 200-299
    UNKNOWN_CHIP = 200
    UNKNOWN_ZONE = 201
    UNKNOWN_AREA = 202
    UNKNOWN_HOST = 203
    ZONE_EXISTS = 204
    HOST_EXISTS = 205
    NOT_THE_OWNER = 206
    DEVICE_COUNT_OUT_OF_RANGE = 207
    UNKNOWN_LINK = 208
    # units: 300-399
    UNKNOWN_WORKLOAD_CLASS = 300
    UNKNOWN_GRADE = 301
    GRADE_EXISTS = 302
    CHIP_NOT_RATABLE = 303
    CHIP_NOT_IN_GRADE = 304
    # ledger: 400-499
    UNKNOWN_CLASS = 400
    INSUFFICIENT_BALANCE = 401
    SAME_ACCOUNT = 402
    DEBIT_NOT_YOURS = 403
    UNKNOWN_HOLD = 404
    HOLD_EXISTS = 405
    HOLD_EXCEEDED = 406
    HOLD_EXPIRED = 407
    LINKED_ROW_FAILED = 408
    CHAIN_OPEN = 409
    UNKNOWN_ROW_CODE = 410
    RESERVED_BYTES_NOT_ZERO = 411
    OVERFLOW = 412
    ISSUANCE_ABOVE_ATTESTATION = 413
    ATTESTATION_ABOVE_INVENTORY = 414
    TOKEN_EXPIRED = 415
    WRONG_ACCOUNT_KIND = 416
    PERIOD_OVER = 417
    NOT_ATTESTED = 418
    BATCH_TOO_LARGE = 419
    HOLD_MISMATCH = 420
    NOT_YET_EXPIRED = 421
    # market: 500-599
    UNKNOWN_PRODUCT = 500
    NO_OFFER = 501
    PRICE_OUT_OF_RANGE = 502
    QUANTITY_OUT_OF_RANGE = 503
    UNKNOWN_ORDER = 504
    GATE_CLOSED = 505
    # market, call auctions: 540-569
    ORDER_MALFORMED = 545
    # schedule: 600-699
    UNKNOWN_JOB = 600
    GANG_DOES_NOT_FIT = 601
    TIME_LIMIT_MISSING = 602
    MAX_HOURLY_COST_MISSING = 603
    DEVICES_NOT_FREE = 604
    WRONG_PHASE = 605
    NO_ADMISSIBLE_CHIP = 606
    SHARE_OUT_OF_RANGE = 607
    PRICED_OUT = 608
    MIXED_CHIPS_IN_GANG = 609
    TIME_LIMIT_OUT_OF_RANGE = 610
    HOST_UNAVAILABLE = 611
    NOT_RENEWABLE = 612
    COMMAND_TOO_LONG = 613
    NOT_PREEMPTIBLE = 614
    RUN_TOO_SHORT = 615
    BENEFICIARY_NOT_QUEUED = 616
    BENEFICIARY_NOT_SMALLER = 617
    PREEMPTION_RATE_EXCEEDED = 618
    UNKNOWN_LEVEL = 619
    LEVEL_EXCEEDED = 620
    # settlement: 700-799
    METER_OUT_OF_RANGE = 700
    NOT_OVER = 701
    NOTHING_OWED = 702


TRANSIENT = frozenset({
    Code.INSUFFICIENT_BALANCE, Code.NO_OFFER, Code.DEVICES_NOT_FREE, Code.PRICED_OUT,
    Code.ISSUANCE_ABOVE_ATTESTATION, Code.NOT_ATTESTED,
    Code.HOST_UNAVAILABLE, Code.RUN_TOO_SHORT, Code.PREEMPTION_RATE_EXCEEDED,
})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command was refused: the code, and a sentence with what was found and accepted."""

    code: Code
    reason: str

    @property
    def is_transient(self) -> bool:
        return self.code in TRANSIENT
