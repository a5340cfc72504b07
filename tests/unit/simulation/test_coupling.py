"""The study of coupled markets: what must hold on every day, whatever the figures."""

import numpy as np
import pytest

from suanli.simulation.coupling.auctioned import auctioned
from suanli.simulation.coupling.outcome import figures
from suanli.simulation.coupling.posted import posted
from suanli.simulation.coupling.study import summary
from suanli.simulation.coupling.world import HOURS, POSTED_MRMB, Day, Link, Tenant, draw_day

ROOM = tuple((10_000,) * HOURS for _ in POSTED_MRMB)


def day(*tenants: Tenant, links: tuple[Link, ...] = ()) -> Day:
    return Day(ROOM, tenants, links)


def test_a_seed_gives_the_same_day() -> None:
    assert draw_day(3) == draw_day(3)
    assert draw_day(3) != draw_day(4)


def test_the_first_come_is_the_first_served_at_posted_prices() -> None:
    block = {"width": 6_000, "hours": 2, "starts": (0, 1)}
    outcome = posted(day(Tenant(2, 900, **block), Tenant(2, 5_000, **block),
                         Tenant(2, 5_000, **block), Tenant(2, 799, (1,) * HOURS)))
    assert outcome.bought.tolist() == [12_000, 0, 0, 0]  # the others' starts all meet its hours
    assert outcome.sold[2, :3].tolist() == [6_000, 6_000, 0]
    assert outcome.cost == 12_000 * 800


def test_a_link_lets_the_dear_operators_tenant_buy_from_the_cheap_one() -> None:
    tenant = Tenant(0, 1_100, (1_000,) * HOURS)  # below its home's posted 1,200
    links = (Link(2, 0, 400, 20),)
    apart, coupled = (auctioned(day(tenant, links=links), is_coupled=c) for c in (False, True))
    assert apart.bought.tolist() == [0]
    assert coupled.bought.tolist() == [400 * HOURS]
    assert coupled.cost == 400 * HOURS * (800 + 20)


def test_hours_that_miss_one_are_of_no_use() -> None:
    rival = Tenant(2, 9_000, tuple(10_000 * (hour == 1) for hour in range(HOURS)))
    trainer = Tenant(2, 2_000, width=4_000, hours=3, starts=(0, 5))
    singly = auctioned(day(rival, trainer), has_blocks=False)
    assert singly.bought.tolist() == [10_000, 0]
    assert singly.sold.sum() == 10_000 + 8_000  # paid for, and lost
    assert auctioned(day(rival, trainer)).bought.tolist() == [10_000, 12_000]


def test_coupling_never_costs_welfare() -> None:
    world = draw_day(1)
    some = Day(world.capacity, world.tenants[:40], world.links)
    apart, coupled = (figures(some, auctioned(some, is_coupled=c)) for c in (False, True))
    assert coupled["welfare_rmb"] >= apart["welfare_rmb"]
    assert 0 < coupled["useful"] <= coupled["utilisation"] <= 1
    assert np.all(auctioned(some).sold <= np.array(some.capacity))


def test_the_summary_gains_against_posted_prices() -> None:
    rows = [{"posted prices": {"welfare_rmb": 100.0}, "isolated auctions": {"welfare_rmb": 110.0},
             "coupled, no blocks": {"welfare_rmb": 90.0}, "coupled auction": {"welfare_rmb": w}}
            for w in (120.0, 140.0)]
    found = {row["form"]: row["welfare_gain"] for row in summary(rows)}
    assert found["coupled auction"].value == pytest.approx(0.3)
    assert found["coupled auction"].half == pytest.approx(1.2706, abs=1e-3)
    assert found["coupled, no blocks"].value == pytest.approx(-0.1)
