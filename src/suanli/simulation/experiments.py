"""An experiment as data: a centre, and one factor varied at a time around it, in a TOML file.

    trace = "philly"      # a folder below the public data's traces/, or `generated`, or `mixed`
    policies = ["best-fit", "fifo"]   # each runs at every point
    seeds = [1, 2, 3]

    [centre]                          # options of the trace; what is left out has its default
    load = 0.85

    [vary]                            # each value once, all else at the centre
    load = [0.7, 1.0]

Which options there are is the trace's matter (`trials.KINDS`).
"""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from suanli.simulation.mixed import PARTS
from suanli.simulation.traces.philly import FACTOR_MAX
from suanli.simulation.trials import Trial, check, kind_of, place_of, trial_of
from suanli.terms.errors import InputError

KEYS: Final = ("title", "trace", "policies", "seeds", "centre", "vary")
SEED_MAX: Final = 2**31 - 1
TRIALS_MAX: Final = 100_000  # more is a slip of the pen
Check = Callable[[Any], bool]


def _is_number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _is_pair(value: Any, check: Check, is_strict: bool) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(check, value)) and (
        value[0] < value[1] if is_strict else value[0] <= value[1])


def _is_day(value: Any) -> bool:
    return isinstance(value, int) and _is_number(value, 0, 10_000)


class Option(NamedTuple):
    """What an option accepts: a test, the words for it, and how it is kept."""

    accepts: Check
    words: str
    keep: Callable[[Any], Any]


OPTIONS: Final[dict[str, Option]] = {
    "load": Option(lambda v: _is_number(v, 0.001, 100), "a number from 0.001 to 100", float),
    "fleet": Option(lambda v: isinstance(v, str) and v != "", "a name, as v100 or mixed", str),
    "days": Option(lambda v: _is_pair(v, _is_day, True),
                   "two whole days, the first below the second, as [10, 50] (typed A:B, "
                   "10:50)", tuple),
    "limit_factors": Option(
        lambda v: _is_pair(v, lambda n: _is_number(n, 1e-3, FACTOR_MAX), False),
        f"two numbers from 0.001 to {FACTOR_MAX}, the lower one first, as [1, 10] (typed A:B, "
        "1:10)",
        lambda v: (float(v[0]), float(v[1]))),
    "restore_s": Option(lambda v: _is_number(v, 0, 86_400), "seconds from 0 to 86400", float),
    "arena": Option(lambda v: isinstance(v, bool), "true or false", bool),
    "workload": Option(lambda v: isinstance(v, str) and v != "", "a name, as default", str),
    "demand": Option(lambda v: _is_number(v, 0.001, 100), "a number from 0.001 to 100", float),
    "scale": Option(lambda v: _is_number(v, 0.001, 1), "a number from 0.001 to 1", float),
    "part": Option(lambda v: isinstance(v, str) and v in PARTS, " or ".join(PARTS), str),
}


@dataclass(frozen=True, slots=True)
class Experiment:
    """Trials in the order of their points, seeds and policies; `centre`: those of the centre."""

    title: str
    trials: tuple[Trial, ...]
    centre: tuple[Trial, ...]


def option(name: str, value: Any, where: str) -> Any:
    """Return an option's value as a trial keeps it, or raise InputError saying what it accepts."""
    if not OPTIONS[name].accepts(value):
        raise InputError(f"{where}: found {value!r}; {OPTIONS[name].words} is accepted")
    return OPTIONS[name].keep(value)


def read_experiment(path: Path, traces: Path) -> Experiment:
    """Return the experiment of a file; `traces` is where a trace's name is looked up.

    Raises
    ------
    InputError
        Naming file and key, what was found and what is accepted.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}") from error
    _known(raw, KEYS, str(path))
    trace = _text(raw, "trace", path)
    folder = place_of(trace, traces) or traces / trace
    kind = kind_of(folder)
    policies = _list(raw, "policies", path, lambda v: isinstance(v, str), "policy names")
    seeds = _list(raw, "seeds", path, lambda v: isinstance(v, int) and _is_number(
        v, 0, SEED_MAX), f"whole numbers from 0 to {SEED_MAX}")
    centre, vary = _table(raw, "centre", path), _table(raw, "vary", path)
    try:
        check(kind, policies, centre | vary)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    first = trial_of(kind, folder, policies[0], seeds[0], **{
        name: option(name, value, f"{path}: centre.{name}") for name, value in centre.items()})
    return _experiment(str(raw.get("title", path.stem)), first, policies, seeds, _varied(
        vary, path), path)


def _experiment(title: str, first: Trial, policies: list[str], seeds: list[int],
                points: list[dict[str, Any]], path: Path) -> Experiment:
    if (count := len(policies) * len(seeds) * (1 + len(points))) > TRIALS_MAX:
        raise InputError(f"{path}: {count} trials; at most {TRIALS_MAX} are accepted")
    made = [[replace(first, policy=policy, seed=seed, **point)
             for seed in seeds for policy in policies] for point in [{}, *points]]
    # A value that equals the centre's is the centre: it runs once.
    return Experiment(title, tuple(dict.fromkeys(t for trials in made for t in trials)),
                      tuple(made[0]))


def _varied(vary: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    points = []
    for name, values in vary.items():
        if not isinstance(values, list) or not values:
            raise InputError(f"{path}: vary.{name}: found {values!r}; a list with a value or more "
                             f"is accepted, each {OPTIONS[name].words}")
        points += [{name: option(name, value, f"{path}: vary.{name}[{number}]")}
                   for number, value in enumerate(values)]
    return points


def _known(table: dict[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in keys:
            raise InputError(f"{where}: {key}: an unknown key; {', '.join(keys)} are accepted")


def _text(raw: dict[str, Any], key: str, path: Path) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value:
        raise InputError(f"{path}: {key}: found {value!r}; a name is accepted")
    return value


def _table(raw: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    value = raw.get(key, {})
    if not isinstance(value, dict):
        raise InputError(f"{path}: {key}: found {value!r}; a table [{key}] is accepted")
    return value


def _list(raw: dict[str, Any], key: str, path: Path, accepts: Check, words: str) -> list[Any]:
    value = raw.get(key)
    if not isinstance(value, list) or not value or not all(map(accepts, value)):
        raise InputError(f"{path}: {key}: found {value!r}; a list of {words} is accepted, not "
                         "empty")
    if len({str(item) for item in value}) < len(value):
        raise InputError(f"{path}: {key}: found {value!r}; each may stand there once")
    return value
