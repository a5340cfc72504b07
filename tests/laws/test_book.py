"""The engine and its plain reference agree after every message, on random streams of all kinds.

Goal: best prices, depth, report rows and snapshots are equal, alone and in a batch, and a book
that was restored midway goes on as if nothing had happened. Method: seeded streams that cross
often, use ids again, jump far in price, and send what must be refused.
"""

from pathlib import Path

import numpy as np
import pytest

from suanli.market.book.engine import Engine, Messages
from suanli.market.book.messages import (
    BUY,
    CANCEL,
    EXPIRE,
    MODIFY,
    NEW,
    PRICE_MAX,
    SELL,
    SIDE_SHIFT,
    STP_SHIFT,
    TYPE_SHIFT,
)
from suanli.market.book.reference import Reference
from suanli.simulation.bench_book import SMALL, SMALL_HASHES, full_stream, hash_of, small_stream

SEEDS, LENGTH, ORDERS_MAX = 100, 300, 16


def stream(seed: int, length: int) -> Messages:
    """Return messages of every kind; a fifth of the seeds have prices all over the range."""
    chance = np.random.default_rng(seed)
    kind = chance.choice([NEW, CANCEL, MODIFY, EXPIRE], length, p=[0.62, 0.15, 0.2, 0.03])
    type = chance.choice(6, length, p=[0.5, 0.1, 0.1, 0.13, 0.16, 0.01])
    side, stp = chance.integers(0, 2, length), chance.integers(0, 5, length)
    code = kind | side << SIDE_SHIFT | type << TYPE_SHIFT | stp << STP_SHIFT
    price = 1000 + chance.integers(-15, 16, length)
    if seed % 5 == 0:
        far = np.array([1, 2, 5000, 10**6, 10**6 + 1, 10**9, PRICE_MAX // 2, PRICE_MAX])
        price = np.where(chance.random(length) < 0.4, chance.choice(far, length), price)
    price = np.where(chance.random(length) < 0.01, chance.choice([0, PRICE_MAX + 1], length), price)
    quantity = chance.integers(0, 30, length)
    visible = np.where(chance.random(length) < 0.3, chance.integers(-1, 6, length), 0)
    until = np.where(chance.random(length) < 0.3, np.arange(length) + chance.integers(-40, 90), 0)
    until = np.where(kind == EXPIRE, np.arange(length), until)
    order = chance.integers(-20, 90, length)
    return Messages(code, order, price, quantity, chance.integers(0, 4, length), visible, until)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_engine_and_reference_agree_after_every_message(seed: int) -> None:
    messages = stream(seed, LENGTH)
    engine, plain, seen = Engine(ORDERS_MAX), Reference(ORDERS_MAX), 0
    for index, message in enumerate(zip(*(c.tolist() for c in messages), strict=True)):
        count = engine.submit(*message)
        plain.submit(*message)
        rows = plain.reports()[seen:]
        seen += len(rows)
        assert engine.reports[:count].tolist() == rows.tolist(), (seed, index, message)
        for side in (BUY, SELL):
            assert engine.best(side) == plain.book.best(side), (seed, index, message)
            assert engine.depth(side, 100) == plain.book.depth(side), (seed, index, message)
        if index % 50 == 0:
            assert engine.snapshot() == plain.snapshot(), (seed, index, message)
            engine = Engine.restored(engine.snapshot())
    assert engine.snapshot() == plain.snapshot()
    batch = Engine(ORDERS_MAX)
    assert batch.submit_many(messages).tolist() == plain.reports().tolist()
    assert batch.snapshot() == engine.snapshot()


def test_the_streams_try_every_kind_of_report_and_refusal() -> None:
    rows = np.concatenate([Reference(ORDERS_MAX).submit_many(zip(*stream(seed, LENGTH),
                                                                 strict=True))
                           for seed in range(SEEDS)])
    assert set(np.unique(rows[:, 0])) == set(range(10))
    assert set(np.unique(rows[rows[:, 0] == 6][:, 2])) == {1, 2, 4, 5, 6, 7, 8, 9}


def test_a_long_far_stream_agrees() -> None:
    """Thousands of levels all over the range, opened and closed: the tree against a sorted list."""
    chance = np.random.default_rng(1)
    length = 20_000
    price = np.exp(chance.uniform(0, np.log(PRICE_MAX), length)).astype(np.int64)
    kind = chance.choice([NEW, CANCEL, MODIFY], length, p=[0.5, 0.25, 0.25])
    side = (price > 10**5).astype(np.int64)  # two sides that seldom cross: the book grows deep
    order = chance.integers(0, 5000, length)
    messages = Messages.plain(kind | side << SIDE_SHIFT, order, price, np.ones(length, np.int64))
    engine, plain = Engine(), Reference(1 << 20)
    rows = engine.submit_many(messages)
    assert rows.tolist() == plain.submit_many(zip(*(c.tolist() for c in messages),
                                                  strict=True)).tolist()
    for best in (BUY, SELL):
        assert engine.depth(best, length) == plain.book.depth(best)
    assert len(engine) > 1000
    assert engine.snapshot() == plain.snapshot()


@pytest.mark.parametrize(("name", "digest"), SMALL_HASHES.items())
def test_the_engine_gives_the_published_streams(public_data: Path, name: str,
                                                digest: str) -> None:
    (path,) = (public_data / SMALL).glob(f"{name}_*.npz")
    assert hash_of(Engine().submit_many(small_stream(path))) == digest


def test_the_engine_gives_the_published_stream_of_two_million(public_data: Path) -> None:
    digest = "e9b2e3926854410b01a035aeb25dd05f1e597c233be8263de9eb49b6713d367e"
    assert hash_of(Engine().submit_many(full_stream(public_data))) == digest
