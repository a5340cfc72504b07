"""The auctioneer and the operators' offers: by the calendar, once each, and over a restart."""

import time
from typing import Any

import pytest
from tests.hall import BUY, DAY_AHEAD, SELL, Hall
from tests.stage import CHIP, GANG, SINGLE, START, Stage

from suanli.clearing import solve
from suanli.clearing.workers import AtOnce, InThread, solved
from suanli.ledger.commands import Attest
from suanli.market.auction.calendar import SESSIONS, next_start
from suanli.market.auction.commands import (
    CloseAuction,
    EnterBlock,
    Leg,
    OpenAuction,
    SettleAuction,
)
from suanli.market.auction.instance import Auction, Clearing
from suanli.market.auction.records import from_bytes
from suanli.market.auction.verification import verify
from suanli.members.commands import SetParameter
from suanli.planning.auctioneer import Auctioneer
from suanli.planning.offering import offers
from suanli.planning.planner import Planner
from suanli.planning.policies import POLICIES
from suanli.terms.errors import present
from suanli.terms.instant import DAY, HOUR, MINUTE
from suanli.terms.refusals import Code


def said(stage: Stage, auctioneer: Auctioneer) -> list[str]:
    """Let it decide, say what it decided as operator 1; return the kinds and what was answered."""
    kinds = []
    for command in auctioneer.decide(stage.rooms, stage.at):
        assert stage.say(1, command).code == 0, command
        kinds.append(command.kind)
    stage.domain.follows(bytes([len(kinds) + 1]) * 32, stage.at)
    return kinds


def test_every_session_opens_in_its_time_and_once() -> None:
    stage = Stage().opened()
    auctioneer = Auctioneer(AtOnce())
    opened: list[tuple[str, int]] = []
    for hour in range(24 * 7):
        stage.at = START + hour * HOUR
        for command in auctioneer.decide(stage.rooms, stage.at):
            if isinstance(command, OpenAuction):
                stage.must(1, command)
                opened.append((command.session, command.start))
    assert len(set(opened)) == len(opened)
    by_session = {name: [start for session, start in opened if session == name]
                  for name in SESSIONS}
    assert by_session["day-ahead"] == [START + day * DAY for day in range(1, 8)]
    assert by_session["weekly"] == [START + 4 * DAY]
    assert all(len(by_session[f"intraday-{n}"]) == 7 for n in (1, 2, 3))


def test_an_auction_is_led_to_its_end_and_nothing_said_twice() -> None:
    hall = Hall().opened()
    hall.order(1, hall.curve(SELL, (800, 150)))
    hall.order(2, hall.curve(BUY, (1000, 100)))
    auctioneer = Auctioneer(AtOnce(), ("day-ahead",))
    kinds = []
    while hall.sitting.status != "settled":
        kinds += said(hall, auctioneer)
        if not auctioneer.has_more:
            due = auctioneer.next_instant(hall.at)
            assert due is not None
            assert due > hall.at
            hall.at = due
    assert kinds == ["market.close_auction", "market.close_auction", "market.clear",
                     "market.settle_auction"]
    assert [found.clearing.welfare for found in auctioneer.indicative[hall.auction]] == [
        20_000, 20_000]


def test_what_is_refused_is_not_said_again_at_once() -> None:
    hall = Hall().opened()
    auctioneer = Auctioneer(AtOnce(), ())
    hall.at = hall.sitting.last
    assert [type(c) for c in auctioneer.decide(hall.rooms, hall.at)] == [CloseAuction]
    assert auctioneer.decide(hall.rooms, hall.at) == []  # it was never heard
    assert not auctioneer.has_more
    hall.at += 1000
    assert [type(c) for c in auctioneer.decide(hall.rooms, hall.at)] == [CloseAuction]


def test_a_new_auctioneer_goes_on_where_another_stopped() -> None:
    hall = Hall().opened()
    hall.order(1, hall.curve(SELL, (800, 150)))
    hall.order(2, hall.curve(BUY, (1000, 100)))
    hall.close()
    assert said(hall, Auctioneer(AtOnce(), ())) == ["market.clear"]
    hall.at = hall.sitting.deadline
    assert [type(c) for c in Auctioneer(AtOnce(), ()).decide(hall.rooms, hall.at)] == [
        SettleAuction]


def slow(auction: Auction, seconds: float) -> Clearing:
    time.sleep(0.2)
    return solved(auction, seconds)


def dies(auction: Auction, seconds: float) -> Clearing:
    raise MemoryError("no memory left")


@pytest.mark.parametrize(("find", "kinds"), [(slow, ["market.clear"]), (dies, [])])
def test_a_thread_solves_while_the_loop_goes_on(find: Any, kinds: list[str]) -> None:
    hall = Hall().opened()
    hall.order(1, hall.curve(SELL, (800, 150)))
    hall.order(2, hall.curve(BUY, (1000, 100)))
    hall.close()
    solver = InThread(find)
    auctioneer = Auctioneer(solver, ())
    assert said(hall, auctioneer) == []
    assert auctioneer.next_instant(hall.at) == hall.at + 1000
    deadline = time.monotonic() + 10
    found: list[str] = []
    while not found and not solver.died and time.monotonic() < deadline:
        found = said(hall, auctioneer)
        time.sleep(0.02)
    assert found == kinds
    hall.at = hall.sitting.deadline
    assert said(hall, auctioneer) == ["market.settle_auction"]
    assert hall.sitting.status == ("settled" if kinds else "void")


def scarce() -> Hall:
    """A closed auction with a quarter set aside and more wanted than is offered."""
    hall = Hall().opened()
    hall.must(1, SetParameter("set_aside_ppm", 250_000))
    hall.order(1, hall.curve(SELL, (800, 12_000)))
    hall.order(2, hall.curve(BUY, (1000, 12_500)))
    hall.close()
    return hall


def asked_until(hall: Hall, auctioneer: Auctioneer, instant: int) -> list[str]:
    """Let it say all that is due until an instant."""
    kinds: list[str] = []
    while hall.at < instant:
        kinds += said(hall, auctioneer)
        if not auctioneer.has_more:
            hall.at = min(present(auctioneer.next_instant(hall.at), "it polls"), instant)
    return kinds


def prices_without(hall: Hall, auctioneer: Auctioneer) -> set[int]:
    """Settle; return the prices that would have been, as published."""
    assert said(hall, auctioneer) == ["market.settle_auction"]
    result = hall.rooms.market.tables["auction_results"][hall.auction]
    return set(from_bytes(result.prices_without).tolist())


def test_the_auction_without_the_set_aside_is_solved_second_and_once() -> None:
    hall, auctioneer = scarce(), Auctioneer(AtOnce(), ())
    assert asked_until(hall, auctioneer, hall.sitting.deadline) == [
        "market.clear", "market.clear_without"]
    assert 800 in prices_without(hall, auctioneer)


def test_a_restart_in_between_costs_nothing_but_time() -> None:
    hall = scarce()
    assert said(hall, Auctioneer(AtOnce(), ())) == ["market.clear"]
    again, kinds = Auctioneer(AtOnce(), ()), []
    while hall.at < hall.sitting.deadline:
        for command in again.decide(hall.rooms, hall.at):
            kinds.append((command.kind, hall.say(1, command).code))
        hall.at = hall.at if again.has_more else present(again.next_instant(hall.at), "it polls")
    assert kinds == [("market.clear", Code.CLEARING_NOT_BETTER), ("market.clear_without", 0)]
    assert 800 in prices_without(hall, again)


def second_is(find: Any) -> Any:
    """Return a solver that answers the first question, and the second one otherwise."""
    asked: list[Auction] = []

    def found(auction: Auction, seconds: float) -> Clearing:
        asked.append(auction)
        assert seconds == 60
        clearing: Clearing = (solved if len(asked) == 1 else find)(auction, seconds)
        return clearing
    return found


@pytest.mark.parametrize(("find", "kinds"), [
    (slow, ["market.clear", "market.clear_without"]), (dies, ["market.clear"])])
def test_a_thread_answers_the_second_question_or_dies_of_it(find: Any, kinds: list[str]) -> None:
    hall, solver = scarce(), InThread(second_is(find))
    auctioneer, found = Auctioneer(solver, ()), list[str]()
    deadline = time.monotonic() + 10
    while len(found) < 2 and not solver.died and time.monotonic() < deadline:
        found += said(hall, auctioneer)
        time.sleep(0.02)
    assert found == kinds
    hall.at = hall.sitting.deadline
    published = prices_without(hall, auctioneer)
    assert (800 in published) == (len(kinds) == 2)
    assert hall.sitting.status == "settled"


# -- offers --------------------------------------------------------------------------------


def test_operators_answer_the_demand_they_can_serve() -> None:
    hall = Hall().opened()
    hall.order(2, hall.curve(BUY, (1100, 3000), (900, 100)))
    hall.order(3, hall.block(BUY, 1200, 20_000, (1,)))
    hall.order(3, hall.curve(BUY, (1100, 2000), grade=GANG, hour=1))
    assert list(offers(hall.rooms, 1, hall.at)) == []
    hall.at = hall.sitting.no_cancel_from - MINUTE
    made = [(o.grade, (o.start - DAY_AHEAD) // HOUR, o.steps) for o in offers(hall.rooms, 1,
                                                                            hall.at)]
    single = hall.curve(BUY).grade
    # sixteen devices: the gang grade comes first by name and takes its two, the rest is single
    assert sorted(made) == sorted([(single, 0, ((1000, 3100),)), (GANG, 1, ((1000, 2000),)),
                                   (single, 1, ((1000, 14_000),))])
    for offer in list(offers(hall.rooms, 1, hall.at)):
        hall.must(1, offer)
    assert list(offers(hall.rooms, 1, hall.at)) == []  # once
    assert list(offers(hall.rooms, 2, hall.at)) == []  # a tenant posts no prices


def test_strips_are_offered_as_blocks_that_may_be_taken_in_part() -> None:
    stage = Stage().opened()
    monday = START + 4 * DAY  # the stage starts on a Thursday
    stage.at = monday - 14 * HOUR
    stage.must(1, Attest("area-1", CHIP, monday, 168, 16))
    auction = stage.must(2, OpenAuction("weekly", monday)).answer["auction"]
    legs = tuple(Leg(0, "area-1", SINGLE, "firm", monday + hour * HOUR, 3000) for hour in range(48))
    order = stage.must(2, EnterBlock(auction, 0, 1100, 1_000_000, legs, 0, "", 0)).answer["order"]
    sitting = stage.rooms.market.tables["auctions"][auction]
    stage.at = sitting.no_cancel_from - MINUTE
    made = list(offers(stage.rooms, 1, stage.at))
    assert [(o.legs[0].start, o.legs[0].lots, o.ratio_ppm) for o in made] == [
        (monday + hour * HOUR, 3000, 1) for hour in range(48)]
    for offer in made:
        stage.must(1, offer)
    frozen = stage.rooms.market.auctions.frozen(
        auction, stage.rooms.market.tables["auctions"][auction])
    clearing = solve(frozen.auction, seconds=5.0).clearing
    assert verify(frozen.auction, clearing) is None
    assert frozen.fills(clearing)[order]


def test_the_planner_attests_what_an_auction_is_about() -> None:
    stage = Stage().opened()
    stage.at = START + 9 * HOUR
    planner = Planner(POLICIES["fifo"], [1], Auctioneer(AtOnce(), ("day-ahead",)))
    for _ in range(4):
        for member, command in planner.decide(stage.rooms, stage.at):
            stage.tell(planner, member, command)
    last = stage.rooms.ledger.attestation_id(1, "area-1", CHIP, DAY_AHEAD + 23 * HOUR)
    assert last is not None
    assert not any(isinstance(c, Attest) for _, c in planner.decide(stage.rooms, stage.at))


def test_the_next_start_has_its_gate_ahead() -> None:
    members = Stage().rooms.members
    for session in SESSIONS.values():
        lead = members.parameter(session.lead)
        for hour in range(0, 24 * 8, 5):
            start = next_start(members, session, START + hour * HOUR)
            assert 0 < start - lead - (START + hour * HOUR) <= session.period

