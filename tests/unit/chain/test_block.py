"""Block bodies as they are stored."""

import pytest

from suanli.chain.block import Body
from suanli.terms.canonical import MESSAGE_BYTES_MAX
from suanli.terms.errors import IntegrityBroken


def test_a_body_may_hold_more_than_a_message() -> None:
    """One array of a large fleet: a few bytes asked, far more bytes of rows."""
    body = Body((b"envelope",), (b"result",), bytes(MESSAGE_BYTES_MAX + 1), ())
    assert Body.from_bytes(body.to_bytes()) == body


def test_a_damaged_body_is_named() -> None:
    with pytest.raises(IntegrityBroken, match="cannot be decoded"):
        Body.from_bytes(b"\xff")
