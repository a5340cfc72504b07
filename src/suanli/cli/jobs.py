"""Verbs for tenants: run, jobs, explain, logs, cancel."""

import os
import re
import sys
import time
from typing import Annotated, Any

import typer

from suanli.cli.instants import hour_of
from suanli.cli.options import DataDir, Output, client_for
from suanli.cli.output import Format, err, rmb, same, show
from suanli.sdk import Client
from suanli.terms.instant import in_words

POLL_S = 0.05
UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
# Passed on to a job without being asked: what commands need to be found, and no secrets.
PASSED_ON = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
JobId = Annotated[int, typer.Argument(help="The job's id.", min=1)]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    settings = {"allow_extra_args": False, "ignore_unknown_options": False}
    app.command(epilog="Example: suanli run --time-limit 2h -- python3 train.py; "
                "a part of a device: suanli run --slice 2g.20gb -- python3 serve.py",
                context_settings=settings)(run)
    app.command(epilog="Example: suanli jobs -o json")(jobs)
    app.command(epilog="Example: suanli explain 1")(explain)
    app.command(epilog="Example: suanli logs 1")(logs)
    app.command(epilog="Example: suanli cancel 1")(cancel)


def duration_ms(text: str) -> int:
    """Return the milliseconds of `90s`, `30m`, `24h` or `2d`."""
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if match is None or int(match[1]) == 0:
        raise typer.BadParameter(f"found {text!r}; a number and s, m, h or d, as 24h, is accepted")
    return int(match[1]) * UNITS_MS[match[2]]


def run(
    command: Annotated[list[str], typer.Argument(help="The command, after --.")],
    data_dir: DataDir = None,
    time_limit: Annotated[str, typer.Option(help="Ended at this limit: 90s, 30m, 24h.")] = "24h",
    max_hourly_cost: Annotated[float | None, typer.Option(
        help="RMB an hour may cost at most (default: twice the posted price).")] = None,
    devices: Annotated[int, typer.Option(min=1, help="Devices, all or nothing.")] = 1,
    devices_min: Annotated[int, typer.Option(
        help="Accept so many rather than wait for all.")] = 0,
    share: Annotated[int, typer.Option(
        min=1, max=1000, help="Thousandths of one device; of a sliced chip rounded up to a slice.",
        )] = 1000,
    memory: Annotated[int, typer.Option(
        min=0, help="GB that the device, or the part of it, must have.")] = 0,
    slice: Annotated[str, typer.Option(
        help="At least as much as a slice by this name, as 2g.20gb: its share and memory.")] = "",
    required_level: Annotated[str, typer.Option(
        help="Never spread beyond one device, host, leaf, spine or zone.")] = "",
    preferred_level: Annotated[str, typer.Option(
        help="Stay within one of these if there is room.")] = "",
    workload: Annotated[str, typer.Option(help="Workload class.")] = "llm-training",
    chip: Annotated[list[str] | None, typer.Option(help="Admissible chip (repeat).")] = None,
    env: Annotated[list[str] | None, typer.Option(help="NAME or NAME=VALUE to pass on.")] = None,
    grace: Annotated[str, typer.Option(help="Between SIGTERM and SIGKILL.")] = "10s",
    preemptible: Annotated[bool, typer.Option(
        help="May go back to the queue for a smaller job.")] = True,
    name: Annotated[str, typer.Option(help="A name for lists.")] = "",
    detach: Annotated[bool, typer.Option(help="Print the id and return.")] = False,
    by: Annotated[str, typer.Option(
        help="Over by this hour (2026-12-01T18, UTC): its hours are bought in an auction.")] = "",
    budget: Annotated[float | None, typer.Option(
        help="RMB for all its hours at most, with --by.")] = None,
) -> None:
    """Run a command on bought compute: stream its output, wait for its receipt, exit as it did."""
    limit, grace_ms = duration_ms(time_limit), duration_ms(grace)
    client = client_for(data_dir)
    profiles = client.list("slices") if slice or share < 1000 else []
    if slice:
        share, memory = _slice(profiles, slice, share, memory, chip or [])
    cost = round(max_hourly_cost * 1e6) if max_hourly_cost is not None else _twice_posted(
        client, workload, devices, share, chip or [], memory, profiles)
    asked = {"argv": command, "time_limit_ms": limit, "max_hourly_cost": cost, "name": name,
             "devices": devices, "share": share, "workload": workload, "chips": chip or [],
             "directory": os.getcwd(), "environment": _environment(env or []),
             "grace_ms": grace_ms, "is_preemptible": preemptible,
             "level_required": required_level, "level_preferred": preferred_level,
             "devices_min": devices_min, "memory_gb": memory}
    if by or budget is not None:
        _defer(client, asked, by, budget)
        return
    job = client.submit(**asked)
    if detach:
        print(job)
        return
    sys.exit(_follow(client, job))


def _defer(client: Client, job: dict[str, Any], by: str, budget: float | None) -> None:
    if not by or budget is None or budget <= 0:
        raise typer.BadParameter(f"found --by {by or 'nothing'} and --budget "
                                 f"{budget if budget is not None else 'nothing'}; both, the "
                                 "budget above 0, are accepted")
    id = client.defer(job, hour_of(by), round(budget * 1e6))
    print(f"deferred {id}: it bids in the next auction that has its hours; "
          "`suanli jobs --deferred` says how far it is")


def _slice(profiles: list[dict[str, Any]], name: str, share: int, memory: int,
           chips: list[str]) -> tuple[int, int]:
    """Return the share and memory of a slice by its name."""
    if share < 1000 or memory:
        raise typer.BadParameter("--slice says the share and the memory; found --share or "
                                 "--memory beside it")
    known = [row for row in profiles if not chips or row["chip"] in chips]
    found = {(row["share"], row["memory_gb"]) for row in known if row["profile"] == name}
    if len(found) != 1:
        names = ", ".join(dict.fromkeys(row["profile"] for row in known)) or "none"
        raise typer.BadParameter(f"--slice: found {name!r}; of {', '.join(chips) or 'all chips'} "
                                 f"these are accepted: {names}")
    return found.pop()


def _part(profiles: list[dict[str, Any]], chip: str, share: int, memory: int) -> int:
    """Return the thousandths of a chip's device that are billed; at most, if memory decides."""
    shares = [row["share"] for row in profiles if row["chip"] == chip
              and row["share"] >= share and row["memory_gb"] >= memory]
    is_sliced = any(row["chip"] == chip for row in profiles)
    return min(shares, default=1000 if is_sliced or memory else share)


def _twice_posted(client: Client, workload: str, devices: int, share: int, chips: list[str],
                  memory: int, profiles: list[dict[str, Any]]) -> int:
    """Return twice what an hour of the job costs at the dearest admissible posted price."""
    hourly = [p["device_hour_micro_rmb"] * _part(profiles, p["chip"], share, memory)
              for p in client.list("prices")
              if p["workload"] == workload and p["is_gang"] == (devices > 1)
              and p["tier"] == "spot" and (not chips or p["chip"] in chips)]
    # At least one micro-RMB: the API refuses a job that states no cost at all.
    return max(1, 2 * max(hourly, default=0) * devices // 1000)


def _environment(wanted: list[str]) -> dict[str, str]:
    chosen = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # Output goes to files, where Python would hold prints back; people want to watch them.
    chosen["PYTHONUNBUFFERED"] = "1"
    for item in wanted:
        name, equals, value = item.partition("=")
        if not equals and name not in os.environ:
            raise typer.BadParameter(f"--env {name}: it is not set here; NAME=VALUE sets it")
        chosen[name] = value if equals else os.environ[name]
    return chosen


def _follow(client: Client, job: int) -> int:
    """Stream a job's output, attempt by attempt, until it has ended; return its exit code."""
    attempt, offsets = 0, {"stdout": 0, "stderr": 0}
    try:
        while True:
            row = client.job(job)
            while attempt < row["attempt"]:
                _drain(client, job, attempt, offsets)
                attempt, offsets = attempt + 1, {"stdout": 0, "stderr": 0}
                if attempt > 1:
                    err.print(f"suanli: job {job} runs again, attempt {attempt}")
            _drain(client, job, attempt, offsets)
            if row["phase"] == "ended":
                return _report(job, row)
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        err.print(f"\nsuanli: cancelling job {job}")
        client.cancel(job)
        return 130


def _drain(client: Client, job: int, attempt: int, offsets: dict[str, int]) -> None:
    for stream, target in (("stdout", sys.stdout.buffer), ("stderr", sys.stderr.buffer)):
        while data := client.logs(job, stream, offsets[stream], attempt):
            offsets[stream] += len(data)
            target.write(data)
        target.flush()


def _report(job: int, row: dict[str, Any]) -> int:
    preempted = (f"{row['preemptions']} preemptions ({row['lost_ms'] / 1000:.1f} s lost), "
                 if row["preemptions"] else "")
    err.print(f"suanli: job {job} {row['outcome']}, {preempted}"
              f"{row['device_ms'] / 1000:.1f} device-seconds, "
              f"{row['cash_micro_rmb'] / 1e6:.6f} RMB, receipt {row['receipt']}")
    if row["outcome"] in ("succeeded", "failed"):
        return int(row["exit_code"])
    return 1


def jobs(data_dir: DataDir = None, output: Output = Format.table,
         deferred: Annotated[bool, typer.Option(
             help="Those that wait for the hours they bid for, instead.")] = False) -> None:
    """List the jobs."""
    if deferred:
        show(client_for(data_dir).list("deferred"), same("id", "name", "state"), output)
        return
    rows = client_for(data_dir).list("jobs")
    for row in rows:
        row["device_s"], row["cost_rmb"] = row["device_ms"] / 1000, rmb(row["cash_micro_rmb"])
        row["lost_s"] = row["lost_ms"] / 1000
    show(rows, {"id": "id", "name": "name", "phase": "phase", "outcome": "outcome",
                "exit_code": "exit", "devices": "dev", "device_s": "device-s",
                "preemptions": "preempted", "lost_s": "lost-s", "cost_rmb": "RMB",
                "receipt": "receipt"}, output)


def explain(job: JobId, data_dir: DataDir = None, output: Output = Format.table) -> None:
    """Tell why a job waits: position, constraint, price gap, predicted start; or where it is."""
    row = client_for(data_dir).explain(job)
    row["starts"] = _starts(row)
    if row["position"]:
        row["place"] = f"{row['position']} of {row['waiting']}"
    show([row], {"id": "id", "phase": "phase", "constraint": "waits for", "place": "position",
                 "starts": "starts", "sentence": "because"}, output)


def _starts(row: dict[str, Any]) -> str | None:
    if row["starts_latest"] is None:
        return None
    earliest, latest = (in_words(row[key] - row["at"]) for key in (
        "starts_earliest", "starts_latest"))
    return f"in {earliest} to {latest}"


def logs(job: JobId, data_dir: DataDir = None,
         stderr: Annotated[bool, typer.Option(help="The error stream instead.")] = False,
         attempt: Annotated[int | None, typer.Option(
             min=1, help="An earlier attempt of a job that was requeued (default: the last).",
         )] = None) -> None:
    """Print a job's output so far."""
    client, offset = client_for(data_dir), 0
    client.job(job)
    while data := client.logs(job, "stderr" if stderr else "stdout", offset, attempt):
        offset += len(data)
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def cancel(job: JobId, data_dir: DataDir = None) -> None:
    """End a job: at once if it is queued, by SIGTERM and its grace if it runs."""
    client_for(data_dir).cancel(job)
