"""`kill -9` of a live server with jobs running and a client writing.

Goal: every acknowledged command is there after the restart, no token is lost or doubled, orphaned
processes are ended and their holds resolved. Method: the server kills itself at a chosen point
(before a commit, after a commit, after an effect) or is killed at a random moment; the chain is
then verified by the verifier's own code, and the books are compared with what was acknowledged.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from suanli.adapters.local_cluster import MARKER
from suanli.bootstrap import CRASH_POINT
from suanli.cli.verification import verify_directory
from suanli.sdk import Client, Refused, ServerError

POINTS = ("before commit", "after commit", "after effect", "random moment")
GRANT = 100_000_000
PRICE = 7  # milli-RMB: rests far below the posted price, one lot holds 7 micro-RMB


class Victim:
    """A server on a directory, and what it has acknowledged over all its lives."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.jobs: set[int] = set()
        self.orders: set[int] = set()

    def start(self, crash_point: str = "") -> subprocess.Popen[bytes]:
        environment = {**os.environ, CRASH_POINT: crash_point}
        with (self.directory / "server.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "suanli.cli.main", "up", "--data-dir", str(self.directory)],
                env=environment, stdout=log, stderr=log)

    def client(self) -> Client:
        return Client(self.directory / "server.sock")

    def wait_alive(self, server: subprocess.Popen[bytes]) -> bool:
        """Wait until it answers; False if it died first."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if server.poll() is not None:
                return False
            if self.client().is_alive():
                return True
            time.sleep(0.02)
        raise AssertionError("the server neither came up nor died")

    def write_until_death(self) -> None:
        """Three long jobs, then orders without end; note what is acknowledged."""
        client = self.client()
        offers = [p for p in client.list("prices") if p["tier"] == "firm" and not p["is_gang"]]
        try:
            for _ in range(3):
                self.jobs.add(client.submit(
                    argv=["sleep", "300"], time_limit_ms=600_000, max_hourly_cost=10**6,
                    share=300, directory="/", environment={"PATH": os.environ["PATH"]}))
            start = int(time.time()) // 3600 * 3_600_000 + 7_200_000
            while True:
                order = client.order(area="local", grade=offers[0]["grade"], start=start,
                                     price_mrmb=PRICE, lots=1, is_ioc=False)
                self.orders.add(order["id"])
        except (ServerError, httpx.HTTPError):
            return  # it died, as it should
        except Refused as refused:
            raise AssertionError(f"a write was refused: {refused}") from refused

    def check(self) -> None:
        """What must hold after a restart."""
        server = self.start()
        assert self.wait_alive(server)
        client = self.client()
        jobs = {int(job["id"]): job for job in client.list("jobs")}
        orders = {int(order["id"]) for order in client.list("orders")}
        assert self.jobs <= set(jobs)
        assert self.orders <= orders
        assert {job["phase"] for job in jobs.values()} <= {"ended", "queued", "placed", "running"}
        self._drain(client, jobs)
        balances = client.list("balances")
        cash = {b["owner"]: b for b in balances if b["unit"] == "cash"}
        assert sum(b["available"] + b["held"] for b in cash.values()) == GRANT
        assert cash["tenant"]["held"] == PRICE * len(orders)
        chain = client.get("/v1/status")["chain"]
        client.shutdown()
        server.wait(timeout=20)
        assert _marked(chain) == []
        verify_directory(self.directory, replay=False)

    def _drain(self, client: Client, jobs: dict[int, dict[str, object]]) -> None:
        """Cancel what is left of unacknowledged submissions and wait for their ends."""
        for id, job in jobs.items():
            if job["phase"] != "ended":
                client.cancel(id)
        deadline = time.monotonic() + 20
        while any(job["phase"] != "ended" for job in client.list("jobs")):
            assert time.monotonic() < deadline, "a job never ended"
            time.sleep(0.05)


def _marked(chain: str) -> list[int]:
    """Processes that still run for a placement of this chain."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if f"{MARKER}={chain}/".encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(int(pid))
        except OSError:
            continue
    return found


def one_round(victim: Victim, point: str, rng: random.Random) -> bool:
    """Kill a server at a point; say whether it died there."""
    number = rng.randint(1, 3) if point == "after effect" else rng.randint(4, 12)
    server = victim.start("" if point == "random moment" else f"{point}:{number}")
    if victim.wait_alive(server):
        writer = threading.Thread(target=victim.write_until_death)
        writer.start()
        if point == "random moment":
            time.sleep(rng.uniform(0.05, 0.6))
            server.send_signal(signal.SIGKILL)
        writer.join(timeout=30)
        assert not writer.is_alive()
    return server.wait(timeout=30) == -signal.SIGKILL


def rounds(directory: Path, count: int, seed: int) -> Counter[str]:
    victim, rng, died = Victim(directory), random.Random(seed), Counter[str]()
    server = victim.start()
    assert victim.wait_alive(server)
    victim.client().shutdown()
    server.wait(timeout=20)
    for number in range(count):
        point = POINTS[number % len(POINTS)]
        died[point] += one_round(victim, point, rng)
        victim.check()
    return died


def test_kill_at_each_point_once(tmp_path: Path) -> None:
    assert rounds(tmp_path, len(POINTS), seed=1) == Counter(dict.fromkeys(POINTS, 1))


@pytest.mark.long
def test_kill_fifty_times(tmp_path: Path) -> None:
    died = rounds(tmp_path, 50, seed=2)
    print(f"deaths by point: {dict(died)}")
    assert sum(died.values()) == 50
    assert min(died.values()) >= 5
