"""What every cluster does, real or virtual: one suite, run against both."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.stage import spec

from suanli.adapters.clocks import HostClock
from suanli.adapters.local_cluster import MARKER, LocalCluster
from suanli.adapters.virtual_cluster import VirtualCluster
from suanli.loop.ports import Cluster, Report

SLOTS = (("host", (0,)),)
SHORT_MS, LONG_MS = 100, 60_000
# Runs for so many milliseconds over all its attempts, and saves what is left of them on SIGTERM.
SCRIPT = """
import os, signal, sys, time
file = os.environ['SUANLI_CHECKPOINT_DIR'] + '/left'
left = float(open(file).read()) if os.path.exists(file) else {}
end = time.monotonic() + left
def save(*_):
    open(file, 'w').write(str(end - time.monotonic()))
    sys.exit(1)
signal.signal(signal.SIGTERM, save)
time.sleep(left)
"""
Until = Callable[[int], list[Report]]


class VirtualClock:
    """A clock that the suite moves."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at


class Rig:
    """A cluster with its clock: `after` lets time pass and returns what was reported."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.durations: dict[int, int] = {}
        self.virtual = VirtualClock(1_000_000) if kind == "virtual" else None
        self.clock = self.virtual or HostClock()
        self.cluster: Cluster = VirtualCluster(
            lambda job, spec, host: self.durations[job]) if self.virtual else LocalCluster(
            directory, "chain", self.clock)

    def start(self, job: int, duration_ms: int, attempt: int = 1) -> int:
        """Start it; return when."""
        self.durations[job] = duration_ms
        at = self.clock.now()
        argv = (sys.executable, "-c", SCRIPT.format(duration_ms / 1000))
        self.cluster.start(job, attempt, spec(argv=argv), SLOTS, at)
        return at

    def preempt(self, job: int, attempt: int) -> Report:
        """Stop it; return its end."""
        self.cluster.stop(job, attempt, 500, self.clock.now())
        [end] = [r for r in self.after(800) if not r.is_running]
        return end

    def after(self, ms: int) -> list[Report]:
        end, reports = self.clock.now() + ms, []
        while True:
            reports += self.cluster.poll(self.clock.now())
            if self.clock.now() >= end:
                return reports
            if self.virtual:
                self.virtual.at = end
            else:
                time.sleep(0.01)


@pytest.fixture(params=["virtual", "local"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(request.param, tmp_path)
    yield made
    made.cluster.close()


def test_a_placement_runs_and_ends_once(rig: Rig) -> None:
    rig.start(1, SHORT_MS)
    reports = rig.after(1500)
    assert [(r.job, r.attempt, r.is_running) for r in reports] == [(1, 1, True), (1, 1, False)]
    assert (reports[1].exit_code, reports[1].is_lost) == (0, False)
    assert rig.after(50) == []


def test_a_stopped_placement_ends_within_its_grace(rig: Rig) -> None:
    rig.start(1, LONG_MS)
    assert [r.is_running for r in rig.after(300)] == [True]
    rig.cluster.stop(1, 1, 500, rig.clock.now())
    assert [r.is_running for r in rig.after(1500)] == [False]


def test_a_stop_of_another_attempt_is_nothing(rig: Rig) -> None:
    rig.start(1, LONG_MS)
    rig.after(50)
    rig.cluster.stop(1, 2, 0, rig.clock.now())
    rig.cluster.stop(9, 1, 0, rig.clock.now())
    assert rig.after(200) == []


def test_a_preempted_placement_goes_on_from_where_it_saved(rig: Rig) -> None:
    rig.start(1, 2400)
    rig.after(800)
    stopped = rig.clock.now()
    end = rig.preempt(1, 1)
    assert stopped - 5 <= end.saved <= end.finished
    resumed = rig.start(1, 2400, attempt=2)
    assert all(r.is_running for r in rig.after(1000))  # 1600 ms were left
    [end] = [r for r in rig.after(1200) if not r.is_running]
    assert end.attempt == 2
    assert end.exit_code == 0
    assert 1500 <= end.finished - resumed < 2200


def test_nothing_is_left_of_a_forgotten_job(rig: Rig) -> None:
    rig.start(1, 1200)
    rig.after(800)
    rig.preempt(1, 1)
    rig.cluster.forget(1)
    rig.cluster.forget(9)  # of which nothing was ever kept
    rig.start(1, 1200, attempt=2)
    assert all(r.is_running for r in rig.after(1000))


def test_checkpoints_outlive_a_restart_only_where_a_job_waits(rig: Rig) -> None:
    for job in (1, 2):
        rig.start(job, 2400)
    rig.after(800)
    for job in (1, 2):
        rig.preempt(job, 1)
    assert rig.cluster.recover({}, [1], rig.clock.now()) == []
    for job in (1, 2):
        rig.start(job, 2400, attempt=2)
    assert [r.job for r in rig.after(2100) if not r.is_running] == [1]


def test_a_placement_that_saves_nothing_says_so(rig: Rig) -> None:
    """Real: a job without a handler. Virtual: one that is not preemptible."""
    argv, at = (sys.executable, "-c", "import time; time.sleep(60)"), rig.clock.now()
    rig.durations[1] = LONG_MS
    rig.cluster.start(1, 1, spec(argv=argv, is_preemptible=False), SLOTS, at)
    rig.after(300)
    assert rig.preempt(1, 1).saved <= at


def test_a_warning_lets_it_run(rig: Rig) -> None:
    rig.start(1, LONG_MS)
    rig.after(100)
    rig.cluster.warn(1, 1, "priced_out", rig.clock.now() + 5000)
    rig.cluster.warn(9, 1, "priced_out", 0)
    assert rig.after(200) == []
    if isinstance(rig.cluster, LocalCluster):
        said = rig.cluster.log_path(1, 1, "stderr").read_text()
        assert said.startswith("suanli: priced_out: SIGTERM in ")


def test_what_is_not_there_after_a_restart_is_lost(rig: Rig) -> None:
    reports = rig.cluster.recover({7: 3}, [], 5)
    assert [(r.job, r.attempt, r.is_lost, r.finished) for r in reports] == [(7, 3, True, 5)]


def test_restoring_costs_a_virtual_placement_its_time() -> None:
    cluster = VirtualCluster(lambda job, spec, host: 1000, restore_ms=100)
    cluster.start(1, 1, spec(), SLOTS, 0)
    cluster.stop(1, 1, 0, 400)
    cluster.stop(1, 1, 0, 400)  # saves nothing more
    assert [(r.saved, r.finished) for r in cluster.poll(400) if not r.is_running] == [(400, 400)]
    cluster.start(1, 2, spec(), SLOTS, 500)
    cluster.stop(1, 2, 0, 550)  # still restoring: what was saved stays saved, nothing new is
    assert [(r.saved, r.finished) for r in cluster.poll(550) if not r.is_running] == [(0, 550)]
    cluster.start(1, 3, spec(), SLOTS, 600)
    assert [r for r in cluster.poll(1299) if not r.is_running] == []
    assert [r.finished for r in cluster.poll(1300) if not r.is_running] == [1300]


# -- what only real processes do ------------------------------------------------------------


def test_what_counts_as_saved(local: Rig, tmp_path: Path) -> None:
    cluster = local.cluster
    assert isinstance(cluster, LocalCluster)
    # One that saves nothing when it is told to stop, however late that comes.
    argv = (sys.executable, "-c", "import time; time.sleep(60)")
    cluster.start(1, 1, spec(argv=argv), SLOTS, local.clock.now())
    folder = cluster.checkpoint_path(1)
    (folder / "deep" / "er").mkdir(parents=True)
    for name, seconds in (("deep/er/shard", 50), ("older", 40), (".hidden", 60), (".git/x", 60)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
        os.utime(folder / name, (seconds, seconds))
    (folder / "link").symlink_to(sys.executable)
    local.after(20)
    local.cluster.stop(1, 1, 0, local.clock.now())
    [end] = [r for r in local.after(500) if not r.is_running]
    assert end.saved == 50_000


def test_a_checkpoint_of_any_shape_harms_nobody(local: Rig) -> None:
    """Deeper than Python recurses, and closed to its owner."""
    cluster = local.cluster
    assert isinstance(cluster, LocalCluster)
    code = ("import os; os.chdir(os.environ['SUANLI_CHECKPOINT_DIR'])\n"
            "for _ in range(1200): os.mkdir('d'); os.chdir('d')\n"
            "os.mkdir('/'.join(('..',) * 1200) + '/closed', 0)")
    kept = cluster.checkpoint_path(1)
    try:
        end, _, err = run(local, sys.executable, "-c", code)
        assert (end.exit_code, err) == (0, b"")
        assert end.saved == 0
        cluster.forget(1)
        assert not kept.exists()
        cluster.close()  # waits until it is removed
        assert list(kept.parent.iterdir()) == []
    finally:  # pytest itself cannot remove what is so deep
        subprocess.run(["rm", "-rf", str(kept.parent)], check=True)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Rig]:
    made = Rig("local", tmp_path)
    yield made
    made.cluster.close()


def run(local: Rig, *argv: str, **changes: object) -> tuple[Report, bytes, bytes]:
    cluster = local.cluster
    assert isinstance(cluster, LocalCluster)
    cluster.start(1, 1, spec(argv=argv, **changes), SLOTS, local.clock.now())
    end = next(r for r in local.after(3000 if argv[0] == sys.executable else 300)
           if not r.is_running)
    return (end, *(cluster.log_path(1, 1, s).read_bytes() for s in ("stdout", "stderr")))


def test_output_exit_code_and_usage_are_kept(local: Rig) -> None:
    code = ("import sys; b = bytearray(80_000_000); print('out'); print('err', file=sys.stderr); "
            "sum(range(4_000_000)); sys.exit(7)")
    end, out, err = run(local, sys.executable, "-c", code)
    assert (end.exit_code, out, err) == (7, b"out\n", b"err\n")
    assert end.cpu_ms > 20
    assert end.memory_bytes_max > 80_000_000


@pytest.mark.parametrize(("argv", "code"), [(("no-such-command",), 127), (("/etc",), 126)])
def test_a_command_that_cannot_start(local: Rig, argv: tuple[str, ...], code: int) -> None:
    end, _, err = run(local, *argv)
    assert end.exit_code == code
    assert b"cannot start" in err


def test_a_job_that_ignores_sigterm_is_killed_with_its_group(local: Rig) -> None:
    code = ("import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            "os.fork(); print('up', flush=True); time.sleep(60)")
    local.cluster.start(1, 1, spec(argv=(sys.executable, "-c", code)), SLOTS, local.clock.now())
    local.after(500)
    local.cluster.stop(1, 1, 200, local.clock.now())
    assert [r.exit_code for r in local.after(800)] == [128 + 9]
    assert _marked("chain/1.1") == []


def test_orphans_of_an_earlier_server_are_found_and_ended(local: Rig, tmp_path: Path) -> None:
    code = "import os, time; os.setsid() if os.fork() == 0 else None; time.sleep(60)"
    local.cluster.start(1, 1, spec(argv=(sys.executable, "-c", code)), SLOTS, local.clock.now())
    local.after(400)
    assert len(_marked("chain/1.1")) == 2
    later = LocalCluster(tmp_path, "chain", HostClock())
    assert [r.is_lost for r in later.recover({1: 1}, [], local.clock.now())] == [True]
    assert _marked("chain/1.1") == []


def _marked(marker: str) -> list[int]:
    wanted, found = f"{MARKER}={marker}".encode(), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(int(pid))
        except OSError:
            continue
    return found
