"""Preemption of real processes: signal, grace, checkpoint, back to the queue, resume.

Goal: a training run that is preempted ends with the weights of one that was not, its tenant pays
for no lost work, and what ignores its signal is killed when its grace is over. Method: the real
service, scheduler, driver and processes on a fresh chain; a short job that wants the whole host is
all it takes.
"""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from tests.stage import spec
from tests.unit.simulation.test_arena import FLEET, random_workload

from suanli.bootstrap import CHAIN_FILE, OPERATOR, TENANT, open_service
from suanli.cli.jobs import _follow
from suanli.cli.verification import verify_directory
from suanli.config import Settings
from suanli.gateway.api import create_app
from suanli.gateway.deferred import DeferredJobs
from suanli.gateway.server import Server, _unix_socket
from suanli.gateway.service import Answer
from suanli.ledger.row import CASH, account
from suanli.members.commands import SetParameter
from suanli.planning.policies import POLICIES
from suanli.schedule import phases
from suanli.schedule.commands import Cancel, Submit
from suanli.schedule.job import Job
from suanli.sdk import Client
from suanli.simulation.arena import Arena
from suanli.terms.canonical import decode
from suanli.terms.instant import MINUTE
from suanli.terms.quantity import RMB

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "train_resumable.py"
STEPS = 400
STUBBORN = ("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            "print('up', flush=True); time.sleep(60)")


class House:
    """A running service in a directory, and every placement's end as it was reported."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.is_open = directory, True
        self.service, _ = open_service(directory, Settings())
        self.ends: dict[tuple[int, int], tuple[int, int]] = {}  # -> saved, finished
        self.service.driver.listeners.append(self._note)
        self.service.start()
        self.must(OPERATOR, SetParameter("preempt_run_ms_min", 0))
        hosts = self.service.rooms.chips.tables["hosts"].values()
        self.cores = sum(host.devices for host in hosts)

    def _note(self, block: Any, finalised: Any) -> None:
        for data in block.body.envelopes:
            kind, fields = decode(data)["command"]
            if kind == "schedule.ended":
                self.ends[fields[0], fields[1]] = (fields[2], fields[3])

    def must(self, who: str, command: object) -> Any:
        answer = self.service.ask(who, command)
        assert isinstance(answer, Answer), answer
        return answer.receipt.answer

    def submit(self, *argv: str, **changes: Any) -> int:
        fields = {"argv": argv, "chips": (("cpu-core", 1_000_000),), "max_hourly_cost": 10 * RMB,
                  "environment": (("PATH", "/usr/bin:/bin"), ("PYTHONUNBUFFERED", "1")),
                  "time_limit_ms": 60 * MINUTE, "directory": str(self.directory), **changes}
        return int(self.must(TENANT, Submit(spec(**fields)))["job"])

    def job(self, id: int) -> Job:
        with self.service.lock:
            found: Job = self.service.rooms.schedule.job(id)
            return found

    def said(self, id: int, attempt: int) -> str:
        cluster: Any = self.service.driver.cluster
        path = cluster.log_path(id, attempt, "stdout")
        return str(path.read_text()) if path.exists() else ""

    def preempt(self, victim: int) -> int:
        """Submit a short job that wants the whole host, so that the planner preempts; return it."""
        until(lambda: self.job(victim).phase == phases.RUNNING)
        short = self.submit("sleep", "0.2", devices=self.cores, time_limit_ms=MINUTE)
        until(lambda: self.job(victim).preemptions == 1)
        return short

    def close(self) -> None:
        if self.is_open:
            self.service.stop()
            self.is_open = False
        self.service.driver.cluster.close()
        self.service.driver.engine.close()


def until(holds: Any) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.01)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Kernels compile on first use, for seconds: these jobs would be over before they are sent."""
    assert Arena(random_workload(5), [FLEET], POLICIES["tokenflow"]()).go().preemptions > 0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "s")
    yield made
    made.close()


def train(weights: Path, step_ms: int) -> tuple[str, ...]:
    return (sys.executable, str(EXAMPLE), "--steps", str(STEPS), "--step-ms", str(step_ms),
            "--weights", str(weights))


def test_a_preempted_training_ends_as_an_uninterrupted_one(house: House, tmp_path: Path) -> None:
    job = house.submit(*train(tmp_path / "preempted.npy", 5))
    until(lambda: "from step 0" in house.said(job, 1))
    short = house.preempt(job)
    cluster: Any = house.service.driver.cluster
    until(lambda: (job, 1) in house.ends)
    assert (cluster.checkpoint_path(job) / "checkpoint.npz").exists()
    until(lambda: house.job(job).phase == phases.ENDED)

    record = house.job(job)
    assert (record.outcome, record.attempt, record.preemptions) == (phases.SUCCEEDED, 2, 1)
    assert house.job(short).outcome == phases.SUCCEEDED
    assert house.job(short).placed <= record.placed
    resumed = int(house.said(job, 2).split()[2])
    assert 0 < resumed < STEPS
    subprocess.run(train(tmp_path / "alone.npy", 0), check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "SUANLI_CHECKPOINT_DIR": str(tmp_path)})
    assert np.array_equal(np.load(tmp_path / "preempted.npy"), np.load(tmp_path / "alone.npy"))
    until(lambda: not cluster.checkpoint_path(job).exists())
    _books_are_right(house, job)


def _books_are_right(house: House, job: int) -> None:
    """The first attempt is metered to its last save, the second to its end; the chain verifies."""
    rooms, record = house.service.rooms, house.job(job)
    with house.service.lock:
        first, second = (rooms.settlement.usage(job, attempt) for attempt in (1, 2))
        paid = sum(cash for _, _, cash in rooms.settlement.tables["statements"].values())
        assert paid == rooms.ledger.available(account(1, CASH))
    saved, finished = house.ends[job, 1]
    assert saved < finished
    assert record.lost_ms == finished - saved < 1000  # it saved as soon as it was told
    assert second[0] == house.ends[job, 2][1] - record.placed
    assert record.progress_ms == record.spent_ms == first[0] > 0
    house.close()
    verify_directory(house.directory, replay=True)
    assert (house.directory / CHAIN_FILE).exists()


def test_what_ignores_its_signal_is_killed_after_its_grace(house: House) -> None:
    job = house.submit(sys.executable, "-c", STUBBORN, grace_ms=300)
    until(lambda: "up" in house.said(job, 1))
    house.preempt(job)
    until(lambda: (job, 1) in house.ends)
    saved, finished = house.ends[job, 1]
    record = house.job(job)
    assert finished - saved == record.lost_ms >= 300
    assert (record.progress_ms, record.spent_ms) == (0, 0)  # its time limit is whole again
    assert house.service.rooms.settlement.usage(job, 1) == (0, 0, 0)
    until(lambda: "up" in house.said(job, 2))
    house.must(TENANT, Cancel(job))
    until(lambda: house.job(job).phase == phases.ENDED)


def test_a_follower_sees_both_attempts(house: House, tmp_path: Path,
                                       capfd: pytest.CaptureFixture[str]) -> None:
    server = Server(uvicorn.Config(create_app(house.service, None, lambda: None,
                                             DeferredJobs(house.service, house.directory)),
                                   log_level="warning"))
    listener = _unix_socket(tmp_path / "sock")
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    client = Client(tmp_path / "sock")
    until(client.is_alive)
    job = house.submit(*train(tmp_path / "w.npy", 5))
    codes: list[int] = []
    follower = threading.Thread(target=lambda: codes.append(_follow(client, job)))
    follower.start()
    until(lambda: "from step 0" in house.said(job, 1))
    house.preempt(job)
    follower.join(timeout=30)
    assert codes == [0]
    said = capfd.readouterr()
    assert said.out.count("from step") == 2
    assert f"job {job} runs again, attempt 2" in said.err
    assert "1 preemptions (0." in said.err
    row = client.job(job)
    assert (row["preemptions"], row["phase"]) == (1, "ended")
    assert row["device_ms"] > row["progress_ms"] > 0
    assert b"saved at step" in client.logs(job, "stderr", attempt=1)
    server.should_exit = True
    thread.join(timeout=30)
