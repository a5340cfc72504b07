"""Verbs that need no server: demo, replay, bench."""

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from suanli.cli.output import Format as OutputFormat
from suanli.cli.output import err, out, progress, show
from suanli.terms.errors import InputError

COLUMNS = {
    "policy": "policy", "load": "load", "seed": "seed", "jobs": "jobs",
    "queueing_delay_mean_s": "delay mean s", "queueing_delay_p50_s": "p50", "queueing_delay_p95_s":
    "p95", "jct_mean_s": "JCT mean s", "utilisation": "utilisation", "offered_load": "offered"}


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: suanli demo --seed 7")(demo)
    app.command(epilog="Example: suanli replay ../shared/data/traces/philly --policy best-fit "
                "--against fifo --load 0.85 --seed 1 --json out.json")(replay)
    bench = typer.Typer(help="Benchmarks: each prints its figures and the conditions beside them.",
                        no_args_is_help=True)
    bench.command("schedule", epilog="Example: suanli bench schedule --jobs 200")(schedule)
    app.add_typer(bench, name="bench")


def demo(seed: Annotated[int, typer.Option(min=0, help="Another seed, another day.")] = 1,
         jobs: Annotated[int, typer.Option(min=1, help="Jobs of the virtual day.")] = 600) -> None:
    """See it work once, end to end: a virtual day of three operators, then one real job."""
    from suanli.cli.demonstration import run_demo
    run_demo(seed, jobs)


def replay(
    trace: Annotated[str, typer.Argument(
        help="A folder with the Philly trace, or `generated` for a seeded day.")] = "",
    policy: Annotated[str, typer.Option(help="Scheduling policy.")] = "best-fit",
    against: Annotated[str, typer.Option(help="Others to run beside it, by comma.")] = "",
    load: Annotated[float, typer.Option(help="Offered load that sizes the fleet.")] = 0.85,
    fleet: Annotated[str, typer.Option(help="v100 or mixed.")] = "v100",
    days: Annotated[str, typer.Option(help="Window of submissions, A:B.")] = "10:50",
    seed: Annotated[int | None, typer.Option(min=0, help="Run this seed.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Run seeds 1 to K.")] = 1,
    file: Annotated[Path | None, typer.Option("--json", help="Write the rows here.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of public data.")] = None,
) -> None:
    """Replay a trace through market, planning and ledger, and compare scheduling policies.

    Every placement is a purchase; every job ends in a receipt on a chain, which is verified.
    """
    from suanli.cli.replaying import Experiment, run_one
    from suanli.config import Settings
    from suanli.planning.policies import POLICIES
    names = [policy, *(name for name in against.split(",") if name)]
    unknown = [name for name in names if name not in POLICIES]
    if unknown:
        raise InputError(f"policy {unknown[0]!r}; {', '.join(POLICIES)} are accepted")
    if fleet not in ("v100", "mixed"):
        raise InputError(f"fleet {fleet!r}; v100 or mixed is accepted")
    folder = Path(trace) if trace else (data or Settings().data) / "traces" / "philly"
    rows: list[dict[str, Any]] = []
    for number in [seed] if seed is not None else range(1, seeds + 1):
        for name in names:
            experiment = Experiment(folder, trace == "generated", name, load, number,
                                    fleet == "mixed", _window(days))
            with tempfile.TemporaryDirectory(prefix="suanli-replay-") as directory, \
                    progress(f"{name}, seed {number}") as moved:
                row = run_one(experiment, Path(directory), moved)
            rows.append(row)
            err.print(f"{name}, seed {number}: chain verified, {row['blocks']} blocks",
                      highlight=False)
    _print(rows)
    if file is not None:
        file.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def schedule(
    jobs: Annotated[int, typer.Option(min=1, help="Real jobs, one after another.")] = 200,
    file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Time from order accepted to process running, over real jobs on this host."""
    from suanli.cli.benchmark import bench_schedule
    bench_schedule(jobs, file)


def _window(text: str) -> tuple[int, int]:
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise InputError(f"days {text!r}; A:B with A below B, as 10:50, is accepted")
    return int(first), int(last)


def _print(rows: list[dict[str, Any]]) -> None:
    out.print(f"simulated; {rows[0]['workload']}; {rows[0]['devices']} devices", highlight=False)
    rounded = [{k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}
               for row in rows]
    show(rounded, COLUMNS, OutputFormat.table)
