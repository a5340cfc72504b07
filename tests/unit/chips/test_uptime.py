"""Device time that was there, hour by hour, against a count by the minute."""

import random

from tests.stage import CHIP, HOST, START, Stage

from suanli.chips.commands import SetHostState
from suanli.chips.uptime import KEPT_HOURS
from suanli.terms.instant import HOUR, MINUTE

OTHER = HOST[:-1] + "1"


def test_outages_are_counted_to_the_minute(stage: Stage) -> None:
    rng = random.Random(7)
    chips, up, minutes = stage.rooms.chips, {HOST: True, OTHER: True}, {}
    for minute in range(12 * 60):
        stage.at = START + minute * MINUTE
        if rng.random() < 0.02:
            host = rng.choice(sorted(up))
            up[host] = not up[host]
            stage.must(1, SetHostState(host, up[host]))
        start = START + minute // 60 * HOUR
        minutes[start] = minutes.get(start, 0) + 8 * sum(up.values())
    for start, device_minutes in minutes.items():
        assert chips.available_ms(1, "area-1", CHIP, start) == device_minutes * MINUTE
    assert len(set(minutes.values())) > 3


def test_a_long_calm_hour_needs_no_entry_and_old_ones_go(stage: Stage) -> None:
    chips = stage.rooms.chips
    for hours in (1, 300, 301):
        stage.at = START + hours * HOUR + 30 * MINUTE
        stage.must(1, SetHostState(HOST, hours == 300))
    served = chips.tables["served"]
    assert all(key[3] >= START + (300 - KEPT_HOURS) * HOUR for key in served)
    assert chips.available_ms(1, "area-1", CHIP, START + 299 * HOUR) == 8 * HOUR
    assert chips.available_ms(1, "area-1", CHIP, START + 300 * HOUR) == 12 * HOUR
    assert chips.available_ms(1, "area-1", CHIP, START + 301 * HOUR) == 12 * HOUR
    assert chips.available_ms(1, "area-1", CHIP, START + 302 * HOUR) == 8 * HOUR
