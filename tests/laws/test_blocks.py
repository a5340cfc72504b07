"""Laws of gangs in network blocks, against slow sums in plain Python that share nothing.

Goal: on any fleet a gang never spreads beyond the level that it requires, is placed whenever a
block of that level has room, and takes the smallest level that has.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanli.chips.topology import HOST, LEVELS, ZONE
from suanli.planning.placing import Rule, place
from suanli.planning.tokenflow.displacing import Placed, victims
from suanli.planning.tokenflow.drains import Drains
from suanli.planning.tokenflow.kernels import Parts, pack
from suanli.planning.tokenflow.room import NEVER
from suanli.planning.view import PPM, PoolSpec, Request, View
from suanli.terms.errors import InvariantBroken
from suanli.terms.instant import HOUR

SOME = settings(max_examples=150, deadline=None)
TOP = 3

hosts = st.tuples(st.integers(1, TOP), st.integers(0, TOP), st.sampled_from(["", "a", "b"]),
                  st.sampled_from(["", "s", "t"]))  # devices, how many are used, leaf, spine
fleets = st.lists(hosts, min_size=1, max_size=9)
levels = st.sampled_from(LEVELS[1:])
rules = st.sampled_from(["first", "tightest"])
elastic = st.tuples(st.integers(2, 12), levels | st.just(""), st.just(""), st.integers(2, 12))
gangs = st.tuples(st.integers(1, 12), levels | st.just(""), levels | st.just(""))


def view_of(fleet: Any) -> View:
    devices, used, leaf, spine = zip(*fleet, strict=True)
    view = View((PoolSpec("z", "chip", devices, leaf, spine),))
    for host, count in enumerate(used):
        for index in range(min(count, devices[host])):
            view.bind(ask(view, 1), ((host, (index,)),), 0)
    return view


def ask(view: View, devices: int, required: str = "", preferred: str = "", least: int = 0) -> int:
    return view.submit(Request(view.jobs.count, 0, devices, 1000, (PPM,) * len(view.pools), HOUR,
                               level_required=required, level_preferred=preferred,
                               devices_min=least), 0)


def packed(view: View, rows: list[int], reserved: Any = None,
           until: int = 1) -> list[dict[int, int] | None]:
    """Return {host: count} by row, None where it went nowhere."""
    jobs, which, n = view.jobs, np.array(rows), len(view.pools)
    pool, first, host, count = pack(
        jobs.devices[which], jobs.devices_min[which], jobs.share[which], jobs.tier[which],
        jobs.level_required[which], jobs.level_preferred[which],
        np.tile(np.arange(n), (len(rows), 1)), np.zeros(len(rows), dtype=np.int64),
        np.full((len(rows), n), until), view.spare[None, :] - view.kept,
        view.free.copy(), view.used.copy(), view.devices, view.first_host, view.pool_of,
        view.blocks,
        np.full(len(view.free), NEVER) if reserved is None else reserved,
        Parts(view.jobs.parts[which], view.jobs.slice[which], view.after, view.standing.copy()))
    return [dict(zip(host[first[i]:first[i + 1]].tolist(), count[first[i]:first[i + 1]].tolist(),
                     strict=True)) if pool[i] >= 0 else None for i in range(len(rows))]


def plain_block(level: str, host: int, leaf: str, spine: str) -> Any:
    """The definition, said again: a leaf belongs to its spine; the unknown is not shared."""
    if level == "zone":
        return "zone"
    if level == "spine" and spine:
        return spine
    if level in ("leaf", "spine") and leaf:
        return spine, leaf
    return host


def spans(level: str, fleet: Any, at: Any) -> int:
    return len({plain_block(level, h, fleet[h][2], fleet[h][3]) for h in at})


def has_room(free: list[int], top: int, count: int) -> bool:
    """One host, or whole hosts of the largest kind and one with the rest."""
    if count <= top:
        return any(f >= count for f in free)
    whole, rest = divmod(count, top)
    return (sum(f == top for f in free) >= whole
            and (not rest or sum(f >= rest for f in free) > whole))


def smallest(fleet: Any, free: list[int], count: int, limit: int) -> str | None:
    """Return the smallest level up to a limit of which some block has room."""
    top = max(devices for devices, *_ in fleet)
    for level in LEVELS[HOST:limit + 1]:
        blocks: dict[Any, list[int]] = {}
        for host, (_, _, leaf, spine) in enumerate(fleet):
            blocks.setdefault(plain_block(level, host, leaf, spine), []).append(free[host])
        if any(has_room(inside, top, count) for inside in blocks.values()):
            return level
    return None


def limit_of(required: str) -> int:
    return max(HOST, LEVELS.index(required)) if required else ZONE


def check(fleet: Any, free: list[int], gang: Any, found: Any) -> None:
    count, required, _ = gang
    level = smallest(fleet, free, count, limit_of(required))
    assert (found is None) == (level is None)
    if found is not None:
        assert sum(found.values()) == count
        assert all(0 < n <= free[host] for host, n in found.items())
        assert spans(level or "", fleet, found) == 1
        assert not required or required == "device" or spans(required, fleet, found) == 1


def partly_reserved(view: View, data: Any) -> tuple[Any, list[int]]:
    """Draw from when each host is reserved, now or never; return it, and what is free beside."""
    hosts = len(view.free)
    reserved = np.array(data.draw(st.lists(st.sampled_from([0, NEVER, NEVER]),
                                           min_size=hosts, max_size=hosts)))
    return reserved, np.where(reserved == NEVER, view.free, 0).tolist()


@SOME
@given(fleets, st.lists(gangs, min_size=1, max_size=6), st.data())
def test_pack_takes_the_smallest_block_that_has_room(fleet: Any, asked: Any, data: Any) -> None:
    """Also job after job, and with hosts that are reserved before the job is over."""
    view = view_of(fleet)
    reserved, free = partly_reserved(view, data)
    asked = [gang for gang in asked if gang[1] != "device" or gang[0] == 1]
    rows = [ask(view, *gang) for gang in asked]
    for gang, found in zip(asked, packed(view, rows, reserved) if rows else [], strict=True):
        check(fleet, free, gang, found)
        for host, count in (found or {}).items():
            free[host] -= count


@SOME
@given(fleets, st.lists(elastic, min_size=1, max_size=5), st.data())
def test_an_elastic_gang_gets_the_most_that_has_room(fleet: Any, asked: Any, data: Any) -> None:
    view = view_of(fleet)
    reserved, free = partly_reserved(view, data)
    asked = [gang for gang in asked if gang[1] != "device" and gang[3] <= gang[0]]
    rows = [ask(view, *gang) for gang in asked]
    for (count, required, _, least), found in zip(
            asked, packed(view, rows, reserved) if rows else [], strict=True):
        limit = limit_of(required)
        width = next((k for k in range(count, least - 1, -1)
                      if smallest(fleet, free, k, limit)), 0)
        check(fleet, free, (width or least, required, ""), found)
        for host, taken in (found or {}).items():
            free[host] -= taken


def test_on_fewer_devices_it_runs_longer_and_must_still_be_over_in_time() -> None:
    """All four run until 100, two would until 200."""
    for from_when, width in ((200, 3), (199, 0)):
        view = view_of([(2, 0, "", ""), (2, 1, "", "")])
        reserved = np.full(2, from_when)
        (found,) = packed(view, [ask(view, 4, least=2)], reserved, until=100)
        assert sum((found or {}).values()) == width
    view = view_of([(2, 0, "", ""), (2, 1, "", "")])
    (found,) = packed(view, [ask(view, 4, least=2)], np.array([NEVER, 199]), until=100)
    assert found == {0: 2}


@SOME
@given(fleets, gangs.filter(lambda gang: gang[1] or gang[2]), rules)
def test_place_takes_the_smallest_block_that_has_room(fleet: Any, gang: Any, rule: Rule) -> None:
    view = view_of(fleet)
    slots = place(view, ask(view, *gang), 0, rule)
    if gang[1] != "device" or gang[0] == 1:
        check(fleet, view.free.tolist(), gang,
              slots and {host: len(indices) for host, indices in slots})


@SOME
@given(fleets, st.integers(1, 12), rules)
def test_blocks_change_nothing_for_who_states_no_level(fleet: Any, count: int, rule: Rule) -> None:
    view, blind = view_of(fleet), view_of([(d, u, "", "") for d, u, *_ in fleet])
    assert place(view, ask(view, count), 0, rule) == place(blind, ask(blind, count), 0, rule)


@SOME
@given(fleets, st.integers(2, 12), levels.filter(lambda level: level != "device"))
def test_who_makes_way_frees_one_block(fleet: Any, count: int, required: str) -> None:
    """Every placement here may go; each is of one device."""
    view = view_of(fleet)
    free, top = view.free.tolist(), max(devices for devices, *_ in fleet)
    row, rows = ask(view, count, required), view.rows(view.active)
    at = np.array([view.slots[r][0][0] for r in rows], dtype=np.int64)
    one = np.ones(len(rows), dtype=np.int64)
    placed = Placed(rows, one.astype(float), one, one, one, one, np.arange(len(rows) + 1), at, one)
    chosen = victims(count, 0, len(fleet), 0, view.blocks.within(LEVELS.index(required)), one > 0,
                     placed, view.free, view.devices, np.full(len(fleet), NEVER))
    for host in at[chosen]:
        free[host] += 1
    empty = [devices for devices, *_ in fleet]
    whole = -(-count // top) * min(count, top)  # the remainder wants a whole host too
    if len(chosen) or smallest(fleet, empty, whole, LEVELS.index(required)):
        assert smallest(fleet, free, count, LEVELS.index(required))
    assert row in view.queued


@SOME
@given(fleets, st.integers(2, 12), levels.filter(lambda level: level != "device"))
def test_a_drain_keeps_hosts_of_one_block(fleet: Any, count: int, required: str) -> None:
    view, drains = view_of(fleet), Drains()
    top = max(devices for devices, *_ in fleet)
    row = ask(view, count, required)
    drains.seek(view, np.array([row]), np.zeros(1, dtype=np.int64), 0)
    whole = -(-count // top) * min(count, top)
    could = smallest(fleet, [devices for devices, *_ in fleet], whole, LEVELS.index(required))
    assert (row in drains.by_row) == (could is not None)
    if could:
        assert spans(required, fleet, drains.by_row[row].hosts) == 1


def test_the_view_stops_a_scheduler_that_spreads_too_far() -> None:
    view = View((PoolSpec("z", "chip", (1, 1, 1, 1), ("a", "a", "", ""), ("s", "s", "s", "")),))
    assert view.bind(ask(view, 2, "leaf"), ((0, (0,)), (1, (0,))), 0)
    with pytest.raises(InvariantBroken, match="beyond one spine"):
        view.bind(ask(view, 2, "spine"), ((2, (0,)), (3, (0,))), 0)


def test_all_pools_are_tried_within_the_preferred_level_before_any_beyond_it() -> None:
    pools = (PoolSpec("z", "first", (2, 2), ("a", "b")),
             PoolSpec("z", "second", (2, 2), ("a", "a")))
    for preferred, hosts in (("", {0, 1}), ("spine", {2, 3}), ("zone", {0, 1})):
        view = View(pools)
        (found,) = packed(view, [ask(view, 4, "", preferred)])
        assert found is not None
        assert set(found) == hosts


@SOME
@given(st.integers(0, 8), st.integers(2, 8), st.integers(2, 8))
def test_an_elastic_gang_gets_no_more_than_its_tier_may_have(kept: int, count: int,
                                                             least: int) -> None:
    """Of eight free devices some are kept from its tier."""
    view = view_of([(2, 0, "", "")] * 4)
    least = min(least, count)
    row = ask(view, count, least=least)
    from_tier = np.zeros_like(view.kept)
    from_tier[view.jobs.tier[row]] = kept * 1000
    view.carve_out(from_tier)
    (found,) = packed(view, [row])
    allowed = min(count, 8 - kept)
    assert sum((found or {}).values()) == (allowed if allowed >= least else 0)
