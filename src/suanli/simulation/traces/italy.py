"""Reader for the Italian day-ahead market, each delivery day as one auction with its answers.

Columns of the files: an ISO timestamp, the delivery day, its period (1 is the first hour; 23 or 25
on the days when the clocks change), zones, and figures. Curves exclude blocks; limits are the least
and greatest flow of each link, so that the reverse capacity is minus the least.

How a day becomes an auction: seven zones times its hours are the cells. A price is in 0.00001
EUR/MWh, so that all published ones are exact. A lot is 0.001 MWh, as fine as published flows; where
flows do not matter (borders that take prices) it is the coarsest of 0.1, 0.01 and 0.001 MWh in
which all quantities are whole, since lots of large capacity times price must fit the auction's
bound. The borders either take prices (a cell for each zone abroad that buys and sells at its
published price whatever the link can carry) or are pinned (the published exchange, inelastic).
Blocks are either orders, or replayed: only those published as accepted are there, and how much of
each is taken is found, since the table says neither awarded quantities nor least ratios. Source:
rebase-energy/OpenEUPHEMIA (MIT), from public data of GME.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from suanli.market.auction.instance import (
    NONE,
    UNIT,
    Arcs,
    Auction,
    Blocks,
    Curves,
    Ints,
)
from suanli.terms.errors import InputError

ZONES: Final = ("NORD", "CNOR", "CSUD", "SUD", "CALA", "SICI", "SARD")
CURVES: Final = "simple-bid-curves"
BLOCKS: Final = "block-orders"
LIMITS: Final = "transfer-capacities"
PRICES: Final = "published-prices"
EXCHANGES: Final = "published-exchanges"
FLOWS: Final = "published-flows"
COLUMNS: Final = {
    CURVES: ("delivery_day", "period", "zone", "side", "price_eur_per_mwh", "quantity_mwh"),
    BLOCKS: ("delivery_day", "block_id", "period", "zone", "side", "quantity_mwh",
             "price_eur_per_mwh", "published_status"),
    LIMITS: ("delivery_day", "period", "from_zone", "to_zone", "min_flow_mwh", "max_flow_mwh"),
    PRICES: ("delivery_day", "period", "zone", "price_eur_per_mwh"),
    EXCHANGES: ("delivery_day", "period", "zone", "external_zone", "exchange_mwh"),
    FLOWS: ("delivery_day", "period", "from_zone", "to_zone", "flow_mwh"),
}
SIDES: Final = ("demand", "supply")
ACCEPTED: Final = "ACC"
ANY_PART_PPM: Final = 1
TICKS_PER_EUR: Final = 100_000
PRICE_MIN, PRICE_MAX = -500 * TICKS_PER_EUR, 4000 * TICKS_PER_EUR
LOTS_PER_MWH: Final = (10, 100, 1000)
# The tables hold sums of floats, such as 5.000000000000001 MWh: a millionth of a lot is noise.
NOISE: Final = 1e-5

Border = Literal["prices", "exchanges"]
Column = NDArray[Any]  # text, or float64 where its name is in NUMBERS
NUMBERS: Final = frozenset({"period", "price_eur_per_mwh", "quantity_mwh", "min_flow_mwh",
                            "max_flow_mwh", "exchange_mwh", "flow_mwh"})


class Tables(NamedTuple):
    """The files' columns by name, in the order of the files."""

    columns: dict[str, dict[str, Column]]

    def days(self) -> list[str]:
        """Return the delivery days that have curves, in order."""
        return sorted(set(self.columns[CURVES]["delivery_day"].tolist()))


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """One delivery day: the auction, and what was published for it."""

    auction: Auction
    hours: int
    lots_per_mwh: int
    price: Ints  # (zones * hours,) published, in ticks
    block_accepted: Ints  # (blocks,) 0 or 1
    link_flow: Ints  # (links, hours) published, in thousandths of MWh
    link_arcs: Ints  # (links, hours, 2) the arc each way


def read_tables(folder: Path) -> Tables:
    """Return all tables of a folder.

    Raises
    ------
    InputError
        With file and line, for whatever cannot be read.
    """
    return Tables({name: _table(folder / f"{name}.csv.gz", columns)
                   for name, columns in COLUMNS.items()})


def day_of(tables: Tables, day: str, border: Border = "prices", replays: bool = False) -> Day:
    """Return one day as an auction.

    `border`: zones abroad take their published prices, or the published exchanges are pinned.
    `replays`: of the blocks only those are there that were published as accepted, to be taken by
    any ratio.

    Raises
    ------
    InputError
        For a zone, side or figure that is none.
    """
    return _Builder(tables, day, border, replays).built()


class _Builder:
    """Builds one day's auction from rows of that day."""

    def __init__(self, tables: Tables, day: str, border: Border, replays: bool) -> None:
        self.rows = {name: _of_day(columns, day) for name, columns in tables.columns.items()}
        self.border, self.replays = border, replays
        self.hours = int(self.rows[CURVES]["period"].max())
        abroad = sorted(set(self.rows[LIMITS]["from_zone"].tolist()
                            + self.rows[LIMITS]["to_zone"].tolist()) - set(ZONES))
        self.zones = ZONES + tuple(abroad)
        self.lots_per_mwh = self._lots_per_mwh()

    def built(self) -> Day:
        blocks, accepted = self._blocks()
        arcs, link_arcs, flows = self._arcs()
        parts = [self._curves(), *self._borders(arcs)]
        if self.replays:
            blocks, accepted = _kept(blocks, accepted), accepted[accepted == 1]
        curves = Curves(*(np.concatenate(fields) for fields in zip(*parts, strict=True)))
        cells = len(self.zones if self.border == "prices" else ZONES) * self.hours
        auction = Auction(cells, PRICE_MIN, PRICE_MAX, curves, blocks, arcs=arcs)
        return Day(auction, self.hours, self.lots_per_mwh, self._published(), accepted, flows,
                   link_arcs)

    def _lots_per_mwh(self) -> int:
        used = [self.rows[CURVES]["quantity_mwh"], self.rows[BLOCKS]["quantity_mwh"],
                self.rows[LIMITS]["min_flow_mwh"], self.rows[LIMITS]["max_flow_mwh"]]
        if self.border == "exchanges":
            # sharing pro rata makes flows finer than any input; they are published this fine
            return LOTS_PER_MWH[-1]
        figures = np.concatenate(used)
        for lots in LOTS_PER_MWH:
            if np.abs(figures * lots - np.rint(figures * lots)).max(initial=0.0) < NOISE:
                return lots
        raise InputError(f"found quantities finer than 1/{LOTS_PER_MWH[-1]} MWh")

    def _lots(self, column: Column) -> Ints:
        return np.asarray(np.rint(column * self.lots_per_mwh), np.int64)

    def _cells(self, zone: Column, period: Column) -> Ints:
        return _index(zone, self.zones) * self.hours + period.astype(np.int64) - 1

    def _curves(self) -> Curves:
        rows = self.rows[CURVES]
        return _steps(self._cells(rows["zone"], rows["period"]), _index(rows["side"], SIDES),
                      _ticks(rows["price_eur_per_mwh"]), self._lots(rows["quantity_mwh"]))

    def _blocks(self) -> tuple[Blocks, Ints]:
        rows = self.rows[BLOCKS]
        names, first, owner = np.unique(rows["block_id"], return_index=True, return_inverse=True)
        rank = np.argsort(owner, kind="stable")
        count = names.size
        start = np.searchsorted(owner[rank], np.arange(count + 1))
        none = np.full(count, NONE)
        cell = self._cells(rows["zone"], rows["period"])[rank]
        side, price = rows["side"][first], rows["price_eur_per_mwh"][first]
        blocks = Blocks(_index(side, SIDES), _ticks(price),
                        np.full(count, UNIT), none, none.copy(), start, cell,
                        self._lots(rows["quantity_mwh"])[rank])
        return blocks, (rows["published_status"][first] == ACCEPTED).astype(np.int64)

    def _arcs(self) -> tuple[Arcs, Ints, Ints]:
        """Return both arcs of every link with an end inside, and the inner links' flows."""
        rows = self.rows[LIMITS]
        is_inside = [np.isin(rows[end], ZONES) for end in ("from_zone", "to_zone")]
        kept = np.flatnonzero(is_inside[0] & is_inside[1] if self.border == "exchanges"
                              else is_inside[0] | is_inside[1])
        one, other = (self._cells(rows[end][kept], rows["period"][kept])
                      for end in ("from_zone", "to_zone"))
        forward = np.maximum(self._lots(rows["max_flow_mwh"][kept]), 0)
        back = np.maximum(-self._lots(rows["min_flow_mwh"][kept]), 0)
        count = kept.size
        arcs = Arcs(np.concatenate([one, other]), np.concatenate([other, one]),
                    np.concatenate([forward, back]), np.zeros(2 * count, np.int64),
                    np.full(2 * count, UNIT))
        at = {(a, b): place for place, (a, b) in enumerate(zip(one.tolist(), other.tolist(),
                                                               strict=True))}
        links = self.rows[FLOWS]
        ends = zip(self._cells(links["from_zone"], links["period"]).tolist(),
                   self._cells(links["to_zone"], links["period"]).tolist(), strict=True)
        place = np.array([at[pair] for pair in ends], np.int64)
        flow = np.rint(links["flow_mwh"] * 1000).astype(np.int64)
        return arcs, np.stack([place, place + count], axis=-1), flow

    def _borders(self, arcs: Arcs) -> list[Curves]:
        if self.border == "exchanges":
            rows = self.rows[EXCHANGES]
            lots = self._lots(rows["exchange_mwh"])  # positive: leaves the zone
            return [_inelastic(self._cells(rows["zone"], rows["period"]),
                               np.where(lots > 0, 0, 1), np.abs(lots))]
        inside = len(ZONES) * self.hours
        carried = np.zeros(len(self.zones) * self.hours, np.int64)
        np.add.at(carried, arcs.source, arcs.capacity)
        np.add.at(carried, arcs.target, arcs.capacity)
        rows = self.rows[PRICES]
        kept = np.flatnonzero(np.isin(rows["zone"], self.zones[len(ZONES):]))
        cell = self._cells(rows["zone"][kept], rows["period"][kept])
        price = _ticks(rows["price_eur_per_mwh"][kept])
        useful = (cell >= inside) & (carried[cell] > 0)
        cell, price = cell[useful], price[useful]
        return [_steps(cell, np.full(cell.size, side), price, carried[cell]) for side in (0, 1)]

    def _published(self) -> Ints:
        rows = self.rows[PRICES]
        kept = np.flatnonzero(np.isin(rows["zone"], ZONES))
        price = np.zeros(len(ZONES) * self.hours, np.int64)
        price[self._cells(rows["zone"][kept], rows["period"][kept])] = _ticks(
            rows["price_eur_per_mwh"][kept])
        return price


def _table(path: Path, wanted: tuple[str, ...]) -> dict[str, Column]:
    if not path.is_file():
        raise InputError(f"{path}: no such file; the folder market/italy is accepted")
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        names, *lines = handle.read().splitlines() or [""]
    header = names.split(",")
    missing = [name for name in wanted if name not in header]
    if missing:
        raise InputError(f"{path}:1: {missing[0]}: the column is missing")
    width = len(header)
    ragged = [number for number, line in enumerate(lines, 2) if line.count(",") != width - 1]
    if ragged or not lines or '"' in names:
        raise InputError(f"{path}:{ragged[0] if ragged else 2}: rows of {width} fields, none "
                         "quoted, are accepted")
    # one split of the whole file: ten times as fast as row by row
    fields = ",".join(lines).split(",")
    return {name: _column(path, name, fields[header.index(name)::width]) for name in wanted}


def _column(path: Path, name: str, fields: list[str]) -> Column:
    if name not in NUMBERS:
        return np.array(fields)
    try:
        found = np.array(fields, np.float64)
    except ValueError as error:
        raise InputError(f"{path}: {name}: {error}; numbers are accepted") from None
    if not np.isfinite(found).all():
        where = int(np.flatnonzero(~np.isfinite(found))[0])
        raise InputError(f"{path}:{where + 2}: {name}: found {fields[where]!r}; finite numbers "
                         "are accepted")
    return found


def _of_day(columns: dict[str, Column], day: str) -> dict[str, Column]:
    kept = columns["delivery_day"] == day
    return {name: column[kept] for name, column in columns.items()}


def _ticks(column: Column) -> Ints:
    price = column * TICKS_PER_EUR
    ticks = np.rint(price)
    if np.abs(price - ticks).max(initial=0.0) > 1e-3:
        raise InputError(f"found a price finer than 1/{TICKS_PER_EUR} EUR/MWh")
    return np.asarray(ticks, np.int64)


def _index(column: Column, names: tuple[str, ...]) -> Ints:
    rank = np.argsort(names)
    ordered = np.array(names)[rank]
    place = np.minimum(np.searchsorted(ordered, column), len(names) - 1)
    unknown = np.flatnonzero(ordered[place] != column)
    if unknown.size:
        raise InputError(f"found {str(column[unknown[0]])!r}; one of {', '.join(names)} is "
                         "accepted")
    return rank[place].astype(np.int64)


def _kept(blocks: Blocks, accepted: Ints) -> Blocks:
    """Return the accepted blocks alone, to be taken by any ratio."""
    size = np.diff(blocks.leg_start)
    leg, some = np.repeat(accepted, size) == 1, accepted == 1
    none = np.full(int(some.sum()), NONE)
    return Blocks(blocks.side[some], blocks.price[some], np.full_like(none, ANY_PART_PPM), none,
                  none.copy(), np.concatenate([[0], np.cumsum(size[some])]),
                  blocks.leg_cell[leg], blocks.leg_lots[leg])


def _steps(cell: Ints, side: Ints, price: Ints, lots: Ints) -> Curves:
    return Curves(cell, side.astype(np.int64), price, lots, np.full(cell.size, NONE))


def _inelastic(cell: Ints, side: Ints, lots: Ints) -> Curves:
    return _steps(cell, side, np.where(side == 0, PRICE_MAX, PRICE_MIN), lots)
