"""A seeded day of mixed LLM training and inference, for people without a trace. Synthetic.

Arrivals are Poisson under a daily curve that peaks in the afternoon; training gangs are a few
long ones among many short single-device jobs; inference jobs are single devices or fractions.
"""

import math
import random

from suanli.chips.datasheet import Chip
from suanli.planning.onboarding import Fleet
from suanli.schedule.job import PPM, Spec
from suanli.simulation.workload import Arrival, Workload
from suanli.terms.instant import HOUR, MINUTE
from suanli.units.rating import rate
from suanli.units.workload import WORKLOAD_CLASSES

# (workload class, weight, devices to draw from, share to draw from, median minutes)
KINDS = (
    ("llm-training", 2, (8, 16, 32), (1000,), 150),
    ("llm-training", 4, (1, 2, 4), (1000,), 40),
    ("vision-training", 3, (1, 2, 4, 8), (1000,), 30),
    ("llm-prefill", 3, (1,), (1000,), 20),
    ("llm-decode", 5, (1, 2), (1000,), 45),
    ("embedding", 4, (1,), (250, 500), 15),
)
SPREAD = 0.9  # of the log-normal run times
HOURLY_COST_MAX = 1000 * 1_000_000  # a thousand RMB: the posted prices of the demo stay below


def day_of_jobs(seed: int, start: int, count: int, tenants: tuple[str, ...],
                fleets: tuple[Fleet, ...], datasheet: dict[str, Chip],
                hours: int = 24) -> Workload:
    """Return `count` submissions over `hours` from `start`."""
    rng = random.Random(seed)
    offered = tuple(dict.fromkeys(g.chip for fleet in fleets for g in fleet.hosts))
    instants = sorted(start + _instant(rng, hours) for _ in range(count))
    arrivals = tuple(_arrival(rng, at, rng.choice(tenants), offered, datasheet, i)
                     for i, at in enumerate(instants))
    return Workload(arrivals, f"synthetic mixed training and inference, seed {seed}")


def _instant(rng: random.Random, hours: int) -> int:
    """Draw an instant by rejection under 1 + 0.6 cos, highest at 15:00."""
    while True:
        hour = rng.uniform(0, hours)
        if rng.random() * 1.6 < 1 + 0.6 * math.cos((hour - 15) / 24 * 2 * math.pi):
            return int(hour * HOUR)


def _arrival(rng: random.Random, at: int, tenant: str, offered: tuple[str, ...],
             datasheet: dict[str, Chip], number: int) -> Arrival:
    workload, _, devices, shares, minutes = rng.choices(KINDS, [k[1] for k in KINDS])[0]
    count, share = rng.choice(devices), rng.choice(shares)
    work = minutes * MINUTE * math.exp(rng.gauss(0, SPREAD))
    ratings = {chip: ucu for chip in offered
               if (ucu := rate(datasheet[chip], WORKLOAD_CLASSES[workload], count > 1))}
    first = next(iter(ratings.values()))
    chips = tuple((chip, max(1, ucu * PPM // first)) for chip, ucu in ratings.items())
    durations = tuple((chip, max(1, round(work * PPM / ppm))) for chip, ppm in chips)
    limit = round(durations[0][1] * 10 ** rng.random()) + 1
    return Arrival(at, tenant, Spec(
        f"{workload}-{number}", (), (), "", count, share, workload, chips, "", limit,
        HOURLY_COST_MAX, 0, bytes(32)), durations)
