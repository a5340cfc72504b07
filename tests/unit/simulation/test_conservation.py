"""The judge of the simulated week finds every kind of broken state: each law is broken in turn."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.stage import SINGLE, START, Stage

from suanli.ledger.row import CASH, Kind, account
from suanli.ledger.state import Ledger
from suanli.market.commands import GrantCredit, Order, TakeStrip, WriteStrip
from suanli.market.product import credit_of
from suanli.simulation.week.conservation import Credit, check_conservation
from suanli.terms.errors import InvariantBroken
from suanli.terms.instant import HOUR
from suanli.terms.quantity import RMB

GRANTED = 2 * 1000 * RMB
PREPAID = 7 * RMB
HEARD = {1: Credit(PREPAID)}


@pytest.fixture
def stage() -> Stage:
    """Two tenants with cash; one has bought firm hours and bids for more, one runs a job.

    One has taken a strip with two hours that are not fixed, and holds prepaid credit.
    """
    stage = Stage().opened()
    stage.must(2, Order(1, "area-1", SINGLE, "firm", START + HOUR, 0, 1000, 500, False))
    stage.must(3, Order(1, "area-1", SINGLE, "firm", START + HOUR, 0, 900, 500, False))
    stage.must(1, WriteStrip("area-1", SINGLE, "firm", START + 2 * HOUR, 2, 500, 800, 1000,
                             START + HOUR, 1))
    stage.must(3, TakeStrip(1))
    stage.must(1, GrantCredit(3, PREPAID))
    stage.placed()
    return stage


def test_a_sound_state_passes(stage: Stage) -> None:
    assert stage.rooms.ledger.tables["holds"]
    check_conservation(stage.rooms, GRANTED, HEARD)


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


def an_hour_fixed_without_its_hold(stage: Stage) -> None:
    taken = stage.rooms.market.tables["strips_taken"]
    taken.put(2, replace(taken[2], prices=(900, 0)))


def a_strip_gone_without_its_holds(stage: Stage) -> None:
    stage.rooms.market.tables["strips_taken"].delete(2)


def a_strip_dearer_than_its_holds(stage: Stage) -> None:
    taken = stage.rooms.market.tables["strips_taken"]
    taken.put(2, replace(taken[2], strip=replace(taken[2].strip, cap_mrmb=1001)))


def credit(ledger: Ledger, owner: int, kind: int = Kind.HOLDER) -> int:
    klass = ledger.class_id(*credit_of(1))
    assert klass
    return account(owner, klass, kind)


def credit_of_no_grant(stage: Stage) -> None:
    """Booked on both sides, but no command granted it."""
    change(stage, "accounts", credit(stage.rooms.ledger, 1, Kind.ISSUER),
           lambda b: (b[0] + 5, *b[1:]))
    change(stage, "accounts", credit(stage.rooms.ledger, 3), lambda b: (b[0], b[1] + 5, *b[2:]))


def credit_moved_where_it_counts_for_nobody(stage: Stage) -> None:
    accounts = stage.rooms.ledger.tables["accounts"]
    mine = credit(stage.rooms.ledger, 3)
    accounts.put(credit(stage.rooms.ledger, 3, Kind.BURNED), accounts[mine])
    accounts.delete(mine)


def credit_returned_that_nobody_gave(stage: Stage) -> None:
    accounts = stage.rooms.ledger.tables["accounts"]
    accounts.put(credit(stage.rooms.ledger, 1), accounts[credit(stage.rooms.ledger, 3)])
    accounts.delete(credit(stage.rooms.ledger, 3))


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
    (an_hour_fixed_without_its_hold, "every open hour of a strip is on hold"),
    (a_strip_gone_without_its_holds, "every open hour of a strip is on hold"),
    (a_strip_dearer_than_its_holds, "every open hour of a strip is on hold"),
    (credit_of_no_grant, "credit is what was heard of it"),
    (credit_returned_that_nobody_gave, "credit is what was heard of it"),
    (credit_moved_where_it_counts_for_nobody, "converted, given back or owed"),
    (more_issued_than_consumed, "device time issued is attested"),
    (less_attested_than_consumed, "device time issued is attested"),
])
def test_a_broken_state_is_found(stage: Stage, breaks: Callable[[Stage], None], law: str) -> None:
    breaks(stage)
    with pytest.raises(InvariantBroken, match=law):
        check_conservation(stage.rooms, GRANTED, HEARD)
