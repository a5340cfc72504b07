"""How many hosts make an offered load, counted against the best assignment of jobs to chips."""

from collections import Counter

from suanli.planning.onboarding import Fleet, HostGroup
from suanli.simulation.capacity import Demand, Kind, best_assignment
from suanli.simulation.traces.philly import CHIPS, REFERENCE
from suanli.simulation.workload import Workload
from suanli.terms.errors import InputError

DEVICES_PER_HOST = 8
PRICE_MRMB = 1000
# As in NVIDIA's DGX SuperPOD of H100: scalable units of 32 hosts, four of them under one spine.
HOSTS_PER_LEAF, LEAVES_PER_SPINE = 32, 4
ZONE, AREA = "philly-1", "philly"


def fleet_for(workload: Workload, span_ms: int, load: float, is_mixed: bool) -> tuple[Fleet, float]:
    """Return the fleet and the offered load it makes, as near `load` as whole hosts allow."""
    if not 0 < load <= 100:
        raise InputError(f"load {load}; above 0 and at most 100 is accepted")
    chips = list(CHIPS.values()) if is_mixed else [CHIPS[REFERENCE]]
    one_each = _fleet_of(chips, 1)
    # Its hosts are too few for a gang, which counts as its devices: nothing here is about room.
    wanted: Demand = Counter()
    for arrival in workload.arrivals:
        wanted[Kind(arrival.spec.chips, 1)] += arrival.spec.devices * arrival.durations[0][1]
    per_host = best_assignment(wanted, one_each, span_ms).load
    hosts = max(1, round(per_host / load))
    return _fleet_of(chips, hosts), per_host / hosts


def _fleet_of(chips: list[str], hosts: int) -> Fleet:
    return Fleet(tuple(HostGroup(ZONE, AREA, chip, DEVICES_PER_HOST, hosts) for chip in chips),
                 PRICE_MRMB)


def generated_fleet(hosts: int) -> Fleet:
    """Return the fleet of the generated workload: H100 hosts of eight, in leaves and spines."""
    return Fleet((HostGroup(ZONE, AREA, "h100-sxm-80", DEVICES_PER_HOST, hosts,
                            hosts_per_leaf=HOSTS_PER_LEAF, leaves_per_spine=LEAVES_PER_SPINE,
                            network="infiniband"),), PRICE_MRMB)


def load_of(workload: Workload, span_ms: int) -> float:
    """Return the offered load that a workload makes on one host of eight."""
    work = sum(a.spec.devices * a.spec.share * a.durations[0][1] for a in workload.arrivals)
    return work / 1000 / (DEVICES_PER_HOST * span_ms)
