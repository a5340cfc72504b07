"""Pictures in the terminal; imported late, only by who draws one."""

import sys

import plotext

WIDTH_MAX, HEIGHT = 100, 14
APART_MAX = 12  # more bars than this touch: gaps between narrow ones come out uneven


def bars(labels: list[str], values: list[float], title: str, colour: bool | None = None) -> str:
    """Return a bar chart as text, without colours where nobody sees them."""
    plotext.clear_figure()
    plotext.plotsize(min(WIDTH_MAX, plotext.terminal_width() or WIDTH_MAX), HEIGHT)
    plotext.bar(labels, values, width=0.6 if len(values) <= APART_MAX else 1.0)
    plotext.title(title)
    plotext.theme("clear")
    text: str = plotext.build()
    is_seen = sys.stdout.isatty() if colour is None else colour
    return text if is_seen else str(plotext.uncolorize(text))
