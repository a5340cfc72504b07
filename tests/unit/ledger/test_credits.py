"""Credits in the kernel: no device time behind them, nowhere to go but back, never over."""

import pytest
from tests.stage import SINGLE, START, Stage
from tests.unit.ledger.test_kernel import run

from suanli.ledger.commands import Batch, Sweep
from suanli.ledger.kernel import PREPAID_CREDIT
from suanli.ledger.row import CASH, Kind, Row, RowCode, account, link
from suanli.market.commands import GrantCredit, Order
from suanli.market.product import credit_of
from suanli.members.commands import SetParameter
from suanli.terms.canonical import decode
from suanli.terms.instant import DAY, HOUR
from suanli.terms.quantity import INT64_MAX, RMB
from suanli.terms.refusals import Code

ID = b"mine".ljust(16, b".")


@pytest.fixture
def credit(stage: Stage) -> int:
    """The operator's credit class, 5 RMB of it with tenant 2."""
    stage.must(1, GrantCredit(2, 5 * RMB))
    return int(stage.rooms.ledger.class_id(*credit_of(1)))


def test_a_credit_is_a_class_with_its_standing(stage: Stage, credit: int) -> None:
    record = stage.rooms.ledger.token_class(credit)
    assert (record.issuer, record.area, record.grade, record.tier, record.start) == (
        1, "", "", "credit", 0)
    assert (record.standing, record.factors) == (PREPAID_CREDIT, ())
    assert stage.rooms.ledger.available(account(2, credit)) == 5 * RMB
    again = Stage()
    again.domain.restore(decode(stage.domain.snapshot()))
    assert again.domain.roots() == stage.domain.roots()


@pytest.mark.parametrize(("code", "to", "found"), [
    (RowCode.TRANSFER, 3, Code.NOT_TRANSFERABLE),
    (RowCode.HOLD, 3, Code.NOT_TRANSFERABLE),
    (RowCode.HOLD, 1, Code.NOT_TRANSFERABLE),
    (RowCode.TRANSFER, 99, Code.UNKNOWN_PARTICIPANT),
    (RowCode.TRANSFER, 2, Code.SAME_ACCOUNT),
    (RowCode.TRANSFER, 1, Code.OK),
    (RowCode.RETIRE, 1, Code.UNKNOWN_ROW_CODE),
    (RowCode.ISSUE, 1, Code.UNKNOWN_ROW_CODE),
])
def test_a_member_may_only_give_it_back(stage: Stage, credit: int, code: RowCode, to: int,
                                        found: Code) -> None:
    before = stage.rooms.ledger.root()
    row = Row(code, 0, credit, account(2, credit), account(to, credit), RMB, id=ID)
    assert stage.say(2, Batch(row.pack())).codes == (found,)
    assert (stage.rooms.ledger.root() == before) == bool(found)


def test_a_position_limit_is_not_about_credits(stage: Stage, credit: int) -> None:
    stage.must(1, SetParameter("position_ppm_max", 1))
    row = Row(RowCode.TRANSFER, 0, credit, account(2, credit), account(3, credit), RMB)
    assert stage.say(2, Batch(row.pack())).codes == (Code.NOT_TRANSFERABLE,)
    back = row._replace(credit=account(1, credit))
    assert stage.say(2, Batch(back.pack())).codes == (0,)


def test_an_issuer_does_not_pass_on_what_came_back(stage: Stage, credit: int) -> None:
    back = Row(RowCode.TRANSFER, 0, credit, account(2, credit), account(1, credit), 2 * RMB)
    assert stage.say(2, Batch(back.pack())).codes == (0,)
    on = back._replace(debit=back.credit, credit=account(3, credit))
    assert stage.say(1, Batch(on.pack())).codes == (Code.NOT_TRANSFERABLE,)
    assert stage.rooms.ledger.available(account(1, credit)) == 2 * RMB


def test_a_linked_set_with_a_credit_in_it_fails_whole(stage: Stage, credit: int) -> None:
    before = stage.rooms.ledger.root()
    rows = link([Row(RowCode.TRANSFER, 0, CASH, account(2, CASH), account(3, CASH), 1),
                 Row(RowCode.TRANSFER, 0, credit, account(2, credit), account(3, credit), 1)])
    assert stage.say(2, Batch(rows)).codes == (Code.LINKED_ROW_FAILED, Code.NOT_TRANSFERABLE)
    assert stage.rooms.ledger.root() == before


def test_only_credits_are_issued_and_retired_without_attestation(stage: Stage,
                                                                 credit: int) -> None:
    bought = Order(1, "area-1", SINGLE, "firm", START + HOUR, 0, 1000, 10, True)
    product = stage.must(2, bought).answer["class"]

    def rows(klass: int) -> list[Row]:
        source = account(1, klass, Kind.ISSUER)
        return [Row(RowCode.ISSUE, 0, klass, source, account(2, klass), 7),
                Row(RowCode.RETIRE, 0, klass, account(2, klass), source, 7)]

    assert run(stage, *rows(product)) == [Code.NOT_ATTESTED, Code.NOT_ATTESTED]
    attested = dict(stage.rooms.ledger.tables["attestations"].items())
    assert run(stage, *rows(credit)) == [0, 0]
    assert dict(stage.rooms.ledger.tables["attestations"].items()) == attested
    assert [key for key, _ in stage.rooms.ledger.tables["issued"].items() if key[0] == credit] == []


def test_more_than_there_is_cannot_be_retired_and_sums_do_not_overflow(stage: Stage,
                                                                       credit: int) -> None:
    source, holder = account(1, credit, Kind.ISSUER), account(2, credit)
    retire = Row(RowCode.RETIRE, 0, credit, holder, source, 5 * RMB + 1)
    assert run(stage, retire) == [Code.INSUFFICIENT_BALANCE]
    assert stage.say(1, GrantCredit(3, INT64_MAX)).code == Code.OVERFLOW
    assert run(stage, Row(RowCode.EXPIRE, 0, credit, holder, account(2, credit, Kind.EXPIRED),
                          1)) == [Code.NOT_YET_EXPIRED]


def test_it_is_never_swept(stage: Stage, credit: int) -> None:
    stage.at = START + 10_000 * DAY
    stage.must(1, Sweep(10_000))
    assert stage.rooms.ledger.available(account(2, credit)) == 5 * RMB
