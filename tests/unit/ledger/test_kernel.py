"""Every row code, its refusals, and linked sets, against a hand-made ledger."""

import numpy as np
import pytest
from tests.stage import START, Stage

from suanli.domain.state_machine import CEILING
from suanli.ledger.commands import Batch, Grant
from suanli.ledger.row import CASH, DOMAIN_IDS, ROW, Kind, Row, RowCode, account, link, unpack
from suanli.terms.quantity import INT64_MAX, RMB, TOKEN
from suanli.terms.refusals import Code

A, B = account(2, CASH), account(3, CASH)
ID, OTHER_ID = b"hold".ljust(16, b"."), b"other".ljust(16, b".")


def run(stage: Stage, *rows: Row, sender: int | None = None, at: int = START) -> list[int]:
    ledger = stage.rooms.ledger
    codes, writes = ledger.check_rows(b"".join(row.pack() for row in rows), at, sender)
    ledger.commit(writes)
    return codes


def transfer(amount: int, flags: int = 0) -> Row:
    return Row(RowCode.TRANSFER, flags, CASH, A, B, amount)


def hold(amount: int, id: bytes = ID, timeout: int = 0) -> Row:
    return Row(RowCode.HOLD, 0, CASH, A, B, amount, id=id, timeout=timeout)


def post(amount: int, id: bytes = ID) -> Row:
    return Row(RowCode.POST, 0, CASH, A, B, amount, hold=id)


def void(id: bytes = ID) -> Row:
    return Row(RowCode.VOID, 0, CASH, A, B, 0, hold=id)


def test_transfer_hold_post_void(stage: Stage) -> None:
    ledger = stage.rooms.ledger
    assert run(stage, transfer(400 * RMB)) == [0]
    assert run(stage, hold(600 * RMB)) == [0]
    assert (ledger.available(A), ledger.available(B)) == (0, 1400 * RMB)
    assert run(stage, transfer(1)) == [Code.INSUFFICIENT_BALANCE]
    assert run(stage, post(250 * RMB)) == [0]  # a partial post voids the rest
    assert (ledger.available(A), ledger.available(B)) == (350 * RMB, 1650 * RMB)
    assert run(stage, post(1)) == [Code.UNKNOWN_HOLD]
    assert run(stage, hold(350 * RMB), void(), transfer(350 * RMB)) == [0, 0, 0]
    assert len(ledger.tables["holds"]) == 0


@pytest.mark.parametrize(("row", "code"), [
    (Row(99, 0, CASH, A, B, 1), Code.UNKNOWN_ROW_CODE),
    (transfer(1)._replace(reserved=b"\x01" + bytes(17)), Code.RESERVED_BYTES_NOT_ZERO),
    (transfer(1)._replace(flags=2), Code.RESERVED_BYTES_NOT_ZERO),
    (transfer(0), Code.AMOUNT_OUT_OF_RANGE),
    (transfer(-1), Code.AMOUNT_OUT_OF_RANGE),
    (Row(RowCode.TRANSFER, 0, CASH, A, A, 1), Code.SAME_ACCOUNT),
    (Row(RowCode.TRANSFER, 0, 7, A, B, 1), Code.UNKNOWN_CLASS),
    (Row(RowCode.TRANSFER, 0, 7, account(2, 7), account(3, 7), 1), Code.UNKNOWN_CLASS),
    (Row(RowCode.TRANSFER, 0, CASH, A, account(3, CASH, Kind.ISSUER), 1), Code.WRONG_ACCOUNT_KIND),
    (Row(RowCode.BURN, 0, CASH, A, B, 1), Code.WRONG_ACCOUNT_KIND),
    (Row(RowCode.EXPIRE, 0, CASH, A, account(2, CASH, Kind.EXPIRED), 1), Code.WRONG_ACCOUNT_KIND),
    (Row(RowCode.RETIRE, 0, CASH, A, account(2, CASH, Kind.ISSUER), 1), Code.WRONG_ACCOUNT_KIND),
    (Row(RowCode.ISSUE, 0, CASH, A, B, 1), Code.WRONG_ACCOUNT_KIND),
    (transfer(INT64_MAX), Code.INSUFFICIENT_BALANCE),
    (hold(1, id=bytes(16)), Code.HOLD_EXISTS),
    (post(1), Code.UNKNOWN_HOLD),
    (void(), Code.UNKNOWN_HOLD),
])
def test_refused_rows_change_nothing(stage: Stage, row: Row, code: Code) -> None:
    before = stage.rooms.ledger.root()
    assert run(stage, row) == [code]
    assert stage.rooms.ledger.root() == before


def test_overflow_is_refused(stage: Stage) -> None:
    issuer = account(1, CASH, Kind.ISSUER)
    row = Row(RowCode.ISSUE, 0, CASH, issuer, B, INT64_MAX)
    assert run(stage, row) == [Code.OVERFLOW]


def test_holds_guard_their_terms(stage: Stage) -> None:
    assert run(stage, hold(10, timeout=START + 5), hold(10)) == [0, Code.HOLD_EXISTS]
    assert run(stage, post(11)) == [Code.HOLD_EXCEEDED]
    assert run(stage, post(1)._replace(credit=account(4, CASH))) == [Code.HOLD_MISMATCH]
    assert run(stage, void(), sender=2) == [Code.DEBIT_NOT_YOURS]  # not before the time-out
    assert run(stage, post(1), at=START + 6) == [Code.HOLD_EXPIRED]
    assert run(stage, void(), sender=2, at=START + 6) == [0]


def test_a_sender_moves_only_its_own(stage: Stage) -> None:
    assert run(stage, transfer(1), sender=3) == [Code.DEBIT_NOT_YOURS]
    astray = transfer(1)._replace(credit=account(99, CASH))
    assert run(stage, astray, sender=2) == [Code.UNKNOWN_PARTICIPANT]
    clearing = transfer(1)._replace(credit=account(0, CASH))
    assert run(stage, clearing, sender=2) == [Code.UNKNOWN_PARTICIPANT]
    burn = Row(RowCode.BURN, 0, CASH, A, account(2, CASH, Kind.BURNED), 1)
    assert run(stage, burn, sender=2) == [Code.UNKNOWN_ROW_CODE]
    assert run(stage, hold(5), sender=2) == [0]
    assert run(stage, post(5), sender=2) == [Code.DEBIT_NOT_YOURS]  # the credit's owner posts
    assert run(stage, post(5), sender=3) == [0]


def test_a_linked_set_is_all_or_nothing(stage: Stage) -> None:
    before = stage.rooms.ledger.root()
    rows = link([transfer(5), transfer(2000 * RMB), transfer(1)])
    codes, writes = stage.rooms.ledger.check_rows(rows, START)
    assert codes == [Code.LINKED_ROW_FAILED, Code.INSUFFICIENT_BALANCE, Code.LINKED_ROW_FAILED]
    stage.rooms.ledger.commit(writes)
    assert stage.rooms.ledger.root() == before
    assert run(stage, transfer(5, flags=1)) == [Code.CHAIN_OPEN]
    assert stage.rooms.ledger.root() == before


def test_a_broken_chain_does_not_touch_its_neighbours(stage: Stage) -> None:
    codes = run(stage, transfer(1), transfer(2, flags=1), transfer(-1), transfer(3))
    assert codes == [0, Code.LINKED_ROW_FAILED, Code.AMOUNT_OUT_OF_RANGE, 0]
    assert stage.rooms.ledger.available(B) == 1000 * RMB + 4


def test_apply_batch_takes_and_returns_arrays(stage: Stage) -> None:
    rows = np.frombuffer(transfer(5).pack() + transfer(0).pack(), dtype=ROW)
    codes = stage.rooms.ledger.apply_batch(rows, START)
    assert codes.dtype == np.uint16
    assert codes.tolist() == [0, Code.AMOUNT_OUT_OF_RANGE]
    assert rows["amount"].tolist() == [5, 0]
    assert unpack(rows.tobytes())[0] == transfer(5)
    assert ROW.itemsize == 128


def test_token_amounts_fit_far_above_any_fleet() -> None:
    assert 10**9 * TOKEN < INT64_MAX


@pytest.mark.parametrize("prefix", DOMAIN_IDS)
def test_ids_of_the_domain_s_holds_are_its_own(stage: Stage, prefix: bytes) -> None:
    """Nobody takes the id of an order that is still to come, nor what is held for it."""
    id = prefix.ljust(16, b"\0")
    assert run(stage, hold(5, id), sender=2) == [Code.ID_RESERVED]
    assert run(stage, hold(5, id)) == [0]
    for row in (post(5, id), void(id)):
        assert run(stage, row, sender=3) == [Code.DEBIT_NOT_YOURS]


def test_what_must_succeed_has_the_upper_half_to_itself(stage: Stage) -> None:
    """Money that goes to and fro fills its owners' sums only so far."""
    issued = stage.rooms.ledger.balance(account(1, CASH, Kind.ISSUER))[0]
    stage.must(1, Grant(2, CEILING - issued))
    there = transfer(1000 * RMB)
    back = Row(RowCode.TRANSFER, 0, CASH, B, A, 1000 * RMB)
    assert stage.must(3, Batch(back.pack())).codes == (0,)
    assert stage.must(2, Batch(there.pack())).codes == (0,)
    assert stage.must(3, Batch(back.pack())).codes == (Code.OVERFLOW,)
    assert run(stage, back) == [0]
