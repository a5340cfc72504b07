"""One encoding a value, and only that one decodes."""

import contextlib

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.terms.canonical import DEPTH_MAX, MESSAGE_BYTES_MAX, decode, encode
from suanli.terms.errors import InputError

values = st.recursive(
    st.none() | st.booleans() | st.integers(-2**63, 2**63 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(values)
def test_decode_gives_back_what_was_encoded(value: object) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize("data", [
    b"", b"\xff", b"\x18\x01", bytes.fromhex("a2616201616100"), cbor2.dumps(1.5),
    cbor2.dumps({1: 2}), b"\x01\x01", cbor2.dumps([1], canonical=True) + b"\x00"])
def test_other_bytes_are_input_errors(data: bytes) -> None:
    with pytest.raises(InputError):
        decode(data)


def test_long_and_deep_messages_are_refused() -> None:
    with pytest.raises(InputError, match="at most"):
        decode(bytes(MESSAGE_BYTES_MAX + 1))
    deep: list[object] = []
    for _ in range(DEPTH_MAX + 1):
        deep = [deep]
    with pytest.raises(InputError, match="deeper"):
        decode(encode(deep))


@given(st.binary(max_size=200))
def test_hostile_bytes_never_do_worse(data: bytes) -> None:
    with contextlib.suppress(InputError):
        assert encode(decode(data)) == data
