"""A virtual world: operators with fleets, tenants with grants, one chain in a directory."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from suanli.adapters.sqlite_engine import SqliteEngine
from suanli.adapters.virtual_cluster import Duration, VirtualCluster
from suanli.chips.datasheet import parse
from suanli.domain.genesis import ALL_ROOMS, Genesis
from suanli.ledger.commands import Grant
from suanli.loop.agent import Agent
from suanli.loop.driver import Driver
from suanli.members.commands import Register
from suanli.planning.auctioneer import Auctioneer
from suanli.planning.onboarding import Fleet, onboard
from suanli.planning.planner import Planner
from suanli.planning.policies import Policy
from suanli.terms.errors import InvariantBroken

# 2026-01-01T00:00:00Z: where virtual time starts, so that the same seed gives the same bytes.
EPOCH = 1_767_225_600_000
GRANT = 10**15  # micro-RMB: a thousand million RMB, so that money never decides a replay


@dataclass(frozen=True, slots=True)
class World:
    """Who is there at the start. Keys come from the seed: a world is for simulation only."""

    name: str
    seed: int
    start: int
    operators: tuple[tuple[str, Fleet], ...]
    tenants: tuple[str, ...]
    datasheet: str
    grant: int = GRANT
    slices: str = ""  # the table of slice profiles; without one chips are shared by fractions
    restore_ms: int = 0  # what a resumed placement spends before it works on

    def key(self, who: str) -> SigningKey:
        return SigningKey(hashlib.sha256(f"{self.name}/{self.seed}/{who}".encode()).digest())

    def genesis(self) -> Genesis:
        founder = ("governor", ("regulator", "bank"), bytes(self.key("governor").verify_key))
        members = [founder] + [(name, ("operator",), bytes(self.key(name).verify_key))
                               for name, _ in self.operators]
        validator = bytes(self.key("validator").verify_key)
        return Genesis(f"{self.name}-{self.seed}", self.start, ALL_ROOMS, tuple(members),
                       (validator,), self.datasheet, slices=self.slices)


class Theatre:
    """A world in motion: its engine, driver and agents."""

    def __init__(self, world: World, path: Path, policy: Policy, duration_of: Duration,
                 auctioneer: Auctioneer | None = None) -> None:
        self.world = world
        self.engine = SqliteEngine(path, world.key("validator"), world.genesis(),
                                   is_durable=False)
        self.cluster = VirtualCluster(duration_of, world.restore_ms)
        self.agents = {name: self.agent(name, id) for id, name in enumerate(
            ["governor", *(name for name, _ in world.operators)], start=1)}
        operators = {self.agents[name].member: self.agents[name] for name, _ in world.operators}
        self.planner = Planner(policy, list(operators), auctioneer)
        self.driver = Driver(self.engine, self.cluster, self.planner, operators)
        self._open()

    def agent(self, name: str, member: int) -> Agent:
        """Return a fresh agent with the world's key for a name."""
        return Agent(self.world.key(name), self.engine.genesis.chain, member)

    def _open(self) -> None:
        """Put the fleets up for sale, admit the tenants and grant them cash."""
        start = self.world.start
        datasheet = parse(self.world.datasheet)
        for name, fleet in self.world.operators:
            for command in onboard(fleet, datasheet):
                self._ask(self.agents[name], command)
        first = len(self.agents) + 1
        for id, name in enumerate(self.world.tenants, start=first):
            key = self.world.key(name)
            self._ask(self.agents["governor"], Register(name, ("tenant",), bytes(key.verify_key)))
            self._ask(self.agents["governor"], Grant(id, self.world.grant))
            self.agents[name] = self.agent(name, id)
        self._commit(start)

    def _ask(self, agent: Agent, command: Any) -> None:
        refusal = self.driver.request(agent.sign(command), self.world.start)
        if refusal is not None:
            raise InvariantBroken(f"the world's own set-up was refused: {refusal.reason}")

    def _commit(self, at: int) -> None:
        produced = self.engine.produce(at)
        refused = [r.reason for r in produced[1].receipts if r.code] if produced else []
        if refused:
            raise InvariantBroken(f"the world's own set-up was refused: {refused[0]}")
