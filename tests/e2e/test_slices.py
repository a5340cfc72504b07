"""Sliced jobs from submission to statement: on virtual H100 by the driver, and on a real server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.stage import CHIP, spec

from suanli.adapters.shipped import datasheet_text, slices_text
from suanli.planning.onboarding import Fleet, HostGroup
from suanli.planning.policies import POLICIES
from suanli.schedule import phases
from suanli.schedule.commands import Submit
from suanli.simulation.world import EPOCH, Theatre, World
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import RMB

RUN_MS = 30 * MINUTE
# Asked for and allotted, thousandths: three of 2g and one of 1g fill a device; a 3g waits for it.
ASKED = {1: (200, 285), 2: (285, 285), 3: (143, 285), 4: (100, 142), 5: (300, 428)}


@pytest.mark.parametrize("policy", ["tokenflow", "fifo"])
def test_sliced_jobs_run_beside_each_other_and_pay_for_their_slices(policy: str,
                                                                    tmp_path: Path) -> None:
    fleet = Fleet((HostGroup("z", "a", CHIP, 1, 1),), 1000)
    world = World("slices", 1, EPOCH, (("op", fleet),), ("t",), datasheet_text(),
                  slices=slices_text())
    theatre = Theatre(world, tmp_path / "chain.db", POLICIES[policy],
                      lambda job, wanted, host: RUN_MS)
    schedule, at = theatre.driver.rooms.schedule, EPOCH
    for share, _ in ASKED.values():
        said = Submit(spec(share=share, time_limit_ms=RUN_MS, is_preemptible=False))
        assert theatre.driver.request(theatre.agents["t"].sign(said), at) is None
    while len(schedule.ids_in(phases.ENDED)) < len(ASKED):
        theatre.driver.step(at)
        while theatre.planner.has_more():
            theatre.driver.step(at)
        due = theatre.cluster.next_instant()
        at = max(at, min([theatre.planner.next_instant(at), *([] if due is None else [due])]))
    started = [schedule.job(job).placed for job in ASKED]
    assert started == [EPOCH] * 4 + [EPOCH + RUN_MS]
    usage = theatre.driver.rooms.settlement.usage
    for job, (_, allotted) in ASKED.items():
        # An H100 is one token an hour, at 1 RMB.
        assert usage(job, 1)[0] == RUN_MS * allotted // 1000
        assert usage(job, 1)[2] == RMB * allotted * RUN_MS // (1000 * HOUR)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory = tmp_path_factory.mktemp("home") / "s"

    def suanli(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([sys.executable, "-m", "suanli.cli.main", *words], text=True,
                              capture_output=True, check=False, timeout=60,
                              env={**os.environ, "SUANLI_HOME": str(directory)})
        assert done.returncode == code, done.stdout + done.stderr
        return done

    yield suanli
    suanli("down")


def test_a_server_takes_a_jobs_memory_and_names_slices(home: Any) -> None:
    """A core of this host is 4 GB by the datasheet and has no profiles: 1 GB is a quarter of it."""
    home("run", "--share", "100", "--memory", "1", "--", "true")
    job = json.loads(home("jobs", "-o", "json").stdout)[0]
    assert (job["share"], job["memory_gb"], job["share_allotted"]) == (100, 1, 250)
    assert "no_admissible_chip" in home("run", "--memory", "5", "--", "true", code=1).stderr
    refused = home("run", "--slice", "2g.20gb", "--", "true", code=1).stderr
    assert "no_admissible_chip" in refused
    assert "20 GB" in refused


def test_a_wrong_slice_says_what_is_accepted(home: Any) -> None:
    said = home("run", "--slice", "9g.99gb", "--chip", CHIP, "--", "true", code=2).stderr
    assert "9g.99gb" in said
    assert "2g.20gb" in said
    assert "vir05" not in said
    assert "--share" in home("run", "--slice", "2g.20gb", "--share", "9", "--", "true",
                             code=2).stderr


def test_chips_slices_lists_places_and_sources(home: Any) -> None:
    rows = json.loads(home("chips", "slices", CHIP, "-o", "json").stdout)
    assert {row["chip"] for row in rows} == {CHIP}
    assert [(row["profile"], row["starts"]) for row in rows][2] == ("2g.20gb", "0 2 4")
    assert all(row["source"] and row["confidence"] for row in rows)
    assert "h900" in home("chips", "slices", "h900", code=2).stderr
