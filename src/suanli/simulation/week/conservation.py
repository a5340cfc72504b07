"""Judges a state from the outside: is anything there that nobody put in, or gone that nobody took?

Laws
----
* In every class, debits = credits; cash, less what banks owe, is what was granted.
* Only an issuer's account may owe; what is held of an account is the sum of its holds.
* Every hold belongs to something open: an order, an auction, a job's hour, a preemption, an hour
  of a strip. Of a taken strip every open hour is on hold, cap less floor, and no other.
* Credit granted = converted + given back + outstanding, of each operator, as was heard of it.
* Device time issued <= consumed <= attested, of each chip, area and hour.

It reads tables only, and shares no code with the rooms that write them but the words.
Cost: O(accounts + holds + attestations).
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from suanli.ledger.kernel import PREPAID_CREDIT
from suanli.ledger.row import CASH, Kind, class_of, kind_of, owner_of
from suanli.schedule.phases import HOLDS_DEVICES
from suanli.terms.errors import InvariantBroken, invariant
from suanli.terms.instant import HOUR
from suanli.terms.quantity import device_ms_of

JOB_HOURS = (b"own", b"tok", b"csh")
NOBODY: Final[Mapping[int, "Credit"]] = {}


@dataclass(slots=True)
class Credit:
    """What was heard of an operator's prepaid credit, micro-RMB of face."""

    granted: int = 0
    converted: int = 0
    returned: int = 0


def check_conservation(rooms: Any, granted: int, credits: Mapping[int, Credit] = NOBODY) -> None:
    """Hold a state against the laws; `granted` is the cash that banks have given, micro-RMB.

    `credits` by operator.

    Raises
    ------
    InvariantBroken
        Naming the law, what was found and where.
    """
    _check_sums(rooms.ledger.tables["accounts"], granted)
    _check_holds(rooms)
    _check_strips(rooms)
    _check_credits(rooms.ledger, credits)
    _check_device_time(rooms.ledger)


def _check_sums(accounts: Any, granted: int) -> None:
    sums: dict[int, int] = defaultdict(int)
    cash = 0
    for account, (debits, credits, pending, _) in accounts.items():
        sums[class_of(account)] += credits - debits
        if kind_of(account) == Kind.ISSUER:
            continue
        free = credits - debits - pending
        invariant(free >= 0, "only an issuer may owe", account=account, free=free)
        if class_of(account) == CASH:
            cash += credits - debits
    unequal = {klass: total for klass, total in sums.items() if total}
    invariant(not unequal, "debits are credits in every class", unequal=unequal)
    invariant(cash == granted, "cash is what was granted", found=cash, granted=granted)


def _check_holds(rooms: Any) -> None:
    pending: dict[int, int] = defaultdict(int)
    for id, (debit, _, amount, _) in rooms.ledger.tables["holds"].items():
        pending[debit] += amount
        invariant(_is_open(rooms, id), "a hold belongs to something open", hold=id.hex())
    for account, (_, _, held, _) in rooms.ledger.tables["accounts"].items():
        invariant(held == pending.pop(account, 0), "what is held is the sum of the holds",
                  account=account, held=held)
    invariant(not pending, "a hold is of an account", accounts=sorted(pending))


def _is_open(rooms: Any, id: bytes) -> bool:
    """Say whether what a hold was made for is still there; see who makes each kind of id."""
    number = int.from_bytes
    if id[:4] == b"auct":
        key = tuple(number(id[first:first + 4], "big") for first in (4, 8, 12))
        return key in rooms.market.tables["auction_holds"]
    if id[:3] == b"ord":
        order = rooms.market.tables["orders"].get(number(id[3:11], "big"))
        return order is not None and order.version == number(id[11:], "big")
    if id[:3] == b"stp":
        return True  # `_check_strips`
    job, start = number(id[3:10], "big"), number(id[10:], "big") * HOUR
    if id[:3] in JOB_HOURS:
        return (job, start) in rooms.settlement.tables["purchases"]
    if id[:3] == b"cmp":
        return rooms.schedule.job(job).phase in HOLDS_DEVICES
    raise InvariantBroken(f"a hold of nobody's: {id.hex()}")


def _check_strips(rooms: Any) -> None:
    held = {(int.from_bytes(id[3:11], "big"), int.from_bytes(id[11:], "big")): amount
            for id, (_, _, amount, _) in rooms.ledger.tables["holds"].items()
            if id[:3] == b"stp"}
    unfixed = {(id, hour): (taken.strip.cap_mrmb - taken.strip.floor_mrmb) * taken.strip.lots
               for id, taken in rooms.market.tables["strips_taken"].items()
               for hour, price in enumerate(taken.prices) if not price}
    invariant(held == unfixed, "every open hour of a strip is on hold", held=held, open=unfixed)


def _check_credits(ledger: Any, heard: Mapping[int, Credit]) -> None:
    """An operator's own account of its credit holds what was given back, the others' is owed."""
    issuers = {id: klass.issuer for id, klass in ledger.tables["classes"].items()
               if klass.standing == PREPAID_CREDIT}
    found = {issuer: Credit() for issuer in issuers.values()}
    owed: dict[int, int] = defaultdict(int)
    for account, (debits, credits, _, _) in ledger.tables["accounts"].items():
        if (issuer := issuers.get(class_of(account))) is None:
            continue
        if kind_of(account) == Kind.ISSUER:
            found[issuer].granted, found[issuer].converted = debits, credits
        elif kind_of(account) == Kind.HOLDER and owner_of(account) == issuer:
            found[issuer].returned = credits - debits
        elif kind_of(account) == Kind.HOLDER:
            owed[issuer] += credits - debits
    invariant(found == heard, "credit is what was heard of it", found=found, heard=dict(heard))
    for issuer, credit in found.items():
        invariant(credit.granted == credit.converted + credit.returned + owed[issuer],
                  "credit granted is converted, given back or owed", credit=credit,
                  owed=owed[issuer])


def _check_device_time(ledger: Any) -> None:
    issued: dict[int, int] = defaultdict(int)
    for (klass, attestation), tokens in ledger.tables["issued"].items():
        rating = ledger.token_class(klass).rating(ledger.attestation(attestation).chip)
        issued[attestation] += device_ms_of(tokens, rating)
    for id, record in ledger.tables["attestations"].items():
        invariant(issued[id] <= record.consumed_ms <= record.device_ms,
                  "device time issued is attested", attestation=record, issued_ms=issued[id])
