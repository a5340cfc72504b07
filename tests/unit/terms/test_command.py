"""Strict decoding of commands: every wrong shape is named."""

import pytest
from tests.stage import spec

from suanli.domain.rooms import KINDS
from suanli.schedule.commands import Place, Submit
from suanli.terms.canonical import plain
from suanli.terms.command import decode_command, encode_command
from suanli.terms.errors import InputError

LATER = Submit(spec(level_preferred="host"))


@pytest.mark.parametrize("command", [Submit(spec()), LATER, Place(1, "g", (("h", (0, 1)),))])
def test_round_trip(command: object) -> None:
    assert decode_command(KINDS, plain(encode_command(command))) == command


@pytest.mark.parametrize(("command", "said"), [
    (None, "a command is a list"),
    (["nothing.such", []], "unknown command"),
    (["schedule.cancel", []], "(job)"),
    (["schedule.cancel", ["1"]], "int is accepted"),
    (["schedule.cancel", [True]], "int is accepted"),
    (["schedule.cancel", [2**63]], "signed 64-bit"),
    (["schedule.place", [1, "g", [["h", [0], 3]]]], "2 are accepted"),
    (["members.set_parameter", ["x" * 20_000, 1]], "at most"),
    (["schedule.submit", [[*plain(spec()), "", ""]]], "left out at the end"),
    (["schedule.submit", [plain(spec())[:-1]]], "a list of (name, argv"),
])
def test_wrong_shapes_are_named(command: object, said: str) -> None:
    with pytest.raises(InputError) as error:
        decode_command(KINDS, command)
    assert said in str(error.value)


def test_fields_that_came_later_are_left_out_at_their_defaults() -> None:
    (before,), (after,) = (plain(encode_command(c))[1] for c in (Submit(spec()), LATER))
    assert after == [*before, "", "host"]  # what came before stands where it stood
