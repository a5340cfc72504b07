"""The book against published report streams, and hand-computed cases."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from suanli.market.report import Message, reports

PUBLISHED = {
    "static": "30895c4246054c34dfb1f4e23628fed61c02770382370ac15acc6c9dc04f619a",
    "normal": "3279fd03cd0a436ea97efd5f6ff272dfa9935deb0b1062376b5fd1544dc1fcad",
    "swing-25": "0506208d7454772ce4f87da0ed883bb3e02bd423f4f54006a8923f5323240570",
}


@pytest.mark.parametrize(("name", "digest"), PUBLISHED.items())
def test_published_streams(public_data: Path, name: str, digest: str) -> None:
    path = public_data / "market" / "book" / "small" / f"{name}_seed23_count50000.npz"
    columns = np.load(path)
    fields = (columns[k].tolist() for k in ("type", "side", "ioc", "oid", "px", "qty"))
    lines = list(reports(Message(*row) for row in zip(*fields, strict=True)))
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == digest


N, C, M = 0, 1, 2
B, S = 0, 1


@pytest.mark.parametrize(("messages", "lines"), [
    # price-time: the older of two equal asks trades first, at its own price
    ([(N, S, 0, 1, 10, 5), (N, S, 0, 2, 10, 5), (N, B, 0, 3, 12, 6)],
     ["0,0,1,1,10,5", "0,1,1,2,10,5", "0,2,0,3,12,6", "1,2,10,5,1,3", "1,2,10,1,2,3"]),
    # a cancel in the middle keeps the order of the rest
    ([(N, S, 0, 1, 10, 1), (N, S, 0, 2, 10, 1), (N, S, 0, 3, 10, 1), (C, S, 0, 2, 0, 0),
      (N, B, 0, 4, 10, 2)],
     ["0,0,1,1,10,1", "0,1,1,2,10,1", "0,2,1,3,10,1", "2,3,1,2,10", "0,4,0,4,10,2",
      "1,4,10,1,1,4", "1,4,10,1,3,4"]),
    # the rest of an IOC is cancelled and leaves no phantom level
    ([(N, S, 0, 1, 10, 1), (N, B, 1, 2, 10, 3), (N, S, 0, 3, 10, 1)],
     ["0,0,1,1,10,1", "0,1,0,2,10,3", "1,1,10,1,1,2", "2,1,0,2,10", "0,2,1,3,10,1"]),
    # a crossing modify trades at the maker's price and goes to the back
    ([(N, S, 0, 1, 10, 2), (N, B, 0, 2, 9, 2), (M, B, 0, 2, 11, 3)],
     ["0,0,1,1,10,2", "0,1,0,2,9,2", "1,2,10,2,1,2", "3,2,0,2,11,3"]),
    ([(C, B, 0, 7, 0, 0), (M, B, 0, 7, 1, 1)], ["4,0,7", "5,1,7"]),
])
def test_hand_computed(messages: list[tuple[int, ...]], lines: list[str]) -> None:
    assert list(reports(Message(*m) for m in messages)) == lines
