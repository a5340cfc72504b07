"""The laws of the spot book, one by one, on the engine and on its plain reference."""

from typing import Protocol

import numpy as np
import pytest

from suanli.market.book.engine import Engine, Messages
from suanli.market.book.memory import CAPACITY_MIN, WINDOW
from suanli.market.book.messages import (
    ACCEPTED,
    ALREADY_EXPIRED,
    BAD_CODE,
    BOOK_FULL,
    BUY,
    CANCEL,
    CANCEL_REFUSED,
    CANCELLED,
    CODE_MAX,
    EXPIRE,
    EXPIRED,
    FOK,
    IOC,
    LIMIT,
    MARKET_TO_LIMIT,
    MODIFIED,
    MODIFY,
    MODIFY_REFUSED,
    NEW,
    ORDER_EXISTS,
    ORDER_UNKNOWN,
    ORDERS_MAX,
    PARTS_MAX,
    POST_ONLY,
    PREVENTED,
    PRICE_MAX,
    PRICE_OUT_OF_RANGE,
    PRICED,
    QUANTITY_MAX,
    QUANTITY_OUT_OF_RANGE,
    REFUSED,
    SELL,
    STP_BOTH,
    STP_DECREMENT,
    STP_NEWEST,
    STP_OLDEST,
    TRADED,
    VISIBLE_OUT_OF_RANGE,
    WOULD_TAKE,
    Column,
    code_of,
)
from suanli.market.book.reference import Reference
from suanli.terms.errors import InputError, InvariantBroken

Row = tuple[int, ...]
ROOMY = 1 << 20


class Venue(Protocol):
    """What the laws are tried on."""

    def say(self, code: int, order: int, price: int = 0, quantity: int = 0, **more: int
            ) -> list[Row]: ...
    def best(self, side: int) -> int | None: ...
    def depth(self, side: int) -> list[tuple[int, int]]: ...


class Fast:
    def __init__(self, orders_max: int = ROOMY) -> None:
        self.engine = Engine(orders_max)
        self.best = self.engine.best
        self.depth = self.engine.depth

    def say(self, code: int, order: int, price: int = 0, quantity: int = 0, **more: int
            ) -> list[Row]:
        """Submit a message; return its rows without the sequence number."""
        count = self.engine.submit(code, order, price, quantity, **more)
        return [(row[0], *row[2:]) for row in self.engine.reports[:count].tolist()]


class Plain:
    def __init__(self, orders_max: int = ROOMY) -> None:
        self.engine = Reference(orders_max)
        self.best = self.engine.book.best
        self.depth = self.engine.book.depth

    def say(self, code: int, order: int, price: int = 0, quantity: int = 0, **more: int
            ) -> list[Row]:
        """Submit a message; return its rows without the sequence number."""
        before = len(self.engine.rows)
        self.engine.submit(code, order, price, quantity, **more)
        rows = np.reshape(self.engine.rows[before:], (-1, len(Column)))
        return [(row[0], *row[2:]) for row in rows.tolist()]


@pytest.fixture(params=[Fast, Plain], ids=["engine", "reference"])
def book(request: pytest.FixtureRequest) -> Venue:
    made: Venue = request.param()
    return made


def new(book: Venue, side: int, order: int, price: int, quantity: int, type: int = LIMIT,
        stp: int = 0, **more: int) -> list[Row]:
    """Submit a new order; return the rows after its acceptance."""
    rows = book.say(code_of(NEW, side, type, stp), order, price, quantity, **more)
    assert rows[0] == (ACCEPTED, side, order, price, quantity)
    return rows[1:]


def refused(book: Venue, reason: int, code: int, order: int, price: int, quantity: int,
            **more: int) -> None:
    before = book.engine.snapshot()[24:]  # type: ignore[attr-defined]  # past the sequence number
    assert book.say(code, order, price, quantity, **more) == [
        (REFUSED, reason, order, price, quantity)]
    assert book.engine.snapshot()[24:] == before  # type: ignore[attr-defined]


def test_the_best_price_trades_first_then_the_oldest(book: Venue) -> None:
    for order, price in ((1, 11), (2, 10), (3, 10)):
        new(book, SELL, order, price, 5)
    assert new(book, BUY, 9, 11, 12) == [(TRADED, 2, 9, 10, 5), (TRADED, 3, 9, 10, 5),
                                         (TRADED, 1, 9, 11, 2)]


def test_a_cancel_in_the_middle_keeps_the_order_of_the_rest(book: Venue) -> None:
    for order in range(1, 6):
        new(book, SELL, order, 10, 1)
    assert book.say(CANCEL, 3) == [(CANCELLED, SELL, 3, 10, 1)]
    assert [row[1] for row in new(book, BUY, 9, 10, 4)] == [1, 2, 4, 5]


def test_a_crossing_modify_trades_at_the_makers_price(book: Venue) -> None:
    new(book, SELL, 1, 10, 2)
    new(book, BUY, 2, 9, 2)
    assert book.say(MODIFY, 2, 15, 3) == [(TRADED, 1, 2, 10, 2), (MODIFIED, BUY, 2, 15, 3)]
    assert book.depth(BUY) == [(15, 1)]


def test_a_modify_goes_to_the_back(book: Venue) -> None:
    new(book, SELL, 1, 10, 2)
    new(book, SELL, 2, 10, 2)
    book.say(MODIFY, 1, 10, 2)
    assert new(book, BUY, 9, 10, 3) == [(TRADED, 2, 9, 10, 2), (TRADED, 1, 9, 10, 1)]


@pytest.mark.parametrize("leave", ["cancel", "trade", "modify", "expire"])
def test_no_phantom_level_stays_as_the_best(book: Venue, leave: str) -> None:
    new(book, BUY, 1, 8, 1)
    new(book, BUY, 2, 9, 1, until=5)
    if leave == "trade":
        new(book, SELL, 3, 9, 1)
    else:
        book.say({"cancel": CANCEL, "modify": MODIFY, "expire": EXPIRE}[leave], 2, 7, 1, until=5)
    assert book.best(BUY) == 8
    assert book.depth(BUY) == [(8, 1)] + ([(7, 1)] if leave == "modify" else [])
    assert book.best(SELL) is None


def test_the_rest_of_an_ioc_is_cancelled(book: Venue) -> None:
    new(book, SELL, 1, 10, 1)
    assert new(book, BUY, 2, 10, 3, IOC) == [(TRADED, 1, 2, 10, 1), (CANCELLED, BUY, 2, 10, 2)]
    assert (book.best(BUY), book.best(SELL)) == (None, None)


def test_an_id_can_be_used_again(book: Venue) -> None:
    for price in range(1, 40):
        new(book, SELL, -7, price, 1)
        refused(book, ORDER_EXISTS, NEW, -7, price, 1)
        assert book.say(CANCEL, -7) == [(CANCELLED, SELL, -7, price, 1)]
        assert book.say(CANCEL, -7) == [(CANCEL_REFUSED, ORDER_UNKNOWN, -7, 0, 0)]
    assert book.say(MODIFY, -7, 1, 1) == [(MODIFY_REFUSED, ORDER_UNKNOWN, -7, 1, 1)]


def test_a_sweep_of_5000_fills(book: Venue) -> None:
    for order in range(5000):
        new(book, SELL, order, 1 + order // 3, 2)
    rows = new(book, BUY, 9999, 5000, 10_001)
    assert [row[:5] for row in rows] == [(TRADED, i, 9999, 1 + i // 3, 2) for i in range(5000)]
    assert book.depth(BUY) == [(5000, 1)]
    assert book.best(SELL) is None


def test_fok_takes_all_or_nothing(book: Venue) -> None:
    new(book, SELL, 1, 10, 4, visible=1)
    new(book, SELL, 2, 11, 4)
    assert new(book, BUY, 3, 10, 5, FOK) == [(CANCELLED, BUY, 3, 10, 5)]
    assert new(book, BUY, 4, 11, 9, FOK) == [(CANCELLED, BUY, 4, 11, 9)]
    rows = new(book, BUY, 5, 11, 8, FOK)
    assert [row[0] for row in rows] == [TRADED] * 5
    assert sum(row[4] for row in rows) == 8


@pytest.mark.parametrize(("stp", "trades"), [(STP_NEWEST, False), (STP_OLDEST, True),
                                             (STP_BOTH, False), (STP_DECREMENT, False)])
def test_fok_does_not_count_what_its_owner_offers(book: Venue, stp: int, trades: bool) -> None:
    new(book, SELL, 1, 10, 2)
    new(book, SELL, 2, 10, 2, owner=7)
    new(book, SELL, 3, 10, 2)
    rows = new(book, BUY, 4, 10, 4, FOK, stp, owner=7)
    assert (rows[-1] == (CANCELLED, BUY, 4, 10, 4)) != trades
    assert len(book.depth(SELL)) == (0 if trades else 1)


def test_post_only_never_takes(book: Venue) -> None:
    new(book, SELL, 1, 10, 1)
    refused(book, WOULD_TAKE, code_of(NEW, BUY, POST_ONLY), 2, 10, 1)
    new(book, BUY, 2, 9, 1, POST_ONLY)
    assert book.say(MODIFY, 2, 10, 1) == [(MODIFY_REFUSED, WOULD_TAKE, 2, 10, 1)]
    assert book.depth(BUY) == [(9, 1)]


def test_market_to_limit_rests_at_its_last_price_within_the_collar(book: Venue) -> None:
    for order, price in ((1, 10), (2, 12), (3, 20)):
        new(book, SELL, order, price, 1)
    assert new(book, BUY, 4, 15, 5, MARKET_TO_LIMIT) == [
        (TRADED, 1, 4, 10, 1), (TRADED, 2, 4, 12, 1), (PRICED, BUY, 4, 12, 3)]
    assert (book.best(BUY), book.best(SELL)) == (12, 20)


def test_market_to_limit_without_a_trade_is_cancelled(book: Venue) -> None:
    new(book, SELL, 1, 20, 1)
    assert new(book, BUY, 2, 15, 5, MARKET_TO_LIMIT) == [(CANCELLED, BUY, 2, 15, 5)]
    assert book.best(BUY) is None


def test_an_icebergs_next_part_goes_to_the_back(book: Venue) -> None:
    new(book, SELL, 1, 10, 5, visible=2)
    new(book, SELL, 2, 10, 3)
    assert book.depth(SELL) == [(10, 5)]
    assert new(book, BUY, 3, 10, 7) == [(TRADED, 1, 3, 10, 2), (TRADED, 2, 3, 10, 3),
                                        (TRADED, 1, 3, 10, 2)]
    assert book.depth(SELL) == [(10, 1)]
    assert book.say(CANCEL, 1) == [(CANCELLED, SELL, 1, 10, 1)]


def test_a_modify_of_an_iceberg_keeps_its_part(book: Venue) -> None:
    new(book, SELL, 1, 10, 5, visible=2)
    book.say(MODIFY, 1, 11, 9)
    assert book.depth(SELL) == [(11, 2)]
    too_much = 2 * PARTS_MAX + 1
    assert book.say(MODIFY, 1, 11, too_much) == [
        (MODIFY_REFUSED, VISIBLE_OUT_OF_RANGE, 1, 11, too_much)]


@pytest.mark.parametrize(("stp", "rows", "asks"), [
    (STP_NEWEST, [(TRADED, 1, 9, 10, 1), (CANCELLED, BUY, 9, 10, 4)], [(10, 4)]),
    (STP_OLDEST, [(TRADED, 1, 9, 10, 1), (CANCELLED, SELL, 2, 10, 2), (TRADED, 3, 9, 10, 2)], []),
    (STP_BOTH, [(TRADED, 1, 9, 10, 1), (CANCELLED, SELL, 2, 10, 2), (CANCELLED, BUY, 9, 10, 4)],
     [(10, 2)]),
    (STP_DECREMENT, [(TRADED, 1, 9, 10, 1), (PREVENTED, 2, 9, 10, 2), (TRADED, 3, 9, 10, 2)], []),
])
def test_a_self_trade_is_prevented(book: Venue, stp: int, rows: list[Row],
                                   asks: list[tuple[int, int]]) -> None:
    new(book, SELL, 1, 10, 1, owner=5)
    new(book, SELL, 2, 10, 2, owner=7)
    new(book, SELL, 3, 10, 2)
    assert new(book, BUY, 9, 10, 5, LIMIT, stp, owner=7) == rows
    assert book.depth(SELL) == asks


def test_a_modify_remembers_the_prevention_of_self_trades(book: Venue) -> None:
    new(book, SELL, 1, 10, 1, owner=7)
    new(book, BUY, 2, 9, 2, LIMIT, STP_NEWEST, owner=7)
    assert book.say(MODIFY, 2, 10, 2) == [(MODIFIED, BUY, 2, 10, 2), (CANCELLED, BUY, 2, 10, 2)]
    assert (book.best(BUY), book.best(SELL)) == (None, 10)


def test_orders_expire_by_instant_then_by_id(book: Venue) -> None:
    for order, until in ((4, 30), (3, 20), (2, 20), (1, 40), (5, 0)):
        new(book, BUY, order, 10 + order, 1, until=until)
    book.say(CANCEL, 4)
    assert book.say(EXPIRE, 0, until=19) == []
    assert book.say(EXPIRE, 0, until=40) == [(EXPIRED, BUY, 2, 12, 1), (EXPIRED, BUY, 3, 13, 1),
                                             (EXPIRED, BUY, 1, 11, 1)]
    refused(book, ALREADY_EXPIRED, NEW, 9, 1, 1, until=40)
    assert book.depth(BUY) == [(15, 1)]


@pytest.mark.parametrize(("reason", "code", "price", "quantity", "visible"), [
    (BAD_CODE, code_of(NEW, type=MARKET_TO_LIMIT + 1), 1, 1, 0),
    (BAD_CODE, code_of(NEW, stp=STP_DECREMENT + 1), 1, 1, 0),
    (BAD_CODE, CODE_MAX + 1, 1, 1, 0), (BAD_CODE, -1, 1, 1, 0), (BAD_CODE, -2**63, 1, 1, 0),
    (PRICE_OUT_OF_RANGE, NEW, 0, 1, 0), (PRICE_OUT_OF_RANGE, NEW, -2**63, 1, 0),
    (PRICE_OUT_OF_RANGE, NEW, PRICE_MAX + 1, 1, 0),
    (QUANTITY_OUT_OF_RANGE, NEW, 1, 0, 0), (QUANTITY_OUT_OF_RANGE, NEW, 1, -1, 0),
    (QUANTITY_OUT_OF_RANGE, NEW, 1, QUANTITY_MAX + 1, 0),
    (QUANTITY_OUT_OF_RANGE, NEW, 1, 2**63 - 1, 0),
    (VISIBLE_OUT_OF_RANGE, NEW, 1, 1, -1), (VISIBLE_OUT_OF_RANGE, NEW, 1, 1, 2**63 - 1),
    (VISIBLE_OUT_OF_RANGE, NEW, 1, PARTS_MAX + 1, 1),
])
def test_bad_input_is_refused(book: Venue, reason: int, code: int, price: int, quantity: int,
                              visible: int) -> None:
    refused(book, reason, code, 1, price, quantity, visible=visible)


def test_a_wrong_modify_leaves_the_order_as_it_was(book: Venue) -> None:
    new(book, BUY, 1, 5, 5)
    for price, quantity, reason in ((0, 1, PRICE_OUT_OF_RANGE), (1, 0, QUANTITY_OUT_OF_RANGE)):
        assert book.say(MODIFY, 1, price, quantity) == [
            (MODIFY_REFUSED, reason, 1, price, quantity)]
    assert book.depth(BUY) == [(5, 5)]


def test_prices_far_apart_work_and_the_best_is_found(book: Venue) -> None:
    far = [1, 2, PRICE_MAX, PRICE_MAX - 1, 5 * 10**11, 5 * 10**11 + WINDOW, 10**6]
    for order, price in enumerate(far):
        new(book, SELL, order, price, 1)
    for price in sorted(far):
        assert book.best(SELL) == price
        assert new(book, BUY, 99, PRICE_MAX, 1)[0][3] == price
    assert book.best(SELL) is None


def test_10_000_far_levels_cost_no_more_than_their_records() -> None:
    engine, step = Engine(), PRICE_MAX // 10_000
    for order in range(10_000):
        engine.submit(NEW, order, 1 + order * step, 1)
    assert len(engine.depth(BUY, 20_000)) == 10_000
    assert engine.memory_bytes < 16_384 * 400  # bytes a record of the next power of two


@pytest.mark.parametrize("venue", [Fast, Plain])
def test_a_full_book_refuses_what_could_rest(venue: type[Fast] | type[Plain]) -> None:
    book = venue(orders_max=512)
    for order in range(512):
        new(book, SELL, order, 10, 1)
    refused(book, BOOK_FULL, code_of(NEW, BUY), 999, 10, 1)
    assert new(book, BUY, 999, 10, 1, IOC) == [(TRADED, 0, 999, 10, 1)]
    assert new(book, BUY, 999, 1, 1) == []
    if isinstance(book, Fast):
        assert book.engine.memory_bytes < 2**20


def test_a_small_book_is_small_and_grows_by_doubling() -> None:
    engine, sizes = Engine(), set()
    for order in range(CAPACITY_MIN * 4 + 1):
        engine.submit(NEW, order, 1 + order % 50, 1)
        sizes.add(engine.memory_bytes)
    assert len(sizes) <= 10  # records and report rows double a few times, not at every order
    assert engine.depth(BUY, 1) == [(50, 20)]


@pytest.mark.parametrize("orders_max", [0, -1, ORDERS_MAX + 1])
def test_a_maximum_out_of_range_is_a_bug(orders_max: int) -> None:
    with pytest.raises(InvariantBroken):
        Engine(orders_max)


def test_one_owner_cannot_ask_for_endless_reports() -> None:
    """Icebergs of the most parts: the rows of one sweep have room, as a batch and alone."""
    engine = Engine()
    for order in range(300):
        engine.submit(NEW, order, 5, 1000, visible=10)
    again = Engine.restored(engine.snapshot())
    count = engine.submit(code_of(NEW, SELL), 999, 5, 300_000)
    assert count == 1 + 300 * 100
    assert (engine.reports[1:count, Column.QUANTITY] == 10).all()
    sweep = Messages(*(np.array([value]) for value in (code_of(NEW, SELL), 999, 5, 300_000,
                                                       0, 0, 0)))
    assert again.submit_many(sweep).tobytes() == engine.reports[:count].tobytes()


def test_a_batch_writes_into_the_room_it_is_given() -> None:
    columns = Messages.plain(*(np.array(c) for c in ([NEW, NEW], [1, 2], [5, 6], [1, 1])))
    room = np.empty((10, len(Column)), np.int64)
    rows = Engine().submit_many(columns, room)
    assert np.shares_memory(rows, room)
    small = Engine().submit_many(columns, np.empty((1, len(Column)), np.int64))
    assert small.tobytes() == rows.tobytes()


@pytest.mark.parametrize("spoil", [
    lambda words: words[:-1], lambda words: words[:3],
    lambda words: words.put(0, 2), lambda words: words.put(1, 0), lambda words: words.put(4, 3),
    lambda words: words.put(5, 2), lambda words: words.put(7, 0), lambda words: words.put(8, 0),
    lambda words: words.put(8, QUANTITY_MAX), lambda words: words.put(6, 99),
    lambda words: words.put(15, 11), lambda words: words.put(12, 1),
])
def test_a_spoilt_snapshot_is_refused(spoil: object) -> None:
    engine = Engine()
    engine.submit(code_of(NEW, SELL), 1, 10, 9, visible=3)
    engine.submit(code_of(NEW, BUY), 2, 9, 1)
    engine.expire(5)
    words = np.frombuffer(engine.snapshot(), "<i8").copy()
    assert Engine.restored(words.tobytes()).snapshot() == engine.snapshot()
    changed = spoil(words)  # type: ignore[operator]
    with pytest.raises(InputError):
        Engine.restored((words if changed is None else changed).tobytes())
