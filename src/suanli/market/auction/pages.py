"""An auction's settlement, page by page: the next rows of a list that the state alone gives.

With the last page the orders learn what they got, and holds and clearings are forgotten. Where
bands are in force, they are drawn around the prices from now on. That moves a band and no more: a
limit state stays, with its edge, and a halt goes on to its reopening.
"""

from typing import Any, Final

from suanli.ledger.row import CASH, Row, RowCode, link
from suanli.ledger.state import Ledger
from suanli.market.auction.frozen import Frozen
from suanli.market.auction.proposals import PROPOSED
from suanli.market.auction.records import (
    CLEARING,
    SETTLED,
    SETTLING,
    VOID,
    VOIDING,
    Best,
    Orders,
    Result,
    Sitting,
    to_bytes,
)
from suanli.market.auction.settling import Holds, Settlement, resolved
from suanli.market.halts import Watch
from suanli.market.product import Product
from suanli.terms.change import Change, Write, one_part
from suanli.terms.instant import HOUR
from suanli.terms.room import changed
from suanli.terms.table import Table

# Half a MiB of rows, which one core runs in about a quarter of a second.
PAGE_ROWS: Final = 4096


class Pages:
    """Settles auctions whose deadline is over."""

    def __init__(self, tables: dict[str, Table[Any, Any]], ledger: Ledger) -> None:
        self.tables = tables
        self.ledger = ledger

    def next(self, id: int, sitting: Sitting, at: int, orders: Orders, frozen: Frozen,
             has_bands: bool) -> Change:
        """Return what the next page does: deliver the best clearing, or void all."""
        best: Best | None = self.tables["clearings"].get(id)
        # Once its first hour is over, what it sold could not be used: then it is called off.
        is_late = sitting.status == CLEARING and at >= sitting.start + HOUR
        if sitting.status == VOIDING or best is None or is_late:
            rows = [row for (owner, klass), held in sorted(self._holds(id).items())
                    for row in resolved(id, owner, klass, held, 0)]
            return self._page(id, sitting, at, rows, (VOIDING, VOID), [])
        return self._deliver(id, sitting, at, best, orders, frozen, has_bands)

    def _deliver(self, id: int, sitting: Sitting, at: int, best: Best, orders: Orders,
                 frozen: Frozen, has_bands: bool) -> Change:
        clearing = best.clearing()
        fills = frozen.fills(clearing)
        settlement = Settlement(id, sitting, orders, fills, self.ledger)
        settlement.read(frozen.auction, clearing)
        without: Best | None = self.tables["clearings_without"].get(id)
        result = Result(best.solver, best.welfare, best.prices,
                        to_bytes(frozen.volumes(fills, orders)),
                        frozen.rejected(clearing), settlement.rent,
                        prices_without=without.prices if without else b"")
        last = [Write("market", "auction_orders", n, changed(orders[n], filled=tuple(filled)))
                for n, filled in fills.items()]
        last.append(Write("market", "auction_results", id, result))
        if has_bands:
            last += self._references(sitting, sorted(settlement.sold_in), clearing.prices.tolist())
        return self._page(id, sitting, at, settlement.rows(self._holds(id)),
                          (SETTLING, SETTLED), last)

    def _references(self, sitting: Sitting, sold: list[int], prices: list[int]) -> list[Write]:
        """Return the writes that make the price of each product that was sold its reference."""
        writes = []
        for cell in sold:
            product = Product(*sitting.nodes[cell // sitting.hours], sitting.start_of(cell))
            watch = self.tables["watches"].get(product) or Watch()
            writes.append(Write("market", "watches", product,
                                changed(watch, reference_mrmb=prices[cell])))
        return writes

    def _holds(self, id: int) -> Holds:
        return {(owner, klass): held for (auction, owner, klass), held
                in self.tables["auction_holds"].items() if auction == id}

    def _page(self, id: int, sitting: Sitting, at: int, rows: list[Row],
              statuses: tuple[str, str], last: list[Write]) -> Change:
        """Return the next page of rows; with the last one, what else is to be written."""
        cursor = _whole(rows, sitting.cursor + PAGE_ROWS)
        page = [row for row in rows[sitting.cursor:cursor] if self._can_move(row, at)]
        is_last = cursor >= len(rows)
        after = changed(sitting, status=statuses[is_last], cursor=min(cursor, len(rows)))
        writes = [Write("market", "auctions", id, after)]
        if is_last:
            writes += last
            writes += [Write("market", "auction_holds", (id, *key), None)
                       for key in self._holds(id)]
            writes += [Write("market", table, id, None) for table in PROPOSED.values()
                       if id in self.tables[table]]
        return one_part(*writes, rows=link(page), status=after.status,
                        rows_left=len(rows) - after.cursor)

    def _can_move(self, row: Row, at: int) -> bool:
        """Say whether a row is still worth anything: tokens that expired meanwhile are not."""
        if row.klass == CASH or row.code not in (RowCode.TRANSFER, RowCode.RETIRE, RowCode.ISSUE):
            return True
        klass = self.ledger.token_class(row.klass)
        return klass is not None and (row.code == RowCode.RETIRE or at < klass.expires)


def _whole(rows: list[Row], cursor: int) -> int:
    """Return where a page ends: not between what retires tokens and what issues them anew."""
    end = cursor
    while end < len(rows) and rows[end].code in (RowCode.RETIRE, RowCode.ISSUE):
        end += 1
    return end if any(row.code == RowCode.ISSUE for row in rows[cursor:end]) else cursor
