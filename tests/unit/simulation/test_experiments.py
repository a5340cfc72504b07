"""Experiment files: what they come to, and how bad ones are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from suanli.simulation.experiments import Experiment, read_experiment
from suanli.simulation.traces.philly import TRACE
from suanli.simulation.traces.spot2026 import NODES
from suanli.simulation.trials import kind_of
from suanli.terms.errors import InputError

GOOD = """
trace = "philly"
policies = ["best-fit", "fifo"]
seeds = [1, 2]
[centre]
load = 0.8
[vary]
load = [0.7, 0.8]
limit_factors = [[0.5, 2]]
"""


def read(folder: Path, text: str) -> Experiment:
    (folder / "philly").mkdir(exist_ok=True)
    (folder / "philly" / TRACE).touch()
    (folder / "e.toml").write_text(text)
    return read_experiment(folder / "e.toml", folder)


def test_one_factor_is_varied_at_a_time(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    points = list(dict.fromkeys((t.load, t.limit_factors) for t in found.trials))
    assert points == [(0.8, (1, 10)), (0.7, (1, 10)), (0.8, (0.5, 2))]
    assert len(found.trials) == 3 * 4 == len({t.identity for t in found.trials})
    assert found.centre == found.trials[:4]


def test_an_identity_is_of_the_parameters_and_not_of_the_place(tmp_path: Path) -> None:
    trial = read(tmp_path, GOOD).trials[0]
    assert replace(trial, folder=Path("/elsewhere/philly")).identity == trial.identity
    assert replace(trial, demand=2).identity == trial.identity  # philly does not know it
    assert replace(trial, restore_s=61.0).identity != trial.identity
    assert replace(trial, policy="fifo").identity != trial.identity


@pytest.mark.parametrize(("old", "new", "said"), [
    ("trace", "treace", "treace: an unknown key; title, trace"),
    ('"philly"', "7", "trace: found 7; a name"),
    ('"philly"', '"nowhere"', "with the files of a trace"),
    ('"fifo"', '"magic"', "policy 'magic'; tokenflow, best-fit, fifo"),
    ('"fifo"', "3", "policies: found ['best-fit', 3]; a list of policy names"),
    ('"fifo"', '"best-fit"', "policies: found ['best-fit', 'best-fit']; each may stand"),
    ('["best-fit", "fifo"]', "[]", "policies: found []; a list of policy names"),
    ("[1, 2]", "[]", "seeds: found []"),
    ("[1, 2]", "[-1]", "seeds: found [-1]; a list of whole numbers"),
    ("[1, 2]", "[1.5]", "seeds: found [1.5]"),
    ("[1, 2]", "[true]", "seeds: found [True]"),
    ("[1, 2]", "3", "seeds: found 3"),
    ("[centre]\nload = 0.8", "centre = 3", "centre: found 3; a table [centre]"),
    ("load = 0.8", "lode = 0.8", "lode: a philly trace does not know this option; load, fleet"),
    ("load = 0.8", "demand = 1.3", "demand: a philly trace does not know this option"),
    ("load = 0.8", 'load = "high"', "centre.load: found 'high'; a number from 0.001 to 100"),
    ("load = 0.8", "load = 0", "centre.load: found 0"),
    ("load = 0.8", "load = nan", "centre.load: found nan"),
    ("load = 0.8", "load = true", "centre.load: found True"),
    ("load = 0.8", "days = [50, 10]", "centre.days: found [50, 10]; two whole days"),
    ("load = 0.8", "restore_s = -1", "centre.restore_s: found -1; seconds from 0"),
    ("load = 0.8", "arena = 1", "centre.arena: found 1; true or false"),
    ("load = [0.7, 0.8]", "load = []", "vary.load: found []; a list with a value or more"),
    ("load = [0.7, 0.8]", "load = 0.7", "vary.load: found 0.7; a list"),
    ("load = [0.7, 0.8]", "load = [0.7, -1]", "vary.load[1]: found -1"),
    ("[[0.5, 2]]", "[[2, 0.5]]", "vary.limit_factors[0]: found [2, 0.5]; two numbers"),
    ("[[0.5, 2]]", "[[0, 2]]", "vary.limit_factors[0]: found [0, 2]"),
    ("[[0.5, 2]]", "[1]", "vary.limit_factors[0]: found 1"),
    ("[1, 2]", "[1, 2", "e.toml: "),
])
def test_bad_files_are_refused_by_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as error:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert said in str(error.value)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml"):
        read_experiment(tmp_path / "none.toml", tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"bytes\.toml"):
        read_experiment(tmp_path / "bytes.toml", tmp_path)


def test_a_folder_of_nothing_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="generated, mixed, or a folder with the files of a trace"):
        kind_of(tmp_path)


@pytest.mark.parametrize("path", sorted((Path(__file__).resolve().parents[3] / "experiments").glob(
    "*.toml")), ids=lambda path: path.name)
def test_the_examples_are_read(path: Path, tmp_path: Path) -> None:
    (tmp_path / "philly").mkdir()
    (tmp_path / "philly" / TRACE).touch()
    (tmp_path / "spot2026").mkdir()
    (tmp_path / "spot2026" / NODES).touch()
    found = read_experiment(path, tmp_path)
    assert len(found.trials) == len({t.identity for t in found.trials}) > len(found.centre)
