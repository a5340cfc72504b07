"""From orders to an auction and back: rows, indices, what each order got."""

import numpy as np
import pytest

from suanli.market.auction.admission import Grid, refusal
from suanli.market.auction.instance import NONE, UNIT, Clearing
from suanli.market.auction.orders import (
    BlockOrder,
    CurveOrder,
    FlexibleOrder,
    Order,
    allocation,
    assemble,
    starts_of,
)
from suanli.market.auction.verification import malformed, verify, welfare_of
from suanli.terms.refusals import Code

GRID = Grid(2, 24, 0, 1000, 5)
ORDERS: dict[int, Order] = {
    9: CurveOrder(3, 0, ((500, 10), (400, 20))),
    4: CurveOrder(3, 1, ((100, 5), (300, 30)), fixed_cost=700),
    7: BlockOrder(0, 450, UNIT, ((3, 2), (4, 6)), parent=12),
    12: BlockOrder(0, 450, 300_000, ((3, 8),), group="mine"),
    5: FlexibleOrder(1, 3, 4, 250, 20, 24),
    20: BlockOrder(1, 200, UNIT, ((4, 6), (5, 1)), group="mine"),
    21: BlockOrder(1, 200, UNIT, ((4, 6),), parent=99),  # whose parent is gone
}


def test_rows_stand_by_id_and_say_whose_they_are() -> None:
    auction, index = assemble(ORDERS, 2, 24, price_max=1000)
    assert malformed(auction) is None
    assert index.steps.tolist() == [4, 4, 9, 9]
    assert index.blocks.tolist() == [5, 5, 7, 12, 20]
    assert index.offers.tolist() == [4]
    assert auction.curves.offer.tolist() == [0, 0, NONE, NONE]
    blocks = auction.blocks
    assert blocks.parent.tolist() == [NONE, NONE, 3, NONE, NONE]
    assert blocks.group.tolist() == [0, 0, NONE, 1, 1]
    assert blocks.leg_cell.tolist() == [44, 45, 46, 45, 46, 47, 3, 4, 3, 4, 5]


def test_the_order_of_arrival_leaves_no_trace() -> None:
    auction, index = assemble(ORDERS, 2, 24)
    for shift in range(1, len(ORDERS)):
        items = list(ORDERS.items())
        other, whose = assemble(dict(items[shift:] + items[:shift]), 2, 24)
        for one, two in ((auction.curves, other.curves), (auction.blocks, other.blocks),
                         (auction.offers, other.offers), (index, whose)):
            assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_allocation_adds_up_each_order_cell_by_cell() -> None:
    auction, index = assemble(ORDERS, 2, 24, price_max=1000)
    lots = np.array([5, 8, 10, 1], np.int64)
    ppm = np.array([0, UNIT, UNIT, 500_000, 0], np.int64)
    clearing = Clearing(np.zeros(48, np.int64), lots, ppm, np.ones(1, np.int64),
                        np.zeros(0, np.int64), 0)
    assert allocation(index, auction, clearing) == {
        4: [(3, 13)], 9: [(3, 11)], 5: [(45, 4), (46, 4), (47, 4)], 7: [(3, 2), (4, 6)],
        12: [(3, 4)]}


def test_no_orders_make_an_auction_that_clears_to_nothing() -> None:
    auction, index = assemble({}, 2, 3)
    nothing = np.zeros(0, np.int64)
    clearing = Clearing(np.zeros(6, np.int64), nothing, nothing, nothing, nothing, 0)
    assert verify(auction, clearing) is None
    assert welfare_of(auction, clearing) == 0
    assert allocation(index, auction, clearing) == {}


@pytest.mark.parametrize(("earliest", "latest", "hours"), [(0, 1, 1), (0, 48, 24), (0, 48, 25),
                                                           (3, 168, 48), (0, 720, 1)])
def test_starts_of_a_flexible_order(earliest: int, latest: int, hours: int) -> None:
    starts = starts_of(FlexibleOrder(0, hours, 1, 1, earliest, latest))
    assert len(starts) == min(24, latest - earliest - hours + 1)
    assert (starts[0], starts[-1]) == (earliest, latest - hours)
    gaps = np.diff(starts)
    assert gaps.size == 0 or (gaps.min() >= 1 and gaps.max() - gaps.min() <= 1)


GONE = BlockOrder(0, 450, UNIT, ((3, 2),))
RULES = Code.ORDER_MALFORMED


@pytest.mark.parametrize(("order", "code"), [
    (CurveOrder(48, 0, ((5, 1),)), Code.UNKNOWN_PRODUCT),
    (CurveOrder(-1, 0, ((5, 1),)), Code.UNKNOWN_PRODUCT),
    (BlockOrder(0, 5, UNIT, ((47, 1), (48, 1))), Code.UNKNOWN_PRODUCT),
    (FlexibleOrder(2, 2, 1, 5, 0, 24), Code.UNKNOWN_PRODUCT),
    (FlexibleOrder(1, 2, 1, 5, 0, 25), Code.UNKNOWN_PRODUCT),
    (FlexibleOrder(1, 2, 1, 5, 3, 3), Code.UNKNOWN_PRODUCT),
    (CurveOrder(0, 0, ((5, 0),)), Code.QUANTITY_OUT_OF_RANGE),
    (CurveOrder(0, 0, ((10, 1), (5, -1))), Code.QUANTITY_OUT_OF_RANGE),
    (BlockOrder(0, 5, UNIT, ((0, 2**63),)), Code.QUANTITY_OUT_OF_RANGE),
    # too much money: 48 legs, each as large as a leg may be
    (BlockOrder(0, 5, UNIT, tuple((cell, 10**12) for cell in range(48))),
     Code.QUANTITY_OUT_OF_RANGE),
    (FlexibleOrder(0, 24, 10**12 + 1, 5, 0, 24), Code.QUANTITY_OUT_OF_RANGE),
    (CurveOrder(0, 1, ((5, 1),), fixed_cost=2**63), Code.QUANTITY_OUT_OF_RANGE),
    (CurveOrder(0, 0, ((7, 1),)), Code.PRICE_OUT_OF_RANGE),  # off the tick
    (CurveOrder(0, 0, ((1005, 1),)), Code.PRICE_OUT_OF_RANGE),
    (BlockOrder(0, -5, UNIT, ((0, 1),)), Code.PRICE_OUT_OF_RANGE),
    (FlexibleOrder(0, 2, 1, 2**70, 0, 24), Code.PRICE_OUT_OF_RANGE),
    (CurveOrder(0, 2, ((5, 1),)), RULES),
    (CurveOrder(0, 0, ()), RULES),
    (CurveOrder(0, 0, ((5, 1), (10, 1))), RULES),  # a buyer's prices fall
    (CurveOrder(0, 1, ((10, 1), (5, 1))), RULES),
    (CurveOrder(0, 1, ((5, 1), (5, 1))), RULES),
    (CurveOrder(0, 1, tuple((5 * n, 1) for n in range(51))), RULES),
    (CurveOrder(0, 0, ((5, 1),), fixed_cost=1), RULES),
    (CurveOrder(0, 1, ((5, 1),), fixed_cost=-1), RULES),
    (BlockOrder(0, 5, 0, ((0, 1),)), RULES),
    (BlockOrder(0, 5, UNIT + 1, ((0, 1),)), RULES),
    (BlockOrder(2, 5, UNIT, ((0, 1),)), RULES),
    (BlockOrder(0, 5, UNIT, ()), RULES),
    (BlockOrder(0, 5, UNIT, ((0, 1), (0, 1))), RULES),
    (FlexibleOrder(0, 0, 1, 5, 0, 24), RULES),
    (FlexibleOrder(0, 25, 1, 5, 0, 24), RULES),
    (BlockOrder(0, 5, UNIT, ((0, 1),), parent=99), Code.UNKNOWN_ORDER),
    (BlockOrder(0, 5, UNIT, ((0, 1),), parent=9), Code.UNKNOWN_ORDER),  # a curve
    (BlockOrder(0, 5, UNIT, ((0, 1),), parent=50), RULES),  # its own
])
def test_what_may_not_enter(order: Order, code: Code) -> None:
    refused = refusal(50, order, ORDERS, GRID)
    assert refused is not None
    assert refused.code == code
    assert "accepted" in refused.reason


def test_admitted_orders_make_a_well_formed_auction() -> None:
    there: dict[int, Order] = {}
    for id in (9, 4, 12, 7, 5, 20):
        assert refusal(id, ORDERS[id], there, GRID) is None
        there[id] = ORDERS[id]
    auction, _ = assemble(there, GRID.nodes, GRID.hours, price_max=GRID.price_max)
    assert malformed(auction) is None


def test_links_deeper_than_three_generations_and_cycles() -> None:
    chain = {1: GONE, 2: BlockOrder(0, 450, UNIT, ((3, 2),), parent=1)}
    third = BlockOrder(0, 450, UNIT, ((3, 2),), parent=2)
    assert refusal(3, third, chain, GRID) is None
    family = {**chain, 3: third}
    fourth = refusal(4, BlockOrder(0, 450, UNIT, ((3, 2),), parent=3), family, GRID)
    assert fourth is not None
    assert fourth.code == RULES
    # a first parent that takes a parent of its own makes its family a generation deeper
    lowered = refusal(1, BlockOrder(0, 450, UNIT, ((3, 2),), parent=5), {**family, 5: GONE}, GRID)
    assert lowered is not None
    assert lowered.code == RULES
    cyclic = refusal(1, BlockOrder(0, 450, UNIT, ((3, 2),), parent=3), family, GRID)
    assert cyclic is not None
    assert cyclic.reason.startswith("cyclic")


def test_a_group_takes_24_members() -> None:
    member = BlockOrder(0, 450, UNIT, ((3, 2),), group="g")
    there: dict[int, Order] = {}
    for id in range(1, 25):
        assert refusal(id, member, there, GRID) is None
        there[id] = member
    assert refusal(24, member, there, GRID) is None  # in place of itself
    assert refusal(25, member, there, GRID) is not None
