"""Firm tokens whose device time was not there are made good by their seller, once."""

import pytest
from tests.stage import CHIP, HOST, SINGLE, START, Stage

from suanli.chips.commands import RegisterHost, RegisterZone, SetHostState
from suanli.ledger.commands import Batch, Grant, Sweep
from suanli.ledger.row import CASH, Row, RowCode, account
from suanli.market.commands import Order, PostOffer
from suanli.members.commands import SetParameter
from suanli.planning.onboarding import Fleet, HostGroup, onboard
from suanli.planning.planner import Planner
from suanli.planning.policies import POLICIES
from suanli.settlement.commands import MakeGood
from suanli.settlement.delivery import Contract
from suanli.terms.canonical import decode, encode
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import LOT, RMB, TOKEN
from suanli.terms.refusals import Code

PRICE = 1000  # milli-RMB a token, as the stage's operator posts it


@pytest.fixture
def sold(stage: Stage) -> Stage:
    """Twelve of the sixteen device-hours of the running hour are sold: eight and four."""
    for member, tokens in ((2, 8), (3, 4)):
        stage.must(member, Order(1, "area-1", SINGLE, "firm", START, 0, PRICE, tokens * 1000, True))
    return stage


def klass_of(stage: Stage) -> int:
    return int(stage.rooms.ledger.class_id(1, "area-1", SINGLE, "firm", START))


def cash(stage: Stage, member: int) -> int:
    return int(stage.rooms.ledger.available(account(member, CASH)))


def fail(stage: Stage, minutes: int) -> None:
    """One host of eight is away for the last minutes of the hour."""
    stage.at = START + HOUR - minutes * MINUTE
    stage.must(1, SetHostState(HOST, False))
    stage.at = START + HOUR


def test_what_was_missing_is_refunded_with_the_penalty_to_all_in_proportion(sold: Stage) -> None:
    fail(sold, 60)  # 8 device-hours there, 12 sold
    before = {member: cash(sold, member) for member in (1, 2, 3)}
    answer = sold.must(3, MakeGood(klass_of(sold))).answer
    missing = 4 * TOKEN
    assert answer["tokens"] == pytest.approx(missing, abs=2)
    for member, share in ((2, missing * 2 // 3), (3, missing // 3)):
        paid = share * PRICE * 1000 // TOKEN
        assert cash(sold, member) - before[member] == pytest.approx(paid * 5 // 4, abs=2)
    assert sum(cash(sold, m) - before[m] for m in (1, 2, 3)) == 0
    klass = klass_of(sold)
    contract = sold.rooms.settlement.tables["contracts"][2, klass]
    assert contract.tokens == 8 * TOKEN - missing * 2 // 3
    assert sold.rooms.ledger.available(account(2, klass)) == contract.tokens


def test_asking_again_pays_once(sold: Stage) -> None:
    fail(sold, 45)
    sold.must(2, MakeGood(klass_of(sold)))
    before = sold.domain.roots()["ledger"]
    assert sold.say(3, MakeGood(klass_of(sold))).code == Code.NOTHING_OWED
    assert sold.domain.roots()["ledger"] == before


def test_nothing_is_owed_while_what_was_sold_is_there(sold: Stage) -> None:
    fail(sold, 20)  # 16 x 40 + 8 x 20 device-minutes: 13.3 device-hours
    assert sold.say(2, MakeGood(klass_of(sold))).code == Code.NOTHING_OWED


def test_before_the_hours_end_and_for_no_class_it_is_refused(sold: Stage) -> None:
    assert sold.say(2, MakeGood(klass_of(sold))).code == Code.NOT_OVER
    assert sold.say(2, MakeGood(10**6)).code == Code.UNKNOWN_CLASS


def test_a_dearer_replacement_is_paid_rather_than_the_penalty(sold: Stage) -> None:
    rival = sold.admit("rival", ("operator",), cash=0)
    for command in (RegisterZone("y", "area-1"), RegisterHost("h", "y", CHIP, 8, 0, "x")):
        sold.must(rival, command)
    grade = sold.rooms.units.grade(1, SINGLE)
    _define(sold, rival, grade)
    sold.must(rival, PostOffer("area-1", SINGLE, "firm", 3 * PRICE))
    fail(sold, 60)
    before = cash(sold, 2)
    sold.must(2, MakeGood(klass_of(sold)))
    assert cash(sold, 2) - before == pytest.approx(3 * 8 * RMB // 3, abs=3)


def _define(stage: Stage, operator: int, grade: object) -> None:
    fleet = Fleet((HostGroup("y", "area-1", CHIP, 8, 1),), PRICE)
    for command in onboard(fleet, stage.rooms.chips.datasheet):
        if command.kind.startswith("units."):
            stage.must(operator, command)
    assert stage.rooms.units.grade(operator, SINGLE).factors[0][:2] == grade.factors[0][:2]


def test_a_seller_without_cash_owes_on_until_it_can_pay(sold: Stage) -> None:
    sold.must(1, Batch(Row(RowCode.TRANSFER, 0, CASH, account(1, CASH), account(2, CASH),
                           cash(sold, 1)).pack()))
    fail(sold, 60)
    root = sold.domain.roots()["ledger"]
    assert set(sold.must(2, MakeGood(klass_of(sold))).codes) == {Code.INSUFFICIENT_BALANCE}
    assert sold.domain.roots()["ledger"] == root
    sold.must(1, Grant(1, 100 * RMB))
    assert set(sold.must(2, MakeGood(klass_of(sold))).codes) == {Code.OK}


def test_a_penalty_of_zero_refunds_the_price_alone(sold: Stage) -> None:
    sold.must(1, SetParameter("undelivered_penalty_ppm", 0))
    fail(sold, 60)
    before = cash(sold, 3)
    sold.must(3, MakeGood(klass_of(sold)))
    assert cash(sold, 3) - before == pytest.approx(4 * RMB // 3, abs=2)


def test_the_planner_makes_good_when_the_hour_turns(sold: Stage) -> None:
    fail(sold, 60)
    planner = Planner(POLICIES["best-fit"], [1])
    asked = [c for _, c in planner.decide(sold.rooms, sold.at) if isinstance(c, MakeGood)]
    assert asked == [MakeGood(klass_of(sold))]


def test_a_resale_takes_what_the_issuer_was_paid_along(sold: Stage) -> None:
    """And no more, at whatever price: else two who trade could raise what the issuer owes."""
    klass = klass_of(sold)
    sold.must(2, Order(1, "area-1", SINGLE, "firm", START, 1, 2 * PRICE, 2000, False))
    sold.must(1, PostOffer("area-1", SINGLE, "firm", 0))
    sold.must(3, Order(1, "area-1", SINGLE, "firm", START, 0, 2 * PRICE, 2000, True))
    contracts = sold.rooms.settlement.tables["contracts"]
    assert contracts[2, klass] == Contract(6 * TOKEN, 6 * RMB)
    assert contracts[3, klass] == Contract(6 * TOKEN, 6 * RMB)


def test_contracts_survive_a_snapshot_and_are_forgotten_with_their_class(sold: Stage) -> None:
    fail(sold, 60)
    sold.must(2, MakeGood(klass_of(sold)))
    settlement = sold.rooms.settlement
    plain = decode(encode(settlement.snapshot()))
    root = settlement.root()
    settlement.restore(plain)
    assert settlement.root() == root
    sold.at = START + 30 * HOUR
    sold.must(1, Sweep(100))
    assert not len(settlement.tables["contracts"])
    assert not len(settlement.tables["refunded"])


def test_a_room_restored_from_before_any_contract_still_refunds(stage: Stage) -> None:
    settlement = stage.rooms.settlement
    settlement.restore(decode(encode(settlement.snapshot())))
    stage.must(2, Order(1, "area-1", SINGLE, "firm", START, 0, PRICE, 12_000, True))
    fail(stage, 60)
    before = cash(stage, 2)
    stage.must(2, MakeGood(klass_of(stage)))
    assert cash(stage, 2) - before == pytest.approx(4 * RMB * 5 // 4, abs=2)
    assert settlement.tables["refunded"][klass_of(stage), 2] == pytest.approx(4 * TOKEN, abs=2)


def test_lots_and_tokens_agree() -> None:
    assert Contract(3 * LOT, 10).price_of(LOT) == 3
    assert Contract(3 * LOT, 10).sold(LOT) == Contract(2 * LOT, 7)
