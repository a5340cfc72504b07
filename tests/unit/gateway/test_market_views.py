"""Market views over a real chain: what was traded, quoted, announced and set aside."""

from pathlib import Path

import pytest
from tests.stage import CHIP, FLEET, SINGLE

from suanli.adapters.clocks import HostClock
from suanli.adapters.shipped import datasheet_text
from suanli.adapters.sqlite_engine import SqliteEngine
from suanli.gateway import views
from suanli.gateway.service import ReceiptIndex, Service
from suanli.market.commands import Order
from suanli.members.commands import SetParameter
from suanli.planning.policies import live
from suanli.simulation.world import EPOCH, Theatre, World
from suanli.terms.instant import DAY, HOUR

WORLD = World("views", 1, EPOCH, (("operator", FLEET),), ("tenant",), datasheet_text())
START, PRICE, LOTS = EPOCH + 2 * HOUR, FLEET.price_mrmb, 700
OFFER = (2, "area-1", SINGLE, "firm")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """One operator, one tenant, everything ahead attested; nobody's thread runs."""
    theatre = Theatre(WORLD, tmp_path / "chain.db", live("best-fit"), lambda job, spec, host: 1)
    receipts = ReceiptIndex()
    theatre.driver.listeners.append(receipts)
    theatre.driver.step(EPOCH)
    return Service(theatre.driver, HostClock(), theatre.agents, receipts)


def ask(service: Service, who: str, command: object) -> None:
    assert service.driver.request(service.agents[who].sign(command), EPOCH) is None
    service.driver.step(EPOCH)


def buy(service: Service) -> None:
    ask(service, "tenant", Order(*OFFER, START, 0, PRICE, LOTS, True))


def test_what_is_hidden_of_an_iceberg_only_its_owner_sees(service: Service) -> None:
    buy(service)
    price = PRICE + 50
    ask(service, "tenant", Order(*OFFER, START, 1, price, 500, False, visible_lots=100))
    ask(service, "operator", Order(*OFFER, START, 0, PRICE - 50, 90, False, visible_lots=20))
    ask(service, "operator", Order(*OFFER, START, 0, PRICE - 60, 90, False))
    assert [row["lots"] for row in views.orders(service)] == [500, 20, 90]
    ask(service, "tenant", Order(*OFFER, START, 1, PRICE - 50, 5, True))
    assert [row["lots"] for row in views.orders(service)] == [500, 15, 90]


def test_a_trade_with_oneself_is_not_on_the_tape(service: Service) -> None:
    buy(service)
    ask(service, "tenant", Order(*OFFER, START, 1, PRICE + 50, 10, False))
    ask(service, "tenant", Order(*OFFER, START, 1, PRICE - 50, 10, False))
    ask(service, "tenant", Order(*OFFER, START, 0, PRICE - 50, 10, True))
    assert [(r["price_mrmb"], r["lots"]) for r in views.index(service)] == [(PRICE, LOTS)]


def test_a_purchase_is_on_the_tape_and_again_after_a_restart(service: Service,
                                                             tmp_path: Path) -> None:
    buy(service)
    rows = views.index(service)
    assert [(r["start"], r["price_mrmb"], r["lots"]) for r in rows] == [(START, PRICE, LOTS)]
    candle = views.candles(service)[0]
    assert (candle["open_mrmb"], candle["lots"]) == (PRICE, LOTS)
    assert candle["product"] == [*OFFER, START]
    service.driver.engine.close()
    again = ReceiptIndex()
    SqliteEngine(tmp_path / "chain.db", WORLD.key("validator"), None, on_replay=again).close()
    assert again.tape.candles == service.receipts.tape.candles != {}


def test_ticker_and_curve_say_where_a_product_stands(service: Service) -> None:
    ask(service, "governor", SetParameter("band_static_ppm", 100_000))
    buy(service)
    ticker = views.tickers(service, EPOCH)[0]
    assert (ticker["last"], ticker["phase"]) == (PRICE, "open")
    assert (ticker["band_low"], ticker["band_high"]) == (PRICE * 9 // 10, PRICE * 11 // 10)
    assert views.tickers(service, EPOCH + DAY + HOUR) == []
    curve = {row["start"]: row for row in views.curve(service, EPOCH)
             if (row["issuer"], row["area"], row["grade"], row["tier"]) == OFFER}
    assert len(curve) == 24
    assert (curve[START]["price_mrmb"], curve[START]["last_auction"]) == (PRICE, PRICE)
    assert curve[START + HOUR]["last_auction"] is None


def test_caps_are_shown_with_what_is_announced_and_what_prices_call_for(service: Service) -> None:
    ask(service, "governor", SetParameter("price_mrmb_max", PRICE, effective=EPOCH + HOUR))
    buy(service)
    before, after = ({row["id"]: row for row in views.caps(service, at)}["price_mrmb_max"]
                     for at in (EPOCH, EPOCH + HOUR))
    assert (before["announced"], before["effective"]) == (PRICE, EPOCH + HOUR)
    assert (before["proposed"], after["value"], after["announced"]) == (None, PRICE, None)
    assert after["proposed"] > PRICE


def test_the_set_aside_is_published(service: Service) -> None:
    assert views.set_asides(service, EPOCH) == []
    ask(service, "governor", SetParameter("set_aside_ppm", 100_000))
    rows = {row["start"]: row for row in views.set_asides(service, EPOCH)}
    assert set(rows) == {EPOCH + n * HOUR for n in range(2, 24)}  # the next is released
    assert {row["withheld_ms"] for row in rows.values()} == {16 * HOUR // 10}
    assert {row["chip"] for row in rows.values()} == {CHIP}
