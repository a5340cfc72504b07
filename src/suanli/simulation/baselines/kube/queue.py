"""The kube-scheduler's scheduling queue, and the serial cycles that drain it, as kernels.

A waiting pod is in one of three places. ACTIVE: a heap by rank; PrioritySort among equal
priorities ranks by timestamp, which every failed attempt renews. BACKOFF: a heap by the end of the
back-off, 1 s doubling with each attempt, at most 10 s. PARKED (`unschedulablePods`): rejected, and
waiting for an event that one of the rejecting plug-ins cares for. Back-offs that are over are
flushed into ACTIVE on whole seconds, pods parked for over five minutes on whole half-minutes. When
ACTIVE is empty the head of BACKOFF may be popped early (on by default since Kubernetes 1.33).

Theory of operation: between two changes of the cluster the verdict on a pod depends on its kind
alone, so `next_fit` runs failing cycles without looking at hosts, until one succeeds or its time is
up. A pod that fails while an event arrives has its timestamp in the future when the event moves it;
as the scheduler is busy until then, this equals the replay of in-flight events.

Instants are integer microseconds. Source: kubernetes `pkg/scheduler/backend/queue`, behaviour only.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Ints = npt.NDArray[np.int64]

OUT, ACTIVE, BACKOFF, PARKED = 0, 1, 2, 3
# Plug-ins that can reject a pod, as bits.
AFFINITY, RESOURCES, COSCHEDULING = 1, 2, 4
# The plug-ins whose hints answer Queue when an assigned pod is deleted.
CARE_FOR_DELETION: Final = RESOURCES | COSCHEDULING

SECOND_US: Final = 1_000_000
BACKOFF_FIRST_US: Final = SECOND_US
BACKOFF_MAX_US: Final = 10 * SECOND_US
PARKED_MAX_US: Final = 300 * SECOND_US
PARKED_CHECK_US: Final = 30 * SECOND_US
NEVER: Final = 2**62

# Places in `clock`: from when the next cycle can start, and the next look at long-parked pods.
FREE_AT, CHECK_AT = 0, 1


class Queue(NamedTuple):
    """Arrays by pod, the three places, their sizes (by OUT..PARKED) and the clock."""

    where: Ints
    rank: Ints
    stamp: Ints  # when it entered, or last failed
    expiry: Ints  # end of the back-off; meaningful in BACKOFF
    attempts: Ints
    rejecters: Ints  # bits of the plug-ins that rejected it last
    kind: Ints  # pods of one kind get the same verdict
    watched: Ints  # 1: a failure must be reported, for siblings hold devices
    active: Ints
    backoff: Ints
    parked: Ints
    sizes: Ints
    clock: Ints


BY_POD: Final = 11  # the first arrays of Queue, all of one length


def empty(length: int, at: int) -> Queue:
    """Return a queue for up to `length` pods that starts at an instant."""
    arrays = [np.zeros(length, dtype=np.int64) for _ in range(BY_POD)]
    clock = np.array([at, at // PARKED_CHECK_US * PARKED_CHECK_US + PARKED_CHECK_US])
    return Queue._make([*arrays, np.zeros(4, dtype=np.int64), clock])


def grown(queue: Queue) -> Queue:
    """Return the same queue with room for twice as many pods."""
    longer = [np.concatenate([array, np.zeros_like(array)]) for array in queue[:BY_POD]]
    return Queue._make([*longer, queue.sizes, queue.clock])


def forecast(queue: Queue, fits: npt.NDArray[np.bool_], rejecters: Ints, cycle_us: int,
             ranks_by_stamp: bool, pops_early: bool) -> int:
    """Return when the next cycle that matters ends if nothing happens before.

    The caller makes sure that there is one, or this does not return.
    """
    copy = Queue._make(array.copy() for array in queue)
    next_fit(copy, fits, rejecters, cycle_us, ranks_by_stamp, pops_early, NEVER)
    return int(copy.clock[FREE_AT])


@njit(cache=True)
def _before(key: Ints, one: int, other: int) -> bool:
    return key[one] < key[other] or (key[one] == key[other] and one < other)


@njit(cache=True)
def _up(heap: Ints, key: Ints, index: int) -> None:
    while index and _before(key, heap[index], heap[(index - 1) // 2]):
        parent = (index - 1) // 2
        heap[index], heap[parent] = heap[parent], heap[index]
        index = parent


@njit(cache=True)
def _down(heap: Ints, size: int, key: Ints, index: int) -> None:
    while True:
        child = 2 * index + 1
        if child >= size:
            return
        if child + 1 < size and _before(key, heap[child + 1], heap[child]):
            child += 1
        if not _before(key, heap[child], heap[index]):
            return
        heap[index], heap[child] = heap[child], heap[index]
        index = child


@njit(cache=True)
def _put(queue: Queue, pod: int, place: int) -> None:
    index = queue.sizes[place]
    queue.sizes[place] += 1
    queue.where[pod] = place
    if place == ACTIVE:
        queue.active[index] = pod
        _up(queue.active, queue.rank, index)
    elif place == BACKOFF:
        queue.backoff[index] = pod
        _up(queue.backoff, queue.expiry, index)
    else:
        queue.parked[index] = pod


@njit(cache=True)
def _take(queue: Queue, place: int, index: int) -> int:
    """Remove and return the pod at an index of a place."""
    queue.sizes[place] -= 1
    last = queue.sizes[place]
    array = queue.active if place == ACTIVE else (
        queue.backoff if place == BACKOFF else queue.parked)
    pod = array[index]
    array[index] = array[last]
    if place != PARKED and index < last:
        key = queue.rank if place == ACTIVE else queue.expiry
        _up(array, key, index)
        _down(array, last, key, index)
    queue.where[pod] = OUT
    return int(pod)


@njit(cache=True)
def backoff_us(attempts: int) -> int:
    """Return the back-off after so many attempts; a pod never tried has none."""
    if attempts == 0:
        return 0
    return int(min(BACKOFF_MAX_US, BACKOFF_FIRST_US << min(attempts - 1, 10)))


@njit(cache=True)
def enter(queue: Queue, pod: int, kind: int, at: int) -> None:
    """Add a new pod: straight into ACTIVE."""
    queue.stamp[pod] = queue.rank[pod] = at
    queue.attempts[pod] = queue.watched[pod] = 0
    queue.kind[pod] = kind
    _put(queue, pod, ACTIVE)


@njit(cache=True)
def leave(queue: Queue, pod: int) -> None:
    """Take a waiting pod out, wherever it is."""
    place = queue.where[pod]
    array = queue.active if place == ACTIVE else (
        queue.backoff if place == BACKOFF else queue.parked)
    for index in range(queue.sizes[place]):
        if array[index] == pod:
            _take(queue, place, index)
            return


@njit(cache=True)
def park(queue: Queue, pod: int, rejecters: int, at: int, ranks_by_stamp: bool) -> None:
    """Put a pod that failed at an instant among the unschedulable."""
    queue.stamp[pod] = at
    if ranks_by_stamp:
        queue.rank[pod] = at
    queue.rejecters[pod] = rejecters
    _put(queue, pod, PARKED)


@njit(cache=True)
def activate(queue: Queue, pod: int) -> None:
    """Move a waiting pod into ACTIVE whatever its back-off (`Activate`)."""
    if queue.where[pod] != ACTIVE:
        leave(queue, pod)
        _put(queue, pod, ACTIVE)


@njit(cache=True)
def _release(queue: Queue, index: int, at: int) -> None:
    """Move a parked pod on: into ACTIVE if its back-off is over, else into BACKOFF."""
    pod = _take(queue, PARKED, index)
    queue.expiry[pod] = queue.stamp[pod] + backoff_us(queue.attempts[pod])
    _put(queue, pod, BACKOFF if queue.expiry[pod] > at else ACTIVE)


@njit(cache=True)
def deletion(queue: Queue, at: int, since: int) -> None:
    """Tell of a deleted pod: those rejected at `since` or later by who cares for it move on."""
    for index in range(queue.sizes[PARKED] - 1, -1, -1):
        pod = queue.parked[index]
        if queue.rejecters[pod] & CARE_FOR_DELETION and queue.stamp[pod] >= since:
            _release(queue, index, at)


@njit(cache=True)
def flush(queue: Queue, at: int) -> None:
    """Do the periodic moves that are due at an instant."""
    second = at // SECOND_US * SECOND_US
    while queue.sizes[BACKOFF] and queue.expiry[queue.backoff[0]] <= second:
        _put(queue, _take(queue, BACKOFF, 0), ACTIVE)
    if at < queue.clock[CHECK_AT]:
        return
    check = at // PARKED_CHECK_US * PARKED_CHECK_US
    queue.clock[CHECK_AT] = check + PARKED_CHECK_US
    for index in range(queue.sizes[PARKED] - 1, -1, -1):
        if check - queue.stamp[queue.parked[index]] > PARKED_MAX_US:
            _release(queue, index, at)


@njit(cache=True)
def _due(queue: Queue) -> int:
    """Return when the next periodic move will bring something, nothing being active."""
    due = NEVER
    if queue.sizes[BACKOFF]:
        due = -(-queue.expiry[queue.backoff[0]] // SECOND_US) * SECOND_US
    for index in range(queue.sizes[PARKED]):
        late = queue.stamp[queue.parked[index]] + PARKED_MAX_US + 1
        check = max(queue.clock[CHECK_AT], -(-late // PARKED_CHECK_US) * PARKED_CHECK_US)
        due = min(due, check)
    return int(due)


@njit(cache=True)
def pop(queue: Queue, at: int, pops_early: bool) -> int:
    """Return the pod whose cycle starts now, counting the attempt; -1: none."""
    flush(queue, at)
    if queue.sizes[ACTIVE]:
        pod = _take(queue, ACTIVE, 0)
    elif pops_early and queue.sizes[BACKOFF]:
        pod = _take(queue, BACKOFF, 0)
    else:
        return -1
    queue.attempts[pod] += 1
    return pod


@njit(cache=True)
def next_fit(queue: Queue, fits: npt.NDArray[np.bool_], rejecters: Ints, cycle_us: int,
             ranks_by_stamp: bool, pops_early: bool, until: int) -> int:
    """Run cycles that start before an instant, up to one that matters; return its pod, or -1.

    `fits`, `rejecters`: by kind of pod, whether a host passes all filters, and which plug-ins
    reject it where none does. A pod that fits is out of the queue afterwards; a watched one that
    does not is parked. The cycle ends at `clock[FREE_AT]`.
    """
    while queue.clock[FREE_AT] < until:
        pod = pop(queue, queue.clock[FREE_AT], pops_early)
        if pod < 0:
            due = _due(queue)
            if due >= until:
                return -1
            queue.clock[FREE_AT] = max(due, queue.clock[FREE_AT])
            continue
        queue.clock[FREE_AT] += cycle_us
        kind = queue.kind[pod]
        if fits[kind]:
            return pod
        park(queue, pod, rejecters[kind], queue.clock[FREE_AT], ranks_by_stamp)
        if queue.watched[pod]:
            return pod
    return -1
