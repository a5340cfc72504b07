"""The preemptive shortest-remaining-time bound: a yardstick for the mean queueing delay.

What it is, exactly. The fleet is a pool of N equal devices without hosts, so without fragments. A
job runs there at the mean speed that the best assignment of work to chips (`capacity`) gives its
kind, so that the pool carries exactly what the fleet carries at best. A job may have any part of
its devices, to the thousandth and less, and runs in proportion; it is stopped and moved at no
cost, replicas too. At every submission and every end the pool's devices go to the jobs with the
least remaining device-time first, each up to what it asks for; the true durations are known. Delay
is completion less submission less the time that the job takes on all its devices.

What it is not: a proof. With one device, or where every job could use the whole pool, the rule is
optimal (Schrage 1968) and the bound a theorem; with limits to parallelism the best order is not
known to be cheap, and on unlike chips a scheduler that always hits the fast ones could be below.
"""

import numpy as np

from suanli.planning.onboarding import Fleet
from suanli.planning.view import Ints
from suanli.simulation.capacity import best_assignment, demand, kind_of, run_ms
from suanli.simulation.record import Floats
from suanli.simulation.workload import Workload
from suanli.terms.quantity import WHOLE_DEVICE

MS = 1000.0


def srpt_bound(workload: Workload, fleet: Fleet) -> float:
    """Return the mean queueing delay of the relaxation above, in seconds.

    Raises
    ------
    InputError
        When a kind of job fits no host of the fleet.
    """
    arrivals = workload.arrivals
    span = max(1, arrivals[-1].at - arrivals[0].at)  # scales the load; speeds do not depend on it
    wanted = demand(arrivals)
    best = best_assignment(wanted, fleet, span)
    stretch = {kind: best.device_ms[kind] / work if work else 1.0
               for kind, work in wanted.items()}
    devices = np.array([a.spec.devices * a.spec.share / WHOLE_DEVICE for a in arrivals])
    alone = np.array([run_ms(a) * stretch[kind_of(a.spec)] for a in arrivals])
    submitted = np.array([a.at - arrivals[0].at for a in arrivals], dtype=np.int64)
    pool = float(sum(group.devices * group.count for group in fleet.hosts))
    ended = fluid_ends(submitted, devices, alone, pool)
    return float((ended - submitted - alone).mean() / MS)


def fluid_ends(submitted: Ints, devices: Floats, alone: Floats, pool: float) -> Floats:
    """Return when each job ends in a fluid pool, least remaining device-time first.

    Arrays are by job in order of submission: instants, devices asked for, time on all of them; all
    times in one unit.

    >>> fluid_ends(np.array([0, 1]), np.ones(2), np.array([4.0, 1.0]), 1.0).tolist()
    [5.0, 2.0]
    """
    devices = np.minimum(devices, pool)
    left, ended = devices * alone, np.zeros(len(submitted))
    active = np.zeros(0, dtype=np.int64)
    index, at = 0, 0.0
    while index < len(submitted) or len(active):
        upto = float(submitted[index]) if index < len(submitted) else np.inf
        if len(active):
            active = active[np.argsort(left[active], kind="stable")]
            asked = devices[active]
            given = np.clip(pool - (np.cumsum(asked) - asked), 0.0, asked)
            running = active[:int(np.count_nonzero(given))]
            rates = given[:len(running)]
            ends = at + left[running] / rates
            upto = min(upto, float(ends.min()))
            left[running] = np.maximum(0.0, left[running] - rates * (upto - at))
            over = running[ends <= upto]
            ended[over] = upto
            active = active[~np.isin(active, over)]
        at = upto
        while index < len(submitted) and submitted[index] <= at:
            active = np.append(active, index)
            index += 1
    return ended
