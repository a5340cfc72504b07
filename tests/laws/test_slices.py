"""Random placements and ends on sliced chips: no device holds more than it has places for.

Goal: whatever is asked for and whoever ends, what the planner proposes the domain accepts, no two
slices share a unit, each stands on one of its places, and nothing waits that has a place. Method:
a few jobs on a small fleet of each kind of chip, planned by the production cycle; the books kept
here are written from the rows of the table and know nothing of how places are chosen.
"""

from itertools import combinations
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from tests.stage import Stage, spec

from suanli.adapters.shipped import datasheet_text, slices_text
from suanli.chips.datasheet import parse
from suanli.chips.slices import Profile
from suanli.planning.mirror import Mirror
from suanli.planning.onboarding import Fleet, HostGroup, onboard
from suanli.planning.planner import Planner
from suanli.planning.policies import POLICIES
from suanli.schedule import phases
from suanli.schedule.commands import Ended, PlaceMany, Started, Submit
from suanli.schedule.job import PPM
from suanli.terms.instant import SECOND

MIG, VNPU = "h100-sxm-80", "ascend-910b3-64"
FLEET = Fleet((HostGroup("z", "area-1", MIG, 2, 1), HostGroup("z", "area-1", VNPU, 1, 2)), 1000)
requests = st.tuples(st.sampled_from([MIG, VNPU]), st.integers(1, 1000),
                     st.sampled_from([0, 0, 5, 20, 40, 64]))
histories = st.lists(st.one_of(requests, st.integers(0, 9)), min_size=5, max_size=20)


def may_stand(profile: Profile, units: int) -> bool:
    """The definition, said again from the row: a run from a start, or any units."""
    members = [unit for unit in range(profile.units) if units >> unit & 1]
    if not profile.starts:
        return len(members) == profile.size
    return any(members == list(range(start, start + profile.size)) for start in profile.starts)


def check_devices(stage: Stage) -> None:
    """No unit twice, places as the table has them, shares that sum to what is used."""
    schedule, chips = stage.rooms.schedule, stage.rooms.chips
    used: dict[tuple[str, int], int] = {}
    taken: dict[tuple[str, int], int] = {}
    for id in schedule.ids_in(*phases.HOLDS_DEVICES):
        job, wanted = schedule.job(id), schedule.spec(id)
        ((host, (device,)),) = job.slots
        got = chips.allot(job.chip, wanted.share, wanted.memory_gb)
        used[host, device] = used.get((host, device), 0) + got.share
        if got.profile is not None:
            units = schedule.tables["slices"][id][2]
            assert may_stand(got.profile, units)
            assert not taken.get((host, device), 0) & units
            taken[host, device] = taken.get((host, device), 0) | units
    for host, each in chips.tables["hosts"].items():
        shares = schedule.used(host, each.devices)
        assert shares == tuple(used.get((host, n), 0) for n in range(each.devices))
        assert max(shares) <= 1000
    assert schedule.standing == taken


def has_place(stage: Stage, id: int) -> bool:
    """Say, by trying every set of units of every device, whether a queued job could be placed."""
    schedule, chips = stage.rooms.schedule, stage.rooms.chips
    wanted = schedule.spec(id)
    got = chips.allot(wanted.chips[0][0], wanted.share, wanted.memory_gb)
    for host, each in chips.tables["hosts"].items():
        if each.chip != wanted.chips[0][0]:
            continue
        for device, share in enumerate(schedule.used(host, each.devices)):
            if share + got.share > 1000:
                continue
            if got.profile is None:
                return True
            standing = schedule.standing.get((host, device), 0)
            free = [unit for unit in range(got.profile.units) if not standing >> unit & 1]
            if any(may_stand(got.profile, sum(1 << unit for unit in chosen))
                   for chosen in combinations(free, got.profile.size)):
                return True
    return False


class Play:
    """A stage of two devices of each kind of chip, and a planner that hears what happens."""

    def __init__(self, policy: str) -> None:
        self.stage = Stage(slices=slices_text())
        for command in onboard(FLEET, parse(datasheet_text())):
            self.stage.must(1, command)
        self.stage.admit("tenant")
        self.planner = Planner(POLICIES[policy], [1])

    def tell(self, member: int, command: Any) -> Any:
        receipt = self.stage.tell(self.planner, member, command)
        assert receipt.code == 0, receipt.reason
        return receipt

    def plan(self) -> None:
        while decisions := self.planner.decide(self.stage.rooms, self.stage.at):
            for operator, command in decisions:
                receipt = self.tell(operator, command)
                if isinstance(command, PlaceMany):
                    assert set(receipt.codes) <= {0}, "the domain accepts what is proposed"
            for id in self.stage.rooms.schedule.ids_in(phases.PLACED):
                self.tell(1, Started(id, 1))

    def end(self, which: int) -> None:
        running = self.stage.rooms.schedule.ids_in(phases.RUNNING)
        if running:
            at = self.stage.at
            self.tell(1, Ended(running[which % len(running)], 1, at, at, 0, False, 0, 0))


@pytest.mark.parametrize("policy", ["tokenflow", "best-fit"])
@given(history=histories)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_device_holds_more_than_it_has_places_for(policy: str, history: list[Any]) -> None:
    play = Play(policy)
    for step in history:
        if isinstance(step, int):
            play.end(step)
        else:
            chip, share, memory_gb = step
            play.tell(2, Submit(spec(chips=((chip, PPM),), share=share, memory_gb=memory_gb,
                                     is_preemptible=False)))
        play.stage.at += SECOND
        play.plan()
        check_devices(play.stage)
        for id in play.stage.rooms.schedule.ids_in(phases.QUEUED):
            assert not has_place(play.stage, id)
    check_mirrors(play)


def check_mirrors(play: Play) -> None:
    """The view that followed has the slices where the domain has them, as one built anew has."""
    followed = play.planner.cycle.in_step(play.stage.rooms, play.stage.at)
    anew = Mirror(play.stage.rooms, [1], play.stage.at)
    for mirror in (followed, anew):
        stands = {(mirror.hosts[host], device): int(units) for host, row in enumerate(
            mirror.view.standing) for device, units in enumerate(row) if units}
        assert stands == play.stage.rooms.schedule.standing
