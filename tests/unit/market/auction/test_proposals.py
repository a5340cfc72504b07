"""Clearings of the auction as it would be without the set-aside: judged, kept, published."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.hall import BUY, SELL, Hall

from suanli.clearing import solve
from suanli.market.auction.commands import Clear, ClearWithout
from suanli.market.auction.instance import Clearing
from suanli.market.auction.proposals import proposal
from suanli.market.auction.records import from_bytes
from suanli.members.commands import SetParameter
from suanli.terms.canonical import decode
from suanli.terms.refusals import Code

KEPT = ("clearings", "clearings_without")


@pytest.fixture
def hall() -> Hall:
    """12,000 lots are offered at 800, 4,000 withheld, and 12,500 wanted at 1000.

    So the price is the buyer's; without the set-aside it would be the seller's.
    """
    made = Hall().opened()
    made.must(1, SetParameter("set_aside_ppm", 250_000))
    made.order(1, made.curve(SELL, (800, 12_000)))
    made.order(2, made.curve(BUY, (1000, 12_500)))
    made.close()
    return made


def actual(hall: Hall) -> Clearing:
    return hall.clearing(1000, {0: 12_000, 1: 12_000}, flows={0: 12_000})


def without(hall: Hall, withheld: int = 500) -> Clearing:
    """Steps: the operator's, the buyer's, and the withheld one behind them."""
    bought = 12_000 + withheld
    return hall.clearing(800, {0: 12_000, 1: bought, 2: withheld}, flows={0: bought},
                         is_without=True)


def result(hall: Hall) -> Any:
    return hall.rooms.market.tables["auction_results"][hall.auction]


def test_its_prices_are_published_and_nothing_is_settled_by_it(hall: Hall) -> None:
    assert hall.clear(3, actual(hall)).code == 0
    assert hall.clear(3, without(hall), ClearWithout).code == 0
    assert hall.settle() == "settled"
    cell = 24 * hall.sitting.nodes.index((0, "area-1", hall.curve(BUY).grade, "firm"))
    found = result(hall)
    assert from_bytes(found.prices)[cell] == 1000
    assert from_bytes(found.prices_without)[cell] == 800
    assert found.welfare == 12_000 * 200
    assert hall.lots(2) == 12_000
    assert hall.sums() == {}
    assert not any(hall.rooms.market.tables[name] for name in KEPT)


def test_the_ledger_is_the_same_with_and_without_it() -> None:
    roots = []
    for is_proposed in (False, True):
        hall = Hall().opened()
        hall.must(1, SetParameter("set_aside_ppm", 250_000))
        hall.order(1, hall.curve(SELL, (800, 12_000)))
        hall.order(2, hall.curve(BUY, (1000, 12_500)))
        hall.close()
        hall.clear(3, actual(hall))
        if is_proposed:
            assert hall.clear(3, without(hall), ClearWithout).code == 0
        hall.settle()
        found = hall.domain.roots()
        roots.append({room: found[room] for room in ("ledger", "schedule", "settlement")})
    assert roots[0] == roots[1]


def test_a_settlement_does_not_wait_for_it(hall: Hall) -> None:
    assert hall.clear(3, actual(hall)).code == 0
    assert hall.settle() == "settled"
    assert result(hall).prices_without == b""


def test_it_is_no_clearing_of_the_auction(hall: Hall) -> None:
    assert hall.clear(3, without(hall), ClearWithout).code == 0
    assert hall.clear(3, without(hall)).code == Code.CLEARING_REFUSED
    assert hall.clear(3, actual(hall), ClearWithout).code == Code.CLEARING_NOT_BETTER
    assert hall.settle() == "void"
    assert not any(hall.rooms.market.tables[name] for name in KEPT)
    assert not hall.rooms.ledger.tables["holds"]


WRONG: list[tuple[str, Callable[[Clearing], Clearing]]] = [
    ("R1", lambda c: c._replace(prices=c.prices[:-1])),
    ("R1", lambda c: c._replace(curve_lots=c.curve_lots[:-1])),  # the auction's own steps alone
    ("R1", lambda c: c._replace(curve_lots=c.curve_lots * 9)),
    ("R2", lambda c: c._replace(flows=c.flows - 1)),
    ("R3", lambda c: c._replace(prices=c.prices + 1)),
    ("R9", lambda c: c._replace(welfare=c.welfare + 1)),
]


@pytest.mark.parametrize(("rule", "change"), WRONG)
def test_an_altered_one_is_refused_with_its_rule(hall: Hall, rule: str,
                                                 change: Callable[[Any], Any]) -> None:
    right = without(hall)
    before = hall.domain.roots()["market"]
    receipt = hall.clear(3, change(right), ClearWithout)
    assert (receipt.code, receipt.reason[:7]) == (Code.CLEARING_REFUSED, f"rule {rule}")
    assert hall.domain.roots()["market"] == before
    assert hall.clear(3, right, ClearWithout).code == 0


def test_bytes_that_are_no_numbers_are_refused(hall: Hall) -> None:
    command = proposal(hall.auction, without(hall), ClearWithout)
    odd = ClearWithout(command.auction, command.prices + b"\x00", command.curve_lots,
                       command.block_ppm, command.offer_accepted, command.flows, command.welfare)
    assert hall.say(3, odd).code == Code.CLEARING_REFUSED


def test_the_best_one_stands_and_the_first_of_equals() -> None:
    hall = Hall().opened()
    hall.must(1, SetParameter("set_aside_ppm", 250_000))
    hall.order(1, hall.curve(SELL, (800, 100)))
    hall.order(3, hall.block(BUY, 900, 20, (0,)))
    hall.order(2, hall.curve(BUY, (1000, 150)))
    hall.close()
    less = hall.clearing(800, {0: 100, 1: 150, 2: 50}, {0: 0}, {0: 150}, is_without=True)
    best = hall.clearing(800, {0: 100, 1: 150, 2: 70}, {0: 1_000_000}, {0: 170}, is_without=True)
    assert hall.clear(2, less, ClearWithout).code == 0
    assert hall.clear(3, less, ClearWithout).code == Code.CLEARING_NOT_BETTER
    assert hall.clear(3, best, ClearWithout).code == 0
    assert hall.clear(1, best, ClearWithout).code == Code.CLEARING_NOT_BETTER
    kept = hall.rooms.market.tables["clearings_without"][hall.auction]
    assert (kept.solver, kept.welfare) == (3, best.welfare)
    again = Hall()
    again.domain.restore(decode(hall.domain.snapshot()))
    assert again.domain.roots() == hall.domain.roots()


def test_it_is_heard_while_clearings_are_and_only_where_something_is_withheld(hall: Hall) -> None:
    right = without(hall)
    hall.at = hall.sitting.deadline
    assert hall.clear(3, right, ClearWithout).code == Code.WRONG_AUCTION_PHASE
    assert hall.say(3, proposal(9, right, ClearWithout)).code == Code.UNKNOWN_AUCTION
    plain = Hall().opened()
    plain.order(1, plain.curve(SELL, (800, 100)))
    open_one = plain.clearing(800, {})
    assert plain.clear(3, open_one, ClearWithout).code == Code.WRONG_AUCTION_PHASE
    plain.close()
    refused = plain.clear(3, plain.clearing(800, {}), ClearWithout)
    assert refused.code == Code.CLEARING_REFUSED
    assert "market.clear is accepted" in refused.reason
    assert plain.rooms.market.tables["clearings_without"].width == 0


def test_the_solver_finds_both(hall: Hall) -> None:
    frozen = hall.rooms.market.auctions.frozen(hall.auction, hall.sitting)
    for auction, kind, price in ((frozen.auction, Clear, 1000), (frozen.without, ClearWithout,
                                                                800)):
        found = solve(auction, seconds=5.0).clearing
        assert hall.clear(2, found, kind).code == 0
        assert price in found.prices
