"""Caps change by announcement: notice, the instant itself, the stay, and the bytes of before."""

import pytest
from tests.stage import START, Stage
from tests.unit.market.test_state import order

from suanli.market.book import BUY
from suanli.members.commands import SetParameter, StayParameter
from suanli.terms.canonical import decode, encode
from suanli.terms.command import encode_command
from suanli.terms.instant import DAY, HOUR
from suanli.terms.refusals import Code

CAP = "price_mrmb_max"


def announced(stage: Stage) -> Stage:
    """Two days' notice are the rule; a cap of 900 is announced for the third day."""
    stage.must(1, SetParameter("cap_notice_ms", 2 * DAY))
    stage.must(1, SetParameter(CAP, 900, effective=START + 3 * DAY))
    return stage


def test_a_change_without_effective_has_the_bytes_it_always_had() -> None:
    assert encode_command(SetParameter(CAP, 5)) == ["members.set_parameter", [CAP, 5]]
    assert encode(encode_command(SetParameter(CAP, 5, effective=7)))[-1] == 7


def test_without_a_notice_a_cap_changes_at_once(stage: Stage) -> None:
    stage.must(1, SetParameter(CAP, 900))
    assert stage.say(2, order(BUY, 901, 1)).code == Code.PRICE_OUT_OF_RANGE


def test_an_announced_cap_binds_from_its_instant(stage: Stage) -> None:
    announced(stage)
    last = START + 3 * DAY - 1
    assert stage.rooms.members.parameter(CAP, last) == 1_000_000_000
    assert stage.rooms.members.parameter(CAP, last + 1) == 900
    stage.at = last
    hour = last // HOUR * HOUR + HOUR
    stage.must(2, order(BUY, 901, 1, start=hour))
    stage.at = last + 1
    assert stage.say(2, order(BUY, 901, 1, start=hour)).code == Code.PRICE_OUT_OF_RANGE
    stage.must(2, order(BUY, 900, 1, start=hour))


@pytest.mark.parametrize("effective", [0, -1, START - 1, START, START + 2 * DAY - 1])
@pytest.mark.parametrize("name", [CAP, "price_mrmb_min", "cap_notice_ms"])
def test_too_short_a_notice_is_refused(stage: Stage, name: str, effective: int) -> None:
    """Also a shorter notice: else the rule could be lifted and the cap changed in one breath."""
    announced(stage)
    receipt = stage.say(1, SetParameter(name, 1, effective=effective))
    assert receipt.code == Code.NOTICE_TOO_SHORT
    assert stage.rooms.members.announcement(CAP).value == 900


def test_a_stay_leaves_everything_as_it_was(stage: Stage) -> None:
    announced(stage)
    assert stage.say(2, StayParameter(CAP)).code == Code.ROLE_LACKS_RIGHT
    stage.at = START + 3 * DAY - 1
    stage.must(1, StayParameter(CAP))
    assert stage.say(1, StayParameter(CAP)).code == Code.NOTHING_ANNOUNCED
    assert stage.rooms.members.parameter(CAP, START + 4 * DAY) == 1_000_000_000


def test_what_has_taken_effect_cannot_be_stayed_and_holds_under_the_next(stage: Stage) -> None:
    announced(stage)
    stage.at = START + 3 * DAY
    assert stage.say(1, StayParameter(CAP)).code == Code.NOTHING_ANNOUNCED
    stage.must(1, SetParameter(CAP, 800, effective=stage.at + 2 * DAY))
    members = stage.rooms.members
    assert [members.parameter(CAP, stage.at + d * DAY) for d in (0, 1, 2)] == [900, 900, 800]
    again = Stage()
    again.domain.restore(decode(stage.domain.snapshot()))
    assert again.domain.roots() == stage.domain.roots()
    stage.must(1, StayParameter(CAP))
    assert members.parameter(CAP, stage.at + 9 * DAY) == 900


def test_a_later_announcement_takes_the_place_of_one_that_is_not_due(stage: Stage) -> None:
    announced(stage)
    stage.must(1, SetParameter(CAP, 700, effective=START + 5 * DAY))
    members = stage.rooms.members
    assert members.parameter(CAP, START + 4 * DAY) == 1_000_000_000
    assert members.parameter(CAP, START + 5 * DAY) == 700


def test_other_parameters_are_not_announced(stage: Stage) -> None:
    receipt = stage.say(1, SetParameter("headroom_ppm", 5, effective=START + DAY))
    assert receipt.code == Code.UNKNOWN_PARAMETER
    assert "price_mrmb_max" in receipt.reason
