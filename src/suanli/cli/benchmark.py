"""`suanli bench schedule`: from order accepted to process running, on real processes; and how long
the fairness program takes at the size of a large fleet (synthetic).
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from suanli.adapters.discovery import CPU_CHIP
from suanli.bootstrap import TENANT, open_service
from suanli.chain.block import Block
from suanli.cli.output import Format, progress, same, show
from suanli.config import Settings
from suanli.domain.application import Finalised
from suanli.gateway.service import Answer, Service
from suanli.schedule import phases
from suanli.schedule.commands import Submit
from suanli.schedule.job import PPM, Spec
from suanli.simulation.bench_fairness import measure_fairness
from suanli.terms.canonical import decode
from suanli.terms.errors import Unavailable
from suanli.terms.quantity import RMB

JOB_TIMEOUT_S = 30.0


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
    """Run so many real jobs one after another on a fresh chain; print the percentiles."""
    with tempfile.TemporaryDirectory(prefix="suanli-bench-") as directory:
        service, _ = open_service(Path(directory), Settings())
        watch = Stopwatch()
        service.driver.listeners.append(watch)
        service.start()
        with progress("real jobs") as moved:
            for number in range(jobs):
                _run_one(service)
                moved(number + 1, jobs)
        service.stop()
        service.driver.engine.close()
    with progress("the fairness program"):
        lp = measure_fairness()
    row = _row([watch.running[job] - watch.accepted[job] for job in watch.accepted])
    for figures in (row, lp):
        show([figures], same(*figures), Format.table)
    if file is not None:
        file.write_text(json.dumps(row | lp, indent=1), encoding="utf-8")


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


def _row(seconds: list[float]) -> dict[str, Any]:
    return {"jobs": len(seconds), "start_p50_s": round(float(np.percentile(seconds, 50)), 4),
            "start_p99_s": round(float(np.percentile(seconds, 99)), 4),
            "start_max_s": round(max(seconds), 4),
            "state_machine": "all rooms, embedded", "durability": "SQLite WAL, synchronous=FULL",
            "batch": "one job at a time"}
