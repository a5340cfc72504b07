"""Real processes on this host: started in a group of their own, logged, metered, ended whole.

Laws
----
* Every process of a placement carries a marker in its environment, so that a later server finds
  what an earlier one left running, whatever the moment of the crash.
* A placement's end is reported once, with the exit code, CPU time and peak memory that the
  kernel accounts to its leader and the descendants it waited for.
* A job has one checkpoint directory for all its attempts, removed when it will have no more.
  What is newest in it says up to when work is saved; names with a leading dot do not count, so
  that a file being written can be hidden until it is whole.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import psutil

from suanli.loop.ports import Clock, Report
from suanli.schedule.commands import Slots
from suanli.schedule.job import Spec

MARKER = "SUANLI_PLACEMENT"
COMMAND_NOT_FOUND, NOT_EXECUTABLE, SIGNALLED = 127, 126, 128
MAXRSS_UNIT = 1024  # getrusage counts KiB on Linux
# How much of a checkpoint is looked at: a job must not hold the driver up with more.
CHECKPOINT_ENTRIES_MAX = 10_000


@dataclass(slots=True)
class Running:
    """One live placement."""

    attempt: int
    process: subprocess.Popen[bytes]
    kill_at: int | None = None


class LocalCluster:
    """The host that the server runs on."""

    def __init__(self, directory: Path, chain: str, clock: Clock) -> None:
        self._directory = directory
        self._checkpoints = directory / "checkpoints"
        self._chain = chain
        self._clock = clock
        self._running: dict[int, Running] = {}
        self._reports: list[Report] = []
        self._removals: list[subprocess.Popen[bytes]] = []  # of checkpoints nobody needs any more

    def log_path(self, job: int, attempt: int, stream: str) -> Path:
        """Return where a placement's stdout or stderr goes."""
        return self._directory / f"{job}.{attempt}" / stream

    def checkpoint_path(self, job: int) -> Path:
        """Return where a job's attempts keep their checkpoints."""
        return self._checkpoints / str(job)

    def start(self, job: int, attempt: int, spec: Spec, slots: Slots, at: int) -> None:
        folder = self.log_path(job, attempt, "stdout").parent
        for needed in (folder, self.checkpoint_path(job)):
            needed.mkdir(parents=True, exist_ok=True)
        environment = {**dict(spec.environment), MARKER: self._marker(job, attempt),
                       "SUANLI_JOB": str(job), "SUANLI_ATTEMPT": str(attempt),
                       "SUANLI_CHECKPOINT_DIR": str(self.checkpoint_path(job)),
                       "SUANLI_DEVICES": ",".join(f"{h}/{i}" for h, ids in slots for i in ids)}
        # Appending, since warnings are written to the same file.
        with (folder / "stdout").open("ab") as out, (folder / "stderr").open("ab") as err:
            try:
                process = subprocess.Popen(
                    list(spec.argv), cwd=spec.directory or None, env=environment, stdout=out,
                    stderr=err, stdin=subprocess.DEVNULL, start_new_session=True)
            except OSError as error:
                err.write(f"suanli: cannot start {spec.argv[:1]}: {error}\n".encode())
                code = NOT_EXECUTABLE if isinstance(error, PermissionError) else COMMAND_NOT_FOUND
                self._reports.append(Report(job, attempt, False, 0, self._clock.now(), code))
                return
        self._running[job] = Running(attempt, process)
        self._reports.append(Report(job, attempt, True))

    def stop(self, job: int, attempt: int, grace_ms: int, at: int) -> None:
        running = self._running.get(job)
        if running is not None and running.attempt == attempt:
            _signal_group(running.process.pid, signal.SIGTERM)
            running.kill_at = self._clock.now() + grace_ms

    def warn(self, job: int, attempt: int, reason: str, stops: int) -> None:
        running = self._running.get(job)
        if running is not None and running.attempt == attempt:
            left_s = max(0, stops - self._clock.now()) // 1000
            with self.log_path(job, attempt, "stderr").open("ab") as log:
                log.write(f"suanli: {reason}: SIGTERM in {left_s} s\n".encode())

    def poll(self, at: int) -> list[Report]:
        reports, self._reports = self._reports, []
        self._removals = [removal for removal in self._removals if removal.poll() is None]
        for job, running in list(self._running.items()):
            if running.kill_at is not None and self._clock.now() >= running.kill_at:
                _signal_group(running.process.pid, signal.SIGKILL)
            ended = self._reap(job, running)
            if ended is not None:
                del self._running[job]
                reports.append(ended)
        return reports

    def _reap(self, job: int, running: Running) -> Report | None:
        pid, status, usage = os.wait4(running.process.pid, os.WNOHANG)
        if pid == 0:
            return None
        code = os.waitstatus_to_exitcode(status)
        running.process.returncode = code  # Popen must not wait for it again
        _signal_group(running.process.pid, signal.SIGKILL)  # what the leader left behind
        cpu_ms = round((usage.ru_utime + usage.ru_stime) * 1000)
        return Report(job, running.attempt, False, self._saved(job), self._clock.now(),
                      code if code >= 0 else SIGNALLED - code, False, cpu_ms,
                      usage.ru_maxrss * MAXRSS_UNIT)

    def forget(self, job: int) -> None:
        if self.checkpoint_path(job).exists():
            self._remove(self.checkpoint_path(job))

    def _remove(self, folder: Path) -> None:
        """Put a folder out of the way at once, and delete it beside the driver's work.

        By `rm`: `shutil.rmtree` recurses as deep as a job chose to nest. What a job made
        undeletable stays; the next start tries again.
        """
        aside = tempfile.mkdtemp(dir=self._checkpoints)
        folder.rename(Path(aside) / folder.name)
        self._removals.append(subprocess.Popen(
            ["rm", "-rf", "--", aside], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def _saved(self, job: int) -> int:
        """Return when the newest file of a job's checkpoint was last written, Unix ms; else 0."""
        written = islice(_written(self.checkpoint_path(job)), CHECKPOINT_ENTRIES_MAX)
        return max(written, default=0) // 1_000_000

    def recover(self, placements: dict[int, int], queued: list[int], at: int) -> list[Report]:
        """End every process of this chain that an earlier server left, report all as lost."""
        self._end_orphans()
        kept = {str(job) for job in (*placements, *queued)}
        for folder in list(self._checkpoints.glob("*")):
            if folder.name not in kept:
                self._remove(folder)
        return [Report(job, attempt, False, self._saved(job), at, -1, True)
                for job, attempt in placements.items()]

    def _end_orphans(self) -> None:
        prefix = f"{self._chain}/"
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARKER, "").startswith(prefix):
                    process.kill()
                    process.wait(timeout=10)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue  # gone, or not ours to see: neither can be a placement of ours

    def close(self) -> None:
        """End what still runs; the next start reports it as lost."""
        for running in self._running.values():
            _signal_group(running.process.pid, signal.SIGKILL)
            running.process.wait()
        self._running.clear()
        for removal in self._removals:
            removal.wait()
        self._removals.clear()

    def _marker(self, job: int, attempt: int) -> str:
        return f"{self._chain}/{job}.{attempt}"


def _written(folder: Path) -> Iterator[int]:
    """Yield for each entry below a folder when it was written, Unix ns; 0 if it is not a file.

    Hidden names and links are not followed; depth costs no stack, since a job decides on it.
    """
    folders = [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                        folders.append(entry.path)
                    yield _file_written(entry)
        except OSError:
            continue  # removed or closed by the job itself: nothing there can be resumed from


def _file_written(entry: os.DirEntry[str]) -> int:
    counts = entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
    return entry.stat(follow_symlinks=False).st_mtime_ns if counts else 0


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return  # nobody is left in the group, which is what was wanted
