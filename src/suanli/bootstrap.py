"""The only composition root: opens a chain, sets up a first start, wires adapters to the loop."""

import os
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from suanli.adapters.clocks import HostClock
from suanli.adapters.collector import spare_the_state
from suanli.adapters.discovery import CPU_CHIP, discover_host
from suanli.adapters.local_cluster import LocalCluster
from suanli.adapters.shipped import datasheet_text as datasheet_text
from suanli.adapters.shipped import slices_text as slices_text
from suanli.adapters.sqlite_engine import SqliteEngine
from suanli.chips.datasheet import Chip
from suanli.clearing.workers import InThread
from suanli.config import Settings
from suanli.domain.genesis import ALL_ROOMS, Genesis
from suanli.gateway.service import ReceiptIndex, Service
from suanli.ledger.commands import Grant
from suanli.loop.agent import Agent
from suanli.loop.driver import Driver
from suanli.members.commands import Delegate
from suanli.planning.auctioneer import Auctioneer
from suanli.planning.onboarding import Fleet, HostGroup, onboard
from suanli.planning.planner import Planner
from suanli.planning.policies import POLICIES, live
from suanli.terms.errors import InputError, InvariantBroken
from suanli.terms.instant import DAY
from suanli.terms.quantity import INT64_MAX
from suanli.units.rating import rate
from suanli.units.workload import WORKLOAD_CLASSES

CHAIN_FILE, KEYS, JOBS = "chain.db", "keys", "jobs"
OPERATOR, TENANT, AGENT = "operator", "tenant", "agent"
OPERATOR_ID, TENANT_ID = 1, 2
ZONE, AREA = "local-1", "local"
AGENT_COMMANDS = ("schedule.submit", "schedule.cancel", "market.order", "market.cancel",
                  "market.modify", "market.auction_curve", "market.auction_block",
                  "market.auction_flexible", "market.auction_offer", "market.auction_cancel",
                  "market.take_strip", "market.convert",
                  "ledger.batch")
AGENT_YEARS = 10
# Set by crash tests: "before commit:3" kills this process at the third such point.
CRASH_POINT = "SUANLI_CRASH_POINT"


def open_service(directory: Path, settings: Settings) -> tuple[Service, list[str]]:
    """Open or start the chain in a directory; return its service and what first start did."""
    if settings.policy not in POLICIES:
        raise InputError(f"SUANLI_POLICY: found {settings.policy!r}; {', '.join(POLICIES)} are "
                         "accepted")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    spare_the_state()
    keys = {name: _key(directory / KEYS / f"{name}.key") for name in (OPERATOR, TENANT, AGENT)}
    clock, receipts, crash = HostClock(), ReceiptIndex(), _crash_point()
    is_new = not (directory / CHAIN_FILE).exists()
    genesis = _genesis(keys, clock.now()) if is_new else None
    engine = SqliteEngine(directory / CHAIN_FILE, keys[OPERATOR], genesis,
                          hook=crash, on_replay=receipts)
    chain = engine.genesis.chain
    operator = Agent(keys[OPERATOR], chain, OPERATOR_ID, _nonce(engine, keys[OPERATOR]))
    cluster = LocalCluster(directory / JOBS, chain, clock)
    auctioneer = Auctioneer(InThread()) if settings.auctions else None
    planner = Planner(live(settings.policy), [OPERATOR_ID], auctioneer)
    driver = Driver(engine, cluster, planner, {OPERATOR_ID: operator},
                    after_effect=lambda: crash("after effect"))
    driver.listeners.append(receipts)  # before recovery, which makes blocks too
    driver.recover(max(engine.application.time, engine.genesis.time))
    said = _first_start(driver, operator, keys, settings, clock.now())
    agents = {OPERATOR: operator,
              TENANT: Agent(keys[AGENT], chain, TENANT_ID, _nonce(engine, keys[AGENT]))}
    return Service(driver, clock, agents, receipts), said


def _genesis(keys: dict[str, SigningKey], at: int) -> Genesis:
    members = ((OPERATOR, ("operator", "bank", "regulator"), _public(keys[OPERATOR])),
               (TENANT, ("tenant",), _public(keys[TENANT])))
    return Genesis(f"local-{secrets.token_hex(4)}", at, ALL_ROOMS, members,
                   (_public(keys[OPERATOR]),), datasheet_text(), slices=slices_text())


def _first_start(driver: Driver, operator: Agent, keys: dict[str, SigningKey],
                 settings: Settings, at: int) -> list[str]:
    """Say what the chain does not yet know of this host, its price, grant and agent.

    Each command is sent only if its result is not there: a start that was cut short goes on
    where it stopped.
    """
    tenant = Agent(keys[TENANT], driver.engine.application.domain.genesis.chain, TENANT_ID,
                   _nonce(driver.engine, keys[TENANT]))
    # The chain's own datasheet, not the package's: a newer suanli may rate more than it knows.
    datasheet = driver.rooms.chips.datasheet
    wanted = [(operator, command) for command in _host_commands(settings, datasheet)]
    wanted.append((operator, Grant(TENANT_ID, settings.grant_micro_rmb)))
    wanted.append((tenant, Delegate(_public(keys[AGENT]), AGENT_COMMANDS, INT64_MAX,
                                    at + AGENT_YEARS * 366 * DAY)))
    missing = [(a, c) for a, c in wanted if not _is_done(driver.rooms, c)]
    if not missing:
        return []
    for agent, command in missing:
        refusal = driver.request(agent.sign(command), at)
        if refusal is not None:
            raise InvariantBroken(f"first start was refused: {refusal.reason}")
    driver.step(at)
    undone = [c for _, c in missing if not _is_done(driver.rooms, c)]
    if undone:
        raise InvariantBroken(f"first start was refused: {undone[0]}")
    is_first = any(not isinstance(command, Delegate) for _, command in missing)
    return _said(settings) if is_first else []


def _host_commands(settings: Settings, datasheet: dict[str, Chip]) -> Iterator[Any]:
    host = discover_host()
    fleet = Fleet((HostGroup(ZONE, AREA, CPU_CHIP, host.cores, 1, host.identity),),
                  core_price_mrmb(settings.core_hour_micro_rmb, datasheet))
    yield from onboard(fleet, datasheet)


def core_price_mrmb(core_hour_micro_rmb: int, datasheet: dict[str, Chip]) -> int:
    """Return milli-RMB a token at which a core-hour of training costs so much."""
    ucu = rate(datasheet[CPU_CHIP], WORKLOAD_CLASSES["llm-training"], False) or 1
    return max(1, core_hour_micro_rmb * 1000 // ucu)


def _is_done(rooms: Any, command: Any) -> bool:
    """Say whether a set-up command's result is in the state."""
    match command.kind:
        case "chips.register_zone":
            return command.zone in rooms.chips.tables["zones"]
        case "chips.register_host":
            return command.host in rooms.chips.tables["hosts"]
        case "units.declare_rating":
            key = (OPERATOR_ID, command.chip, command.workload, command.in_gang)
            return key in rooms.units.tables["ratings"]
        case "units.define_grade":
            return (OPERATOR_ID, command.grade) in rooms.units.tables["grades"]
        case "market.post_offer":
            key = (OPERATOR_ID, command.area, command.grade, command.tier)
            return key in rooms.market.tables["offers"]
        case "ledger.grant":
            return (command.member << 40 | 1) in rooms.ledger.tables["accounts"]
        case _:
            signer = rooms.members.tables["signers"].get(command.agent)
            # A newer suanli may ask for more in the agent's name than an older one did.
            return signer is not None and set(command.commands) <= set(signer.commands)


def _said(settings: Settings) -> list[str]:
    host = discover_host()
    return [f"operator: this host, {host.cores} cores of {host.model}, at "
            f"{settings.core_hour_micro_rmb / 1e6:.2f} RMB a core-hour (posted price)",
            f"tenant: {settings.grant_micro_rmb / 1e6:.2f} RMB starting grant"]


def _nonce(engine: Any, key: SigningKey) -> int:
    signer = engine.application.domain.rooms.members.tables["signers"].get(_public(key))
    return signer.nonce if signer else 0


def _public(key: SigningKey) -> bytes:
    return bytes(key.verify_key)


def _key(path: Path) -> SigningKey:
    """Return the key in a file, making it (mode 0600) on first use."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return SigningKey(bytes.fromhex(path.read_text().strip()))
    except FileNotFoundError:
        key = SigningKey.generate()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(bytes(key).hex())
        return key


def _crash_point() -> Any:
    """Return the hook that kills this process at the point a crash test names."""
    wanted = os.environ.get(CRASH_POINT, "")
    stage, _, number = wanted.partition(":")
    left = int(number) if number.isdecimal() else 0

    def reached(now: str) -> None:
        nonlocal left
        if wanted and now == stage:
            left -= 1
            if left == 0:
                sys.stderr.flush()
                os.kill(os.getpid(), signal.SIGKILL)

    return reached
