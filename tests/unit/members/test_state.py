"""Who may do what: signatures, nonces, roles, agents, parameters."""

import pytest
from tests.stage import START, Stage, key, spec

from suanli.domain.rooms import KINDS
from suanli.ledger.commands import Grant
from suanli.loop.agent import Agent
from suanli.members.commands import Delegate, Register, SetParameter
from suanli.members.envelope import Envelope
from suanli.members.parameters import PARAMETERS
from suanli.members.roles import RIGHTS
from suanli.schedule.commands import Submit
from suanli.terms.errors import InputError
from suanli.terms.quantity import RMB
from suanli.terms.refusals import Code


def test_every_command_is_somebodys_right_and_every_right_is_a_command() -> None:
    rights = set().union(*RIGHTS.values())
    assert rights == set(KINDS)


@pytest.mark.parametrize("role", RIGHTS)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_roles_by_commands(role: str, kind: str) -> None:
    """What is in the table passes the role check; what is not is refused with its code."""
    stage = Stage()
    member = stage.admit(f"some {role}", (role,), cash=0)
    receipt = stage.domain.apply(_raw(stage, member, [kind, None]), START)
    has_right = kind in RIGHTS[role]
    assert (receipt.code == Code.ROLE_LACKS_RIGHT) is not has_right
    assert not has_right or receipt.code == Code.MALFORMED  # heard, then found empty


def _raw(stage: Stage, member: int, command: list[object]) -> Envelope:
    from suanli.members.envelope import sign
    name = stage.rooms.members.member(member).name
    return sign(key(name), "stage", member, 99, command)


def test_wrong_signature_replayed_nonce_and_strangers(stage: Stage) -> None:
    envelope = stage.agents[2].sign(Submit(spec()))
    forged = Envelope(envelope.chain, envelope.signer, 2, envelope.nonce, envelope.command,
                      bytes(64))
    assert stage.domain.apply(forged, START).code == Code.BAD_SIGNATURE
    assert stage.domain.apply(envelope, START).code == 0
    assert stage.domain.apply(envelope, START).code == Code.NONCE_REPLAYED
    stranger = Agent(key("stranger"), "stage", 2).sign(Submit(spec()))
    assert stage.domain.apply(stranger, START).code == Code.UNKNOWN_PARTICIPANT
    elsewhere = Agent(key("tenant"), "other chain", 2, 50).sign(Submit(spec()))
    assert stage.domain.apply(elsewhere, START).code == Code.WRONG_CHAIN


def test_agents_do_what_they_were_given_and_spend_no_more(stage: Stage) -> None:
    agent = Agent(key("agent"), "stage", 2)
    stage.must(2, Delegate(agent.public_key, ("schedule.submit",), 500 * RMB, START + 1000))
    job = spec(max_hourly_cost=100 * RMB)  # two hours: commits 200 RMB
    say = lambda command, at=START: stage.domain.apply(agent.sign(command), at).code  # noqa: E731
    assert [say(Submit(job)) for _ in range(3)] == [0, 0, Code.SPEND_LIMIT_EXCEEDED]
    assert say(Delegate(bytes(32), (), 0, 0)) == Code.DELEGATION_LACKS_RIGHT
    assert say(Submit(job), START + 1000) == Code.DELEGATION_EXPIRED


def test_an_agents_key_is_nobody_elses(stage: Stage) -> None:
    taken = bytes(key("other").verify_key)
    assert stage.say(2, Delegate(taken, (), 0, 0)).code == Code.KEY_IN_USE
    assert stage.say(2, Delegate(b"short", (), 0, 0)).code == Code.KEY_IN_USE
    assert stage.say(2, Delegate(bytes(32), (), -1, 0)).code == Code.AMOUNT_OUT_OF_RANGE


@pytest.mark.parametrize(("command", "code"), [
    (Register("tenant", ("tenant",), bytes(32)), Code.PARTICIPANT_EXISTS),
    (Register("new", ("king",), bytes(32)), Code.UNKNOWN_ROLE),
    (Register("new", (), bytes(32)), Code.UNKNOWN_ROLE),
    (Register("new", ("tenant",), b"short"), Code.KEY_IN_USE),
    (SetParameter("gravity", 1), Code.UNKNOWN_PARAMETER),
    (SetParameter("headroom_ppm", 1_000_001), Code.AMOUNT_OUT_OF_RANGE),
    (Grant(99, 1), Code.UNKNOWN_PARTICIPANT),
    (Grant(2, 0), Code.AMOUNT_OUT_OF_RANGE),
    (Grant(2, -5), Code.AMOUNT_OUT_OF_RANGE),
])
def test_refusals(stage: Stage, command: object, code: Code) -> None:
    assert stage.say(1, command).code == code


def test_parameters_start_at_their_table_and_change(stage: Stage) -> None:
    assert stage.rooms.members.parameter("headroom_ppm") == PARAMETERS["headroom_ppm"][0]
    stage.must(1, SetParameter("headroom_ppm", 100_000))
    assert stage.rooms.members.parameter("headroom_ppm") == 100_000


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xa0"])
def test_bytes_that_are_no_envelope(data: bytes) -> None:
    with pytest.raises(InputError):
        Envelope.from_bytes(data)
