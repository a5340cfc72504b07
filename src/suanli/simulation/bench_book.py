"""How fast the spot book is, on a public stream of two million messages with a published answer.

The engine answers the stream as a batch, and message by message; the plain Python reference of the
same semantics answers it too. All three emit the same binary rows, which is checked, and the text
that the published hash is of is rendered outside the time. Figures are medians over runs, which
take turns so that a noisy neighbour meets all; an untimed run goes before, for cold memory and the
compiler. The batch writes its rows into an array that is kept from run to run, as a server would;
the reference appends its to a list. A per-call time is one Python call of `Engine.submit`, the
stopwatch's own time included.
"""

import hashlib
import lzma
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from suanli.market.book.engine import Engine, Messages
from suanli.market.book.memory import Ints
from suanli.market.book.messages import IOC, SIDE_SHIFT, TYPE_SHIFT
from suanli.market.book.reference import Reference
from suanli.market.report import rendered
from suanli.terms.errors import InputError, invariant

STREAM = Path("market", "book", "normal_full")
SMALL = Path("market", "book", "small")
COLUMNS = (("flags", "u1"), ("oid", "<u4"), ("px", "<u2"), ("qty", "u1"))
SMALL_COLUMNS = ("type", "side", "ioc", "oid", "px", "qty")
# Published beside the data: SHA-256 of the small streams' reports.
SMALL_HASHES = {
    "static": "30895c4246054c34dfb1f4e23628fed61c02770382370ac15acc6c9dc04f619a",
    "normal": "3279fd03cd0a436ea97efd5f6ff272dfa9935deb0b1062376b5fd1544dc1fcad",
    "swing-25": "0506208d7454772ce4f87da0ed883bb3e02bd423f4f54006a8923f5323240570",
}
RUNS = 5
Figures = dict[str, Any]
Calls = list[tuple[int, ...]]


def measure_book(data: Path, runs: int = RUNS) -> Figures:
    """Return the hashes and the speeds.

    Raises: InputError where the public data is absent.
    """
    messages = full_stream(data)
    rows = Engine().submit_many(messages)
    calls: Calls = list(zip(*(column.tolist() for column in messages), strict=True))
    _check(calls, rows)
    batch, call, call_p99, plain = _medians(messages, calls, np.empty_like(rows, shape=(
        len(rows) + len(calls), rows.shape[1])), runs)
    return {"hash_normal": hash_of(rows), "hashes_small_ok": _small_hashes(data) == SMALL_HASHES,
            "messages": len(calls), "reports": len(rows),
            "messages_per_s_batch": round(len(calls) / batch),
            "messages_per_s_call": round(len(calls) / call),
            "call_p99_us": round(call_p99 / 1000, 2),
            "python_reference_messages_per_s": round(len(calls) / plain),
            "ratio": round(plain / batch, 1), "runs": runs, "rendering": "untimed"}


def _medians(messages: Messages, calls: Calls, room: Ints, runs: int) -> list[float]:
    """Return seconds of a batch and of calls, ns of the 99th percentile of one, seconds plain."""
    room[:] = 0
    short = [call[:4] for call in calls]
    found = [(_seconds(lambda: Engine().submit_many(messages, room)),
              _seconds(lambda: _call_all(short)),
              float(np.percentile(_call_times(short), 99)),
              _seconds(lambda: Reference().submit_many(calls))) for _ in range(runs)]
    return [statistics.median(column) for column in zip(*found, strict=True)]


def full_stream(data: Path) -> Messages:
    """Read the stream of two million messages. Its flags are an engine's codes."""
    columns = [np.frombuffer(_unpacked(data / STREAM / f"{name}.{width.strip('<')}.xz"), width)
               for name, width in COLUMNS]
    return Messages.plain(*(column.astype(np.int64) for column in columns))


def _unpacked(path: Path) -> bytes:
    try:
        return lzma.decompress(path.read_bytes())
    except OSError as error:
        raise InputError(f"no stream at {path}: --data or SUANLI_DATA names a folder with the "
                         f"public data ({error.strerror})") from error


def small_stream(path: Path) -> Messages:
    """Read one of the short streams."""
    type, side, is_ioc, order, price, quantity = (
        np.load(path)[name].astype(np.int64) for name in SMALL_COLUMNS)
    code = type | side << SIDE_SHIFT | (is_ioc * IOC) << TYPE_SHIFT
    return Messages.plain(code, order, price, quantity)


def hash_of(rows: Ints) -> str:
    """Return the SHA-256 of report rows as text."""
    return hashlib.sha256("\n".join(rendered(rows)).encode()).hexdigest()


def _small_hashes(data: Path) -> dict[str, str]:
    return {name: hash_of(Engine().submit_many(small_stream(path)))
            for name in SMALL_HASHES for path in (data / SMALL).glob(f"{name}_*.npz")}


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _call_all(calls: Calls) -> None:
    submit = Engine().submit
    for code, order, price, quantity in calls:
        submit(code, order, price, quantity)


def _call_times(calls: Calls) -> Ints:
    """Return each call's time, ns."""
    submit, clock = Engine().submit, time.perf_counter_ns
    times = np.empty(len(calls), np.int64)
    for index, (code, order, price, quantity) in enumerate(calls):
        began = clock()
        submit(code, order, price, quantity)
        times[index] = clock() - began
    return times


def _check(calls: Calls, rows: Ints) -> None:
    """Stop if single messages, or the reference, do not give the rows of the batch."""
    invariant(np.array_equal(Reference().submit_many(calls), rows), "the reference's rows match")
    engine, start = Engine(), 0
    for call in calls:
        count = engine.submit(*call)
        invariant(engine.reports[:count].tobytes() == rows[start:start + count].tobytes(),
                  "a call's rows are the batch's", call=call)
        start += count
