"""One door; a declared set of rooms; refusals that change nothing."""

import pytest
from tests.stage import START, Stage, key, spec

from suanli.domain.genesis import ALL_ROOMS, Genesis
from suanli.domain.rooms import NEEDS, Rooms
from suanli.ledger.commands import Batch, Grant
from suanli.ledger.row import CASH, Row, RowCode, account
from suanli.members.envelope import sign
from suanli.schedule.commands import Submit
from suanli.terms.canonical import decode
from suanli.terms.errors import InputError, IntegrityBroken
from suanli.terms.refusals import Code


def test_a_domain_of_members_and_ledger_alone() -> None:
    stage = Stage(rooms=("members", "ledger"))
    tenant, other = stage.admit("tenant"), stage.admit("other", cash=0)
    row = Row(RowCode.TRANSFER, 0, CASH, account(tenant, CASH), account(other, CASH), 42)
    receipt = stage.must(tenant, Batch(row.pack() + row._replace(amount=-1).pack()))
    assert receipt.codes == (0, Code.AMOUNT_OUT_OF_RANGE)
    assert len(receipt.rows) == 128
    assert stage.rooms.ledger.available(account(other, CASH)) == 42
    assert stage.say(tenant, Submit(spec())).code == Code.ROOM_ABSENT
    assert set(stage.domain.roots()) == {"members", "ledger"}


@pytest.mark.parametrize("room", [name for name, needs in NEEDS.items() if needs])
def test_a_room_without_what_it_reads_is_refused(room: str) -> None:
    with pytest.raises(InputError, match="needs"):
        Rooms(Genesis("c", START, (room,), (), (), ""))


def test_rooms_are_listed_in_the_order_they_may_read_each_other() -> None:
    for index, name in enumerate(ALL_ROOMS):
        assert set(NEEDS[name]) <= set(ALL_ROOMS[:index])


@pytest.mark.parametrize("command", [[], ["x"], ["schedule.submit"], ["schedule.submit", None],
                                     ["schedule.submit", [1]], ["nothing.such", []]])
def test_malformed_commands_have_a_code(stage: Stage, command: list[object]) -> None:
    envelope = sign(key("tenant"), "stage", 2, 9, command)
    assert stage.domain.apply(envelope, START).code in (
        Code.MALFORMED, Code.ROLE_LACKS_RIGHT, Code.UNKNOWN_COMMAND)


@pytest.mark.parametrize("size", [0, 127, 129, 128 * 8191])
def test_batches_of_a_wrong_size(stage: Stage, size: int) -> None:
    assert stage.say(2, Batch(bytes(size))).code == Code.BATCH_TOO_LARGE


def test_the_same_envelopes_give_the_same_bytes() -> None:
    one, two = Stage().opened(), Stage().opened()
    for stage in (one, two):
        stage.placed((0, 1))
    assert one.domain.roots() == two.domain.roots()
    assert one.domain.snapshot() == two.domain.snapshot()


def test_a_snapshot_goes_on_where_it_stood(stage: Stage) -> None:
    again = Stage()
    again.domain.restore(decode(stage.domain.snapshot()))
    again.agents, again.at = stage.agents, stage.at
    job = again.placed()
    assert again.rooms.schedule.ids_in("placed") == [job]


def test_refusals_carry_a_permanent_number_and_say_what_is_accepted(stage: Stage) -> None:
    receipt = stage.say(1, Grant(99, 1))
    assert receipt.code == 100
    assert "99" in receipt.reason


def test_a_genesis_of_another_format_is_named(stage: Stage) -> None:
    data = stage.genesis.to_bytes().replace(b"fformat\x01", b"fformat\x07")
    with pytest.raises(IntegrityBroken, match="format 7"):
        Genesis.from_bytes(data)
