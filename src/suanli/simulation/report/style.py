"""How pictures look: light, one colour a policy in every picture, and SVG that stands in a page.

Text stays text (small files, searchable); identifiers are salted by the picture's name, so that
two pictures of a page do not share them and the same rows give the same bytes.
"""

import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

# Okabe and Ito's palette, which colour-blind people can tell apart, and three greys beyond it.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A7F00", "#000000",
           "#777777", "#AAAAAA", "#5A3E85")
TENANT_MAP = "tab20"
GRID, INK, PALE = "#E6E6E6", "#333333", "#F4F4F2"
SETTINGS: Any = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9.5,
    "font.sans-serif": ["Inter", "Helvetica Neue", "Arial", "DejaVu Sans"],
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#BBBBBB",
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": "#666666", "ytick.color": "#666666",
    "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.7, "axes.axisbelow": True,
    "axes.titlesize": 10, "axes.titlelocation": "left", "legend.frameon": False,
    "lines.linewidth": 1.5, "figure.constrained_layout.use": True}


def colours(policies: Sequence[str]) -> dict[str, str]:
    """Return a colour by policy."""
    return {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(dict.fromkeys(policies))}


def figure(width: float, height: float) -> Figure:
    """Return an empty figure, inches."""
    return Figure(figsize=(width, height))


def svg(drawn: Figure, name: str) -> str:
    """Return a figure as an SVG element for a page: no prolog, no metadata, no address."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        drawn.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return text.replace("<svg", f'<svg role="img" aria-label="{name}"', 1)
