"""Reader for the Azure LLM inference trace: two files of requests over about an hour.

Columns: TIMESTAMP (ISO 8601, UTC, up to seven decimals), ContextTokens, GeneratedTokens; a row a
request, in order of arrival. `code` is code completion (long contexts, short answers), `conv` is
conversation. Source: Azure/AzurePublicDataset, CC-BY-4.0.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from suanli.planning.view import Ints
from suanli.terms.errors import InputError

CODE: Final = "AzureLLMInferenceTrace_code.csv"
CONVERSATION: Final = "AzureLLMInferenceTrace_conv.csv"
COLUMNS: Final = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
# No model of this decade reads or writes more in one request; a bound against typing errors.
TOKENS_MAX: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests in order of arrival, one array a column, all of one length."""

    arrival_ms: Ints  # since the first request
    context: Ints  # tokens read
    generated: Ints  # tokens written

    @property
    def span_ms(self) -> int:
        """The time from the first to the last request."""
        return int(self.arrival_ms[-1])


def read_requests(path: Path) -> Requests:
    """Return every request of a trace file.

    Raises
    ------
    InputError
        With file, line and column, for whatever cannot be read: a missing column, negative or
        unreadable counts, instants that are not in order, no request at all.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; a folder with {CODE} and {CONVERSATION} is "
                         "accepted")
    rows = np.array(list(_rows(path)), dtype=np.int64).reshape(-1, 3)
    if not len(rows):
        raise InputError(f"{path}:2: TIMESTAMP: found no request; one or more are accepted")
    return Requests(rows[:, 0] - rows[0, 0], rows[:, 1], rows[:, 2])


def _rows(path: Path) -> Iterator[tuple[int, int, int]]:
    """Yield (instant, context, generated) of each line."""
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{path}:1: {missing[0]}: the column is missing")
        before: int | None = None
        for row in reader:
            where = f"{path}:{reader.line_num}"
            at = _instant(row["TIMESTAMP"], where)
            if before is not None and at < before:
                raise InputError(f"{where}: TIMESTAMP: found {row['TIMESTAMP']!r}, earlier than "
                                 "the line before; instants in order are accepted")
            before = at
            yield at, _tokens(row, COLUMNS[1], where), _tokens(row, COLUMNS[2], where)


def _instant(text: Any, where: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise InputError(f"{where}: TIMESTAMP: found {text!r}; an ISO 8601 date and time is "
                         "accepted") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _tokens(row: dict[str, Any], column: str, where: str) -> int:
    text = row[column] or ""
    if not (text.isascii() and text.isdecimal() and int(text) <= TOKENS_MAX):
        raise InputError(f"{where}: {column}: found {row[column]!r}; a whole number of tokens, "
                         f"0 to {TOKENS_MAX}, is accepted")
    return int(text)
