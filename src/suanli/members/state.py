"""Participants, their keys, their agents, and the governed parameters.

Order of checks of an envelope: known participant, signature, nonce, role, delegation.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from suanli.members.commands import Delegate, Register, SetParameter, StayParameter
from suanli.members.envelope import Envelope
from suanli.members.parameters import ANNOUNCED, PARAMETERS
from suanli.members.roles import RIGHTS, has_right
from suanli.terms.change import Change, Write, one_part
from suanli.terms.quantity import INT64_MAX
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import Room, changed


@dataclass(frozen=True, slots=True)
class Member:
    """A participant."""

    id: int
    name: str
    roles: tuple[str, ...]
    key: bytes


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that may sign: a member's own (`commands` empty) or an agent's."""

    member: int
    is_agent: bool
    nonce: int  # the last one seen; the next must be larger
    commands: tuple[str, ...]
    spend_max: int
    spent: int
    until: int


@dataclass(frozen=True, slots=True)
class Announcement:
    """A parameter's next value, and the instant from which it holds."""

    value: int
    effective: int


class Members(Room):
    """Who may do what."""

    name: ClassVar[str] = "members"
    schema: ClassVar[dict[str, tuple[Any, Any]]] = {
        "members": (int, Member),
        "signers": (bytes, Signer),  # every member's key is here
        "parameters": (str, int),
    }
    schema_later: ClassVar[dict[str, tuple[Any, Any]]] = {
        "announcements": (str, Announcement),  # the last of each parameter; `parameters` lags it
    }

    def parameter(self, name: str, at: int = 0) -> int:
        """Return a governed parameter's value in force; of an announced one, at an instant."""
        announced = self.announcement(name)
        if announced and announced.effective <= at:
            return announced.value
        value = self.tables["parameters"].get(name)
        return PARAMETERS[name][0] if value is None else int(value)

    def announcement(self, name: str) -> Announcement | None:
        found: Announcement | None = self.tables["announcements"].get(name)
        return found

    def member(self, id: int) -> Member | None:
        found: Member | None = self.tables["members"].get(id)
        return found

    def authenticate(self, envelope: Envelope, at: int) -> Signer | Refusal:
        """Return who signs, or why the envelope may not be heard."""
        member = self.member(envelope.member)
        signer: Signer | None = self.tables["signers"].get(envelope.signer)
        if member is None or signer is None or signer.member != member.id:
            return Refusal(Code.UNKNOWN_PARTICIPANT,
                           f"participant {envelope.member} has no such key; a registered key or "
                           "an agent's is accepted")
        if not envelope.is_signed():
            return Refusal(Code.BAD_SIGNATURE, "the signature is not the signer's over this body")
        if envelope.nonce <= signer.nonce:
            return Refusal(Code.NONCE_REPLAYED,
                           f"nonce {envelope.nonce}; above {signer.nonce} is accepted")
        kind = envelope.command[0] if envelope.command else ""
        if not has_right(member.roles, kind):
            return Refusal(Code.ROLE_LACKS_RIGHT,
                           f"{'/'.join(member.roles)} may not send {kind!r}")
        if signer.is_agent and kind not in signer.commands:
            return Refusal(Code.DELEGATION_LACKS_RIGHT,
                           f"this agent may send {', '.join(signer.commands)}; found {kind!r}")
        if signer.is_agent and at >= signer.until:
            return Refusal(Code.DELEGATION_EXPIRED,
                           f"the delegation ended at {signer.until}; it is {at}")
        return signer

    def signed(self, envelope: Envelope, signer: Signer, spend: int) -> Write | Refusal:
        """Return the write that consumes the nonce and counts an agent's spending."""
        if signer.is_agent and signer.spent + spend > signer.spend_max:
            left = signer.spend_max - signer.spent
            return Refusal(Code.SPEND_LIMIT_EXCEEDED,
                           f"commits {spend} micro-RMB; this agent has {left} left")
        return self.consumed(envelope, signer, spend)

    def consumed(self, envelope: Envelope, signer: Signer, spend: int) -> Write:
        """Return the write that consumes the nonce, whatever the limits."""
        return Write(self.name, "signers", envelope.signer,
                     changed(signer, nonce=envelope.nonce, spent=signer.spent + spend))

    def check(self, command: Any, at: int, sender: int) -> Change | Refusal:
        """Answer one of this room's commands."""
        if isinstance(command, Register):
            return self._register(command)
        if isinstance(command, Delegate):
            return self._delegate(command, sender)
        if isinstance(command, StayParameter):
            return self._stay(command, at)
        return self._set_parameter(command, at)

    def _register(self, command: Register) -> Change | Refusal:
        unknown = [role for role in command.roles if role not in RIGHTS]
        if unknown or not command.roles:
            return Refusal(Code.UNKNOWN_ROLE,
                           f"roles {list(command.roles)}; known are {', '.join(RIGHTS)}")
        if any(m.name == command.name for m in self.tables["members"].values()):
            return Refusal(Code.PARTICIPANT_EXISTS, f"a participant {command.name!r} exists")
        if len(command.key) != 32 or command.key in self.tables["signers"]:
            return Refusal(Code.KEY_IN_USE, "a fresh 32-byte Ed25519 public key is accepted")
        id = len(self.tables["members"]) + 1
        return one_part(
            Write(self.name, "members", id, Member(id, command.name, command.roles, command.key)),
            Write(self.name, "signers", command.key, Signer(id, False, 0, (), 0, 0, 0)),
            member=id)

    def _delegate(self, command: Delegate, sender: int) -> Change | Refusal:
        if len(command.agent) != 32:
            return Refusal(Code.KEY_IN_USE, "an agent's key has 32 bytes")
        known = self.tables["signers"].get(command.agent)
        if known is not None and (not known.is_agent or known.member != sender):
            return Refusal(Code.KEY_IN_USE, "that key is somebody's already")
        if command.spend_max < 0:
            return Refusal(Code.AMOUNT_OUT_OF_RANGE,
                           f"spend_max {command.spend_max}; 0 or more is accepted")
        nonce, spent = (known.nonce, known.spent) if known else (0, 0)
        return one_part(Write(self.name, "signers", command.agent, Signer(
            sender, True, nonce, command.commands, command.spend_max, spent, command.until)))

    def _set_parameter(self, command: SetParameter, at: int) -> Change | Refusal:
        if command.name not in PARAMETERS:
            return Refusal(Code.UNKNOWN_PARAMETER,
                           f"{command.name!r}; known are {', '.join(PARAMETERS)}")
        _, least, most = PARAMETERS[command.name]
        if not least <= command.value <= most:
            return Refusal(Code.AMOUNT_OUT_OF_RANGE,
                           f"{command.name} = {command.value}; {least} to {most} is accepted")
        if refusal := self._notice_refusal(command, at):
            return refusal
        if command.effective:
            record = Announcement(command.value, command.effective)
            return one_part(*self._settled(command.name, at),
                            Write(self.name, "announcements", command.name, record))
        return one_part(*self._settled(command.name, INT64_MAX),
                        Write(self.name, "parameters", command.name, command.value))

    def _notice_refusal(self, command: SetParameter, at: int) -> Refusal | None:
        """Say whether a change comes too soon, or is announced where nobody would look."""
        if command.name not in ANNOUNCED:
            return Refusal(Code.UNKNOWN_PARAMETER, f"{command.name} changes at once; announced "
                           f"are {', '.join(ANNOUNCED)}") if command.effective else None
        notice = self.parameter("cap_notice_ms", at)
        if (notice or command.effective) and command.effective < at + notice:
            return Refusal(Code.NOTICE_TOO_SHORT, f"effective at {command.effective}; "
                           f"{at + notice} or later is accepted")
        return None

    def _settled(self, name: str, at: int) -> list[Write]:
        """Return the writes that end an announcement which is due, or is overtaken."""
        announced = self.announcement(name)
        if announced is None or announced.effective > at:
            return []
        return [Write(self.name, "parameters", name, announced.value),
                Write(self.name, "announcements", name, None)]

    def _stay(self, command: StayParameter, at: int) -> Change | Refusal:
        announced = self.announcement(command.name)
        if announced is None or announced.effective <= at:
            return Refusal(Code.NOTHING_ANNOUNCED, f"no change of {command.name!r} is announced "
                           f"for after {at}")
        return one_part(Write(self.name, "announcements", command.name, None))
