"""The planner and strips: what is written is attested, what has a price is fixed, and said once."""

import pytest
from tests.hall import DAY_AHEAD, Hall
from tests.unit.market.test_strips import HOURS, MIDDLE, auctioned, prices, taken, written

from suanli.market.commands import FixStrip, TakeStrip
from suanli.planning.planner import Planner
from suanli.planning.policies import POLICIES
from suanli.terms.instant import DAY, HOUR


@pytest.fixture
def hall() -> Hall:
    return Hall().opened()


def test_the_planner_attests_what_is_written_and_fixes_what_is_due_once(hall: Hall) -> None:
    late = DAY_AHEAD + 2 * DAY
    id = written(hall, start=late, until=late)
    planner = Planner(POLICIES["fifo"], [1])

    def said() -> list[str]:
        kinds = []
        for member, command in planner.decide(hall.rooms, hall.at):
            assert hall.tell(planner, member, command).code == 0, command
            kinds.append(command.kind)
        return kinds

    assert "ledger.attest" in said()
    assert "ledger.attest" not in said()
    more = written(hall, start=late + DAY, until=late, lots=1)
    assert "ledger.attest" in said()  # without waiting for the hour
    new = hall.must(2, TakeStrip(id)).answer["strip"]
    hall.must(2, TakeStrip(more))
    assert "market.fix_strip" not in said()
    for hour in range(HOURS):
        hall.at = planner.next_instant(late + hour * HOUR - 1)
        assert hall.at == late + hour * HOUR
        kinds = said()
        assert kinds.index("market.fix_strip") < kinds.index("ledger.sweep")
        assert "market.fix_strip" not in said()
        assert prices(hall, new) == (MIDDLE,) * (hour + 1) + (0,) * (HOURS - hour - 1)


def test_the_planner_fixes_after_an_auction(hall: Hall) -> None:
    id = taken(hall)
    planner = Planner(POLICIES["fifo"], [1])
    assert FixStrip(id) not in [command for _, command in planner.decide(hall.rooms, hall.at)]
    auctioned(hall, 900)
    assert FixStrip(id) in [command for _, command in planner.decide(hall.rooms, hall.at)]
    stranger = Planner(POLICIES["fifo"], [3])
    assert not list(stranger.fixing.decide(hall.rooms, hall.at, DAY_AHEAD))
