"""`suanli bench week`: a simulated week of the whole market, its laws checked every hour."""

import json
import tempfile
from pathlib import Path

from suanli.adapters.verification import verify_file
from suanli.bootstrap import datasheet_text
from suanli.cli.output import Format, err, out, progress, show
from suanli.simulation.week.figures import Figures, figures
from suanli.simulation.week.report import (
    CREDITS,
    HEDGING,
    JOINT,
    MARKET,
    REST,
    SET_ASIDE,
    STRIPS,
    page,
)
from suanli.simulation.week.run import Week
from suanli.simulation.week.stage import Plan


def bench_week(days: int, seed: int, file: Path | None, report: Path | None) -> None:
    """Run the week, verify its chain, print the figures, and write them and the page."""
    found = run_week(Plan(days, seed))
    out.print(f"simulated: three operators, 200 tenants, {days} days, seed {seed}; conservation "
              f"held at {found['hours_checked']} hours, the chain of {found['blocks']} blocks "
              "verified", markup=False)
    for rows, columns in (("by_day", MARKET), ("by_day", JOINT), ("by_day", SET_ASIDE),
                          ("strips", STRIPS), ("credits", CREDITS), ("by_day", REST)):
        show(found[rows], columns, Format.table)
    show([{key: round(value, 3) if isinstance(value, float) else value
           for key, value in row.items()} for row in found["hedging"]], HEDGING, Format.table)
    out.print(f"state root {found['state_root']}", markup=False)
    for target, text in ((file, json.dumps(found, indent=1)), (report, page(found))):
        if target is not None:
            target.write_text(text, encoding="utf-8")
            err.print(f"written: {target}", markup=False)


def run_week(plan: Plan) -> Figures:
    """Run a week in a fresh temporary directory; return its figures, with the verified rows."""
    with tempfile.TemporaryDirectory(prefix="suanli-week-") as name:
        path = Path(name) / "chain.db"
        week = Week(plan, path, datasheet_text())
        with progress("virtual time") as moved:
            outcome = week.go(moved)
        week.theatre.engine.close()
        verdict = verify_file(path, replay=False)
    return figures(outcome) | {"rows": verdict.rows}
