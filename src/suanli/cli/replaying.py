"""One replay: a workload under one policy on a fleet sized for a load, verified at its end."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suanli.bootstrap import datasheet_text
from suanli.chips.datasheet import parse
from suanli.cli.verification import verify_directory
from suanli.planning.policies import POLICIES
from suanli.simulation.generator import day_of_jobs
from suanli.simulation.metrics import metrics
from suanli.simulation.run import Progress, Run
from suanli.simulation.sizing import fleet_for, generated_fleet, load_of
from suanli.simulation.traces.philly import read_workload
from suanli.simulation.world import EPOCH, World
from suanli.terms.instant import DAY

GENERATED_JOBS = 1000
GENERATED_TENANTS = tuple(f"tenant-{n}" for n in range(1, 9))


@dataclass(frozen=True, slots=True)
class Experiment:
    """What to run."""

    folder: Path
    is_generated: bool
    policy: str
    load: float
    seed: int
    is_mixed: bool
    days: tuple[int, int]


def run_one(experiment: Experiment, directory: Path, progress: Progress) -> dict[str, Any]:
    """Run, verify the chain, and return the row of the result file."""
    if experiment.is_generated:
        start, span = EPOCH, DAY
        workload = day_of_jobs(experiment.seed, start, GENERATED_JOBS, GENERATED_TENANTS,
                               (generated_fleet(1),), parse(datasheet_text()))
        hosts = max(1, round(load_of(workload, span) / experiment.load))
        fleet, offered = generated_fleet(hosts), load_of(workload, span) / hosts
    else:
        first, last = experiment.days
        start, span = EPOCH + first * DAY, (last - first) * DAY
        workload = read_workload(experiment.folder, experiment.days, experiment.seed,
                                 experiment.is_mixed)
        fleet, offered = fleet_for(workload, span, experiment.load, experiment.is_mixed)
    world = World("replay", experiment.seed, start, (("operator", fleet),), workload.tenants,
                  datasheet_text())
    outcome = Run(world, workload, POLICIES[experiment.policy],
                  directory / "chain.db").go(progress)
    row = {"policy": experiment.policy, "load": experiment.load, "seed": experiment.seed,
           "offered_load": offered, "blocks": outcome.blocks,
           "state_root": outcome.state_root.hex(), **metrics(outcome.record, workload)}
    verify_directory(directory, replay=False)
    outcome.theatre.engine.close()
    return row
