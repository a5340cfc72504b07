"""Issuance never exceeds attested device time, over all grades of a device; tokens expire."""

import pytest
from tests.stage import CHIP, SINGLE, START, Stage, spec

from suanli.ledger.commands import Attest, Sweep
from suanli.ledger.row import CASH, Kind, account
from suanli.market.commands import Order
from suanli.members.commands import SetParameter
from suanli.schedule.commands import Ended, Submit
from suanli.terms.instant import DAY, HOUR
from suanli.terms.quantity import TOKEN
from suanli.terms.refusals import Code

GANG = f"{CHIP}-llm-training-gang"


def buy(stage: Stage, lots: int, grade: str = SINGLE, start: int = START + HOUR) -> int:
    order = Order(1, "area-1", grade, "firm", start, 0, 1000, lots, True)
    receipt = stage.say(2, order)
    return -receipt.code if receipt.code else int(receipt.answer["filled"])


def test_all_grades_of_a_device_share_its_attested_time(stage: Stage) -> None:
    assert buy(stage, 10_000) == 10_000
    assert buy(stage, 10_000, GANG) == 6_000  # sixteen device-hours there, ten sold
    assert buy(stage, 1, GANG) == -Code.NO_OFFER
    attestation = stage.rooms.ledger.attestation(
        stage.rooms.ledger.attestation_id(1, "area-1", CHIP, START + HOUR))
    assert attestation.consumed_ms == attestation.device_ms == 16 * HOUR


def test_unsold_time_of_the_running_hour_lapses(stage: Stage) -> None:
    stage.at = START + HOUR // 2
    assert buy(stage, 16_000, start=START) == 8_000


def test_headroom_stays_unissued(stage: Stage) -> None:
    stage.must(1, SetParameter("headroom_ppm", 250_000))
    assert buy(stage, 16_000) == 12_000


def test_nothing_is_sold_that_is_not_attested(stage: Stage) -> None:
    assert buy(stage, 1, start=START + 9 * HOUR) == -Code.NO_OFFER


@pytest.mark.parametrize(("command", "code"), [
    (Attest("area-1", CHIP, START, 1, 17), Code.ATTESTATION_ABOVE_INVENTORY),
    (Attest("area-9", CHIP, START, 1, 1), Code.ATTESTATION_ABOVE_INVENTORY),
    (Attest("area-1", CHIP, START, 1, -1), Code.ATTESTATION_ABOVE_INVENTORY),
    (Attest("area-1", CHIP, START + 1, 1, 1), Code.QUANTITY_OUT_OF_RANGE),
    (Attest("area-1", CHIP, START, 0, 1), Code.QUANTITY_OUT_OF_RANGE),
    (Attest("area-1", CHIP, START, 10**6, 1), Code.QUANTITY_OUT_OF_RANGE),
    (Attest("area-1", CHIP, START - HOUR, 1, 1), Code.PERIOD_OVER),
])
def test_attestation_refusals(stage: Stage, command: Attest, code: Code) -> None:
    assert stage.say(1, command).code == code


def test_an_hour_once_sold_cannot_be_attested_away(stage: Stage) -> None:
    buy(stage, 10_000)
    stage.must(1, Attest("area-1", CHIP, START + HOUR, 1, 2))
    ledger = stage.rooms.ledger
    found = ledger.attestation(ledger.attestation_id(1, "area-1", CHIP, START + HOUR))
    assert found.device_ms == found.consumed_ms == 10 * HOUR
    assert buy(stage, 1) == -Code.NO_OFFER


def test_tokens_of_a_past_hour_expire_and_are_swept(stage: Stage) -> None:
    buy(stage, 2_000)
    ledger = stage.rooms.ledger
    klass = ledger.class_id(1, "area-1", SINGLE, "firm", START + HOUR)
    stage.at = START + 2 * HOUR + DAY - 1
    assert stage.must(1, Sweep(100)).answer["closed"] == 0
    assert ledger.available(account(2, klass)) == 2 * TOKEN
    stage.at += 1
    assert stage.must(1, Sweep(100)).answer["closed"] == 1
    assert ledger.token_class(klass) is None
    assert len(stage.rooms.schedule.tables["reservations"]) == 0
    assert all(id & 0xFF != Kind.HOLDER or id >> 8 & 0xFFFFFFFF == CASH
               for id in ledger.tables["accounts"])


def test_holds_of_an_open_placement_never_expire(stage: Stage) -> None:
    """A placement that outlives the grace of its hour's tokens still settles."""
    job = stage.placed(time_limit_ms=HOUR)
    stage.at = START + 3 * DAY
    stage.must(1, Sweep(100))
    stage.must(1, Ended(job, 1, START, START + HOUR // 2, 0, False, 0, 0))
    assert stage.rooms.settlement.usage(job, 1)[1] == TOKEN // 2


def test_a_job_too_large_for_any_zone_is_refused(stage: Stage) -> None:
    assert stage.say(2, Submit(spec(devices=17))).code == Code.GANG_DOES_NOT_FIT
