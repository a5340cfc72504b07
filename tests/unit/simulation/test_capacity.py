"""The best assignment of work to chips against sums done by hand."""

from collections import Counter

import pytest

from suanli.planning.onboarding import Fleet, HostGroup
from suanli.schedule.job import PPM
from suanli.simulation.capacity import Kind, best_assignment, sustained
from suanli.terms.errors import InputError

# Four hosts of one x, one host of four y; in 100 ms each chip has 400 device-ms.
FLEET = Fleet((HostGroup("z", "a", "x", 1, 4), HostGroup("z", "a", "y", 4, 1)), 1)
EITHER = Kind((("x", PPM), ("y", 2 * PPM)), 1)
GANG = Kind((("y", PPM),), 4)


def test_work_that_can_go_anywhere_fills_both_chips_alike() -> None:
    """400 z on x and 2 x 400 z on y make 600: z = 1/2."""
    best = best_assignment(Counter({EITHER: 600}), FLEET, 100)
    assert best.load == pytest.approx(0.5)
    assert best.device_ms[EITHER] == pytest.approx(400)


def test_what_must_be_on_one_chip_pushes_the_rest_away() -> None:
    """The gang takes 200 of y: 400 z + 2 (400 z - 200) = 600, z = 5/6."""
    best = best_assignment(Counter({EITHER: 600, GANG: 200}), FLEET, 100)
    assert best.load == pytest.approx(5 / 6)
    assert best.device_ms[GANG] == pytest.approx(200)


def test_what_fits_beside_the_rest() -> None:
    """400 on x and 2 x 200 on y are left: 800 of 600."""
    assert sustained(Counter({EITHER: 600}), Counter({GANG: 200}), FLEET, 100, 1.0) == (
        pytest.approx(4 / 3))


def test_a_gang_needs_hosts_that_can_hold_it() -> None:
    """Three devices of x lie on three hosts, its largest hosts have one: that is allowed; of a
    chip with a larger host, small hosts do not count."""
    on_x = best_assignment(Counter({Kind((("x", PPM),), 3): 200}), FLEET, 100)
    assert on_x.load == pytest.approx(0.5)
    wide = Fleet((*FLEET.hosts, HostGroup("z", "a", "x", 4, 1)), 1)
    assert best_assignment(Counter({Kind((("x", PPM),), 3): 200}), wide, 100).load == (
        pytest.approx(0.5))  # the four devices of the large host alone
    with pytest.raises(InputError, match="5 devices of x"):
        best_assignment(Counter({Kind((("x", PPM),), 5): 200}), FLEET, 100)
