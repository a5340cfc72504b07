"""Verbs that need no server: demo, replay, bench."""

from pathlib import Path
from typing import Annotated

import typer

from suanli.terms.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: suanli demo --seed 7")(demo)
    app.command(epilog="Example: suanli replay ../shared/data/traces/philly --policy best-fit "
                "--against fifo --load 0.85 --seed 1 --json out.json")(replay)
    bench = typer.Typer(help="Benchmarks: each prints its figures and the conditions beside them.",
                        no_args_is_help=True)
    bench.command("schedule", epilog="Example: suanli bench schedule --jobs 200")(schedule)
    bench.command("book", epilog="Example: suanli bench book --json book.json")(book)
    bench.command("auction", epilog="Example: suanli bench auction --ladder M --json auction.json"
                  )(auction)
    bench.command("crash", epilog="Example: suanli bench crash --seeds 5 --json crash.json")(crash)
    bench.command("coupling", epilog="Example: suanli bench coupling --seeds 30 --json "
                  "coupling.json")(coupling)
    bench.command("week", epilog="Example: suanli bench week --days 7 --seed 1 --report week.md"
                  )(week)
    app.add_typer(bench, name="bench")


def demo(seed: Annotated[int, typer.Option(min=0, help="Another seed, another day.")] = 1,
         jobs: Annotated[int, typer.Option(min=1, help="Jobs of the virtual day.")] = 600) -> None:
    """See it work once, end to end: a virtual day of three operators, then one real job."""
    from suanli.cli.demonstration import run_demo
    run_demo(seed, jobs)


def replay(
    trace: Annotated[str, typer.Argument(
        help="A folder with a public trace, `generated` for a seeded day, or `mixed` for training "
        "and inference from the public data (default: the Philly trace of --data).")] = "",
    policy: Annotated[str, typer.Option(help="Scheduling policies, by comma.")] = "best-fit",
    against: Annotated[str, typer.Option(help="Others to run beside them, by comma.")] = "",
    load: Annotated[str | None, typer.Option(
        help="Offered loads that size the fleet, by comma (default: 0.85).")] = None,
    fleet: Annotated[str | None, typer.Option(help="v100 or mixed (default: v100).")] = None,
    days: Annotated[str | None, typer.Option(
        help="Window of submissions, A:B (default: 10:50; mixed: 10:40).")] = None,
    limits: Annotated[str | None, typer.Option(
        help="Stated limit over true duration, drawn from A:B (default: 1:10).")] = None,
    restore: Annotated[float | None, typer.Option(
        help="Seconds that a preempted job pays when it starts again (default: 60).")] = None,
    workload: Annotated[str | None, typer.Option(
        help="Variant of a trace that has several (default: default).")] = None,
    demand: Annotated[float | None, typer.Option(
        help="Arriving demand over capacity, of traces without departures (default: 1.3).")] = None,
    scale: Annotated[float | None, typer.Option(
        help="Part of the inventory that is the fleet of mixed (default: 0.1).")] = None,
    part: Annotated[str | None, typer.Option(
        help="Of mixed: all, or inference alone (default: all).")] = None,
    arena: Annotated[bool, typer.Option(
        "--arena", help="Leave out market and ledger for every policy.")] = False,
    explain: Annotated[str | None, typer.Option(
        help="Tell why these jobs waited, by number and comma, or `coverage` alone: how often "
        "predicted starts came true. In the arena.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Run this seed.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Run seeds 1 to K.")] = 1,
    experiment: Annotated[Path | None, typer.Option(
        help="Run this experiment file instead; with --json, resumed after an interruption.")
    ] = None,
    report: Annotated[Path | None, typer.Option(
        help="Write a page of pictures and figures into this folder.")] = None,
    file: Annotated[Path | None, typer.Option("--json", help="Write the rows here.")] = None,
    jobs: Annotated[int | None, typer.Option(
        min=1, help="Processes at once (default: one a core).")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of public data.")] = None,
) -> None:
    """Replay a trace under scheduling policies, and compare them.

    A policy that production runs plays through market, planning and ledger: every placement is a
    purchase, every job ends in a receipt on a chain, which is verified. The others play on the
    same rules in an arena without market and ledger.
    """
    from suanli.cli.replaying import Asked
    from suanli.cli.replaying import replay as run
    from suanli.cli.replaying import replay_experiment as run_experiment
    options = {"load": load, "fleet": fleet, "days": days, "limit_factors": limits,
               "restore_s": restore, "workload": workload, "demand": demand,
               "scale": scale, "part": part, "arena": arena or None}
    if experiment is None:
        run(Asked(trace, policy, against, seed, seeds, options, data, explain), file, report, jobs)
        return
    said = trace or against or seed is not None or seeds != 1 or policy != "best-fit" or any(
        value is not None for value in (explain, *options.values()))
    if said:
        raise InputError("--experiment: the file says what to run; only --json, --report, --jobs "
                         "and --data are accepted beside it")
    run_experiment(experiment, data, file, report, jobs)


def schedule(
    jobs: Annotated[int, typer.Option(min=1, help="Real jobs, one after another.")] = 200,
    file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Time from order accepted to process running; and fairness, rounds, placements at scale."""
    from suanli.cli.benchmark import bench_schedule
    bench_schedule(jobs, file)


def book(
    file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of public data.")] = None,
) -> None:
    """The spot book on a public stream: its published hash, and messages a second."""
    from suanli.cli.benchmark import bench_book
    bench_book(data, file)


def auction(
    ladder: Annotated[str, typer.Option(
        help="Synthetic auctions up to this size: none, S, M or L.")] = "none",
    days: Annotated[Path | None, typer.Option(
        help="Folder with other delivery days in the same format.")] = None,
    file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of public data.")] = None,
) -> None:
    """Clear public days of the Italian day-ahead market, with their published answers."""
    from suanli.cli.benchmark import bench_auction
    bench_auction(ladder, days, data, file)


def crash(
    seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 1,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from the first on.")] = 1,
    blind: Annotated[bool, typer.Option(
        "--blind", help="Value buyers look at prices only, not at halts.")] = False,
    file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """A simulated flash crash, without and with price bands and halts: how far prices fall."""
    from suanli.cli.drill import bench_crash
    bench_crash(range(seed, seed + seeds), blind, file)


def coupling(
    seeds: Annotated[int, typer.Option(min=1, help="Days, one a seed.")] = 5,
    file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """What coupling three operators' markets is worth, against posted prices (simulated)."""
    from suanli.cli.coupling import bench_coupling
    bench_coupling(seeds, file)


def week(
    days: Annotated[int, typer.Option(min=1, max=7, help="Delivery days, from a Monday.")] = 7,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another week.")] = 1,
    file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the page (Markdown) here.")] = None,
) -> None:
    """A simulated week of auctions, spot, jobs and deliveries; its laws checked every hour."""
    from suanli.cli.week import bench_week
    bench_week(days, seed, file, report)
