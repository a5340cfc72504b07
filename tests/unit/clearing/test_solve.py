"""Auctions solved by hand: each rule of clearing in the smallest case that shows it."""

import numpy as np
import pytest
from tests.unit.clearing.lots import BUY, SELL, arc, auction, block, cleared, step

from suanli.market.auction.instance import UNIT, Auction
from suanli.market.auction.verification import verify


def test_a_cell_clears_where_its_curves_cross_at_the_middle_of_the_interval() -> None:
    # 10 lots trade; the price is between the last served (60 sells, 80 buys) and the next (90, 50)
    outcome = cleared(auction(1, [step(0, BUY, 80, 10), step(0, BUY, 50, 5),
                                  step(0, SELL, 60, 10), step(0, SELL, 90, 5)]))
    assert outcome.clearing.prices.tolist() == [70]
    assert outcome.clearing.curve_lots.tolist() == [10, 0, 10, 0]
    assert outcome.clearing.welfare == 10 * 80 - 10 * 60
    assert (outcome.method, outcome.gap) == ("exact", 0.0)


def test_the_middle_is_rounded_down() -> None:
    outcome = cleared(auction(1, [step(0, BUY, 81, 1), step(0, SELL, 60, 1)]))
    assert outcome.clearing.prices.tolist() == [70]


def test_a_full_link_parts_two_areas_prices() -> None:
    steps = [step(0, SELL, 20, 100), step(0, BUY, 100, 10), step(1, SELL, 70, 100),
             step(1, BUY, 100, 50)]
    outcome = cleared(auction(2, steps, arcs=[arc(0, 1, 30), arc(1, 0, 30)]))
    assert outcome.clearing.prices.tolist() == [20, 70]
    assert outcome.clearing.flows.tolist() == [30, 0]
    assert outcome.clearing.curve_lots.tolist() == [40, 10, 20, 50]


def test_a_wide_link_makes_one_price() -> None:
    steps = [step(0, SELL, 20, 100), step(0, BUY, 100, 10), step(1, SELL, 70, 100),
             step(1, BUY, 100, 50)]
    outcome = cleared(auction(2, steps, arcs=[arc(0, 1, 90), arc(1, 0, 90)]))
    assert outcome.clearing.prices.tolist() == [20, 20]
    assert outcome.clearing.flows.tolist() == [50, 0]


def test_a_fee_is_the_difference_of_prices_and_costs_welfare() -> None:
    steps = [step(0, SELL, 20, 100), step(1, BUY, 100, 50)]
    outcome = cleared(auction(2, steps, arcs=[arc(0, 1, 90, fee=7)]))
    assert outcome.clearing.prices.tolist() == [20, 27]
    assert outcome.clearing.welfare == 50 * (100 - 20 - 7)


def test_a_block_sets_no_price_of_its_own() -> None:
    # the block is cheaper than the curve, which stays marginal
    outcome = cleared(auction(1, [step(0, BUY, 100, 10), step(0, SELL, 50, 10)],
                              [block(SELL, 30, {0: 6})]))
    assert outcome.clearing.block_ppm.tolist() == [UNIT]
    assert outcome.clearing.prices.tolist() == [50]
    assert outcome.clearing.curve_lots.tolist() == [10, 4]


def test_a_block_that_would_lose_if_accepted_is_rejected_in_the_money() -> None:
    # without the block 10 trade at 50; with its 20 the price would fall to 10, below its 30
    found = auction(1, [step(0, BUY, 100, 10), step(0, BUY, 10, 90), step(0, SELL, 50, 100)],
                    [block(SELL, 30, {0: 20})])
    outcome = cleared(found)
    assert outcome.clearing.block_ppm.tolist() == [0]
    assert outcome.clearing.prices.tolist() == [50]
    assert outcome.paradoxically_rejected.tolist() == [0]
    assert outcome.missed_surplus == 20 * (50 - 30)


def test_a_block_is_judged_by_its_mean_price() -> None:
    steps = [step(0, BUY, 100, 50), step(0, SELL, 20, 100), step(1, BUY, 100, 50),
             step(1, SELL, 80, 100)]
    outcome = cleared(auction(2, steps, [block(SELL, 49, {0: 5, 1: 5}),
                                         block(SELL, 51, {0: 5, 1: 5})]))
    assert outcome.clearing.prices.tolist() == [20, 80]
    assert outcome.clearing.block_ppm.tolist() == [UNIT, 0]


def test_a_child_rescues_its_parent_and_never_the_reverse() -> None:
    steps = [step(0, BUY, 100, 50), step(0, SELL, 40, 100)]
    outcome = cleared(auction(1, steps, [block(SELL, 45, {0: 5}), block(SELL, 20, {0: 5},
                                                                        parent=0)]))
    assert outcome.clearing.block_ppm.tolist() == [UNIT, UNIT]
    outcome = cleared(auction(1, steps, [block(SELL, 20, {0: 5}), block(SELL, 45, {0: 5},
                                                                        parent=0)]))
    assert outcome.clearing.block_ppm.tolist() == [UNIT, 0]


def test_of_exclusive_start_times_the_best_is_taken() -> None:
    steps = [s for hour, price in enumerate([60, 30, 40]) for s in
             (step(hour, BUY, 100, 50), step(hour, SELL, price, 100))]
    starts = [block(BUY, 70, {hour: 5}, group=7) for hour in range(3)]
    outcome = cleared(auction(3, steps, starts))
    assert outcome.clearing.block_ppm.tolist() == [0, UNIT, 0]
    assert not outcome.paradoxically_rejected.size


@pytest.mark.parametrize(("fixed", "accepted"), [(99, 1), (101, 0)])
def test_an_offer_must_earn_its_fixed_cost(fixed: int, accepted: int) -> None:
    # the curve's price is 50; ten lots at 40 earn 100 above their own price
    steps = [step(0, BUY, 100, 30), step(0, SELL, 50, 100), step(0, SELL, 40, 10, offer=0)]
    outcome = cleared(auction(1, steps, fixed=[fixed]))
    assert outcome.clearing.offer_accepted.tolist() == [accepted]
    assert outcome.clearing.curve_lots.tolist() == [30, 30 - 10 * accepted, 10 * accepted]


def test_scarcity_at_the_cap_is_shared_pro_rata_across_coupled_areas() -> None:
    steps = [step(0, BUY, 1000, 60), step(1, BUY, 1000, 20), step(1, BUY, 1000, 10),
             step(0, SELL, 5, 30)]
    outcome = cleared(auction(2, steps, arcs=[arc(0, 1, 50), arc(1, 0, 50)]))
    assert outcome.clearing.prices.tolist() == [1000, 1000]
    assert outcome.clearing.curve_lots.tolist() == [20, 7, 3, 30]  # 20, 6.67, 3.33
    assert outcome.clearing.flows.tolist() == [10, 0]


def test_a_link_too_small_for_pro_rata_is_filled_and_each_side_shares_by_itself() -> None:
    steps = [step(0, BUY, 1000, 60), step(1, BUY, 1000, 20), step(1, BUY, 1000, 10),
             step(0, SELL, 5, 30)]
    outcome = cleared(auction(2, steps, arcs=[arc(0, 1, 6), arc(1, 0, 50)]))
    assert outcome.clearing.curve_lots.tolist() == [24, 4, 2, 30]
    assert outcome.clearing.flows.tolist() == [6, 0]


def test_most_volume_is_traded_where_welfare_is_equal() -> None:
    outcome = cleared(auction(1, [step(0, BUY, 50, 10), step(0, SELL, 50, 7)]))
    assert outcome.clearing.curve_lots.tolist() == [7, 7]


def test_nothing_flows_in_a_circle() -> None:
    steps = [step(cell, side, 50, 10) for cell in range(3) for side in (BUY, SELL)]
    arcs = [arc(a, b, 100) for a in range(3) for b in range(3) if a != b]
    assert not cleared(auction(3, steps, arcs=arcs)).clearing.flows.any()


def test_a_curtailable_block_is_accepted_in_part_where_it_is_at_the_money() -> None:
    steps = [step(0, BUY, 100, 30), step(0, SELL, 60, 100)]
    outcome = cleared(auction(1, steps, [block(SELL, 50, {0: 50}, ratio=200_000)]))
    assert outcome.clearing.block_ppm.tolist() == [600_000]
    assert outcome.clearing.prices.tolist() == [50]


def test_a_gain_is_paid_for_what_arrives_and_a_lot_may_be_lost_by_rounding() -> None:
    # 0.7 lots arrive for each that leaves: 100 / 0.7 = 143 to the next tick
    outcome = cleared(auction(2, [step(0, SELL, 100, 100), step(1, BUY, 500, 50)],
                              arcs=[arc(0, 1, 100, gain=700_000)]))
    assert outcome.clearing.prices[0] == 100
    assert outcome.clearing.prices[1] in (143, 144)
    assert outcome.clearing.flows.tolist() == [72]  # 50.4 arrive, 50 whole
    assert outcome.clearing.curve_lots.tolist() == [72, 50]


@pytest.mark.parametrize("steps", [[], [step(0, BUY, 10, 5)], [step(0, SELL, 10, 5)],
                                   [step(0, SELL, 10, 0)]])
def test_a_market_of_one_side_or_none_trades_nothing(steps: list[tuple[int, ...]]) -> None:
    outcome = cleared(auction(1, steps))
    assert not outcome.clearing.curve_lots.any()
    assert outcome.clearing.welfare == 0


def test_an_auction_without_cells_is_cleared() -> None:
    assert cleared(auction(0, [])).clearing.prices.size == 0


def test_a_block_with_nobody_to_take_it_is_rejected() -> None:
    outcome = cleared(auction(2, [step(1, BUY, 50, 5)], [block(SELL, 1, {0: 5})]))
    assert outcome.clearing.block_ppm.tolist() == [0]


def test_two_blocks_meet_without_any_curve() -> None:
    found = auction(2, [], [block(SELL, 30, {0: 5, 1: 5}), block(BUY, 50, {0: 5, 1: 5})])
    outcome = cleared(found)
    assert outcome.clearing.block_ppm.tolist() == [UNIT, UNIT]
    assert 60 <= outcome.clearing.prices.sum() <= 100


def price_scaled(found: Auction, factor: int) -> Auction:
    return Auction(found.cells, found.price_min * factor, found.price_max * factor,
                   found.curves._replace(price=found.curves.price * factor),
                   found.blocks._replace(price=found.blocks.price * factor), found.offers,
                   found.arcs._replace(fee=found.arcs.fee * factor))


def test_scaled_prices_scale_prices() -> None:
    found = auction(2, [step(0, BUY, 80, 10), step(0, SELL, 60, 10), step(1, BUY, 90, 4),
                        step(1, SELL, 70, 9)], [block(SELL, 62, {0: 2, 1: 3})],
                    [arc(0, 1, 3, fee=1)])
    one, ten = cleared(found).clearing, cleared(price_scaled(found, 10)).clearing
    assert ten.welfare == 10 * one.welfare
    # the middle is rounded down to a finer tick
    assert (ten.prices // 10 == one.prices).all()
    assert np.array_equal(one.block_ppm, ten.block_ppm)
    assert verify(found, one) is None
