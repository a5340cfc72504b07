"""Who may buy what is set aside, until when, and what is published of it."""

from tests.stage import CHIP, START, Stage
from tests.unit.market.test_state import order

from suanli.market.book import BUY
from suanli.market.commands import Entitle
from suanli.members.commands import SetParameter
from suanli.terms.canonical import decode
from suanli.terms.instant import HOUR
from suanli.terms.refusals import Code

AHEAD = START + 3 * HOUR
ALL = 16_000  # lots of the reference chip in an attested hour of sixteen devices


def buy(stage: Stage, who: int, lots: int) -> int:
    answer = stage.say(who, order(BUY, 1000, lots, True, start=AHEAD)).answer
    return int(answer.get("filled", 0))


def attestation(stage: Stage) -> int:
    return int(stage.rooms.ledger.attestation_id(1, "area-1", CHIP, AHEAD))


def set_aside(stage: Stage) -> Stage:
    stage.must(1, SetParameter("set_aside_ppm", 250_000))
    stage.must(1, Entitle(3, "weather forecast"))
    return stage


def test_others_cannot_buy_what_is_set_aside_and_beneficiaries_can(stage: Stage) -> None:
    set_aside(stage)
    assert buy(stage, 2, ALL) == ALL * 3 // 4
    assert stage.say(2, order(BUY, 1000, 1, True, start=AHEAD)).code == Code.NO_OFFER
    assert buy(stage, 3, ALL) == ALL // 4


def test_what_beneficiaries_buy_counts_against_it_first(stage: Stage) -> None:
    set_aside(stage)
    assert buy(stage, 3, 1000) == 1000
    withheld = stage.rooms.market.set_aside.withheld(attestation(stage))
    assert (withheld.set_aside_ms, withheld.used_ms) == (4 * HOUR, HOUR)
    assert buy(stage, 2, ALL) == ALL * 3 // 4
    again = Stage()
    again.domain.restore(decode(stage.domain.snapshot()))
    assert again.domain.roots() == stage.domain.roots()


def test_the_unused_part_is_released(stage: Stage) -> None:
    set_aside(stage)
    stage.at = AHEAD - HOUR - 1
    assert buy(stage, 2, ALL) == ALL * 3 // 4
    stage.at += 1
    assert buy(stage, 2, ALL) == ALL // 4


def test_beneficiaries_are_named_by_the_regulator_only(stage: Stage) -> None:
    set_aside(stage)
    assert stage.say(2, Entitle(2, "me")).code == Code.ROLE_LACKS_RIGHT
    assert stage.say(1, Entitle(99, "who")).code == Code.UNKNOWN_PARTICIPANT
    stage.must(1, Entitle(3, ""))
    stage.must(1, Entitle(2, ""))  # was none
    assert buy(stage, 3, ALL) == ALL * 3 // 4


def test_without_a_set_aside_everything_is_for_sale(stage: Stage) -> None:
    stage.must(1, Entitle(3, "weather forecast"))
    assert buy(stage, 2, ALL) == ALL
    assert stage.rooms.market.tables["set_aside"].width == 0
