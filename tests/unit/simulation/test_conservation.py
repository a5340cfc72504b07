"""The judge of the simulated week finds every kind of broken state: each law is broken in turn."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.stage import SINGLE, START, Stage

from suanli.ledger.row import CASH, Kind, account
from suanli.market.commands import Order
from suanli.simulation.week.conservation import check_conservation
from suanli.terms.errors import InvariantBroken
from suanli.terms.instant import HOUR
from suanli.terms.quantity import RMB

GRANTED = 2 * 1000 * RMB


@pytest.fixture
def stage() -> Stage:
    """Two tenants with cash; one has bought firm hours and bids for more, one runs a job."""
    stage = Stage().opened()
    stage.must(2, Order(1, "area-1", SINGLE, "firm", START + HOUR, 0, 1000, 500, False))
    stage.must(3, Order(1, "area-1", SINGLE, "firm", START + HOUR, 0, 900, 500, False))
    stage.placed()
    return stage


def test_a_sound_state_passes(stage: Stage) -> None:
    assert stage.rooms.ledger.tables["holds"]
    check_conservation(stage.rooms, GRANTED)


def change(stage: Stage, table: str, key: Any, how: Callable[[Any], Any]) -> None:
    rows = stage.rooms.ledger.tables[table]
    rows.put(key, how(rows[key]))


def cash_from_nowhere(stage: Stage) -> None:
    change(stage, "accounts", account(2, CASH), lambda b: (b[0], b[1] + 1, *b[2:]))


def cash_of_no_grant(stage: Stage) -> None:
    """Booked on both sides, but by nobody who was heard of."""
    cash_from_nowhere(stage)
    change(stage, "accounts", account(1, CASH, Kind.ISSUER), lambda b: (b[0] + 1, *b[1:]))


def an_overdraft(stage: Stage) -> None:
    gone = 2 * GRANTED
    change(stage, "accounts", account(2, CASH), lambda b: (b[0] + gone, *b[1:]))
    change(stage, "accounts", account(3, CASH), lambda b: (b[0], b[1] + gone, *b[2:]))


def an_order_gone_without_its_hold(stage: Stage) -> None:
    orders = stage.rooms.market.tables["orders"]
    orders.delete(next(iter(orders)))


def a_purchase_gone_without_its_hold(stage: Stage) -> None:
    purchases = stage.rooms.settlement.tables["purchases"]
    purchases.delete(next(iter(purchases)))


def a_hold_gone_without_its_order(stage: Stage) -> None:
    holds = stage.rooms.ledger.tables["holds"]
    holds.delete(next(iter(holds)))


def more_issued_than_consumed(stage: Stage) -> None:
    issued = stage.rooms.ledger.tables["issued"]
    change(stage, "issued", next(iter(issued)), lambda tokens: tokens * 2)


def less_attested_than_consumed(stage: Stage) -> None:
    key = next(id for id, record in stage.rooms.ledger.tables["attestations"].items()
               if record.consumed_ms)
    change(stage, "attestations", key, lambda record: record._replace(device_ms=0))


@pytest.mark.parametrize(("breaks", "law"), [
    (cash_from_nowhere, "debits are credits"),
    (cash_of_no_grant, "cash is what was granted"),
    (an_overdraft, "only an issuer may owe"),
    (an_order_gone_without_its_hold, "a hold belongs to something open"),
    (a_purchase_gone_without_its_hold, "a hold belongs to something open"),
    (a_hold_gone_without_its_order, "the sum of the holds"),
    (more_issued_than_consumed, "device time issued is attested"),
    (less_attested_than_consumed, "device time issued is attested"),
])
def test_a_broken_state_is_found(stage: Stage, breaks: Callable[[Stage], None], law: str) -> None:
    breaks(stage)
    with pytest.raises(InvariantBroken, match=law):
        check_conservation(stage.rooms, GRANTED)
