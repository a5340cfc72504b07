"""What commands print: tables for people, JSON for scripts, one line and a code for errors."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

# A pipe has no width: rows stay on one line there, for grep and awk.
PIPE_WIDTH = 240
SHORT = 24
out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
err = Console(stderr=True, soft_wrap=True, highlight=False)


class Format(StrEnum):
    """How a list is printed."""

    table = "table"
    json = "json"


def show(rows: list[dict[str, Any]], columns: dict[str, str], output: Format) -> None:
    """Print rows as a table of some columns (key -> heading), or whole as a JSON array."""
    if output is Format.json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for key, heading in columns.items():
        is_number = bool(rows) and isinstance(rows[0].get(key), (int, float))
        width = max([len(heading), *(len(_cell(row.get(key))) for row in rows)])
        # Where a terminal is too narrow, long texts are cut and short columns stay whole.
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=True,
                         overflow="ellipsis", min_width=width if width <= SHORT else None)
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    out.print(table if rows else "nothing to list")


def same(*keys: str) -> dict[str, str]:
    """Return columns whose headings are their keys."""
    return {key: key for key in keys}


def rmb(micro_rmb: int) -> str:
    """Return an amount of cash as people write it."""
    return f"{micro_rmb / 1e6:.6f}".rstrip("0").rstrip(".")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ",".join(map(str, value)) or "-"
    return str(value)


@contextmanager
def progress(what: str) -> Iterator[Any]:
    """Yield a function (done, total) that moves a bar on a terminal and does nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
