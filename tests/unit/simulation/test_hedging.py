"""Bills of the simulated week: by day, scaled to the need, of what was paid; worked by hand."""

import pytest

from suanli.simulation.week.hedging import WAYS, Bill, Bought, bills
from suanli.simulation.week.stage import (
    BUYS_AHEAD,
    BUYS_SPOT,
    BUYS_WEEK,
    NEED_LOTS,
    TAKES_COLLAR,
    Plan,
)
from suanli.terms.instant import HOUR
from suanli.terms.quantity import RMB

PLAN = Plan(2, 1)


def bought(name: str, *prices: int, lots: int = NEED_LOTS) -> Bought:
    """What it bought at one price in all hours of a day, day after day."""
    return {(name, PLAN.day(day) + hour * HOUR): (lots, lots * price)
            for day, price in enumerate(prices, 1) for hour in range(24)}


def bill(found: Bought, name: str, refunded: int = 0) -> Bill:
    return next(b for b in bills(PLAN, found, {name: refunded}) if b.way == WAYS[name])


def test_a_bill_is_of_each_day() -> None:
    found = bill(bought(BUYS_SPOT, 1000, 1500), BUYS_SPOT, 3 * RMB)
    # 4 tokens an hour: 96 RMB and 144 RMB
    assert found[1:] == (120, pytest.approx(24 * 2 ** 0.5), 1250, 1, 3)


def test_part_of_the_need_is_scaled_to_all_of_it() -> None:
    found = bill(bought(BUYS_AHEAD, 1000, 1000, lots=NEED_LOTS // 4), BUYS_AHEAD)
    assert found[1:] == (96, 0, 1000, 0.25, 0)


def test_what_was_paid_later_for_an_hour_counts_in_its_day() -> None:
    hours = bought(TAKES_COLLAR, 1000, 1000)
    key = TAKES_COLLAR, PLAN.day(2)
    hours[key] = NEED_LOTS, hours[key][1] + 24 * RMB
    # 96 RMB and 120 RMB
    assert bill(hours, TAKES_COLLAR)[1:3] == (108, pytest.approx(12 * 2 ** 0.5))


def test_a_block_of_the_week_has_one_price_whatever_its_hours_have() -> None:
    found = bill(bought(BUYS_WEEK, 1000, 2000), BUYS_WEEK)
    assert found[1:4] == (144, 0, 1500)


def test_who_bought_nothing_has_no_bill() -> None:
    assert bill({}, BUYS_SPOT)[1:] == (0, 0, 0, 0, 0)
