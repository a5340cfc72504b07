"""Reader for openb, the Alibaba GPU cluster of 2023: its hosts, and the tasks of a workload.

Source: alibaba/clusterdata, `cluster-trace-gpu-v2023`; a workload is one of its pod lists, the
measured one (`default`) or a synthetic variant. Only what packing needs is kept; the times that
a list may have are checked and left out, because only arrivals are replayed.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from suanli.planning.packing.arrays import WHOLE, Hosts, Requests
from suanli.terms.errors import InputError

HOSTS: Final = "openb_node_list_gpu_node.csv"
HOST_COLUMNS: Final = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
TASKS: Final = "openb_pod_list_{}.csv"
TASK_COLUMNS: Final = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli")
TIME_COLUMNS: Final = ("creation_time", "deletion_time", "scheduled_time")
# Larger figures are typing errors, and sums of smaller ones stay exact in 64 bits.
FIGURE_MAX: Final = 10**12
DEVICES_MAX: Final = 64  # more cards than any server has
CHIPS_MAX: Final = 62  # the bits of a mask that stays positive


class Fleet(NamedTuple):
    """Hosts with everything free, and the name of each chip by its index, in name's order."""

    hosts: Hosts
    chips: tuple[str, ...]


def read_fleet(folder: Path) -> Fleet:
    """Return the hosts of a trace folder.

    Raises
    ------
    InputError
        With file, line and column, for whatever cannot be read.
    """
    path = folder / HOSTS
    rows = [(_whole(row, "cpu_milli", where), _whole(row, "memory_mib", where),
             _whole(row, "gpu", where, DEVICES_MAX), _named(row, "model", where))
            for row, where in _rows(path, HOST_COLUMNS) if _named(row, "sn", where)]
    chips = tuple(sorted({row[3] for row in rows}))
    if not 1 <= len(chips) <= CHIPS_MAX:
        raise InputError(f"{path}: found {len(chips)} models; 1 to {CHIPS_MAX} are accepted")
    cpu, memory, devices = np.array([row[:3] for row in rows], np.int64).T.copy()
    chip = np.array([chips.index(row[3]) for row in rows], np.int64)
    milli = np.where(np.arange(max(1, devices.max())) < devices[:, None], WHOLE, 0)
    return Fleet(Hosts(cpu, memory, milli.astype(np.int64), chip), chips)


def read_tasks(folder: Path, workload: str, chips: tuple[str, ...]) -> Requests:
    """Return the tasks of a workload, one a row, in the order of the file.

    A `gpu_spec` names alternatives split by `|`; a chip that no host has adds no bit, so a task
    that wants nothing else fits nowhere.

    Raises
    ------
    InputError
        With file, line and column, for whatever cannot be read.
    """
    path = folder / TASKS.format(workload)
    rows = [_task(row, where, chips) for row, where in _rows(path, TASK_COLUMNS)]
    return Requests(*np.array(rows, np.int64).T.copy())


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each row with its place in the file."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; a folder with {path.name} is accepted")
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        is_empty = True
        try:
            missing = [c for c in columns if c not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{path}:1: {missing[0]}: the column is missing")
            for row in reader:
                is_empty = False
                yield row, f"{path}:{reader.line_num}"
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path}:{reader.line_num + 1}: {error}; UTF-8 text is accepted"
                             ) from error
        if is_empty:
            raise InputError(f"{path}:2: found no rows; at least one is accepted")


def _task(row: dict[str, Any], where: str, chips: tuple[str, ...]) -> tuple[int, ...]:
    devices = _whole(row, "num_gpu", where, DEVICES_MAX)
    milli = _whole(row, "gpu_milli", where, WHOLE)
    if (devices == 0) != (milli == 0) or (devices > 1 and milli != WHOLE):
        raise InputError(
            f"{where}: gpu_milli: found {milli} for {devices} GPUs; 0 for none, 1 to {WHOLE} for "
            f"one, {WHOLE} for more are accepted")
    for column in TIME_COLUMNS:
        if row.get(column):  # a task that never ran has no time
            _number(row, column, where, FIGURE_MAX)
    _named(row, "name", where)
    return (_whole(row, "cpu_milli", where), _whole(row, "memory_mib", where), devices, milli,
            _mask(row.get("gpu_spec"), chips))


def _mask(spec: str | None, chips: tuple[str, ...]) -> int:
    """Return the bit mask of the chips that a spec allows; none named: all."""
    if not spec:
        return (1 << len(chips)) - 1
    wanted = spec.split("|")
    return sum(1 << index for index, chip in enumerate(chips) if chip in wanted)


def _named(row: dict[str, Any], column: str, where: str) -> str:
    if not row[column]:
        raise InputError(f"{where}: {column}: found nothing; a name is accepted")
    return str(row[column])


def _number(row: dict[str, Any], column: str, where: str, most: int) -> float:
    try:
        value = float(row[column])
    except (TypeError, ValueError):
        raise InputError(f"{where}: {column}: found {row[column]!r}; a number is accepted"
                         ) from None
    if not 0 <= value <= most:
        raise InputError(f"{where}: {column}: found {row[column]!r}; 0 to {most} is accepted")
    return value


def _whole(row: dict[str, Any], column: str, where: str, most: int = FIGURE_MAX) -> int:
    value = _number(row, column, where, most)
    if value != int(value):
        raise InputError(f"{where}: {column}: found {row[column]!r}; a whole number is accepted")
    return int(value)
