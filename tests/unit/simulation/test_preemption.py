"""A preempted job in a virtual world: through driver, planner and market, at a cost."""

from pathlib import Path

from tests.stage import CHIP, spec

from suanli.bootstrap import datasheet_text
from suanli.planning.onboarding import Fleet, HostGroup
from suanli.planning.policies import POLICIES
from suanli.schedule import phases
from suanli.schedule.commands import Preempt, Submit
from suanli.simulation.world import EPOCH, Theatre, World
from suanli.terms.instant import HOUR, MINUTE

RESTORE_MS = 3 * MINUTE
LONG_MS, SHORT_MS = 100 * MINUTE, 20 * MINUTE


def test_a_preempted_job_does_its_work_once_and_pays_for_restoring(tmp_path: Path) -> None:
    world = World("preempt", 1, EPOCH, (("op", Fleet((HostGroup("z", "a", CHIP, 1, 1),), 1000)),),
                  ("t",), datasheet_text(), restore_ms=RESTORE_MS)
    theatre = Theatre(world, tmp_path / "chain.db", POLICIES["fifo"],
                      lambda job, wanted, host: LONG_MS if job == 1 else SHORT_MS)
    schedule = theatre.driver.rooms.schedule
    said = {EPOCH: ("t", Submit(spec(time_limit_ms=100 * MINUTE))),
            EPOCH + 30 * MINUTE: ("t", Submit(spec(time_limit_ms=HOUR))),
            EPOCH + 40 * MINUTE: ("op", Preempt(1, 2))}
    at = EPOCH
    while len(schedule.ids_in(phases.ENDED)) < 2:
        if at in said:
            who, command = said.pop(at)
            assert theatre.driver.request(theatre.agents[who].sign(command), at) is None
        theatre.driver.step(at)
        while theatre.planner.has_more():
            theatre.driver.step(at)
        due = theatre.cluster.next_instant()
        at = max(at, min([theatre.planner.next_instant(at), *said, *([] if due is None
                                                                     else [due])]))
    long, short = schedule.job(1), schedule.job(2)
    assert (short.placed, short.ended) == (EPOCH + 40 * MINUTE, EPOCH + HOUR)
    # Its limit is exactly its work: without the allowance, restoring would have cost it the end.
    assert (long.outcome, long.ended) == (phases.SUCCEEDED,
                                          EPOCH + HOUR + 60 * MINUTE + RESTORE_MS)
    assert (long.attempt, long.progress_ms, long.lost_ms) == (2, 40 * MINUTE, 0)
    assert long.waited_ms == SHORT_MS
    usage = theatre.driver.rooms.settlement.usage
    assert [usage(1, n)[0] for n in (1, 2)] == [40 * MINUTE, 60 * MINUTE + RESTORE_MS]
