"""One trial: a workload, a fleet and a policy under one seed, and the row that it comes to.

A trace is a folder, known by the files in it, `generated`, or `mixed`. Each kind of trace says
which options it knows, which policies it runs, and how to run one trial: to add a kind, add a line
to `KINDS`. A trial's identity is a hash of its parameters, so that a row is found again after an
interruption; the folder's place on this machine is no part of it.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from suanli import __version__
from suanli.adapters.shipped import datasheet_text
from suanli.adapters.verification import verify_file
from suanli.chips.datasheet import parse
from suanli.planning.onboarding import Fleet
from suanli.planning.policies import POLICIES
from suanli.planning.scheduler import Scheduler
from suanli.simulation.arena import Arena
from suanli.simulation.bounds import srpt_bound
from suanli.simulation.explained import Explained
from suanli.simulation.generator import day_of_jobs
from suanli.simulation.metrics import metrics
from suanli.simulation.mixed import PARTS, Mixed, mixed_workload
from suanli.simulation.record import Record
from suanli.simulation.run import Progress, Run
from suanli.simulation.schedulers import SCHEDULERS, scheduler
from suanli.simulation.series import series_of
from suanli.simulation.shockwave import replay_shockwave
from suanli.simulation.sizing import fleet_for, generated_fleet, load_of
from suanli.simulation.traces.openb import HOSTS
from suanli.simulation.traces.philly import FACTORS, THROUGHPUTS, TRACE, read_workload
from suanli.simulation.traces.shockwave import TRACE as SHOCKWAVE
from suanli.simulation.traces.spot2026 import NODES
from suanli.simulation.workload import Workload
from suanli.simulation.world import EPOCH, World
from suanli.terms.errors import InputError
from suanli.terms.instant import DAY, SECOND

GENERATED: Final = "generated"
MIXED: Final = "mixed"
GENERATED_JOBS = 1000
GENERATED_TENANTS = tuple(f"tenant-{n}" for n in range(1, 9))
IDENTITY_HEX = 16
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """What to run. A kind of trace reads the options that it knows and no others."""

    kind: str
    folder: Path  # of the trace, for `mixed` of all; not used where the workload is generated
    policy: str
    seed: int
    load: float = 0.85  # sizes the fleet
    fleet: str = "v100"
    days: tuple[int, int] = (10, 50)  # window of submissions
    limit_factors: tuple[float, float] = FACTORS  # stated limit over true duration, drawn between
    restore_s: float = 60.0  # what a preempted job pays when it starts again
    arena: bool = False  # leave out market and ledger for every policy
    workload: str = "default"  # variant of a trace that has several
    demand: float = 1.3  # arriving demand over capacity, of traces without departures
    scale: float = 0.1  # the part of the inventory that is the fleet
    part: str = "all"  # of the mixed workload (`mixed.PARTS`)
    explain: tuple[int, ...] | None = None  # tell why jobs wait, of these by number the story

    @property
    def options(self) -> Row:
        """Return the options that this kind of trace knows, by name."""
        return {name: getattr(self, name) for name in KINDS[self.kind].options}

    @property
    def through_domain(self) -> bool:
        """Say whether market, ledger and chain take part."""
        return "arena" in KINDS[self.kind].options and not self.arena and (
            self.policy in POLICIES and self.explain is None)

    @property
    def identity(self) -> str:
        """Return the hash of the parameters and of the release that runs them."""
        said = [__version__, self.kind, self.folder.name, self.policy, self.seed, self.options]
        said += [] if self.explain is None else [self.explain]
        text = json.dumps(said, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:IDENTITY_HEX]

    @property
    def name(self) -> str:
        """Return how progress and errors call it."""
        return f"{self.policy}, load {self.load:g}, seed {self.seed}" if (
            "load" in KINDS[self.kind].options) else f"{self.policy}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Result:
    """A trial's row, and what the report draws of it (None where a kind leaves no record)."""

    row: Row
    series: Row | None = field(default=None, repr=False)


class Kind(NamedTuple):
    """A kind of trace, told by any file of `marks`; its rows say at least their `devices`."""

    marks: tuple[str, ...]
    options: tuple[str, ...]
    policies: tuple[str, ...]
    run: Callable[[Trial, Progress], Row | Result]
    defaults: tuple[tuple[str, Any], ...] = ()  # where they are not those of a trial


class Setting(NamedTuple):
    """Where a scheduler plays."""

    workload: Workload
    fleet: Fleet
    offered: float
    start: int  # of virtual time


def place_of(word: str, traces: Path) -> Path | None:
    """Return where a word's data lies, `traces` being the folder of all; None: it is no word."""
    return {GENERATED: Path(GENERATED), MIXED: traces}.get(word)


def kind_of(folder: Path) -> str:
    """Return the kind of a trace's folder.

    Raises
    ------
    InputError
        Saying what is accepted.
    """
    if str(folder) == GENERATED:
        return GENERATED
    for name, kind in KINDS.items():
        if any((folder / mark).is_file() for mark in kind.marks):
            return name
    known = "; ".join(f"{name}: {' or '.join(k.marks)}" for name, k in KINDS.items() if k.marks)
    found = "none of them in it" if folder.exists() else "no such file or folder"
    raise InputError(f"trace {str(folder)!r}; {GENERATED}, {MIXED}, or a folder with the files of "
                     f"a trace ({known}) is accepted; found {found} (--data or SUANLI_DATA says "
                     "where public data is)")


def trial_of(kind: str, folder: Path, policy: str, seed: int, **options: Any) -> Trial:
    """Return a trial with its kind's defaults where an option is not given."""
    return Trial(kind, folder, policy, seed, **(dict(KINDS[kind].defaults) | options))


def check_policies(policies: list[str]) -> None:
    """Refuse policies that no kind of trace knows: that needs no trace."""
    known = dict.fromkeys(name for kind in KINDS.values() for name in kind.policies)
    for name in policies:
        if name not in known:
            raise InputError(f"policy {name!r}; {', '.join(known)} are accepted")


def check(kind: str, policies: list[str], options: Mapping[str, Any]) -> None:
    """Refuse options and policies that a kind of trace does not know."""
    known = KINDS[kind]
    for name in options:
        if name not in known.options:
            raise InputError(f"{name}: a {kind} trace does not know this option; "
                             f"{', '.join(known.options)} are accepted")
    for name in policies:
        if name not in known.policies:
            raise InputError(f"policy {name!r}; {', '.join(known.policies)} are accepted")


def run_trial(trial: Trial, progress: Progress = lambda done, total: None) -> Result:
    """Run one trial; return its row, parameters first. `seconds` is measured, all else repeats."""
    began = time.perf_counter()
    made = KINDS[trial.kind].run(trial, progress)
    result = made if isinstance(made, Result) else Result(made)
    row = {"trial": trial.identity, "trace": trial.kind, "policy": trial.policy,
           "seed": trial.seed, **trial.options, **result.row,
           "seconds": round(time.perf_counter() - began, 3)}
    return Result(row, result.series)


def _philly(trial: Trial, progress: Progress) -> Result:
    first, last = trial.days
    if trial.fleet not in ("v100", "mixed"):
        raise InputError(f"fleet {trial.fleet!r}; v100 or mixed is accepted")
    is_mixed = trial.fleet == "mixed"
    workload = read_workload(trial.folder, trial.days, trial.seed, is_mixed, trial.limit_factors)
    fleet, offered = fleet_for(workload, (last - first) * DAY, trial.load, is_mixed)
    return _play(trial, Setting(workload, fleet, offered, EPOCH + first * DAY), progress)


def _generated(trial: Trial, progress: Progress) -> Result:
    if not 0 < trial.load <= 100:
        raise InputError(f"load {trial.load}; above 0 and at most 100 is accepted")
    workload = day_of_jobs(trial.seed, EPOCH, GENERATED_JOBS, GENERATED_TENANTS,
                           (generated_fleet(1),), parse(datasheet_text()))
    hosts = max(1, round(load_of(workload, DAY) / trial.load))
    setting = Setting(workload, generated_fleet(hosts), load_of(workload, DAY) / hosts, EPOCH)
    return _play(trial, setting, progress)


@lru_cache(maxsize=1)  # the policies of a point and seed follow one another
def _mixed_world(folder: Path, days: tuple[int, int], scale: float, load: float, seed: int,
                 part: str, factors: tuple[float, float]) -> tuple[Mixed, float]:
    """Return the mixed workload, and its shortest-remaining-time bound in seconds."""
    made = mixed_workload(folder, days, scale, load, seed, PARTS[part], factors)
    return made, srpt_bound(made.workload, made.fleet)


def _mixed(trial: Trial, progress: Progress) -> Result:
    made, bound = _mixed_world(trial.folder, trial.days, trial.scale, trial.load, trial.seed,
                               trial.part, trial.limit_factors)
    played = _play(trial, Setting(made.workload, made.fleet, made.offered, EPOCH), progress)
    above = played.row["queueing_delay_mean_s"] - bound
    return replace(played, row=played.row | {"srpt_bound_s": bound, "above_bound_s": above})


def _openb(trial: Trial, progress: Progress) -> Row:
    """Arrivals only. Imported late: its kernels are only loaded by whoever runs them."""
    from suanli.simulation.packing_world import replay_openb
    row = replay_openb(trial.folder, trial.workload, trial.policy, trial.demand, trial.seed)
    progress(1, 1)
    return row


def _shockwave(trial: Trial, progress: Progress) -> Row:
    row = replay_shockwave(trial.folder, trial.policy, trial.seed)
    progress(1, 1)
    return row


def _play(trial: Trial, setting: Setting, progress: Progress) -> Result:
    """Run a workload through the domain, or in the arena."""
    row: Row = {"offered_load": setting.offered,
                "through": "domain" if trial.through_domain else "arena"}
    if trial.through_domain:
        record, proved = _through_domain(trial, setting, progress)
        row |= proved
    else:
        player = scheduler(trial.policy, trial.seed)
        explained = _explained(trial, player, len(setting.workload.arrivals))
        record = Arena(setting.workload, [setting.fleet], explained or player,
                       round(trial.restore_s * SECOND)).go(progress)
        row |= explained.row() if explained else {}
    return Result(row | metrics(record, setting.workload), series_of(record, setting.workload))


def _explained(trial: Trial, player: Scheduler, count: int) -> Explained | None:
    """Return the scheduler with its account of what waits, where one is asked for."""
    if trial.explain is None:
        return None
    if (last := max(trial.explain, default=0)) > count:
        raise InputError(f"job {last} to be explained; {trial.kind} has jobs 1 to {count} here")
    return Explained(player, trial.explain)


def _through_domain(trial: Trial, setting: Setting, progress: Progress) -> tuple[Record, Row]:
    """Every placement is a purchase; the chain is verified before anything is reported."""
    world = World("replay", trial.seed, setting.start, (("operator", setting.fleet),),
                  setting.workload.tenants, datasheet_text())
    with tempfile.TemporaryDirectory(prefix="suanli-replay-") as directory:
        path = Path(directory) / "chain.db"
        outcome = Run(world, setting.workload, POLICIES[trial.policy], path).go(progress)
        verify_file(path, replay=False)
        outcome.theatre.engine.close()
    return outcome.record, {"blocks": outcome.blocks, "state_root": outcome.state_root.hex()}


KINDS: Final[dict[str, Kind]] = {
    "philly": Kind((TRACE, THROUGHPUTS), (
        "load", "fleet", "days", "limit_factors", "restore_s", "arena"), tuple(SCHEDULERS),
        _philly),
    MIXED: Kind((f"spot2026/{NODES}",), (
        "load", "days", "scale", "part", "limit_factors", "restore_s"), tuple(SCHEDULERS), _mixed,
        (("days", (10, 40)),)),
    "openb": Kind((HOSTS,), ("workload", "demand"),
                  ("random", "best-fit", "fgd", "tokenflow"), _openb),
    "shockwave": Kind((SHOCKWAVE,), (), tuple(SCHEDULERS), _shockwave),
    GENERATED: Kind((), ("load", "restore_s", "arena"), tuple(SCHEDULERS), _generated),
}
