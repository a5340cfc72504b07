"""TokenFlow's packing and its learned mix, on hosts by hand."""

import numpy as np
import pytest

from suanli.planning.packing.arrays import Hosts, Mix, Requests
from suanli.planning.packing.choice import UNFIT, first_best
from suanli.planning.packing.demand import QUIET, Arrivals, mix_of, remnants
from suanli.planning.packing.kernels import NOWHERE, take
from suanli.planning.packing.rule import TokenFlowPacking


def hosts(*rows: tuple[int, list[int], int]) -> Hosts:
    """Hosts of (CPU, free devices, chip) without memory."""
    cpu, free, chip = zip(*rows, strict=True)
    return Hosts(np.array(cpu), np.zeros(len(rows), np.int64), np.array(free), np.array(chip))


def requests(*rows: tuple[int, int, int, int]) -> Requests:
    """Requests of (CPU, devices, milli, chips) without memory."""
    return Requests(*np.array([(c, 0, d, g, k) for c, d, g, k in rows], np.int64).T.copy())


def chosen(where: Hosts, kinds: Requests, seen: list[int], row: int) -> tuple[int, int]:
    packing = TokenFlowPacking(where, kinds)
    for arrival in seen:
        packing.arrived(arrival)
    return packing.choose(row)


def test_cpu_that_devices_need_is_spared() -> None:
    kinds = requests((8, 0, 0, 1), (4, 1, 1000, 1))
    bare, rich = (8, [1000, 1000], 0), (20, [1000, 1000], 0)
    assert chosen(hosts(bare, rich), kinds, [0, 1, 1, 1], 0) == (1, NOWHERE)
    # Beside 6 of CPU the next task still fits, but not one on each device, as beside 12.
    assert chosen(hosts((14, [1000] * 2, 0), (20, [1000] * 2, 0)), kinds, [1] * 4 + [0], 0)[0] == 1


def test_a_fraction_goes_where_it_completes_a_device() -> None:
    kinds = requests((0, 1, 470, 1), (0, 1, 1000, 1))
    assert chosen(hosts((0, [1000, 530], 0)), kinds, [0, 1], 0) == (0, 1)


def test_what_could_go_anywhere_goes_to_the_chip_that_nobody_names() -> None:
    kinds = requests((0, 1, 1000, 0b11), (0, 1, 1000, 0b01))
    where = hosts((0, [1000], 0), (0, [1000], 1))
    assert chosen(where, kinds, [0, 1], 0) == (1, NOWHERE)


def test_whole_devices_without_cpu_or_memory_leave_room_for_a_gang() -> None:
    """A plain cluster: small jobs fill the host that is begun, and eight stay together."""
    kinds = requests((0, 1, 1000, 1), (0, 8, 1000, 1))
    where = hosts((0, [1000] * 8, 0), (0, [0] * 3 + [1000] * 5, 0))
    assert chosen(where, kinds, [0, 1], 0) == (1, NOWHERE)
    assert chosen(where, kinds, [0, 1], 1) == (0, NOWHERE)


def test_a_request_that_no_chip_may_run_fits_nowhere() -> None:
    assert chosen(hosts((9, [1000], 0)), requests((0, 1, 1000, 0)), [0], 0) == (NOWHERE, NOWHERE)


def test_only_the_host_that_changed_is_scored_anew() -> None:
    kinds, where = requests((0, 1, 600, 1)), hosts((0, [1000], 0), (0, [1000], 0))
    packing = TokenFlowPacking(where, kinds)
    packing.arrived(0)
    for expected in ((0, 0), (1, 0), (NOWHERE, NOWHERE)):
        assert packing.choose(0) == expected
        if expected[0] != NOWHERE:
            take(where, expected[0], kinds, 0, expected[1])
            packing.changed(expected[0])


def test_ties_go_to_the_first_and_nothing_to_none() -> None:
    assert first_best(np.array([UNFIT, 2.0, 2.0, 1.0])) == 1
    assert first_best(np.array([UNFIT, UNFIT])) == NOWHERE


def test_the_mix_is_learned_when_arrivals_double_and_drops_what_is_rare() -> None:
    kinds = requests((0, 1, 1000, 1), (0, 1, 500, 1))
    arrivals = Arrivals(kinds)
    learned = [count for count in range(1, 20) if arrivals.add(0) is not None]
    assert learned == [1, 2, 4, 8, 16]
    rare = mix_of(kinds, np.array([99, 1]))
    assert (rare.requests.milli.tolist(), rare.share.tolist()) == ([1000], [1.0])
    both = mix_of(kinds, np.array([3, 7]))
    assert (both.requests.milli.tolist(), both.share.tolist()) == ([500, 1000], [0.7, 0.3])


def test_remnants_by_hand() -> None:
    """Halves only: under 500 all stays, at 500 the quiet chance of it, at 1000 twice over."""
    left = remnants(Mix(requests((0, 1, 500, 1)), np.ones(1)))
    assert (left[0], left[499]) == (0, 499)
    assert left[500] == pytest.approx(500 * QUIET / (1 + QUIET))
    assert left[1000] == pytest.approx((1000 * QUIET + left[500]) / (1 + QUIET))
