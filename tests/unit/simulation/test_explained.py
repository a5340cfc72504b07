"""Predicted starts against those that came, and the account of a replay."""

from itertools import pairwise

import pytest

from suanli.adapters.shipped import datasheet_text
from suanli.chips.datasheet import parse
from suanli.planning.forecasts import Forecast
from suanli.planning.tokenflow.scheduler import Settings, TokenFlow
from suanli.simulation.arena import Arena
from suanli.simulation.explained import Explained, told
from suanli.simulation.generator import day_of_jobs
from suanli.simulation.record import Record
from suanli.simulation.schedulers import scheduler
from suanli.simulation.sizing import generated_fleet
from suanli.simulation.workload import Workload
from suanli.simulation.world import EPOCH
from suanli.terms.instant import HOUR, MINUTE


def generated(count: int, hours: int) -> Workload:
    return day_of_jobs(1, EPOCH, count, ("a", "b"), (generated_fleet(1),),
                       parse(datasheet_text()), hours)


def play(made: Workload, hosts: int, account: Explained) -> Record:
    return Arena(made, [generated_fleet(hosts)], account).go()


def flow() -> TokenFlow:
    return TokenFlow(Settings(is_fair=False))


def test_predicted_starts_come_true() -> None:
    """Two days of jobs from nothing learned; eight of ten is meant once there is a past."""
    account = Explained(flow(), ())
    play(generated(350, 48), 5, account)
    row = account.row()
    assert row["intervals"] > 50
    assert row["interval_coverage"] >= 0.6
    assert row["interval_width_median_s"] < 24 * 3600  # an interval that says nothing covers too


def test_what_is_told_does_not_depend_on_what_comes_later() -> None:
    whole = generated(150, 12)
    cut = Workload(whole.arrivals[:90], whole.note)
    until = whole.arrivals[90].at
    forecasts: list[list[tuple[int, int, tuple[int, int]]]] = []
    for made in (whole, cut):
        account = Explained(flow(), ())
        play(made, 4, account)
        kept: list[Forecast] = [*account.forecasts.over, *account.forecasts.open.values()]
        forecasts.append(sorted((f.row, f.at, f.told) for f in kept if f.at < until))
    assert len(forecasts[0]) >= 10
    assert forecasts[0] == forecasts[1]


@pytest.mark.parametrize("policy", ["tokenflow", "best-fit", "kube-gang"])
def test_an_account_changes_nothing_and_tells_every_change(policy: str) -> None:
    made = generated(120, 6)
    account = Explained(scheduler(policy, 1), (30, 60))
    plain = Arena(made, [generated_fleet(4)], scheduler(policy, 1)).go()
    told_of = play(made, 4, account)
    assert (told_of.ended == plain.ended).all()
    assert (told_of.prices, told_of.targets) == (plain.prices, plain.targets)
    for number in (30, 60):
        story = account.stories[number - 1]
        assert story[-1]["constraint"] == "starts"
        assert all(a["constraint"] != b["constraint"] for a, b in pairwise(story))
        assert all(a["at"] <= b["at"] for a, b in pairwise(story))
        assert all(("starts_latest_ms" in line) == (policy == "tokenflow") for line in story
                   if "sentence" in line)


def test_a_line_reads_as_a_sentence() -> None:
    line = {"job": 7, "at": 0, "after_ms": 2 * HOUR, "constraint": "capacity", "position": 2,
            "waiting": 5, "sentence": "it asks for 8 devices; 3 of x are free",
            "price_gap": None, "starts_earliest_ms": 3 * MINUTE, "starts_latest_ms": 4 * HOUR}
    assert told(line) == ("job 7, after 2.0 h: capacity, 2 of 5: it asks for 8 devices; 3 of x "
                          "are free; starts in 3.0 min to 4.0 h")
