"""How many hosts make an offered load: exactly on one chip, by a small LP on a mixed fleet.

A mean speed overstates a mixed fleet, so the load is counted against what the best assignment
of jobs to chips could sustain: the least z such that all work fits into z x the fleet.
"""

import os
import sys
from typing import Any

import highspy

from suanli.planning.onboarding import Fleet, HostGroup
from suanli.schedule.job import PPM
from suanli.simulation.traces.philly import CHIPS, REFERENCE, wanted_device_hours
from suanli.simulation.workload import Workload
from suanli.terms.errors import InputError

DEVICES_PER_HOST = 8
PRICE_MRMB = 1000
ZONE, AREA = "philly-1", "philly"


def fleet_for(workload: Workload, span_ms: int, load: float, is_mixed: bool) -> tuple[Fleet, float]:
    """Return the fleet and the offered load it makes, as near `load` as whole hosts allow."""
    if not 0 < load <= 100:
        raise InputError(f"load {load}; above 0 and at most 100 is accepted")
    chips = list(CHIPS.values()) if is_mixed else [CHIPS[REFERENCE]]
    per_host = _load_of_one_host_each(workload, span_ms, chips)
    hosts = max(1, round(per_host / load))
    groups = tuple(HostGroup(ZONE, AREA, chip, DEVICES_PER_HOST, hosts) for chip in chips)
    return Fleet(groups, PRICE_MRMB), per_host / hosts


def _load_of_one_host_each(workload: Workload, span_ms: int, chips: list[str]) -> float:
    """Return the least z at which z hosts of each chip could do all the work in the span."""
    wanted = wanted_device_hours(workload)
    capacity = DEVICES_PER_HOST * span_ms
    if len(chips) == 1:
        return sum(wanted.values()) / capacity
    solver = quiet_solver()
    z = solver.addVariable(0, highspy.kHighsInf, 1.0)
    use: dict[str, list[tuple[float, Any]]] = {chip: [] for chip in chips}
    for speeds, work in wanted.items():
        parts = []
        for chip, ppm in speeds:
            share = solver.addVariable(0, 1)
            parts.append(share)
            use[chip].append((work * PPM / ppm / capacity, share))
        solver.addConstr(sum(parts) == 1)
    for chip in chips:
        solver.addConstr(sum(need * share for need, share in use[chip]) <= z)
    solver.run()
    return float(solver.getInfo().objective_function_value)


def quiet_solver() -> Any:
    """Return a solver that says nothing: its banner goes to the real standard output at once."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.setOptionValue("output_flag", False)
        return solver
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def generated_fleet(hosts: int) -> Fleet:
    """Return the fleet of the generated workload: H100 hosts of eight."""
    return Fleet((HostGroup(ZONE, AREA, "h100-sxm-80", DEVICES_PER_HOST, hosts),), PRICE_MRMB)


def load_of(workload: Workload, span_ms: int) -> float:
    """Return the offered load that a workload makes on one host of eight."""
    work = sum(a.spec.devices * a.spec.share * a.durations[0][1] for a in workload.arrivals)
    return work / 1000 / (DEVICES_PER_HOST * span_ms)
