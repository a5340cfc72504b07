"""Reader for the spot-2026 inventory: hosts by GPU model and size, or a stratified sample of them.

A stratum is a (model, devices per host). A sample takes `scale` of every stratum, whole hosts by
largest remainder, so that the mix of models and sizes stays; it is deterministic. Source:
alibaba/clusterdata, cluster-trace-v2026-spot-gpu; research use.

`inventory.csv` maps models of the trace to our chips. Two models are anonymised: they keep an id
of their own and are rated as a datasheet chip, which is an assumption and marked as one there.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from math import floor
from pathlib import Path
from typing import Any, Final

from suanli.chips.datasheet import Chip, parse
from suanli.planning.onboarding import Fleet, HostGroup
from suanli.terms.errors import InputError

NODES: Final = "node_info_df.csv"
COLUMNS: Final = ("gpu_model", "gpu_capacity_num")
DEVICES_MAX: Final = 64  # in one host; a bound against typing errors
ZONE, AREA, PRICE_MRMB = "spot-1", "spot", 1000

Stratum = tuple[str, int]  # (chip, devices per host)


def read_fleet(folder: Path, scale: float) -> Fleet:
    """Return a sample of the inventory as a fleet; 1 takes every host.

    Raises
    ------
    InputError
        With file, line and column, for whatever cannot be read, and for a scale that leaves no
        host.
    """
    if not 0 < scale <= 1:
        raise InputError(f"scale {scale}; above 0 and at most 1 is accepted")
    hosts = Counter(_rows(folder / NODES))
    sample = stratified(dict(hosts), scale)
    groups = tuple(HostGroup(ZONE, AREA, chip, devices, count)
                   for (chip, devices), count in sample.items() if count)
    if not groups:
        raise InputError(f"scale {scale}: no host of {hosts.total()} is left; a larger one is "
                         "accepted")
    return Fleet(groups, PRICE_MRMB)


def stratified(hosts: dict[Stratum, int], scale: float) -> dict[Stratum, int]:
    """Return how many hosts of each stratum a sample takes, ordered by chip, then size.

    >>> stratified({("a", 8): 10, ("b", 1): 25}, 0.1)
    {('a', 8): 1, ('b', 1): 3}
    """
    order = sorted(hosts)
    exact = {stratum: hosts[stratum] * scale for stratum in order}
    taken = {stratum: floor(exact[stratum]) for stratum in order}
    left = floor(sum(hosts.values()) * scale + 0.5) - sum(taken.values())
    for stratum in sorted(order, key=lambda s: (taken[s] - exact[s], s))[:left]:
        taken[stratum] += 1
    return taken


def chips() -> dict[str, Chip]:
    """Return the datasheet with the anonymised models beside it, by chip id."""
    sheet = parse((files("suanli.chips") / "datasheet.csv").read_text(encoding="utf-8"))
    for row in _inventory():
        if row["chip"] not in sheet:
            sheet[row["chip"]] = replace(
                sheet[row["rated_as"]], id=row["chip"], model=row["trace_model"],
                confidence="assumption", notes=row["note"])
    return sheet


def _inventory() -> list[dict[str, str]]:
    text = (files("suanli.simulation") / "inventory.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _rows(path: Path) -> Iterator[Stratum]:
    """Yield the stratum of each host."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; a folder with {NODES} is accepted")
    known = {row["trace_model"]: row["chip"] for row in _inventory()}
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{path}:1: {missing[0]}: the column is missing")
        for row in reader:
            where = f"{path}:{reader.line_num}"
            if row["gpu_model"] not in known:
                raise InputError(f"{where}: gpu_model: found {row['gpu_model']!r}; "
                                 f"{', '.join(known)} are accepted")
            yield known[row["gpu_model"]], _devices(row, where)


def _devices(row: dict[str, Any], where: str) -> int:
    text = row["gpu_capacity_num"] or ""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= DEVICES_MAX):
        raise InputError(f"{where}: gpu_capacity_num: found {row['gpu_capacity_num']!r}; 1 to "
                         f"{DEVICES_MAX} is accepted")
    return int(text)
