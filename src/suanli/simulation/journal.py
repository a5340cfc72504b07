"""Finished trials on disk, one JSON line each, appended durably; what an interruption leaves.

A line is {"trial": identity, "row": …, "series": …}. A line that an interruption tore is the last
one, and is cut off before the next is written; any other line that cannot be read is refused.
"""

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from suanli.simulation.trials import Result
from suanli.terms.errors import Conflict, InputError


def journal_of(file: Path) -> Path:
    """Return where the journal of a result file is: beside it."""
    return file.with_name(f"{file.name}.journal")


class Journal:
    """An open journal; one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: dict[str, Result] = {}  # by identity
        self._file: IO[bytes]

    def __enter__(self) -> Self:
        """Take the journal and read it.

        Raises
        ------
        Conflict
            While another process has it.
        InputError
            With file and line, for a line that is not one of ours.
        """
        is_new = not self.path.exists()
        self._file = self.path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise Conflict(f"{self.path}: another process writes to this journal") from error
        try:
            self._read()
        except InputError:
            self._file.close()
            raise
        if is_new:  # the file's name must outlast a power cut too
            directory = os.open(self.path.parent, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._file.close()

    def _read(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        for number, line in enumerate(content[:whole].splitlines(), 1):
            identity, result = _entry(line, f"{self.path}:{number}")
            self.done[identity] = result
        self._file.truncate(whole)

    def add(self, identity: str, result: Result) -> None:
        """Append a finished trial; it is on the disk when this returns."""
        line: dict[str, Any] = {"trial": identity, "row": result.row, "series": result.series}
        self._file.write(json.dumps(line).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done[identity] = result


def _entry(line: bytes, where: str) -> tuple[str, Result]:
    try:
        entry = json.loads(line)
        identity, row, series = entry["trial"], entry["row"], entry["series"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{where}: not a line of a replay's journal ({error!r}); remove the file "
                         "to start anew") from error
    if not (isinstance(identity, str) and isinstance(row, dict)
            and isinstance(series, dict | None)):
        raise InputError(f"{where}: not a line of a replay's journal; remove the file to start "
                         "anew")
    return identity, Result(row, series)
