"""Laws of packing, against slow sums in plain Python that share nothing with the kernels.

Goal: on any host, request and mix, the kernels say what the definitions say, and remembering
scores never changes a choice.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanli.planning.packing.arrays import Hosts, Mix, Requests
from suanli.planning.packing.kernels import (
    NOWHERE,
    fits,
    fragmentation_of,
    gradient,
    take,
)
from suanli.planning.packing.rule import DISTANT, TokenFlowPacking, loss

CHIPS = 3
FEW = settings(max_examples=60, deadline=None)

free_lists = st.lists(st.integers(0, 1000) | st.sampled_from([0, 190, 530, 1000]),
                      min_size=4, max_size=4)
one_host = st.tuples(st.integers(0, 20_000), st.integers(0, 200), free_lists,
                     st.integers(0, CHIPS - 1))
some_devices = (st.just((0, 0)) | st.tuples(st.just(1), st.integers(1, 1000))
                | st.tuples(st.integers(2, 4), st.just(1000)))
one_request = st.tuples(st.integers(0, 12_000), st.integers(0, 100), some_devices,
                        st.integers(0, 2**CHIPS - 1))
mixes = st.lists(st.tuples(one_request, st.integers(1, 9)), min_size=1, max_size=5)


def hosts_of(*rows: Any) -> Hosts:
    cpu, memory, free, chip = zip(*rows, strict=True)
    return Hosts(np.array(cpu), np.array(memory), np.array(free), np.array(chip))


def requests_of(rows: Any) -> Requests:
    return Requests(*np.array([(c, m, d, g, k) for c, m, (d, g), k in rows], np.int64).T.copy())


def mix_of(rows: Any) -> Mix:
    weights = np.array([weight for _, weight in rows], float)
    return Mix(requests_of([request for request, _ in rows]), weights / weights.sum())


def plain_fits(host: Any, request: Any) -> bool:
    cpu, memory, free, chip = host
    wanted_cpu, wanted_memory, (devices, milli), chips = request
    return (cpu >= wanted_cpu and memory >= wanted_memory and bool(chips & 2**chip)
            and (not devices or sum(f >= milli for f in free) >= devices))


def plain_fragmentation(host: Any, mix: Any) -> float:
    total = 0.0
    for request, weight in mix:
        devices, milli = request[2]
        usable = [f for f in host[2] if f >= milli]
        can = devices > 0 and plain_fits(host, request)
        total += weight * (sum(host[2]) - (sum(usable) if can else 0))
    return total / sum(weight for _, weight in mix)


def plain_after(host: Any, request: Any, device: int) -> Any:
    cpu, memory, free, chip = host
    devices, milli = request[2]
    chosen = [device] if device >= 0 else [d for d, f in enumerate(free) if f >= milli][:devices]
    left = [f - milli if d in chosen else f for d, f in enumerate(free)]
    return (cpu - request[0], memory - request[1], left, chip)


@FEW
@given(one_host, one_request)
def test_fits(host: Any, request: Any) -> None:
    assert fits(hosts_of(host), 0, requests_of([request]), 0) == plain_fits(host, request)


@FEW
@given(one_host, mixes)
def test_fragmentation(host: Any, mix: Any) -> None:
    found = fragmentation_of(hosts_of(host), 0, mix_of(mix))
    assert found == pytest.approx(plain_fragmentation(host, mix), abs=1e-6)
    assert -1e-6 <= found <= sum(host[2]) + 1e-6


@FEW
@given(one_host, one_request, mixes)
def test_gradient_is_the_change_and_taking_makes_it(host: Any, request: Any, mix: Any) -> None:
    hosts, requests = hosts_of(host), requests_of([request])
    devices, milli = request[2]
    is_part = devices == 1 and milli < 1000
    for device in [d for d, f in enumerate(host[2]) if f >= milli] if is_part else [NOWHERE]:
        if not plain_fits(host, request):
            continue
        after = plain_after(host, request, device)
        change = plain_fragmentation(after, mix) - plain_fragmentation(host, mix)
        found = gradient(hosts, 0, requests, 0, device, mix_of(mix))
        assert found == pytest.approx(change, abs=1e-6)
        assert hosts.milli_free[0].tolist() == host[2]  # looking takes nothing
        taken = hosts_of(host)
        take(taken, 0, requests, 0, device)
        assert (taken.cpu_free[0], taken.memory_free[0]) == after[:2]
        assert taken.milli_free[0].tolist() == after[2]


def plain_loss(host: Any, mix: Any, left: Any) -> float:
    """Next task's fragmentation, `DISTANT` times what a fill of its kind leaves, remnants."""
    filled = 0.0
    for request, weight in mix:
        cpu, memory, (devices, milli), _ = request
        used = 0.0
        if devices and plain_fits(host, request):
            bounds = [float(sum(f // milli for f in host[2]) // devices)]
            bounds += [host[0] / cpu] if cpu else []
            bounds += [host[1] / memory] if memory else []
            used = min(bounds) * devices * milli
        filled += weight * (sum(host[2]) - used)
    filled /= sum(weight for _, weight in mix)
    return plain_fragmentation(host, mix) + DISTANT * filled + sum(left[f] for f in host[2])


@FEW
@given(one_host, mixes)
def test_loss(host: Any, mix: Any) -> None:
    hosts, left = hosts_of(host), np.sqrt(np.arange(1001.0))
    found = loss(hosts.cpu_free[0], hosts.memory_free[0], hosts.milli_free[0], hosts.chip[0],
                 mix_of(mix), left)
    assert found == pytest.approx(plain_loss(host, mix, left), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(one_host, min_size=2, max_size=5), st.lists(one_request, min_size=2, max_size=4),
       st.lists(st.integers(0, 99), min_size=1, max_size=12))
def test_it_places_whenever_it_fits_and_remembering_changes_nothing(
        rows: Any, kinds: Any, picks: list[int]) -> None:
    hosts, requests = hosts_of(*rows), requests_of(kinds)
    packing = TokenFlowPacking(hosts, requests)
    for count, pick in enumerate(picks, 1):
        row = pick % len(kinds)
        packing.arrived(row)
        host, device = packing.choose(row)
        fresh = TokenFlowPacking(hosts, requests)
        if count & (count - 1) == 0:  # the mix was learned just now, from all that arrived
            for earlier in picks[:count]:
                fresh.arrived(earlier % len(kinds))
            assert fresh.choose(row) == (host, device)
        assert (host != NOWHERE) == any(fits(hosts, h, requests, row) for h in range(len(rows)))
        if host != NOWHERE:
            assert fits(hosts, host, requests, row)
            take(hosts, host, requests, row, device)
            assert (hosts.milli_free >= 0).all()
            packing.changed(host)
