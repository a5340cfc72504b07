"""The price of an hour by its last settled auction: which auctions and which nodes count."""

import numpy as np
import pytest
from tests.hall import AREA, DAY_AHEAD, Hall
from tests.stage import GANG, SINGLE
from tests.unit.market.test_strips import auctioned, prices, taken

from suanli.market.auction.commands import OpenAuction
from suanli.market.auction.prices import last_price
from suanli.market.auction.records import to_bytes
from suanli.market.commands import FixStrip
from suanli.market.index import forward_curve
from suanli.market.product import Product
from suanli.terms.change import Write
from suanli.terms.instant import DAY, HOUR
from suanli.terms.room import changed

PRODUCT = Product(1, AREA, SINGLE, "firm", DAY_AHEAD)


@pytest.fixture
def hall() -> Hall:
    return Hall().opened()


def test_a_price_at_which_nothing_was_bought_is_none(hall: Hall) -> None:
    auctioned(hall, 900)
    tables = hall.rooms.market.tables
    assert last_price(tables, PRODUCT) == 900
    curve = forward_curve(hall.rooms.market, *PRODUCT[:4], (DAY_AHEAD, DAY_AHEAD + HOUR))
    assert [point.last_auction for point in curve] == [900, None]
    for other in (Product(1, AREA, SINGLE, "firm", DAY_AHEAD + HOUR),
                  Product(1, AREA, GANG, "firm", DAY_AHEAD),
                  Product(1, AREA, SINGLE, "spot", DAY_AHEAD),
                  Product(1, AREA, SINGLE, "firm", DAY_AHEAD - HOUR),
                  Product(1, AREA, SINGLE, "firm", DAY_AHEAD + DAY)):
        assert last_price(tables, other) is None


def test_the_last_auction_counts_of_those_that_hours_are_bid_alone_in(hall: Hall) -> None:
    early = taken(hall)
    auctioned(hall, 900)
    hall.must(2, FixStrip(early))
    hall.at = DAY_AHEAD - 11 * HOUR
    hall.auction = hall.must(2, OpenAuction("intraday-1", DAY_AHEAD)).answer["auction"]
    auctioned(hall, 1000)
    late = taken(hall, buyer=3)
    hall.must(2, FixStrip(late))
    assert (prices(hall, early)[0], prices(hall, late)[0]) == (900, 1000)
    blocks = changed(hall.sitting, session="weekly")
    hall.rooms.market.commit([Write("market", "auctions", hall.auction, blocks)])
    assert last_price(hall.rooms.market.tables, PRODUCT) == 900


def test_where_all_issuers_compete_goes_before_the_products_own_price(hall: Hall) -> None:
    auctioned(hall, 900)
    result, nodes = hall.rooms.market.tables["auction_results"][hall.auction], hall.sitting.nodes
    assert nodes == ((1, *PRODUCT[1:4]), (0, *PRODUCT[1:4]))

    def made(own: int, demand: int) -> int | None:
        """Other prices of the first hour, and lots bought at both nodes or at one."""
        cells = np.zeros((2, 24), np.int64)
        cells[:, 0] = own, demand
        write = changed(result, prices=to_bytes(cells.ravel()),
                        volumes=to_bytes((cells > 0).astype(np.int64).ravel()))
        hall.rooms.market.commit([Write("market", "auction_results", hall.auction, write)])
        return last_price(hall.rooms.market.tables, PRODUCT)

    assert (made(1400, 900), made(1400, 0), made(0, 0)) == (900, 1400, None)
