"""The inventory and its refusals."""

import pytest
from tests.stage import CHIP, HOST, Stage

from suanli.chips.commands import RegisterHost, RegisterZone, SetHostState
from suanli.chips.state import Chips
from suanli.terms.canonical import decode, encode
from suanli.terms.refusals import Code


@pytest.mark.parametrize(("command", "code"), [
    (RegisterZone("z", "area-1"), Code.ZONE_EXISTS),
    (RegisterHost("h", "nowhere", CHIP, 8, 0, "x"), Code.UNKNOWN_ZONE),
    (RegisterHost("h", "z", "h900", 8, 0, "x"), Code.UNKNOWN_CHIP),
    (RegisterHost(HOST, "z", CHIP, 8, 0, "x"), Code.HOST_EXISTS),
    (RegisterHost("h", "z", CHIP, 0, 0, "x"), Code.DEVICE_COUNT_OUT_OF_RANGE),
    (RegisterHost("h", "z", CHIP, -1, 0, "x"), Code.DEVICE_COUNT_OUT_OF_RANGE),
    (RegisterHost("h", "z", CHIP, 8, 0, "x", link="string"), Code.UNKNOWN_LINK),
    (RegisterHost("h", "z", CHIP, 8, 0, "x", network="pigeon"), Code.UNKNOWN_LINK),
    (SetHostState("nowhere", False), Code.UNKNOWN_HOST),
])
def test_refusals(stage: Stage, command: object, code: Code) -> None:
    assert stage.say(1, command).code == code


def test_a_zone_is_its_operators_alone(stage: Stage) -> None:
    rival = stage.admit("rival", ("operator",), cash=0)
    assert stage.say(rival, RegisterHost("h", "z", CHIP, 8, 0, "x")).code == Code.NOT_THE_OWNER
    assert stage.say(rival, SetHostState(HOST, False)).code == Code.NOT_THE_OWNER


def test_capacity_follows_hosts(stage: Stage) -> None:
    chips = stage.rooms.chips
    assert chips.capacity(1, "area-1", CHIP) == 16
    stage.must(1, SetHostState(HOST, False))
    stage.must(1, SetHostState(HOST, False))
    assert chips.capacity(1, "area-1", CHIP) == 8
    stage.must(1, SetHostState(HOST, True))
    assert chips.capacity(1, "area-1", CHIP) == 16


def test_the_largest_block_of_each_level_survives_a_snapshot(stage: Stage) -> None:
    for number, leaf in enumerate(("a", "a", "b", "")):
        stage.must(1, RegisterHost(f"h{number}", "z", CHIP, 4, 0, "x", leaf=leaf, spine="s",
                                   link="nvlink", network="infiniband"))
    blocks = stage.rooms.chips.blocks
    restored = Chips(stage.rooms.chips.datasheet)
    restored.restore(decode(encode(stage.rooms.chips.snapshot())))
    for found in (blocks, restored.blocks):
        assert found.largest("device", "", [CHIP])[0] == 1
        assert found.largest("host", "", [CHIP]) == (8, ("z", "", "", HOST[:-1] + "1"))
        assert found.largest("leaf", "area-1", [CHIP])[0] == 8  # two of four, or one of eight
        assert found.largest("spine", "area-1", [CHIP]) == (16, ("z", "s"))
        assert found.largest("zone", "", [CHIP, "t4-16"]) == (32, ("z",))
        assert found.largest("zone", "atlantis", [CHIP]) == (0, ())
    assert restored.root() == stage.rooms.chips.root()
