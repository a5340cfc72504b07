"""Rows of several seeds as one line a policy and point: mean and 95 % interval.

Where a policy did not sustain the load in some seed, delays have no meaning as means (they grow
with the window), and the growth of its queue stands in their place.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from suanli.simulation.confidence import Mean, mean_of
from suanli.simulation.trials import KINDS, Row

MEASURES = ("queueing_delay_mean_s", "queueing_delay_p50_s", "queueing_delay_p95_s",
            "above_bound_s", "slo_attainment", "jct_mean_s", "makespan_s", "rho_worst",
            "rho_over_one_share", "utilisation", "allocated_share", "interval_coverage",
            "offered_load", "backlog_growth_device_hours_per_day")
DELAYS = ("queueing_delay_mean_s", "queueing_delay_p50_s", "queueing_delay_p95_s", "jct_mean_s",
          "above_bound_s")


def groups(rows: Iterable[Row]) -> list[list[Row]]:
    """Return the rows of equal policy and point together, in the order of their first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        key = repr([row["trace"], row["policy"], *(_plain(row[name]) for name in _options(row))])
        found.setdefault(key, []).append(row)
    return list(found.values())


def means(group: Sequence[Row]) -> dict[str, Mean]:
    """Return the mean over a group's seeds of each measure that all its rows have."""
    return {name: mean_of([row[name] for row in group]) for name in MEASURES
            if all(isinstance(row.get(name), int | float) for row in group)}


def is_sustained(group: Sequence[Row]) -> bool:
    """Say whether every seed sustained the load; worlds without a queue always do."""
    return all(row.get("is_sustained", True) for row in group)


def lines(rows: Sequence[Row]) -> list[Row]:
    """Return what is printed: policy, the point's keys that differ, figures as text."""
    options = _options(rows[0])
    shown = [name for name in options if len({repr(_plain(row[name])) for row in rows}) > 1]
    shown = shown or [name for name in options if name in ("load", "demand")]
    return [_line(group, shown) for group in groups(rows)]


def _line(group: Sequence[Row], shown: Sequence[str]) -> Row:
    figures = means(group)
    line = {"policy": group[0]["policy"],
            **{name: _words(group[0].get(name)) for name in shown}, "seeds": str(len(group))}
    sustained = is_sustained(group)
    line |= {name: number(mean) for name, mean in figures.items()
             if sustained or name not in DELAYS}
    if not sustained:
        deadlocks = sum(bool(row.get("note")) for row in group)
        line["queueing_delay_mean_s"] = "deadlock" if deadlocks == len(group) else "not sustained"
        line["queue_growth"] = number(figures["backlog_growth_device_hours_per_day"])
    return line


def number(mean: Mean) -> str:
    """Return a mean as people read it: 16,350 ±420."""
    def text(value: float) -> str:
        return f"{value:,.0f}" if abs(mean.value) >= 100 else f"{value:.3f}"
    return text(mean.value) + (f" ±{text(mean.half)}" if mean.half is not None else "")


def _options(row: Row) -> list[str]:
    """Return what a row is at, beside its policy and seed: the options of its kind of trace."""
    return [name for name in KINDS[row["trace"]].options if name in row]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ":".join(map(_words, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
