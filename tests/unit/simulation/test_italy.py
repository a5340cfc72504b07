"""The Italian days: the reader by hand, and the published answers where the data is."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from suanli.clearing import solve
from suanli.market.auction.instance import UNIT
from suanli.market.auction.verification import block_surplus, verify
from suanli.simulation.bench_auction import measure_days, measure_ladder
from suanli.simulation.traces.italy import (
    ACCEPTED,
    COLUMNS,
    CURVES,
    ZONES,
    Tables,
    day_of,
    read_tables,
)
from suanli.terms.errors import InputError

DAY = "2025-01-01"
# Two inner zones and one abroad, one hour: NORD is short, AUST sells at 50, the link carries 5.
ROWS = {
    "simple-bid-curves": ["NORD,demand,4000.0,10.0", "NORD,supply,80.0,20.0",
                          "CNOR,supply,60.0,3.0000000000000004"],
    "block-orders": ["b,1,NORD,supply,1.5,70.0,ACC", "c,1,NORD,supply,1.5,90.0,REJ"],
    "transfer-capacities": ["NORD,CNOR,-2.0,0.0", "AUST,NORD,-1.0,5.0"],
    "published-prices": ["NORD,80.0", "CNOR,60.0", "AUST,50.0"],
    "published-exchanges": ["NORD,AUST,-5.0"],
    "published-flows": ["NORD,CNOR,-2.0"],
}


def written(folder: Path, **changed: list[str]) -> Path:
    for name, columns in COLUMNS.items():
        fixed = [DAY] if name == "block-orders" else [DAY, "1"]
        rows = changed.get(name.replace("-", "_"), ROWS[name])
        text = "\n".join([",".join(columns), *(",".join([*fixed, row]) for row in rows)]) + "\n"
        with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8") as handle:
            handle.write(text)
    return folder


def test_a_day_with_borders_that_take_prices(tmp_path: Path) -> None:
    day = day_of(read_tables(written(tmp_path)), DAY)
    outcome = solve(day.auction)
    assert verify(day.auction, outcome.clearing) is None
    assert day.lots_per_mwh == 10
    assert outcome.clearing.prices[:2].tolist() == day.price[:2].tolist()
    # 10 MWh: 5 from abroad, 2 from CNOR, 1.5 of the block, 1.5 of the curve that sets the price
    assert outcome.clearing.block_ppm.tolist() == [1_000_000, 0]
    assert day.block_accepted.tolist() == [1, 0]
    link = day.link_arcs[0]
    assert outcome.clearing.flows[link].tolist() == [0, 20]
    assert outcome.clearing.curve_lots[1] == 15


@pytest.mark.parametrize("replays", [False, True])
def test_a_day_with_pinned_borders(tmp_path: Path, replays: bool) -> None:
    day = day_of(read_tables(written(tmp_path)), DAY, "exchanges", replays)
    outcome = solve(day.auction)
    assert verify(day.auction, outcome.clearing) is None
    assert day.lots_per_mwh == 1000
    assert day.auction.cells == len(ZONES)
    assert outcome.clearing.curve_lots[1] == 1500
    assert day.auction.blocks.side.size == (int(day.block_accepted.sum()) if replays else 2)


@pytest.mark.parametrize(("changed", "said"), [
    ({"simple_bid_curves": ["ROMA,demand,1.0,1.0"]}, "found 'ROMA'; one of NORD"),
    ({"simple_bid_curves": ["NORD,buy,1.0,1.0"]}, "found 'buy'; one of demand, supply"),
    ({"simple_bid_curves": ["NORD,demand,one,1.0"]}, "price_eur_per_mwh: could not convert"),
    ({"simple_bid_curves": ["NORD,demand,nan,1.0"]}, ":2: price_eur_per_mwh: found 'nan'"),
    ({"simple_bid_curves": ["NORD,demand,1.0000001,1.0"]}, "finer than 1/100000 EUR/MWh"),
    ({"simple_bid_curves": ["NORD,demand,1.0,0.00001"]}, "finer than 1/1000 MWh"),
    ({"simple_bid_curves": ["NORD,demand,1.0"]}, ":2: rows of 6 fields"),
    ({"simple_bid_curves": []}, ":2: rows of 6 fields"),
])
def test_bad_rows_are_named(tmp_path: Path, changed: dict[str, list[str]], said: str) -> None:
    with pytest.raises(InputError) as error:
        day_of(read_tables(written(tmp_path, **changed)), DAY)
    assert said in str(error.value)


def test_a_missing_file_or_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"simple-bid-curves\.csv\.gz: no such file"):
        read_tables(tmp_path)
    with gzip.open(written(tmp_path) / f"{CURVES}.csv.gz", "wt", encoding="utf-8") as handle:
        handle.write("delivery_day,period\n")
    with pytest.raises(InputError, match=":1: zone: the column is missing"):
        read_tables(tmp_path)


def test_the_benchmark_measures_what_it_says(tmp_path: Path) -> None:
    found = measure_days(written(tmp_path), lambda done, total: None)
    # only two of the seven zones have a price; the other five stay at the reader's 0
    assert (found["italy_days"], found["italy_prices_total"]) == (1, 7)
    assert found["italy_flow_mae"] == 0
    assert (found["italy_block_match"], found["italy_blocks"]) == (2, 2)
    assert found["paradoxically_accepted"] == 0
    ladder = measure_ladder("S", lambda done, total: None)
    assert ladder["S"]["gap"] <= 5e-3
    with pytest.raises(InputError, match="--ladder: found 'XL'"):
        measure_ladder("XL", lambda done, total: None)


@pytest.fixture
def tables(public_data: Path) -> Tables:
    return read_tables(public_data / "market" / "italy")


def test_every_published_zone_price_is_exact_and_nobody_loses(tables: Tables) -> None:
    for name in tables.days():
        day = day_of(tables, name)
        outcome = solve(day.auction)
        assert verify(day.auction, outcome.clearing) is None
        assert np.array_equal(outcome.clearing.prices[:day.price.size], day.price), name
        # every published acceptance is reproduced; what is accepted besides was rejected in the
        # money, which cannot happen where borders take any quantity
        assert (outcome.clearing.block_ppm[day.block_accepted == 1] > 0).all()
        surplus = block_surplus(day.auction.blocks, outcome.clearing.prices)
        assert (surplus[outcome.clearing.block_ppm > 0] >= 0).all()


def test_flows_are_the_published_ones_to_the_published_digit(tables: Tables) -> None:
    """One block of these days was awarded in part, which only a marginal one can be."""
    partial = []
    for name in tables.days():
        day = day_of(tables, name, "exchanges", replays=True)
        clearing = solve(day.auction).clearing
        flows = clearing.flows[day.link_arcs]
        assert np.abs((flows[:, 0] - flows[:, 1]) - day.link_flow).max() <= 1, name  # 0.001 MWh
        assert (clearing.block_ppm > 0).all(), name
        partial += clearing.block_ppm[clearing.block_ppm < UNIT].tolist()
    assert len(partial) == 1


def test_pinned_borders_reject_in_the_money_as_published(tables: Tables) -> None:
    name = tables.days()[0]
    statuses = tables.columns["block-orders"]
    assert ACCEPTED in statuses["published_status"]
    day = day_of(tables, name, "exchanges")
    outcome = solve(day.auction)
    assert verify(day.auction, outcome.clearing) is None
    assert ((outcome.clearing.block_ppm > 0) == (day.block_accepted == 1)).all()
    assert outcome.paradoxically_rejected.size
