"""Who held which host: the whole run at a glance, and the busiest day placement by placement."""

from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from suanli.simulation.report.style import PALE, TENANT_MAP, figure

WIDE = 10.0
LANE_INCHES = 0.075
LEGEND_MAX = 20  # the palette's colours; further tenants use them again
LANE_GAP = 0.12  # of a lane, above each host of the close-up


def run_at_a_glance(series: dict[str, Any]) -> Figure:
    """Return hosts by days: colour, the tenant that holds most; paler, the less of it is held."""
    hosts = series["hosts"]
    drawn = figure(WIDE, 1.0 + LANE_INCHES * max(12, len(hosts)))
    axes = drawn.add_subplot()
    owner, busy = np.array(series["owner"]), np.array(series["busy_percent"]) / 100
    shade = np.clip(busy, 0, 1)[..., None]
    paint = np.where(owner[..., None] >= 0, _paint(owner), 1.0)
    image = np.round((shade * paint + (1 - shade)) * 255).astype(np.uint8)
    axes.imshow(image, aspect="auto", interpolation="nearest", extent=(
        0, series["edges_h"][-1] / 24, len(hosts), 0))
    first, last = (hour / 24 for hour in series["day_h"])
    axes.axvspan(first, last, fill=False, edgecolor="#333333", linewidth=0.8)
    _zones(axes, hosts)
    _legend(axes, series["tenant_names"])
    axes.set_xlabel("days from the first submission (frame: the day below)")
    return drawn


def busiest_day(series: dict[str, Any]) -> Figure:
    """Return one bar a placement on its devices, for the day in which most began."""
    hosts = series["hosts"]
    drawn = figure(WIDE, 1.0 + 2 * LANE_INCHES * max(12, len(hosts)))
    axes = drawn.add_subplot()
    first, last = series["day_h"]
    bars = np.array(series["bars"], dtype=float).reshape(-1, 6)
    depth = np.array([host[2] for host in hosts], dtype=float)[bars[:, 0].astype(int)]
    inner = 1 - LANE_GAP
    top = bars[:, 0] + LANE_GAP / 2 + bars[:, 1] / depth * inner
    bottom = top + bars[:, 2] / depth * inner
    left, right = bars[:, 3] - first, bars[:, 4] - first
    corners = np.stack([np.stack([x, y], axis=1) for x, y in (
        (left, top), (right, top), (right, bottom), (left, bottom))], axis=1)
    axes.add_collection(PolyCollection(list(corners), facecolors=_paint(bars[:, 5].astype(int)),
                                       edgecolors="white", linewidths=0.25))
    axes.set_facecolor(PALE)
    axes.set_xlim(0, last - first)
    axes.set_ylim(len(hosts), 0)
    axes.set_xticks(range(0, 25, 3))
    _zones(axes, hosts)
    axes.set_xlabel(f"hours of that day (it begins {first / 24:.1f} days after the first "
                    "submission)")
    return drawn


def _paint(owner: Any) -> Any:
    """Return colours by tenant number, the last axis being red, green, blue."""
    palette = np.array(matplotlib.colormaps[TENANT_MAP].colors)  # type: ignore[attr-defined]
    return palette[np.asarray(owner) % len(palette)]


def _legend(axes: Axes, tenants: list[str]) -> None:
    handles = [Patch(color=_paint(n), label=name) for n, name in enumerate(tenants[:LEGEND_MAX])]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=8, fontsize=8,
                borderaxespad=0.2, handlelength=0.9, columnspacing=1.2)


def _zones(axes: Axes, hosts: list[list[Any]]) -> None:
    """Name each pool once, at its middle, with a line between pools."""
    axes.grid(visible=False)
    names = [f"{zone}\n{chip}" for zone, chip, _ in hosts]
    starts = [n for n, name in enumerate(names) if n == 0 or name != names[n - 1]]
    ends = [*starts[1:], len(names)]
    axes.set_yticks([(a + b) / 2 for a, b in zip(starts, ends, strict=True)],
                    [names[a] for a in starts], fontsize=8)
    axes.tick_params(axis="y", length=0)
    for at in starts[1:]:
        axes.axhline(at, color="#333333", linewidth=0.8)
