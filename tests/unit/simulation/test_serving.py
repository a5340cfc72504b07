"""Replicas by hand for a tiny trace: needs, lives, jobs."""

from pathlib import Path

import numpy as np
import pytest

from suanli.schedule.job import PPM
from suanli.simulation.serving import (
    Service,
    daily,
    lives,
    needed,
    replicas,
    services,
    settings,
    traffic,
)
from suanli.simulation.traces.azure_llm import Requests
from suanli.simulation.traces.spot2026 import chips
from suanli.simulation.world import EPOCH
from suanli.terms.errors import InputError
from suanli.terms.instant import HOUR, MINUTE, SECOND

TINY = Service("tiny", 2, ("x", "y"), prefill=100.0, decode=10.0)


def test_busy_seconds_of_each_whole_minute() -> None:
    """200/100 + 10/10 = 3 s and 0 + 5/10 = 0.5 s in minute 0; the broken minute 1 is left out."""
    requests = Requests(np.array([0, 59_999, 60_000, 90_000]), np.array([200, 0, 500, 1]),
                        np.array([10, 5, 0, 1]))
    assert TINY.busy_s(requests).tolist() == [3.5]
    longer = Requests(np.array([0, 61_000, 130_000]), np.array([100, 100, 100]), np.zeros(3, int))
    assert TINY.busy_s(longer).tolist() == [1.0, 1.0]


def test_the_number_follows_the_step_before_and_falls_late() -> None:
    """Steps of 2 minutes, target 0.5: 60 s a minute is 2 replicas, 150 s is 5, none is one."""
    busy = np.array([60, 60, 150, 150, 0, 0, 0, 0, 0, 0], dtype=float)
    assert needed(busy, step=2, keep=2, target=0.5).tolist() == [2, 5, 1, 1]
    assert needed(busy, step=2, keep=4, target=0.5).tolist() == [2, 5, 5, 1]


def test_the_oldest_goes_first_and_none_stays_too_long() -> None:
    assert lives(np.array([2, 3, 1, 1]), longest=9) == [(0, 2), (0, 2), (1, 4)]
    assert lives(np.array([1, 1, 1, 1, 1]), longest=2) == [(0, 2), (2, 4), (4, 5)]


def test_lives_add_up_to_what_was_needed() -> None:
    wanted = np.random.default_rng(3).integers(1, 20, 200)
    made = lives(wanted, longest=12)
    there = sum((np.arange(200) >= first) & (np.arange(200) < after) for first, after in made)
    assert (there == wanted).all()
    assert max(after - first for first, after in made) <= 12


def test_replicas_are_jobs_with_a_promised_start() -> None:
    """70 % of 60 s a minute is 42 s: 84 busy seconds a minute are two replicas for ever."""
    made = replicas(TINY, np.full(40, 84.0), EPOCH)
    assert [(a.at - EPOCH, a.duration_ms("y")) for a in made] == [
        (10 * MINUTE, 30 * MINUTE)] * 2
    one = made[0]
    assert (one.spec.devices, one.spec.workload, one.slo_ms) == (2, "llm-decode", 60 * SECOND)
    assert one.spec.chips == (("x", PPM), ("y", PPM))
    assert one.spec.time_limit_ms == 24 * HOUR


def test_a_service_is_sized_for_the_slowest_chip_with_the_memory() -> None:
    sheet = chips()
    alone, both = (services(offered, sheet) for offered in (
        ("h800-sxm-80",), ("h800-sxm-80", "a100-sxm-80", "a10-24")))
    assert [s.chips for s in both] == [("h800-sxm-80", "a100-sxm-80", "a10-24"),
                                       ("h800-sxm-80", "a100-sxm-80")]
    for fast, slow in zip(alone, both, strict=True):
        assert slow.prefill < fast.prefill
        assert slow.decode < fast.decode
    # H800 in a gang of two: prefill rating 0.659 of 7,000 tokens/s a device (hal.md 4.2, x 0.70)
    assert alone[1].prefill == pytest.approx(7000 * 0.659 * 2, rel=1e-3)
    with pytest.raises(InputError, match="conversation"):
        services(("a10-24",), sheet)


def test_the_day_has_the_stated_curve() -> None:
    hours = np.arange(0, 24, 0.25)
    curve = daily(hours)
    assert curve.mean() == pytest.approx(1)
    assert hours[curve.argmax()] == settings()["curve"]["peak_hour"]
    assert curve.max() == pytest.approx(1 + settings()["curve"]["amplitude"])


def test_traffic_repeats_the_hour_for_days(public_data: Path) -> None:
    folder = public_data / "traces" / "azure_llm"
    service = services(("a100-sxm-80",), chips())[0]
    one, again = (traffic(folder, service, 3, np.random.default_rng(7)) for _ in range(2))
    assert len(one) == 3 * 24 * 60
    assert (one == again).all()
    by_day = one.reshape(3, -1).sum(axis=1)
    assert by_day == pytest.approx([by_day.mean()] * 3, rel=0.1)  # the jitter evens out
