"""The pictures that compare policies: over time, delays, tenants, prices, and what factors do.

Every function takes (policy, series) pairs of one point and one seed, or groups of rows, and
returns a figure. What a series is, `simulation/series.py` says.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter

from suanli.simulation.report.style import GRID, INK, colours, figure
from suanli.simulation.summary import is_sustained, means
from suanli.simulation.trials import Row

Series = dict[str, Any]
Pairs = Sequence[tuple[str, Series]]
WIDE = 10.0
TICKS_S = (1, 10, 60, 600, 3600, 86_400, 864_000)
TICK_NAMES = ("≤ 1 s", "10 s", "1 min", "10 min", "1 h", "1 day", "10 days")
NAME_MAX = 14


def over_time(pairs: Pairs, key: str, label: str, is_share: bool = False) -> Figure:
    """Return one line a policy over the days of the run; the shade is after the last arrival."""
    drawn = figure(WIDE, 2.9)
    axes = drawn.add_subplot()
    colour = colours([name for name, _ in pairs])
    for name, series in pairs:
        edges = np.array(series["edges_h"]) / 24
        axes.stairs(series[key], edges, color=colour[name], label=name, linewidth=1.4)
    _window(axes, pairs)
    if is_share:
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
    else:
        axes.set_ylim(bottom=0)
    axes.set_ylabel(label)
    axes.set_xlabel("days from the first submission")
    _legend(axes)
    return drawn


def _window(axes: Axes, pairs: Pairs) -> None:
    end = max(series["edges_h"][-1] for _, series in pairs) / 24
    last = pairs[0][1]["window_h"] / 24
    axes.set_xlim(0, end)
    if last < end:
        axes.axvspan(last, end, color="#F1EFEA", zorder=0, linewidth=0)
        axes.annotate("last arrival", (last, 1.0), xycoords=("data", "axes fraction"),
                      xytext=(-3, 3), textcoords="offset points", ha="right", fontsize=8,
                      color="#8A8578")


def _legend(axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=8,
                    borderaxespad=0.2, handlelength=1.4, columnspacing=1.4)


def distribution(pairs: Pairs) -> Figure:
    """Return the empirical distribution of queueing delays, logarithmic in time."""
    drawn = figure(WIDE / 2, 3.3)
    axes = drawn.add_subplot()
    colour = colours([name for name, _ in pairs])
    for name, series in pairs:
        delays = np.maximum(np.array(series["delay_quantiles_s"]), 1.0)
        axes.plot(delays, np.linspace(0, 1, len(delays)), color=colour[name], label=name)
    axes.set_xscale("log")
    longest = max(series["delay_quantiles_s"][-1] for _, series in pairs)
    _time_ticks(axes.xaxis, max(10.0, longest))
    axes.set_xlim(1, max(10.0, longest) * 1.1)
    axes.set_ylim(0, 1.01)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_ylabel("jobs that waited no longer")
    axes.set_xlabel("queueing delay")
    _legend(axes)
    return drawn


def _time_ticks(axis: Any, longest: float) -> None:
    shown = [(t, n) for t, n in zip(TICKS_S, TICK_NAMES, strict=True) if t <= longest * 1.1]
    axis.set_ticks([t for t, _ in shown], [n for _, n in shown], fontsize=8)
    axis.set_minor_locator(NullLocator())


def by_gang(pairs: Pairs) -> Figure:
    """Return the mean delay (dot) and its 95th percentile (tick) by devices asked for."""
    drawn = figure(WIDE / 2, 3.3)
    axes = drawn.add_subplot()
    colour = colours([name for name, _ in pairs])
    classes = list(dict.fromkeys(g["devices"] for _, s in pairs for g in s["delay_by_gang"]))
    longest = 10.0
    for n, (name, series) in enumerate(pairs):
        shift = (n - (len(pairs) - 1) / 2) * 0.7 / max(2, len(pairs))
        at = [classes.index(g["devices"]) + shift for g in series["delay_by_gang"]]
        mean, high = (np.maximum([g[key] for g in series["delay_by_gang"]], 1.0)
                      for key in ("mean_s", "p95_s"))
        axes.vlines(at, np.minimum(mean, high), np.maximum(mean, high), color=colour[name],
                    linewidth=1.2, alpha=0.6)
        axes.plot(at, high, "_", color=colour[name], markersize=7)
        axes.plot(at, mean, "o", color=colour[name], markersize=5, label=name)
        longest = max(longest, float(high.max()), float(mean.max()))
    axes.set_yscale("log")
    _time_ticks(axes.yaxis, longest)
    axes.set_ylim(0.8, longest * 1.5)
    axes.set_xticks(range(len(classes)), classes)
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("devices that the job asks for")
    axes.set_ylabel("queueing delay")
    _legend(axes)
    return drawn


def tenants(pairs: Pairs) -> Figure:
    """Return each tenant's share of the device time against what it asked for, and was due."""
    rows = pairs[0][1]["tenants"]
    drawn = figure(WIDE, 1.0 + 0.26 * len(rows))
    axes = drawn.add_subplot()
    colour = colours([name for name, _ in pairs])
    place = {row["tenant"]: len(rows) - 1 - n for n, row in enumerate(rows)}
    axes.barh(list(place.values()), [row["asked"] for row in rows], height=0.62, color=GRID,
              label="asked for")
    due = [(row["due"], place[row["tenant"]]) for row in rows if row["due"] is not None]
    if due:
        axes.plot(*zip(*due, strict=True), "|", color=INK, markersize=12, label="due")
    for n, (name, series) in enumerate(pairs):
        shift = 0.4 * ((len(pairs) - 1) / 2 - n) / max(1, len(pairs) - 1)
        axes.plot([row["held"] for row in series["tenants"]],
                  [place[row["tenant"]] + shift for row in series["tenants"]], "o",
                  color=colour[name], markersize=4.5, label=name)
    axes.set_yticks(list(place.values()), [_short(name) for name in place], fontsize=8)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("share of the device time in the window")
    _legend(axes)
    return drawn


def _short(name: str) -> str:
    return name if len(name) <= NAME_MAX else name[:NAME_MAX - 1] + "…"


def prices(pairs: Pairs) -> Figure:
    """Return the price of a device-hour over time, a panel a policy that sets one."""
    priced = [(name, series) for name, series in pairs if series["prices"]]
    drawn = figure(WIDE, 2.4 * len(priced))
    for n, (name, series) in enumerate(priced, 1):
        axes = drawn.add_subplot(len(priced), 1, n)
        pools = list(dict.fromkeys(pool for _, pool, _ in series["prices"]))
        for pool, colour in colours(pools).items():
            at, price = zip(*[(h / 24, p) for h, q, p in series["prices"] if q == pool],
                            strict=True)
            axes.step(at, price, where="post", color=colour, label=pool, linewidth=1)
        axes.set_title(name)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("price of a device-hour")
        axes.set_xlabel("days from the first submission")
        axes.legend(loc="upper right", fontsize=8)
    return drawn


def ranking(groups: Sequence[Sequence[Row]]) -> Figure:
    """Return the mean delay with its interval by policy; unsustained ones are hatched."""
    drawn = figure(WIDE, 0.9 + 0.34 * len(groups))
    axes = drawn.add_subplot()
    colour = colours([group[0]["policy"] for group in groups])
    for n, group in enumerate(groups):
        mean = means(group)["queueing_delay_mean_s"]
        name, is_good = group[0]["policy"], is_sustained(group)
        axes.barh(-n, mean.value / 3600, height=0.62, color=colour[name],
                  alpha=1.0 if is_good else 0.35, hatch=None if is_good else "///",
                  xerr=mean.half / 3600 if mean.half else None, ecolor=INK, capsize=3)
        axes.annotate("" if is_good else "not sustained", (0, -n), xytext=(6, 0),
                      textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks([-n for n in range(len(groups))], [group[0]["policy"] for group in groups])
    axes.grid(axis="y", visible=False)
    axes.set_xlim(left=0)
    axes.set_xlabel("mean queueing delay, hours (95 % interval over seeds)")
    return drawn


def factor(name: str, points: Sequence[tuple[str, Sequence[Sequence[Row]]]]) -> Figure:
    """Return the mean delay by policy over the values of one factor; hollow: not sustained."""
    drawn = figure(WIDE / 2, 3.0)
    axes = drawn.add_subplot()
    policies = list(dict.fromkeys(g[0]["policy"] for _, groups in points for g in groups))
    for policy, colour in colours(policies).items():
        found = [(n, group) for n, (_, groups) in enumerate(points) for group in groups
                 if group[0]["policy"] == policy]
        figures = [means(group)["queueing_delay_mean_s"] for _, group in found]
        at = [n for n, _ in found]
        axes.errorbar(at, [m.value / 3600 for m in figures],
                      [m.half / 3600 if m.half else 0 for m in figures], color=colour,
                      label=policy, capsize=3)
        for n, group, mean in zip(at, (g for _, g in found), figures, strict=True):
            axes.plot(n, mean.value / 3600, "o", markersize=6, color=colour, markerfacecolor=(
                colour if is_sustained(group) else "white"))
    axes.set_xticks(range(len(points)), [label for label, _ in points])
    axes.set_xlim(-0.3, len(points) - 0.7)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(name.replace("_", " "))
    axes.set_ylabel("mean queueing delay, hours")
    _legend(axes)
    return drawn
