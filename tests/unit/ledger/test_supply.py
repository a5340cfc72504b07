"""Issuance never exceeds attested device time, over all grades of a device; tokens expire."""

import pytest
from tests.stage import CHIP, SINGLE, START, Stage, spec

from suanli.ledger.commands import Attest, Sweep
from suanli.ledger.row import CASH, REGRADED, Kind, Row, RowCode, account, link
from suanli.market.commands import Order
from suanli.members.commands import SetParameter
from suanli.schedule.commands import Ended, Submit
from suanli.terms.errors import present
from suanli.terms.instant import DAY, HOUR
from suanli.terms.quantity import LOT, TOKEN
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


def test_a_regraded_issue_draws_on_what_its_set_retired_and_on_nothing_else(stage: Stage) -> None:
    """Device time that is sold goes to another grade, though nothing more may be issued."""
    assert (buy(stage, 1_000), buy(stage, 1, GANG)) == (1_000, 1)
    ledger = stage.rooms.ledger
    hour = "area-1", "firm", START + HOUR
    single, gang = (present(ledger.class_id(1, hour[0], grade, *hour[1:]), "")
                    for grade in (SINGLE, GANG))
    attestation = ledger.attestation_id(1, "area-1", CHIP, START + HOUR)
    stage.must(1, SetParameter("headroom_ppm", 1_000_000))

    def codes(*rows: Row, sender: int | None = None) -> list[int]:
        return [int(code) for code in ledger.check_rows(link(list(rows)), stage.at, sender)[0]]

    def row(code: int, klass: int, lots: int, flags: int = 0) -> Row:
        mine, issuer = account(2, klass), account(1, klass, Kind.ISSUER)
        sides = (mine, issuer) if code == RowCode.RETIRE else (issuer, mine)
        return Row(code, flags, klass, *sides, lots * LOT, attestation=attestation)

    retired = row(RowCode.RETIRE, single, 400)
    linked, above = Code.LINKED_ROW_FAILED, Code.ISSUANCE_ABOVE_ATTESTATION
    assert codes(retired, row(RowCode.ISSUE, gang, 400, REGRADED)) == [0, 0]
    assert codes(retired, row(RowCode.ISSUE, gang, 400)) == [linked, above]
    assert codes(retired, row(RowCode.ISSUE, gang, 401, REGRADED)) == [linked, above]
    assert codes(row(RowCode.ISSUE, gang, 400, REGRADED)) == [above]
    twice = [row(RowCode.ISSUE, gang, lots, REGRADED) for lots in (300, 101)]
    assert codes(retired, *twice) == [linked, linked, above]
    # what another set retired is not this one's
    apart = retired.pack() + row(RowCode.ISSUE, gang, 400, REGRADED).pack()
    assert ledger.check_rows(apart, stage.at)[0] == [0, above]
    # nobody's own rows, and no other code, may say it
    reserved = Code.RESERVED_BYTES_NOT_ZERO
    assert codes(row(RowCode.ISSUE, gang, 1, REGRADED), sender=1) == [reserved]
    assert codes(row(RowCode.RETIRE, single, 1, REGRADED)) == [reserved]
