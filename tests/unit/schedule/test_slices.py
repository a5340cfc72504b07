"""Slices through the domain: rounded up, billed, checked for their places, given back."""

from typing import Any

import pytest
from tests.stage import CHIP, HOST, SINGLE, Stage, spec

from suanli.adapters.shipped import slices_text
from suanli.domain.genesis import Genesis
from suanli.schedule.commands import Ended, Place, PlaceMany, Started, Submit
from suanli.terms.canonical import decode
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import RMB
from suanli.terms.refusals import Code

SLOT = ((HOST, (0,)),)


@pytest.fixture
def sliced() -> Stage:
    return Stage(slices=slices_text()).opened()


def submit(stage: Stage, **changes: Any) -> int:
    return int(stage.must(2, Submit(spec(**changes))).answer["job"])


def end(stage: Stage, job: int) -> None:
    placed = stage.rooms.schedule.job(job).placed
    stage.must(1, Started(job, 1))
    stage.must(1, Ended(job, 1, placed, stage.at, 0, False, 0, 0))


def test_a_share_is_rounded_up_to_a_slice_and_billed_for_it(sliced: Stage) -> None:
    """200 thousandths take a 2g of 285: for half an hour at 1 RMB a device-hour, 142,500."""
    job = sliced.placed(share=200)
    assert sliced.rooms.schedule.used(HOST, 8)[0] == 285
    assert sliced.rooms.schedule.tables["slices"][job] == (HOST, 0, 0b11_0000)
    sliced.at += HOUR // 2
    end(sliced, job)
    device_ms, _, cash = sliced.rooms.settlement.usage(job, 1)
    assert (device_ms, cash) == (HOUR // 2 * 285 // 1000, 285 * RMB // 2000)
    assert not sliced.rooms.schedule.tables["slices"]
    assert not sliced.rooms.schedule.standing
    assert sliced.rooms.schedule.used(HOST, 8)[0] == 0


@pytest.mark.parametrize(("asked", "allotted"), [
    ({"share": 1, "memory_gb": 20}, 142), ({"share": 300, "memory_gb": 20}, 428),
    ({"share": 600}, 1000), ({"share": 1, "memory_gb": 80}, 1000)])
def test_memory_counts_too(sliced: Stage, asked: dict[str, int], allotted: int) -> None:
    sliced.placed(**asked)
    assert sliced.rooms.schedule.used(HOST, 8)[0] == allotted


def test_what_it_costs_is_the_slice(sliced: Stage) -> None:
    """An hour of 1 thousandth would cost 1,000 micro-RMB; of the slice it gets, 142,000."""
    job = submit(sliced, share=1, max_hourly_cost=141_999)
    assert sliced.say(1, Place(job, SINGLE, SLOT)).code == Code.PRICED_OUT
    job = submit(sliced, share=1, max_hourly_cost=142_000)
    assert sliced.say(1, Place(job, SINGLE, SLOT)).code == 0


def test_slices_that_have_no_place_are_refused_though_shares_would_do(sliced: Stage) -> None:
    """3g and 2 of 1g.20gb leave 1000 - 428 - 284 = 288 thousandths, and no place for a 2g."""
    sliced.placed(share=428, memory_gb=40)
    for _ in range(2):
        sliced.placed(share=1, memory_gb=20)
    job = submit(sliced, share=285)
    before = sliced.rooms.schedule.root()
    refused = sliced.say(1, Place(job, SINGLE, SLOT))
    assert refused.code == Code.SLICE_DOES_NOT_FIT
    assert "2g.20gb" in refused.reason
    assert "from 0, 2, 4, are accepted" in refused.reason
    assert sliced.rooms.schedule.root() == before
    assert sliced.say(1, Place(job, SINGLE, ((HOST, (1,)),))).code == 0


def test_a_refused_slice_changes_nothing(sliced: Stage) -> None:
    sliced.placed(share=571)
    job = submit(sliced, share=500)
    before = sliced.rooms.schedule.root()
    assert sliced.say(1, Place(job, SINGLE, SLOT)).code == Code.DEVICES_NOT_FREE
    assert sliced.rooms.schedule.root() == before


def test_a_whole_device_and_a_slice_exclude_each_other(sliced: Stage) -> None:
    sliced.placed(share=1)
    whole = submit(sliced)
    assert sliced.say(1, Place(whole, SINGLE, SLOT)).code == Code.DEVICES_NOT_FREE
    assert sliced.say(1, Place(whole, SINGLE, ((HOST, (1,)),))).code == 0
    part = submit(sliced, share=1)
    assert sliced.say(1, Place(part, SINGLE, ((HOST, (1,)),))).code == Code.DEVICES_NOT_FREE


def test_an_array_counts_the_slices_before(sliced: Stage) -> None:
    """Of four 2g on one device three have a place; the fourth alone is refused."""
    jobs = [submit(sliced, share=285) for _ in range(4)]
    done = sliced.must(1, PlaceMany(tuple((job, SINGLE, SLOT) for job in jobs)))
    assert list(done.codes) == [0, 0, 0, Code.DEVICES_NOT_FREE]
    units = [sliced.rooms.schedule.tables["slices"][job][2] for job in jobs[:3]]
    assert sum(units) == units[0] | units[1] | units[2] == 0b11_1111


def test_memory_that_no_device_has_is_refused_at_once(sliced: Stage) -> None:
    refused = sliced.say(2, Submit(spec(memory_gb=81)))
    assert (refused.code, "81 GB" in refused.reason) == (Code.NO_ADMISSIBLE_CHIP, True)
    assert sliced.say(2, Submit(spec(memory_gb=-1))).code == Code.SHARE_OUT_OF_RANGE
    assert sliced.say(2, Submit(spec(memory_gb=80))).code == 0


def test_without_profiles_any_fraction_goes_and_memory_takes_its_part(stage: Stage) -> None:
    """20 of 80 GB are 250 thousandths; 7 of 80 are 87.5, rounded up."""
    stage.placed(share=200)
    stage.placed(share=200, memory_gb=20)
    stage.placed(share=1, memory_gb=7)
    assert stage.rooms.schedule.used(HOST, 8)[0] == 200 + 250 + 88
    assert not stage.rooms.schedule.tables["slices"]


def test_a_restored_domain_knows_what_stands_where(sliced: Stage) -> None:
    for share in (142, 285, 428):
        sliced.placed(share=share)
    again = Stage(slices=slices_text())
    again.domain.restore(decode(sliced.domain.snapshot()))
    assert again.rooms.schedule.standing == sliced.rooms.schedule.standing == {
        (HOST, 0): 0b111_1111}
    assert again.rooms.schedule.root() == sliced.rooms.schedule.root()


def test_a_chain_from_before_the_table_keeps_its_bytes(stage: Stage) -> None:
    """No slices: not in the genesis, no table in the schedule's root, and it opens."""
    data = stage.genesis.to_bytes()
    assert "slices" not in decode(data)
    assert Genesis.from_bytes(data) == stage.genesis
    newer = Stage(slices=slices_text()).genesis
    assert Genesis.from_bytes(newer.to_bytes()) == newer
    assert newer.hash() != stage.genesis.hash()


def test_a_table_that_was_never_used_is_not_in_the_root(stage: Stage, sliced: Stage) -> None:
    """The same history with and without profiles has the same roots until a slice is placed."""
    for each in (stage, sliced):
        each.placed()
        each.at += MINUTE
    assert stage.rooms.roots() == sliced.rooms.roots()
    for each in (stage, sliced):
        each.placed((1,), share=1000 * 2 // 7)
    assert stage.rooms.schedule.root() != sliced.rooms.schedule.root()
    assert stage.rooms.chips.profiles == {}
    assert CHIP in sliced.rooms.chips.profiles
