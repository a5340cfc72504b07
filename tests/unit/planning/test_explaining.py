"""Why a job waits: one hand-made world for each constraint."""

from dataclasses import replace

import numpy as np
import pytest

from suanli.planning.explaining import explain
from suanli.planning.greedy import Greedy
from suanli.planning.scheduler import Bind, Scheduler
from suanli.planning.tokenflow.scheduler import Settings, TokenFlow
from suanli.planning.view import PPM, PoolSpec, Request, View
from suanli.terms.instant import HOUR, MINUTE


def view(*hosts: int) -> View:
    return View((PoolSpec("z", "chip", hosts),))


def submit(v: View, devices: int, hours: float = 1, share: int = 1000,
           speeds: tuple[int, ...] = (PPM,), at: int = 0) -> int:
    return v.submit(Request(v.jobs.count + 1, 0, devices, share, speeds, round(hours * HOUR)), at)


def occupy(v: View, *counts: int) -> None:
    """Run a job of so many devices on each host."""
    for host, count in enumerate(counts):
        if count:
            v.bind(submit(v, count), ((host, tuple(range(count))),), 0)


def told(v: View, row: int, scheduler: Scheduler | None = None, at: int = 0) -> tuple[str, str]:
    found = explain(v, scheduler or TokenFlow(), row, at)
    return found.constraint, found.sentence


def test_capacity_says_how_many_are_free() -> None:
    v = view(4)
    occupy(v, 3)
    assert told(v, submit(v, 2)) == ("capacity", "it asks for 2 devices; 1 of chip are free")


def test_fragmented_when_enough_are_free_on_no_host() -> None:
    v = view(4, 4)
    occupy(v, 3, 3)
    assert told(v, submit(v, 2)) == (
        "fragmented", "2 devices of chip are free, but on no host 2 together")


def test_a_gang_of_hosts_needs_them_whole() -> None:
    v = view(4, 4, 4)
    occupy(v, 0, 1, 1)
    assert told(v, submit(v, 8)) == (
        "no-whole-host",
        "10 devices of chip are free, but it needs 2 hosts of 4 and 1 are wholly free")
    assert told(v, submit(v, 7))[0] == "next-round"  # one whole host, and three of another


def test_a_fraction_needs_one_device_with_its_share() -> None:
    v = view(1)
    v.bind(submit(v, 1, share=600), ((0, (0,)),), 0)
    assert told(v, submit(v, 1, share=500)) == (
        "capacity", "no device of chip has 500 thousandths free")
    assert told(v, submit(v, 1, share=400))[0] == "next-round"


@pytest.mark.parametrize("scheduler", [TokenFlow(), Greedy("tightest")])
def test_no_chip_is_never_admitted(scheduler: Scheduler) -> None:
    v = view(4)
    row = submit(v, 1, speeds=(0,))
    constraint, sentence = told(v, row, scheduler)
    assert constraint == "no-chip"
    assert "never admitted" in sentence


def test_dearer_says_by_how_much() -> None:
    """The second chip does half the work at the same price: twice the cost, 1.3 is accepted."""
    v, scheduler = View((PoolSpec("z", "fast", (1,)), PoolSpec("z", "slow", (1,)))), TokenFlow()
    v.bind(submit(v, 1, speeds=(PPM, PPM)), ((0, (0,)),), 0)
    row = submit(v, 1, speeds=(PPM, PPM // 2))
    found = explain(v, scheduler, row, 0)
    assert found.constraint == "dearer"
    assert found.price_gap == pytest.approx(1 - 1.3 / 2)
    assert "slow would have to cost 35% less" in found.sentence
    assert explain(v, Greedy("first"), row, 0).constraint == "next-round"  # it knows no prices


def test_kept_names_the_job_that_the_devices_are_kept_for() -> None:
    v, scheduler = view(4, 4), TokenFlow(Settings(is_preempting=False, is_fair=False))
    for _ in range(4):
        submit(v, 2, 48)
    for at in (0, 25 * HOUR):
        if at:
            gang = submit(v, 8, 60, at=0)
        for action in scheduler.decide(v, at):
            assert isinstance(action, Bind)
            v.bind(action.row, action.slots, at)
    first = next(iter(v.active))
    v.release(first)
    v.end(first, HOUR)
    late = submit(v, 1, 30, at=26 * HOUR)
    constraint, sentence = told(v, late, scheduler, 26 * HOUR)
    assert constraint == "kept"
    assert f"for job {v.jobs.id[gang]}, which starts within 22.0 h" in sentence


def test_positions_follow_weight_under_tokenflow_and_entry_elsewhere() -> None:
    v = view(4)
    occupy(v, 4)
    heavy, light = submit(v, 4, 10, at=1), submit(v, 1, 1, at=2)
    assert [explain(v, TokenFlow(), row, 2).position for row in (heavy, light)] == [2, 1]
    assert [explain(v, Greedy("first"), row, 2).position for row in (heavy, light)] == [1, 2]


def test_behind_counts_who_is_first() -> None:
    v = view(4)
    submit(v, 1, 1)
    row = submit(v, 4, 10)
    assert told(v, row) == ("behind", "it fits; tried before it, because lighter: 1")


def test_explaining_changes_nothing() -> None:
    v, scheduler = view(4), TokenFlow()
    occupy(v, 3)
    row = submit(v, 2)
    version, before = v.version, v.used.copy()
    explain(v, scheduler, row, MINUTE)
    assert v.version == version
    assert (np.asarray(v.used) == before).all()
    assert row in v.queued


def test_what_is_sold_for_the_hour_is_not_free_for_shared_work() -> None:
    v = view(4)
    v.carve_out(np.array([[0], [0], [3000]]))
    assert told(v, submit(v, 2)) == (
        "sold", "it fits on chip, but what is free there is sold for this hour or kept for serving")
    assert told(v, submit(v, 1))[0] == "next-round"


def test_a_required_level_needs_the_room_in_one_block() -> None:
    """Two leaves of two hosts, one host of each full: eight devices are free in no leaf."""
    v = View((PoolSpec("z", "chip", (4, 4, 4, 4), ("a", "a", "b", "b")),))
    occupy(v, 4, 0, 4, 0)
    ask = Request(9, 0, 8, 1000, (PPM,), HOUR, level_required="leaf")
    assert told(v, v.submit(ask, 0)) == (
        "no-block", "8 devices of chip are free, but not 8 within one leaf")
    assert told(v, v.submit(replace(ask, devices=4), 0))[0] == "next-round"


def test_an_elastic_job_is_judged_by_the_fewest_devices_that_it_accepts() -> None:
    v = view(4)
    occupy(v, 2)
    assert told(v, v.submit(Request(9, 0, 4, 1000, (PPM,), HOUR, devices_min=2), 0))[0] == (
        "next-round")
    assert told(v, v.submit(Request(9, 0, 4, 1000, (PPM,), HOUR, devices_min=3), 0)) == (
        "capacity", "it asks for 3 devices; 2 of chip are free")
