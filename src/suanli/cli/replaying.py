"""`suanli replay`: options or a file become trials; they run; their rows are told and written."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suanli.cli.output import Format, err, out, progress, show
from suanli.config import Settings
from suanli.simulation.experiments import Experiment, option, read_experiment
from suanli.simulation.explained import told
from suanli.simulation.journal import Journal, journal_of
from suanli.simulation.processes import run_trials
from suanli.simulation.report.page import require_matplotlib, write_report
from suanli.simulation.summary import lines
from suanli.simulation.trials import (
    KINDS,
    Result,
    Trial,
    check,
    check_policies,
    kind_of,
    place_of,
    trial_of,
)
from suanli.terms.errors import InputError

HEADINGS = {
    "policy": "policy", "load": "load", "demand": "demand", "fleet": "fleet", "days": "days",
    "limit_factors": "limits", "restore_s": "restore s", "arena": "arena", "scale": "scale",
    "part": "part", "seeds": "seeds",
    "queueing_delay_mean_s": "delay mean s", "queueing_delay_p50_s": "p50",
    "queueing_delay_p95_s": "p95", "above_bound_s": "above SRPT bound s",
    "slo_attainment": "started in time", "jct_mean_s": "JCT mean s", "makespan_s": "makespan s",
    "rho_worst": "worst rho", "utilisation": "utilisation", "allocated_share": "allocated",
    "interval_coverage": "coverage", "offered_load": "offered",
    "queue_growth": "queue grows, device-h a day"}
TRACE_DEFAULT = "philly"
COVERAGE = "coverage"
JOBS_MAX = 10**9


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as typed; None where they were not."""

    trace: str
    policy: str
    against: str
    seed: int | None
    seeds: int
    options: dict[str, str | float | bool | None]  # by the trial's names; lists by comma
    data: Path | None
    explain: str | None = None


def replay(asked: Asked, file: Path | None, report: Path | None, jobs: int | None) -> None:
    """Run what the options say."""
    _run(trials_of(asked), file, None, report, jobs)


def replay_experiment(path: Path, data: Path | None, file: Path | None, report: Path | None,
                      jobs: int | None) -> None:
    """Run an experiment file; with a result file, go on where an earlier run was interrupted."""
    experiment = read_experiment(path, (data or Settings().data) / "traces")
    _run(experiment, file, journal_of(file) if file else None, report, jobs)


def trials_of(asked: Asked) -> Experiment:
    """Return the trials of the options: every load, seed and policy.

    Raises
    ------
    InputError
        For what the trace does not know, naming what it accepts.
    """
    given = {name: value for name, value in asked.options.items() if value is not None}
    policies = list(dict.fromkeys(name.strip() for text in (asked.policy, asked.against)
                                  for name in text.split(",") if name.strip()))
    if not policies:
        raise InputError("policy: found nothing; a name is accepted, or several by comma")
    check_policies(policies)
    fixed = {name: option(name, _value(name, value), _flag(name))
             for name, value in given.items() if name != "load"}
    traces = (asked.data or Settings().data) / "traces"
    folder = place_of(asked.trace, traces) or Path(asked.trace or traces / TRACE_DEFAULT)
    kind = kind_of(folder)
    explain = _explain(asked.explain, kind)
    check(kind, policies, given)
    loads = str(given["load"]).split(",") if "load" in given else [""]
    seeds = [asked.seed] if asked.seed is not None else list(range(1, asked.seeds + 1))
    trials = tuple(trial_of(kind, folder, name, seed, explain=explain, **fixed, **_load(load))
                   for load in loads for seed in seeds for name in policies)
    title = f"{kind}: {', '.join(policies)}"
    return Experiment(title, tuple(dict.fromkeys(trials)),
                      tuple(t for t in trials if t.load == trials[0].load))


def _explain(typed: str | None, kind: str) -> tuple[int, ...] | None:
    """Return the jobs whose story is told; none of them where only the coverage is asked for."""
    if typed is None:
        return None
    if "load" not in KINDS[kind].options:  # worlds that no arena plays
        raise InputError(f"--explain: a {kind} trace does not know this option")
    if typed == COVERAGE:
        return ()
    numbers = [part.strip() for part in typed.split(",")]
    if not all(n.isdecimal() and 0 < int(n) <= JOBS_MAX for n in numbers):
        raise InputError(f"--explain: found {typed!r}; numbers of jobs by comma (the first "
                         f"submitted is 1), or `{COVERAGE}`, is accepted")
    return tuple(dict.fromkeys(map(int, numbers)))


def _load(text: str) -> dict[str, Any]:
    return {"load": option("load", _value("load", text), "--load")} if text else {}


def _flag(name: str) -> str:
    return "--" + {"restore_s": "restore", "limit_factors": "limits"}.get(name, name)


def _value(name: str, typed: Any) -> Any:
    """Return what was typed as a file would say it: numbers as numbers, A:B as a pair."""
    if name in ("days", "limit_factors"):
        parts = [_number(part) for part in str(typed).split(":")]
        return parts if len(parts) == 2 else typed
    return _number(typed) if name in ("load", "demand", "restore_s", "scale") else typed


def _number(text: Any) -> Any:
    try:
        return int(str(text)) if str(text).isdecimal() else float(text)
    except ValueError:
        return text  # whoever checks the option says what is accepted


def _run(experiment: Experiment, file: Path | None, journal: Path | None, report: Path | None,
         jobs: int | None) -> None:
    if report is not None:
        require_matplotlib()  # before hours of work, not after
    _writable(file)
    results = _results(experiment.trials, journal, jobs or os.cpu_count() or 1)
    rows = [results[trial.identity].row for trial in experiment.trials]
    _print(rows)
    if file is not None:
        _write(file, rows)
    if report is not None:
        page = write_report(report, experiment, results)
        err.print(f"report: {page}", markup=False)


def _results(trials: Sequence[Trial], journal: Path | None, jobs: int) -> dict[str, Result]:
    with _kept(journal) as kept:
        results = dict(kept.done) if kept else {}
        todo = [trial for trial in trials if trial.identity not in results]
        if len(todo) < len(trials):
            err.print(f"{len(trials) - len(todo)} of {len(trials)} trials are in the journal; "
                      f"{len(todo)} to run", markup=False)

        def done(trial: Trial, result: Result) -> None:
            if kept:
                kept.add(trial.identity, result)
            results[trial.identity] = result
            _say(trial, result, len(todo))

        if todo:
            what = todo[0].name if len(todo) == 1 else f"{len(todo)} trials"
            with progress(what) as moved:
                run_trials(todo, jobs, done, moved)
    return results


@contextmanager
def _kept(path: Path | None) -> Iterator[Journal | None]:
    if path is None:
        yield None
    else:
        with Journal(path) as journal:
            yield journal


def _say(trial: Trial, result: Result, count: int) -> None:
    proved = (f"chain verified, {result.row['blocks']} blocks" if "blocks" in result.row
              else f"{result.row['seconds']:.1f} s")
    note = f"; {result.row['note']}" if result.row.get("note") else ""
    err.print(f"{trial.name}: {proved}{note}", markup=False)


def _print(rows: list[dict[str, Any]]) -> None:
    first = rows[0]
    out.print(f"simulated; {first.get('workload', first['trace'])}; {first['devices']} devices",
              markup=False)
    shown = lines(rows)
    columns = {key: heading for key, heading in HEADINGS.items()
               if any(key in line for line in shown)}
    show(shown, columns, Format.table)
    for row in rows:
        if "waited_for" in row:
            _print_explained(row)


def _print_explained(row: dict[str, Any]) -> None:
    shares = ", ".join(f"{name} {share:.0%}" for name, share in row["waited_for"].items())
    out.print(f"{row['policy']}, seed {row['seed']}: jobs waited for: {shares or 'nothing'}",
              markup=False)
    if row.get("intervals"):
        out.print(f"{row['interval_coverage']:.1%} of {row['intervals']} starts came within the "
                  "interval that was told (80% is meant), whose median width was "
                  f"{row['interval_width_median_s'] / 3600:.1f} h", markup=False)
    for line in row["explained"]:
        out.print(told(line), markup=False)


def _writable(file: Path | None) -> None:
    if file is not None and not file.absolute().parent.is_dir():
        raise InputError(f"--json {file}: its folder is not there")


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows so that a reader sees the old file or the whole new one."""
    part = file.with_name(file.name + ".part")
    part.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    part.replace(file)
