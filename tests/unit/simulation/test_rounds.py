"""Round-based baselines: shares by hand, who owes whom, seats for gangs, plans of rounds."""

import numpy as np
import pytest
from tests.stage import CHIP, spec
from tests.unit.simulation.test_arena import random_workload, workload

from suanli.planning.onboarding import Fleet, HostGroup
from suanli.planning.scheduler import Bind, Preempt
from suanli.planning.view import PPM, PoolSpec, Request, View
from suanli.simulation.arena import Arena
from suanli.simulation.baselines import shockwave
from suanli.simulation.baselines.gavel import Gavel, max_min
from suanli.simulation.baselines.rounds import Rounds, take_seats
from suanli.simulation.baselines.shockwave import WINDOW, Shockwave, Window, plan
from suanli.simulation.workload import Arrival, Workload
from suanli.simulation.world import EPOCH
from suanli.terms.errors import InputError
from suanli.terms.instant import MINUTE, SECOND

ONE = np.ones(1)


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_the_example_of_the_gavel_paper() -> None:
    """OSDI 2020, section 4.1: one V100, one K80; aware of speeds all gain about 10 %."""
    speeds = np.array([[40.0, 10], [12, 4], [100, 50]])
    share = max_min(speeds, np.ones(3), np.ones(3), np.ones(2))
    assert np.allclose(share, [[0.45, 0], [0.45, 0.09], [0.09, 0.91]], atol=0.01)
    worth = (speeds * share).sum(1) / speeds.mean(1)
    assert np.ptp(worth) < 1e-6
    assert 1.08 < worth[0] / (2 / 3) < 1.1
    assert (share.sum(0) <= 1 + 1e-9).all()


@pytest.mark.parametrize(("devices", "counts", "capacity", "expected"), [
    ([1], [4], 2, [0.5]),  # plain time sharing
    ([1, 4], [4, 1], 5, [1, 0.25]),  # one device's worth each
    ([1, 4], [2, 1], 5, [1, 0.75]),  # what small ones cannot use goes to the large one
    ([2, 8], [1, 1], 32, [1, 1]),
])
def test_on_one_chip_all_jobs_get_the_same_devices(
        devices: list[int], counts: list[int], capacity: int, expected: list[float]) -> None:
    kinds = len(devices)
    share = max_min(np.ones((kinds, 1)), floats(*devices), floats(*counts), floats(capacity))
    assert np.allclose(share[:, 0], expected)


def test_a_pool_that_a_job_cannot_use_is_left_to_others() -> None:
    """Two jobs, of which one runs on the first pool alone: each gets a pool."""
    share = max_min(np.array([[1.0, 0], [1, 1]]), np.ones(2), np.ones(2), np.ones(2))
    assert np.allclose(share, [[1, 0], [0, 1]])


def test_equal_kinds_share_a_row_without_changing_the_answer() -> None:
    together = max_min(np.array([[2.0, 1], [1, 1]]), floats(1, 2), floats(3, 2), floats(2, 4))
    apart = max_min(np.array([[2.0, 1]] * 3 + [[1, 1]] * 2), floats(1, 1, 1, 2, 2), np.ones(5),
                    floats(2, 4))
    worth = np.array([2 * together[0, 0] + together[0, 1], together[1].sum()])
    each = 2 * apart[:, 0] + apart[:, 1]
    assert np.allclose(each[:3].sum() / 3, worth[0])
    assert np.allclose(apart[3:].sum() / 2, worth[1])


def view_of(*hosts: int) -> View:
    return View((PoolSpec("z", CHIP, hosts),))


def submit(view: View, devices: int, limit_ms: int = 100 * MINUTE, at: int = 0) -> int:
    return view.submit(Request(view.jobs.count, 0, devices, 1000, (PPM,), limit_ms), at)


def step(view: View, scheduler: Gavel | Shockwave, at: int) -> None:
    for action in scheduler.decide(view, at):
        if isinstance(action, Bind):
            view.bind(action.row, action.slots, at)
        elif isinstance(action, Preempt):
            view.release(action.row)
            view.requeue(action.row, at, 0)


def test_jobs_take_turns_by_time_received() -> None:
    """Three jobs on two devices: after three rounds each has had two."""
    view, gavel = view_of(2), Gavel(60 * SECOND)
    for _ in range(3):
        submit(view, 1)
    had = np.zeros(3)
    for index in range(9):
        step(view, gavel, index * 60 * SECOND)
        had[list(view.active)] += 1
        assert len(view.active) == 2
        assert gavel.next_instant(index * 60 * SECOND) == (index + 1) * 60 * SECOND
        if index % 3 == 2:
            assert np.ptp(had) == 0


def test_a_gang_gets_the_devices_of_one_job_over_time() -> None:
    """Four jobs of one and a gang of four on four devices: the gang runs every fifth round."""
    view, gavel = view_of(4), Gavel(60 * SECOND)
    rows = [submit(view, 1) for _ in range(4)] + [submit(view, 4)]
    had = np.zeros(5)
    for index in range(10):
        step(view, gavel, index * 60 * SECOND)
        had[list(view.active)] += 1
    assert 1 <= had[rows[4]] <= 3
    assert (had[:4] == 10 - had[rows[4]]).all()


def test_between_rounds_nothing_changes_hands() -> None:
    view, gavel = view_of(2), Gavel(60 * SECOND)
    submit(view, 1)
    step(view, gavel, 0)
    late = submit(view, 1)
    step(view, gavel, 10 * SECOND)
    assert late in view.queued
    assert gavel.next_instant(10 * SECOND) == 60 * SECOND
    step(view, gavel, 60 * SECOND)
    assert late in view.active


def test_jobs_wait_for_the_next_allocation() -> None:
    view, gavel = view_of(2), Gavel(60 * SECOND, solve_ms=150 * SECOND)
    submit(view, 1)
    step(view, gavel, 0)
    late = submit(view, 1)
    for at in (60, 120):
        step(view, gavel, at * SECOND)
        assert late in view.queued
    step(view, gavel, 180 * SECOND)
    assert late in view.active


def test_the_grid_starts_with_the_first_job() -> None:
    view, rounds = view_of(1), Rounds(100)
    assert rounds.begins(view, 7)
    view.bind(submit(view, 1), ((0, (0,)),), 7)
    assert not rounds.begins(view, 50)
    assert rounds.after(50) == 107
    assert rounds.begins(view, 207)


def test_a_gang_takes_the_host_where_fewest_must_move() -> None:
    view = view_of(4, 4)
    first, second, third = (submit(view, 1) for _ in range(3))
    for row, slot in ((first, (0, (0,))), (second, (0, (1,))), (third, (1, (0,)))):
        view.bind(row, (slot,), 0)
    gang = submit(view, 4)
    actions = list(take_seats(view, [(row, 0) for row in (first, second, third, gang)]))
    assert [a for a in actions if isinstance(a, Preempt)] == [Preempt(third)]
    view.release(third)
    view.requeue(third, 0, 0)
    again = take_seats(view, [(row, 0) for row in (first, second, third, gang)])
    binds = {a.row: a.slots for a in again if isinstance(a, Bind)}
    assert binds == {gang: ((1, (0, 1, 2, 3)),), third: ((0, (2,)),)}


def test_a_job_that_may_not_be_stopped_is_not() -> None:
    view, gavel = view_of(1), Gavel(60 * SECOND)
    fixed = view.submit(Request(1, 0, 1, 1000, (PPM,), MINUTE, is_preemptible=False), 0)
    submit(view, 1)
    for at in range(0, 600 * SECOND, 60 * SECOND):
        step(view, gavel, at)
        assert list(view.active) == [fixed]


def window(devices: list[int], left: list[float], capacity: int, **changes: object) -> Window:
    jobs = len(devices)
    fields = {"done": np.zeros(jobs), "elapsed": np.zeros(jobs), "fair": np.full(jobs, 1e6),
              "share": 1.0, **changes}
    return Window(floats(*devices), left=floats(*left), capacity=capacity,
                  **fields)  # type: ignore[arg-type]


def test_a_plan_keeps_within_devices_and_idles_none() -> None:
    sizes, left = np.array([1, 2, 4, 1, 2]), floats(30, 9, 5, 3, 40)
    made = plan(window(sizes.tolist(), left.tolist(), 4))
    assert len(made) == WINDOW
    for chosen in made:
        assert len(set(chosen)) == len(chosen)
        free = 4 - sizes[chosen].sum()
        left[chosen] -= 1
        others = [job for job in range(5) if job not in chosen and left[job] > 0]
        assert free >= 0
        assert all(sizes[job] > free for job in others)


def test_the_longest_job_runs_throughout() -> None:
    """The makespan term: with more jobs than devices the longest never waits."""
    made = plan(window([1, 1, 1], [100, 10, 10], 2))
    assert all(0 in chosen for chosen in made)


def test_a_job_behind_its_fair_finish_goes_first() -> None:
    fair = floats(1e6, 30, 1e6)
    made = plan(window([1, 1, 1], [10, 10, 10], 1, elapsed=floats(40, 40, 40), fair=fair))
    assert made[:10] == [[1]] * 10


def test_a_plan_can_be_made_where_all_can_finish_in_time() -> None:
    made = plan(window([1, 1], [5, 5], 1, fair=floats(40, 21), elapsed=floats(0, 0), share=0.5))
    assert sum(1 in chosen for chosen in made) == 5


def test_shockwave_refuses_what_the_paper_does_not_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    other = "v100-sxm-16"
    job = Arrival(EPOCH, "x", spec(chips=((CHIP, PPM), (other, PPM))), ((CHIP, 1), (other, 1)))
    fleet = Fleet((HostGroup("z", "a", CHIP, 4, 1), HostGroup("z", "a", other, 4, 1)), 1000)
    with pytest.raises(InputError, match="one pool"):
        Arena(Workload((job,), "two pools"), [fleet], Shockwave()).go()
    monkeypatch.setattr(shockwave, "JOBS_MAX", 2)
    fleet = Fleet((HostGroup("z", "a", CHIP, 1, 1),), 1000)
    with pytest.raises(InputError, match="at most 2"):
        Arena(workload(*((0, "x", 1, 5) for _ in range(3))), [fleet], Shockwave()).go()


def test_gavel_moves_jobs_between_chips() -> None:
    """The arena accepts all of it: two chips, gangs, jobs that only one of them can run."""
    other = "v100-sxm-16"
    made = random_workload(3, 40)
    rng = np.random.default_rng(3)
    arrivals = []
    for arrival in made.arrivals:
        speed = int(rng.choice([0, PPM // 4, PPM // 2]))
        chips = ((CHIP, PPM), *(((other, speed),) if speed else ()))
        duration = arrival.durations[0][1]
        durations = tuple((chip, duration * PPM // ppm) for chip, ppm in chips)
        arrivals.append(Arrival(arrival.at, arrival.tenant, spec(
            devices=arrival.spec.devices, chips=chips,
            time_limit_ms=arrival.spec.time_limit_ms), durations))
    fleet = Fleet((HostGroup("z", "a", CHIP, 4, 2), HostGroup("z", "a", other, 4, 2)), 1000)
    record = Arena(Workload(tuple(arrivals), "by hand"), [fleet], Gavel(), MINUTE).go()
    assert (record.ended >= 0).all()
    assert {i.chip for i in record.intervals} == {CHIP, other}
