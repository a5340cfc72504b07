"""`suanli bench crash`: the flash-crash drill, seed by seed, and what the protections took away."""

import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from suanli.bootstrap import datasheet_text
from suanli.cli.output import Format, out, progress, same, show
from suanli.simulation.crash import PROTECTIONS, STEPS, cut_of, drill


def bench_crash(seeds: Iterable[int], is_blind: bool, file: Path | None) -> None:
    """Run the drill for each seed, print both runs of each, and write them to a file."""
    rows: list[dict[str, Any]] = []
    cuts: list[float] = []
    datasheet = datasheet_text()
    for seed in seeds:
        with progress(f"drill, seed {seed}"):
            found = drill(datasheet, seed, not is_blind)
        cuts.append(cut_of(found))
        rows += [{"seed": seed, "protections": name, **asdict(crash),
                  "drawdown": round(crash.drawdown, 4)} for name, crash in found.items()]
    out.print(f"simulated; {STEPS} s of one product, a large seller from the fifth minute; "
              "prices in milli-RMB a token, volume in lots", markup=False)
    show(rows, same(*rows[0]), Format.table)
    out.print(f"the protections cut the drawdown by {statistics.median(cuts):.1%} (median), "
              f"{min(cuts):.1%} (least), over {len(cuts)} seeds", markup=False)
    if file is not None:
        file.write_text(json.dumps({
            "what": "simulated flash crash", "parameters": PROTECTIONS, "is_blind": is_blind,
            "runs": rows,
            "drawdown_cut_median": statistics.median(cuts), "drawdown_cut_min": min(cuts),
        }, indent=1), encoding="utf-8")
