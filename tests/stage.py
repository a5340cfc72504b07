"""A small world without an engine: one domain, its members' agents, and a clock in hand."""

import hashlib
from typing import Any

from nacl.signing import SigningKey

from suanli.bootstrap import datasheet_text
from suanli.chips.datasheet import parse
from suanli.domain.genesis import ALL_ROOMS, Genesis
from suanli.domain.state_machine import Domain, Receipt
from suanli.ledger.commands import Attest, Grant
from suanli.loop.agent import Agent
from suanli.members.commands import Register
from suanli.planning.mirror import Mirror
from suanli.planning.onboarding import Fleet, HostGroup, onboard
from suanli.planning.placing import place
from suanli.planning.planner import Planner
from suanli.schedule.commands import Place, Slots, Submit
from suanli.schedule.job import PPM, Spec
from suanli.terms.instant import HOUR
from suanli.terms.quantity import RMB

START = 1_767_225_600_000
CHIP = "h100-sxm-80"
SINGLE, GANG = f"{CHIP}-llm-training-single", f"{CHIP}-llm-training-gang"
HOST = "z-h100-sxm-80-0000"
FLEET = Fleet((HostGroup("z", "area-1", CHIP, 8, 2),), 1000)


def key(who: str) -> SigningKey:
    return SigningKey(hashlib.sha256(who.encode()).digest())


def spec(**changes: Any) -> Spec:
    """A one-device training job of two hours, changed as asked."""
    fields: dict[str, Any] = {
        "name": "job", "argv": ("true",), "environment": (), "directory": "", "devices": 1,
        "share": 1000, "workload": "llm-training", "chips": ((CHIP, PPM),), "area": "",
        "time_limit_ms": 2 * HOUR, "max_hourly_cost": 100 * RMB, "grace_ms": 1000,
        "commitment": bytes(32)}
    return Spec(**{**fields, **changes})


class Stage:
    """One domain and everybody's keys; `say` signs and applies."""

    OPERATOR, TENANT, OTHER = 1, 2, 3

    def __init__(self, rooms: tuple[str, ...] = ALL_ROOMS, slices: str = "") -> None:
        names = (("operator", ("operator", "bank", "regulator")),)
        members = tuple((n, r, bytes(key(n).verify_key)) for n, r in names)
        self.genesis = Genesis("stage", START, rooms, members,
                               (bytes(key("operator").verify_key),), datasheet_text(),
                               slices=slices)
        self.domain = Domain(self.genesis)
        self.at = START
        self.agents = {1: Agent(key("operator"), "stage", 1)}

    @property
    def rooms(self) -> Any:
        return self.domain.rooms

    def say(self, member: int, command: Any) -> Receipt:
        return self.domain.apply(self.agents[member].sign(command), self.at)

    def where(self, job: int) -> Slots | None:
        """Return where a queued job would go, the tightest fit first; None where it fits not."""
        mirror = Mirror(self.rooms, [1], self.at)
        found = place(mirror.view, mirror.rows[job], 0, "tightest")
        return None if found is None else mirror.named(found)

    def tell(self, planner: Planner, member: int, command: Any) -> Receipt:
        """Say it, and let a planner hear what was answered."""
        envelope = self.agents[member].sign(command)
        receipt = self.domain.apply(envelope, self.at)
        planner.observe((envelope.to_bytes(),), (receipt,), self.at)
        return receipt

    def must(self, member: int, command: Any) -> Receipt:
        receipt = self.say(member, command)
        assert receipt.code == 0, receipt.reason
        return receipt

    def admit(self, name: str, roles: tuple[str, ...] = ("tenant",), cash: int = 1000 * RMB) -> int:
        member = self.must(1, Register(name, roles, bytes(key(name).verify_key))).answer["member"]
        self.agents[member] = Agent(key(name), "stage", member)
        if cash:
            self.must(1, Grant(member, cash))
        return int(member)

    def opened(self) -> "Stage":
        for command in onboard(FLEET, parse(datasheet_text())):
            self.must(1, command)
        self.must(1, Attest("area-1", CHIP, START, 4, 16))
        assert (self.admit("tenant"), self.admit("other")) == (2, 3)
        return self

    def placed(self, devices: tuple[int, ...] = (0,), host: str = HOST, **changes: Any) -> int:
        job = self.must(2, Submit(spec(devices=len(devices), **changes))).answer["job"]
        grade = GANG if len(devices) > 1 else SINGLE
        self.must(1, Place(job, grade, ((host, devices),)))
        return int(job)
