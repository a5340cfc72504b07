"""The openb reader, its baselines by hand, and their agreement with what is published."""

from pathlib import Path

import numpy as np
import pytest

from suanli.planning.packing.arrays import Hosts, Mix, Requests, distinct
from suanli.planning.packing.kernels import NOWHERE
from suanli.simulation.baselines.best_fit import BestFit
from suanli.simulation.baselines.fgd import Fgd, points, points_of, typical_tasks
from suanli.simulation.baselines.random_fit import choose
from suanli.simulation.packing_world import arrivals, replay_openb
from suanli.simulation.traces.openb import HOSTS, TASKS, read_fleet, read_tasks
from suanli.terms.errors import InputError

FLEET = "sn,cpu_milli,memory_mib,gpu,model\nh0,8000,64,2,T4\nh1,4000,32,1,A10\n"
HEAD = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time\n"


def written(folder: Path, tasks: str, fleet: str = FLEET) -> Path:
    (folder / HOSTS).write_text(fleet)
    (folder / TASKS.format("default")).write_text(tasks)
    return folder


def test_hosts_and_tasks_become_arrays(tmp_path: Path) -> None:
    text = HEAD + "a,1,2,1,460,,0\nb,1,2,2,1000,T4|A10,\nc,1,2,1,1000,B9|T4,5\nd,1,2,0,0,B9,5\n"
    fleet = read_fleet(written(tmp_path, text))
    tasks = read_tasks(tmp_path, "default", fleet.chips)
    assert fleet.chips == ("A10", "T4")
    assert fleet.hosts.milli_free.tolist() == [[1000, 1000], [1000, 0]]
    assert fleet.hosts.chip.tolist() == [1, 0]
    assert tasks.milli.tolist() == [460, 1000, 1000, 0]
    assert tasks.chips.tolist() == [0b11, 0b11, 0b10, 0]  # none named: all; unknown: nowhere


@pytest.mark.parametrize(("tasks", "said"), [
    ("name,cpu_milli\n", ":1: memory_mib: the column is missing"),
    (HEAD, ":2: found no rows"),
    (HEAD + "\n", ":2: found no rows"),
    (HEAD + "a,1,2,1,one,,0\n", ":2: gpu_milli: found 'one'"),
    (HEAD + "a,-1,2,1,460,,0\n", ":2: cpu_milli: found '-1'"),
    (HEAD + "a,1,nan,1,460,,0\n", ":2: memory_mib: found 'nan'"),
    (HEAD + "a,1,1e99,1,460,,0\n", ":2: memory_mib: found '1e99'"),
    (HEAD + "a,1,2,1,46.5,,0\n", ":2: gpu_milli: found '46.5'"),
    (HEAD + "a,1,2,1,1001,,0\n", ":2: gpu_milli: found '1001'"),
    (HEAD + "a,1,2,0,460,,0\n", ":2: gpu_milli: found 460 for 0 GPUs"),
    (HEAD + "a,1,2,2,460,,0\n", ":2: gpu_milli: found 460 for 2 GPUs"),
    (HEAD + "a,1,2,1,460,,-7\n", ":2: creation_time: found '-7'"),
    (HEAD + "a,1\n", ":2: num_gpu: found None"),
    (HEAD + ",1,2,1,460,,0\n", ":2: name: found nothing"),
])
def test_bad_tasks_are_named_by_file_line_and_column(tmp_path: Path, tasks: str,
                                                     said: str) -> None:
    with pytest.raises(InputError) as error:
        read_tasks(written(tmp_path, tasks), "default", ("T4",))
    assert str(error.value).startswith(str(tmp_path / TASKS.format("default")) + said)


@pytest.mark.parametrize(("fleet", "said"), [
    ("sn,cpu_milli\n", ":1: memory_mib: the column is missing"),
    (FLEET + "h2,1,1,65,T4\n", ":4: gpu: found '65'"),
    (FLEET + "h2,1,1,1,\n", ":4: model: found nothing"),
    (FLEET + "h2,x,1,1,T4\n", ":4: cpu_milli: found 'x'"),
])
def test_bad_hosts_are_named(tmp_path: Path, fleet: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read_fleet(written(tmp_path, HEAD, fleet))
    assert str(error.value).startswith(str(tmp_path / HOSTS) + said)


def test_absent_files_bytes_and_fleets_without_gpus_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_fleet(tmp_path)
    folder = written(tmp_path, HEAD + "a,1,2,0,0,,0\n")
    with pytest.raises(InputError, match="found no GPU"):
        replay_openb(folder, "default", "fgd", 1.3, 0)
    (folder / HOSTS).write_bytes(FLEET.encode() + b"\xff,1,1,1,T4\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_fleet(folder)


@pytest.mark.parametrize(("workload", "policy", "demand", "said"), [
    ("other", "fgd", 1.3, "workload: found 'other'"),
    ("default", "luck", 1.3, "policy: found 'luck'"),
    ("default", "fgd", 0.0, "demand: found 0"),
    ("default", "fgd", float("nan"), "demand: found nan"),
])
def test_bad_words_are_refused(tmp_path: Path, workload: str, policy: str, demand: float,
                               said: str) -> None:
    with pytest.raises(InputError, match=said):
        replay_openb(tmp_path, workload, policy, demand, 0)


def kinds(*rows: tuple[int, int, int]) -> Requests:
    """Requests of (CPU, devices, milli) that any chip may run."""
    return Requests(*np.array([(c, 0, d, g, 1) for c, d, g in rows], np.int64).T.copy())


def test_arrivals_are_the_list_once_then_draws_until_the_demand() -> None:
    tasks = kinds((1, 1, 1000), (1, 1, 500), (1, 0, 0))
    order = arrivals(tasks, 10_000, 1.0, np.random.default_rng(1))
    assert sorted(order[:3].tolist()) == [0, 1, 2]
    total = int((tasks.devices * tasks.milli)[order].sum())
    assert 9_000 < total <= 10_000


def test_fgd_by_hand() -> None:
    """One host of two devices, one with 530 free, and 10 of CPU; the mix is half and half.

    Before: a task of 470 (CPU 4) fits, and no device has less; one of 1000 (CPU 8) fits, and
    530 is a fragment: 0.5 x 530 = 265. With 470 on the second device CPU is 6: 470 fits, 60 is a
    fragment for it; 1000 does not fit, so all 1060 is: 560, a rise of 295. On the first, 530 and
    530 are free: 470 has no fragment, 1000 has 1060: 530, a rise of 265.
    Points: 100 / (1 + e^0.295) = 42.67, 100 / (1 + e^0.265) = 43.41.
    """
    hosts = Hosts(np.array([10]), np.array([0]), np.array([[1000, 530]]), np.array([0]))
    requests = kinds((4, 1, 470), (8, 1, 1000))
    mix = Mix(requests, np.array([0.5, 0.5]))
    assert (points(295.0), points(265.0), points(0.0), points(-1.0)) == (42, 43, 50, 50)
    assert points_of(hosts, 0, requests, 0, mix) == (43, 0)
    # 1000 takes the first device, CPU is 2, 530 stays and nobody can use it: a rise of 265.
    assert points_of(hosts, 0, requests, 1, mix) == (43, NOWHERE)
    assert Fgd(hosts, requests, mix).choose(0) == (0, 0)


def test_fgd_breaks_ties_by_the_first_host() -> None:
    hosts = Hosts(np.array([9, 9]), np.array([0, 0]), np.array([[1000], [1000]]), np.array([0, 0]))
    requests = kinds((1, 1, 1000))
    assert Fgd(hosts, requests, Mix(requests, np.ones(1))).choose(0) == (0, NOWHERE)


def test_typical_tasks_cover_95_of_100() -> None:
    rows = [(1, 1, 1000)] * 90 + [(2, 1, 1000)] * 5 + [(3, 1, 1000)] * 5
    mix = typical_tasks(kinds(*rows))
    assert mix.requests.cpu.tolist() == [1, 2]
    assert mix.share == pytest.approx([90 / 95, 5 / 95])


def test_best_fit_by_hand() -> None:
    """Of 10 CPU and 2 devices at most: leaving 9 and 1 is 30 points, leaving 4 and 0 is 80."""
    hosts = Hosts(np.array([10, 5, 5]), np.zeros(3, np.int64),
                  np.array([[1000, 1000], [1000, 0], [600, 400]]), np.zeros(3, np.int64))
    requests = kinds((1, 1, 1000), (1, 1, 300))
    best = BestFit(hosts, requests)
    assert best.choose(0) == (1, NOWHERE)
    assert best.choose(1) == (1, 0)  # a tie with the third host: the first
    hosts.cpu_free[1] = 0
    assert best.choose(1) == (2, 1)  # the device with the least left


def test_random_points_at_each_host_and_device_that_fits() -> None:
    hosts = Hosts(np.array([1, 0, 1]), np.zeros(3, np.int64),
                  np.array([[1000, 0], [1000, 0], [500, 700]]), np.zeros(3, np.int64))
    requests = kinds((1, 1, 400), (5, 1, 400))
    assert choose(hosts, requests, 0, 0.0, 0.9) == (0, 0)
    assert choose(hosts, requests, 0, 0.99, 0.0) == (2, 0)
    assert choose(hosts, requests, 0, 0.99, 0.99) == (2, 1)
    assert choose(hosts, requests, 1, 0.5, 0.5) == (NOWHERE, NOWHERE)


# Weng et al.'s own results, mean of 10 seeds, per cent allocated at 130 % demand, and how far
# apart is still agreement.
PUBLISHED = {"random": (87.5, 1.0), "best-fit": (93.1, 1.0), "fgd": (95.4, 1.5)}


def test_one_seed_agrees_with_what_is_published(public_data: Path) -> None:
    folder = public_data / "traces" / "openb"
    shares = {}
    for policy in (*PUBLISHED, "tokenflow"):
        row = replay_openb(folder, "default", policy, 1.3, 0)
        assert (row["hosts"], row["devices"], row["tasks"]) == (1213, 6212, 10_771)
        assert row["placed"] + row["dropped"] == row["tasks"]
        assert all(0 <= ratio <= 1 for ratio in row["fragmentation_ratio"].values())
        shares[policy] = 100 * row["allocated_share"]
    for policy, (published, apart) in PUBLISHED.items():
        assert shares[policy] == pytest.approx(published, abs=apart), policy
    assert shares["tokenflow"] > max(shares["fgd"], PUBLISHED["fgd"][0])


def test_a_seed_is_a_result(public_data: Path) -> None:
    folder = public_data / "traces" / "openb"
    one, again, two = (replay_openb(folder, "multigpu20", "random", 0.5, s) for s in (1, 1, 2))
    assert one == again
    assert one["tasks"] != two["tasks"] or one["allocated_share"] != two["allocated_share"]
    assert distinct(read_tasks(folder, "multigpu20", read_fleet(folder).chips))[1].size == 8324
