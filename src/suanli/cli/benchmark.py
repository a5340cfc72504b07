"""`suanli bench book` and `suanli bench schedule`.

The second: from order accepted to process running, on real processes; and, at the
size of a large fleet (synthetic), how long the fairness program and a round take, how many
placements a second the domain takes, and the most memory that any of it needed.
"""

import json
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from suanli.adapters.discovery import CPU_CHIP, discover_host
from suanli.bootstrap import TENANT, datasheet_text, open_service
from suanli.chain.block import Block
from suanli.cli.output import Format, progress, same, show
from suanli.config import Settings
from suanli.domain.application import Finalised
from suanli.gateway.service import Answer, Service
from suanli.schedule import phases
from suanli.schedule.commands import Submit
from suanli.schedule.job import PPM, Spec
from suanli.simulation.bench_book import measure_book
from suanli.simulation.bench_fairness import measure_fairness
from suanli.simulation.bench_gang import measure_gang
from suanli.simulation.bench_placements import measure_placements
from suanli.simulation.bench_rounds import measure_rounds
from suanli.terms.canonical import decode
from suanli.terms.errors import Unavailable
from suanli.terms.quantity import RMB

JOB_TIMEOUT_S = 30.0
ROUNDS, ROUND_RUNS = 120, 3
BATCH, TURNS = 2_000, 9
Figures = dict[str, Any]


class Stopwatch:
    """Notes when a job's submission, and its report of running, became durable."""

    def __init__(self) -> None:
        self.accepted: dict[int, float] = {}
        self.running: dict[int, float] = {}

    def __call__(self, block: Block, finalised: Finalised) -> None:
        now = time.perf_counter()
        for data, receipt in zip(block.body.envelopes, finalised.receipts, strict=True):
            kind = decode(data)["command"][0]
            if kind == Submit.kind and not receipt.code:
                self.accepted[receipt.answer["job"]] = now
            elif kind == "schedule.started" and not receipt.code:
                self.running[receipt.answer["job"]] = now


def bench_schedule(jobs: int, file: Path | None) -> None:
    """Take each figure in turn, print it, and write all of them to a file with the machine."""
    measures: dict[str, Callable[[], Figures]] = {
        "real jobs": lambda: _measure_starts(jobs),
        "the fairness program": measure_fairness,
        "rounds": lambda: measure_rounds(ROUNDS, ROUND_RUNS),
        "a large gang": measure_gang,
        "placements": _measure_placements,
        "memory": _peak_memory,
    }
    figures: Figures = _machine()
    for what, measure in measures.items():
        with progress(what):
            found = measure()
        show([found], same(*found), Format.table)
        figures |= found
    if file is not None:
        file.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def bench_book(data: Path | None, file: Path | None) -> None:
    """Measure the spot book, print the figures, and write them to a file with the machine."""
    with progress("the spot book"):
        found = measure_book(data or Settings().data)
    show([{"figure": key, "value": value} for key, value in found.items()],
         same("figure", "value"), Format.table)
    if file is not None:
        file.write_text(json.dumps(_machine() | found, indent=1), encoding="utf-8")


def _machine() -> Figures:
    host = discover_host()
    return {"machine": host.model, "cores": host.cores,
            "memory_gib": round(host.memory_bytes / 2**30), "python": platform.python_version()}


def _peak_memory() -> Figures:
    """The most that this process, with all that it measured, ever had in memory."""
    return {"peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)}


def _measure_placements() -> Figures:
    with tempfile.TemporaryDirectory(prefix="suanli-bench-") as directory:
        return measure_placements(Path(directory), datasheet_text(), BATCH, TURNS)


def _measure_starts(jobs: int) -> Figures:
    """Run so many real jobs one after another on a fresh chain; return the percentiles."""
    with tempfile.TemporaryDirectory(prefix="suanli-bench-") as directory:
        service, _ = open_service(Path(directory), Settings())
        watch = Stopwatch()
        service.driver.listeners.append(watch)
        service.start()
        for _ in range(jobs):
            _run_one(service)
        service.stop()
        service.driver.engine.close()
    return _row([watch.running[job] - watch.accepted[job] for job in watch.accepted])


def _run_one(service: Service) -> None:
    spec = Spec("bench", ("true",), (("PATH", "/usr/bin:/bin"),), "/", 1, 1000, "llm-training",
                ((CPU_CHIP, PPM),), "", 60_000, 10 * RMB, 1000, bytes(32))
    answer = service.ask(TENANT, Submit(spec))
    if not isinstance(answer, Answer):
        raise Unavailable(f"the benchmark's own job was refused: {answer.reason}")
    job, deadline = answer.receipt.answer["job"], time.monotonic() + JOB_TIMEOUT_S
    while time.monotonic() < deadline:
        with service.lock:
            if service.rooms.schedule.job(job).phase == phases.ENDED:
                return
        time.sleep(0.002)
    raise Unavailable(f"job {job} has not ended after {JOB_TIMEOUT_S:.0f} s")


def _row(seconds: list[float]) -> Figures:
    return {"jobs": len(seconds), "start_p50_s": round(float(np.percentile(seconds, 50)), 4),
            "start_p99_s": round(float(np.percentile(seconds, 99)), 4),
            "start_max_s": round(max(seconds), 4),
            "state_machine": "all rooms, embedded", "durability": "SQLite WAL, synchronous=FULL",
            "batch": "one job at a time"}
