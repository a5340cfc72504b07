"""The demo: three operators' virtual day, then one real job on this host, on the same chain."""

import sys
import tempfile
import time
from pathlib import Path

from suanli.adapters.clocks import HostClock
from suanli.adapters.discovery import CPU_CHIP, discover_host
from suanli.adapters.local_cluster import LocalCluster
from suanli.bootstrap import core_price_mrmb, datasheet_text
from suanli.chain.proof import receipt_of
from suanli.chain.verify import verify_receipt
from suanli.chips.datasheet import parse
from suanli.cli.output import out, progress
from suanli.cli.verification import verify_directory
from suanli.config import Settings
from suanli.gateway.service import JobReceipt, ReceiptIndex
from suanli.loop.driver import Driver
from suanli.members.commands import Register
from suanli.planning.onboarding import Fleet, HostGroup, onboard
from suanli.planning.planner import Planner
from suanli.planning.policies import POLICIES
from suanli.schedule.commands import Submit
from suanli.schedule.job import PPM, Spec
from suanli.simulation.generator import day_of_jobs
from suanli.simulation.run import Outcome, Run
from suanli.simulation.world import EPOCH, World
from suanli.terms.canonical import decode
from suanli.terms.errors import InvariantBroken, Unavailable
from suanli.terms.quantity import RMB, TOKEN

# DESIGN section 1 at 1/100 scale. How operators B and C divide their cards, and the networks of all
# of them, are our assumption.
OVERRIDE = (("ascend-910b2-64", 700_000, "the operator's declared 0.70; public runs show 0.43"),)
OPERATORS = (
    ("operator-a", Fleet((
        HostGroup("a-1", "a", "h100-sxm-80", 4, 25, "", 8, 2, "nvlink", "infiniband"),
        HostGroup("a-2", "a", "ascend-910b2-64", 8, 10, "", 5, 2, "hccs", "roce"),
        HostGroup("a-edge", "a-edge", "jetson-agx-orin-64", 1, 50)), 1200, OVERRIDE)),
    ("operator-b", Fleet((
        HostGroup("b-1", "b", "h800-sxm-80", 4, 15, "", 8, 2, "nvlink", "infiniband"),
        HostGroup("b-2", "b", "mlu370-x8-48", 4, 15),
        HostGroup("b-edge", "b-edge", "jetson-agx-orin-64", 1, 20)), 1000)),
    ("operator-c", Fleet((
        HostGroup("c-1", "c", "a100-sxm-80", 4, 20),
        HostGroup("c-edge", "c-edge", "jetson-agx-orin-64", 1, 15)), 800)),
)
TENANTS = tuple(f"team-{n}" for n in range(1, 13))
REAL_JOB = "print(sum(i * i for i in range(10**6)))"
REAL_JOB_TIMEOUT_S = 30.0


def run_demo(seed: int, jobs: int) -> None:
    """Run both halves in a fresh temporary directory and verify the chain."""
    began = time.monotonic()
    sheet = parse(datasheet_text())
    workload = day_of_jobs(seed, EPOCH, jobs, TENANTS, tuple(f for _, f in OPERATORS), sheet)
    world = World("demo", seed, EPOCH, OPERATORS, TENANTS, datasheet_text())
    with tempfile.TemporaryDirectory(prefix="suanli-demo-") as name:
        directory = Path(name)
        out.print("[bold]1. A virtual day[/]: three operators, their chips and prices (simulated)")
        with progress("virtual jobs") as moved:
            outcome = Run(world, workload, POLICIES["best-fit"],
                          directory / "chain.db").go(moved)
        _tell_the_day(outcome, jobs)
        out.print("\n[bold]2. One real job[/] on this host, on the same chain")
        _real_job(outcome, directory)
        verdict = verify_directory(directory, replay=False)
        out.print(f"\nchain verified: {verdict.blocks} blocks, {verdict.envelopes} envelopes, "
                  f"{verdict.rows} ledger rows, {verdict.leaves} provenance leaves "
                  f"({time.monotonic() - began:.1f} s)", highlight=False)
        outcome.theatre.engine.close()


def _tell_the_day(outcome: Outcome, jobs: int) -> None:
    rooms = outcome.theatre.driver.rooms
    table = [job for _, job in sorted(rooms.schedule.tables["jobs"].items())]
    waited = sorted(job.waited_ms / 60_000 for job in table)
    out.print(f"   {jobs} jobs in {outcome.blocks} blocks; queueing delay: median "
              f"{waited[len(waited) // 2]:.1f} min, p95 {waited[int(len(waited) * .95)]:.1f} min",
              highlight=False)
    for (operator, fleet) in OPERATORS:
        member = outcome.theatre.agents[operator].member
        sold = [v for (o, _), v in rooms.settlement.tables["statements"].items() if o == member]
        chips = ", ".join(f"{g.devices * g.count} {g.chip}" for g in fleet.hosts)
        out.print(f"   {operator}: {sum(s[1] for s in sold) / TOKEN:9.1f} tokens burned, "
                  f"{sum(s[2] for s in sold) / RMB:9.1f} RMB at {fleet.price_mrmb / 1000:.1f} "
                  f"({chips})", highlight=False)
    out.print(f"   state root {outcome.state_root.hex()}", highlight=False)


def _real_job(outcome: Outcome, directory: Path) -> None:
    """Admit this host as an operator, and run one process through the very same path."""
    theatre, clock, host = outcome.theatre, HostClock(), discover_host()
    engine, governor = theatre.engine, theatre.agents["governor"]
    key = theatre.world.key("this-host")
    at, sheet = clock.now(), parse(theatre.world.datasheet)
    member = len(theatre.driver.rooms.members.tables["members"]) + 1
    theatre.driver.request(governor.sign(Register("this-host", ("operator",),
                                                  bytes(key.verify_key))), at)
    engine.produce(at)
    operator = theatre.agent("this-host", member)
    fleet = Fleet((HostGroup("this-host", "here", CPU_CHIP, host.cores, 1, host.identity),),
                  core_price_mrmb(Settings().core_hour_micro_rmb, sheet))
    receipts = ReceiptIndex()
    cluster = LocalCluster(directory / "jobs", engine.genesis.chain, clock)
    driver = Driver(engine, cluster, Planner(POLICIES["best-fit"], [member]), {member: operator})
    driver.listeners.append(receipts)
    for command in onboard(fleet, sheet):
        driver.request(operator.sign(command), at)
    tenant = theatre.agents[TENANTS[0]]
    spec = Spec("real", (sys.executable, "-c", REAL_JOB), (), "", 1, 1000, "llm-training",
                ((CPU_CHIP, PPM),), "here", 60_000, 10 * RMB, 1000, tenant.salt("real"))
    driver.request(tenant.sign(Submit(spec)), at)
    _tell_the_job(driver, cluster, _wait(driver, clock, receipts))


def _wait(driver: Driver, clock: HostClock, receipts: ReceiptIndex) -> JobReceipt:
    deadline = time.monotonic() + REAL_JOB_TIMEOUT_S
    while time.monotonic() < deadline:
        driver.step(clock.now())
        if receipts.by_job:
            return next(iter(receipts.by_job.values()))
        time.sleep(0.01)
    raise Unavailable(f"the real job has no receipt after {REAL_JOB_TIMEOUT_S:.0f} s")


def _tell_the_job(driver: Driver, cluster: LocalCluster, found: JobReceipt) -> None:
    job = driver.rooms.schedule.job(found.job)
    output = cluster.log_path(found.job, 1, "stdout").read_text().strip()
    device_ms, tokens, cash = driver.rooms.settlement.usage(found.job, job.attempt)
    out.print(f"   job {found.job} {job.outcome}: printed {output}; {device_ms} device-ms on one "
              f"core, {tokens} CU-us burned, {cash} micro-RMB", highlight=False)
    block = driver.engine.block(found.height)
    if block is None or job.outcome != "succeeded":
        raise InvariantBroken(f"the real job ended as {job.outcome!r}")
    receipt = receipt_of(block, found.index)
    verify_receipt(receipt, list(driver.engine.application.domain.genesis.validators))
    leaf = decode(bytes.fromhex(receipt["leaves"][0]["leaf"]))
    out.print(f"   receipt {found.height}-{found.index}: inclusion proof verified; provenance: "
              f"{leaf['chip']} ({leaf['origin']}), {leaf['devices'][0][0]}", highlight=False)
