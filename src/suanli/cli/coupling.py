"""`suanli bench coupling`: the forms of market side by side, on the same days."""

import json
from pathlib import Path
from typing import Any

from suanli.cli.output import Format, err, out, progress, show
from suanli.simulation.confidence import Mean
from suanli.simulation.coupling.study import study, summary

HEADINGS = {"form": "form of market", "welfare_rmb": "welfare RMB a day",
            "welfare_gain": "gain over posted", "utilisation": "utilisation",
            "useful": "of use", "fill_rate": "of what was asked",
            "price_convergence": "hours converged", "price_mrmb": "price mRMB"}


def bench_coupling(seeds: int, file: Path | None) -> None:
    """Run the study, print its means with 95 % intervals, and write them with every day's."""
    rows = []
    with progress("days") as moved:
        for seed, found in study(seeds):
            rows.append(found)
            moved(seed, seeds)
    means = summary(rows)
    out.print(f"simulated: three operators, 200 tenants, a day a seed; {seeds} seeds")
    show([{key: _told(value) for key, value in row.items()} for row in means], HEADINGS,
         Format.table)
    if file is not None:
        file.write_text(json.dumps({"means": [_plain(row) for row in means], "days": rows},
                                   indent=1), encoding="utf-8")
        err.print(f"written: {file}", markup=False)


def _told(value: Any) -> Any:
    if not isinstance(value, Mean):
        return value
    digits = 0 if abs(value.value) >= 100 else 3
    half = "" if value.half is None else f" ±{value.half:,.{digits}f}"
    return f"{value.value:,.{digits}f}{half}"


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value._asdict() if isinstance(value, Mean) else value
            for key, value in row.items()}
