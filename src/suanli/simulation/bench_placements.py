"""How many one-device jobs a second are decided, and then checked and bought by the whole domain.

5,000 hosts of eight, nine tenths of them busy; at each turn as many jobs end as are placed. A
placement counts from TokenFlow's decision over the operator's signature to the state after
`apply`: schedule, market, ledger and the purchase of the first hour in settlement, signature
check included. Submissions and ends are not counted. `applied` leaves deciding and signing out;
`per_cpu_s` is by processor time: what a machine gives that nobody shares. `durable` counts the
block too: its trees, the state root, and its transaction in SQLite (WAL, synchronous=FULL).
"""

import statistics
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from suanli.adapters.collector import spare_the_state
from suanli.adapters.sqlite_engine import SqliteEngine
from suanli.domain.state_machine import Domain
from suanli.ledger.commands import Attest, Grant
from suanli.loop.agent import Agent
from suanli.members.commands import Register
from suanli.members.envelope import Envelope
from suanli.planning.onboarding import Fleet, HostGroup, onboard
from suanli.planning.scheduler import Bind
from suanli.planning.tokenflow.scheduler import TokenFlow
from suanli.planning.view import PPM, PoolSpec, Request, Slots, View
from suanli.schedule.commands import Ended, PlaceMany, Submit
from suanli.schedule.job import Spec
from suanli.simulation.world import EPOCH, World
from suanli.terms.errors import InvariantBroken
from suanli.terms.instant import HOUR, SECOND
from suanli.terms.quantity import RMB

HOSTS, DEVICES, TENANTS, BUSY = 5_000, 8, 40, 0.9
CHIP = "h100-sxm-80"
GRADE, OPERATOR, GOVERNOR = f"{CHIP}-llm-training-single", 2, 1
ENVELOPES = 4_000  # of the set-up in a block


def measure_placements(directory: Path, datasheet: str, batch: int,
                       turns: int) -> dict[str, float | int | str]:
    """Return medians over turns, of the state machine alone and with a durable block."""
    spare_the_state()  # as a server does
    alone, durable = (_medians(Yard(datasheet, path), batch, turns)
                      for path in (None, directory / "placements.db"))
    return {"placements_per_s": round(batch / sum(alone[:3])),
            "placements_per_cpu_s": round(batch / alone[3]),
            "placements_applied_per_s": round(batch / alone[2]),
            "placements_durable_per_s": round(batch / sum(durable[:3])),
            "placements_batch": batch,
            "placement_decide_us": round(alone[0] / batch * 1e6, 1),
            "placement_sign_us": round(alone[1] / batch * 1e6, 1),
            "placement_apply_us": round(alone[2] / batch * 1e6, 1),
            "placement_block_us": round(durable[2] / batch * 1e6, 1),
            "placements_hosts": HOSTS, "placements_turns": turns, "placements_signature": "checked"}


def _medians(yard: "Yard", batch: int, turns: int) -> list[float]:
    """Return the medians of a turn's seconds."""
    while len(yard.running) < BUSY * HOSTS * DEVICES:
        yard.turn(batch)
    seconds = []
    for _ in range(turns):
        yard.end(batch)
        seconds.append(yard.turn(batch))
    return [statistics.median(part) for part in zip(*seconds, strict=True)]


class Yard:
    """A domain with a fleet for sale, and the view of its scheduler; durable where a path is."""

    def __init__(self, datasheet: str, path: Path | None) -> None:
        fleet = Fleet((HostGroup("z", "area-1", CHIP, DEVICES, HOSTS),), 1000)
        world = World("yard", 1, EPOCH, (("operator", fleet),), (), datasheet)
        genesis, key = world.genesis(), world.key("validator")
        self.engine = SqliteEngine(path, key, genesis) if path else None
        self.domain = self.engine.application.domain if self.engine else Domain(genesis)
        self.agents = {id: Agent(world.key(name), genesis.chain, id)
                       for id, name in ((GOVERNOR, "governor"), (OPERATOR, "operator"))}
        self.at = EPOCH
        self.view = View((PoolSpec("z", CHIP, (DEVICES,) * HOSTS),))
        self.scheduler = TokenFlow()
        self.running: deque[int] = deque()  # rows, the longest running first; a job's id less one
        chips = self.domain.rooms.chips
        self._open([*onboard(fleet, chips.datasheet),
                    Attest("area-1", CHIP, EPOCH, 4, HOSTS * DEVICES)], world)
        self._hosts = list(chips.tables["hosts"])

    def _open(self, commands: list[Any], world: World) -> None:
        self._say(OPERATOR, commands)
        for id in range(OPERATOR + 1, OPERATOR + 1 + TENANTS):
            key = world.key(str(id))
            self._say(GOVERNOR, [Register(str(id), ("tenant",), bytes(key.verify_key)),
                                 Grant(id, world.grant)])
            self.agents[id] = Agent(key, self.domain.genesis.chain, id)

    def _say(self, member: int, commands: Sequence[Any]) -> None:
        for start in range(0, len(commands), ENVELOPES):
            self._hear([self.agents[member].sign(command)
                        for command in commands[start:start + ENVELOPES]])

    def _hear(self, envelopes: list[Envelope]) -> float:
        """Let the domain hear envelopes, none of which may be refused; seconds."""
        began = time.perf_counter()
        if self.engine is None:
            receipts = [self.domain.apply(envelope, self.at) for envelope in envelopes]
        else:
            for envelope in envelopes:
                self.engine.submit(envelope, self.at)
            produced = self.engine.produce(self.at)
            receipts = list(produced[1].receipts) if produced else []
        seconds = time.perf_counter() - began
        refused = [r for r in receipts if r.code or any(r.codes)]
        if refused or len(receipts) != len(envelopes):
            raise InvariantBroken(f"the benchmark's own command was refused: {refused[:1]}")
        return seconds

    def turn(self, batch: int) -> tuple[float, float, float, float]:
        """Submit and place so many jobs.

        Return seconds of deciding, signing and applying, and processor time of all three.
        """
        self._submit(batch)
        began, cpu = time.perf_counter(), time.process_time()
        binds = list(self._decide())
        decided = time.perf_counter()
        envelopes = [self.agents[OPERATOR].sign(command) for command in self._commands(binds)]
        signed = time.perf_counter()
        applied = self._hear(envelopes)
        cpu = time.process_time() - cpu
        self.running.extend(bind.row for bind in binds)
        self.at += SECOND
        return decided - began, signed - decided, applied, cpu

    def _decide(self) -> Iterator[Bind]:
        """Yield what the scheduler binds, bound in the view as a planner would."""
        for action in self.scheduler.decide(self.view, self.at):
            if isinstance(action, Bind):
                self.view.bind(action.row, action.slots, self.at, action.is_all)
                yield action

    def _submit(self, batch: int) -> None:
        spec = Spec("bench", ("true",), (), "/", 1, 1000, "llm-training", ((CHIP, PPM),), "",
                    2 * HOUR, 100 * RMB, 1000, bytes(32))
        for tenant in range(TENANTS):
            self._say(OPERATOR + 1 + tenant, [Submit(spec)] * len(range(tenant, batch, TENANTS)))
            for _ in range(tenant, batch, TENANTS):
                self.view.submit(Request(self.view.jobs.count + 1, tenant, 1, 1000, (PPM,),
                                         spec.time_limit_ms), self.at)

    def _commands(self, binds: list[Bind]) -> list[Any]:
        return [PlaceMany(tuple((row + 1, GRADE, self._named(slots)) for row, slots, _ in binds))]

    def _named(self, slots: Slots) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return tuple((self._hosts[host], indices) for host, indices in slots)

    def end(self, batch: int) -> None:
        """Let the longest running jobs end by themselves."""
        rows = [self.running.popleft() for _ in range(batch)]
        placed = [int(self.view.jobs.placed_at[row]) for row in rows]
        self._say(OPERATOR, [Ended(row + 1, 1, since, self.at, 0, False, 0, 0)
                             for row, since in zip(rows, placed, strict=True)])
        for row, since in zip(rows, placed, strict=True):
            self.view.release(row)
            self.view.end(row, self.at - since)
