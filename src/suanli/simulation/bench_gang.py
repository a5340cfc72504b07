"""How long TokenFlow takes to decide a gang of 4,096 devices in a large zone, a round at a time.

6,500 hosts of eight in leaves of 32 and spines of 64 leaves; three in five hosts, drawn at random,
are in use. The gang requires a spine, which is where it first fits. What is timed is a whole round
of a scheduler that has seen the view before: its programs run each quarter of an hour, not here.
"""

import statistics
import time

import numpy as np

from suanli.planning.onboarding import HostGroup
from suanli.planning.tokenflow.scheduler import TokenFlow
from suanli.planning.view import PPM, PoolSpec, Request, View
from suanli.terms.errors import InvariantBroken
from suanli.terms.instant import DAY

HOSTS, PER_HOST, PER_LEAF, LEAVES = 6500, 8, 32, 64
GANG, USE, ROUNDS = 4096, 0.6, 15


def measure_gang(seed: int = 1) -> dict[str, float | int | str]:
    """Return the median milliseconds of a round that places the gang."""
    view = _in_use(seed)
    _ask(view, GANG, "spine")
    scheduler, spent = TokenFlow(), []
    for turn in range(ROUNDS + 1):  # nothing is bound, so each round finds the same; same instant
        began = time.perf_counter()
        actions = list(scheduler.decide(view, 0))
        spent.append(time.perf_counter() - began)
        if len(actions) != 1:
            raise InvariantBroken(f"round {turn} did {len(actions)} things, not 1")
    return {"gang_4096_ms": round(statistics.median(spent[1:]) * 1000, 3),
            "gang_4096_max_ms": round(max(spent[1:]) * 1000, 3), "gang_hosts": HOSTS,
            "gang_leaves": -(-HOSTS // PER_LEAF), "gang_spines": -(-HOSTS // (PER_LEAF * LEAVES)),
            "gang_in_use": round(1 - float(view.free.sum()) / view.capacity, 3),
            "gang_level": "spine"}


def _in_use(seed: int) -> View:
    group = HostGroup("z", "a", "chip", PER_HOST, HOSTS, hosts_per_leaf=PER_LEAF,
                      leaves_per_spine=LEAVES)
    leaf, spine = zip(*(group.block(number) for number in range(HOSTS)), strict=True)
    view = View((PoolSpec("z", "chip", (PER_HOST,) * HOSTS, leaf, spine),))
    for host in np.flatnonzero(np.random.default_rng(seed).random(HOSTS) < USE).tolist():
        view.bind(_ask(view, PER_HOST), ((host, tuple(range(PER_HOST))),), 0)
    return view


def _ask(view: View, devices: int, required: str = "") -> int:
    return view.submit(Request(view.jobs.count + 1, 0, devices, 1000, (PPM,), DAY,
                               level_required=required), 0)
