"""The verifier: re-derives hashes, trees and signatures with code of its own.

It shares no code with the writer: own hashing, own tree (recursive, straight from the RFC's
definition), own signature checks. It takes blocks as stored bytes, so that it judges the file
and not what a reader made of it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import cbor2
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from suanli.terms.errors import IntegrityBroken


class Stored(NamedTuple):
    """A block as its store has it."""

    height: int
    hash: bytes
    header: bytes
    body: bytes
    certificate: bytes


class Verified(NamedTuple):
    """A block whose bytes hold together, decoded by the verifier."""

    header: dict[str, Any]
    envelopes: list[bytes]
    results: list[bytes]
    rows: bytes
    leaves: list[bytes]


def verify_chain(genesis: bytes, blocks: Iterable[Stored]) -> Iterator[Verified]:
    """Yield each block once everything about its bytes is proved; stop at the first bad one.

    Raises
    ------
    IntegrityBroken
        Naming the height and what was found.
    """
    try:
        start = cbor2.loads(genesis)
        keys = [VerifyKey(key) for key in start["validators"]]
        previous, time = _sha(b"suanli genesis 1\x00", genesis), int(start["time"])
    except Exception as error:  # damaged bytes fail in many ways; all mean the same here
        raise IntegrityBroken(f"the genesis cannot be read: {error!r}") from error
    peaks: list[tuple[int, bytes]] = []
    for height, stored in enumerate(blocks, start=1):
        try:
            verified, block_hash = _block(stored, height, start["chain"], keys, previous, time,
                                          _peaks_root(peaks))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # Damaged bytes that still decode can have any shape.
            raise IntegrityBroken(f"block {height}: not a block's shape: {error!r}") from error
        yield verified
        previous, time = block_hash, verified.header["time"]
        _append(peaks, _sha(b"\x00", block_hash))


def _block(stored: Stored, height: int, chain: str, keys: list[VerifyKey], previous: bytes,
           time: int, history: bytes) -> tuple[Verified, bytes]:
    """Return one block, proved against what came before it."""
    header = _canonical(stored.header, height, "header")
    for field, expected in (("height", height), ("chain", chain), ("previous", previous),
                            ("history", history), ("format", 1)):
        _same(header[field], expected, height, field)
    _same(stored.height, height, height, "stored height")
    if header["time"] < time:
        raise IntegrityBroken(f"block {height}: time runs backwards")
    body = _canonical(stored.body, height, "body")
    _body(header, body, height)
    block_hash = _sha(b"suanli block 1\x00", stored.header)
    _same(stored.hash, block_hash, height, "hash")
    if not any(_is_signed(key, block_hash, stored.certificate) for key in keys):
        raise IntegrityBroken(f"block {height}: no validator of the genesis signed it")
    _signatures(body[0], chain, height)
    return Verified(header, *body), block_hash


def verify_receipt(receipt: dict[str, Any], validators: list[bytes]) -> dict[str, Any]:
    """Return the header of a receipt file whose proofs lead to a signed block.

    Raises
    ------
    IntegrityBroken
        Naming the part that does not hold.
    """
    try:
        raw = bytes.fromhex(receipt["header"])
        header: dict[str, Any] = _canonical(raw, receipt["height"], "header")
        size, index = receipt["size"], receipt["index"]
        checks = [("envelope", "envelopes", receipt["envelope"], index, size,
                   receipt["envelope_path"]),
                  ("result", "results", receipt["result"], index, size, receipt["result_path"])]
        checks += [("provenance leaf", "leaves", leaf["leaf"], leaf["index"], leaf["size"],
                    leaf["path"]) for leaf in receipt["leaves"]]
        for what, field, data, at, of, path in checks:
            found = _climb(bytes.fromhex(data), at, of, [bytes.fromhex(p) for p in path])
            if found != header[field]:
                raise IntegrityBroken(f"receipt: the {what}'s path does not lead to the header")
        signature = bytes.fromhex(receipt["certificate"])
        keys = [VerifyKey(key) for key in validators]
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityBroken(f"not a receipt file: {error!r}") from error
    if not any(_is_signed(key, _sha(b"suanli block 1\x00", raw), signature) for key in keys):
        raise IntegrityBroken("receipt: no validator signed this header")
    return header


def _sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _canonical(data: bytes, height: int, what: str) -> Any:
    try:
        value = cbor2.loads(data)
    except Exception as error:  # damaged bytes fail in many ways; all mean the same here
        raise IntegrityBroken(f"block {height}: the {what} cannot be decoded: {error}") from error
    if cbor2.dumps(value, canonical=True) != data:
        raise IntegrityBroken(f"block {height}: the {what} is not canonical")
    return value


def _same(found: Any, expected: Any, height: int, what: str) -> None:
    if found != expected:
        def show(value: Any) -> Any:
            return value.hex() if isinstance(value, bytes) else value
        raise IntegrityBroken(
            f"block {height}: {what}: found {show(found)}, expected {show(expected)}")


def _body(header: dict[str, Any], body: Any, height: int) -> None:
    envelopes, results, rows, leaves = body
    _same(len(results), len(envelopes), height, "number of results")
    _same(len(rows) % 128, 0, height, "length of the rows")
    pieces = [rows[i:i + 128] for i in range(0, len(rows), 128)]
    for what, data in (("envelopes", envelopes), ("results", results), ("rows", pieces),
                       ("leaves", leaves)):
        _same(_tree([_sha(b"\x00", item) for item in data]), header[what], height,
              f"root of the {what}")
    state = _sha(b"suanli state 1\x00", cbor2.dumps(header["rooms"], canonical=True))
    _same(header["state"], state, height, "state root over the rooms")


def _tree(hashes: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, by its own recursion."""
    if not hashes:
        return _sha()
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return _sha(b"\x01", _tree(hashes[:k]), _tree(hashes[k:]))


def _climb(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Fold a path from the leaf up by the recursive splits of the tree."""
    if not 0 <= index < size:
        raise IntegrityBroken(f"receipt: index {index} outside a tree of {size}")
    turns = []
    start, end = 0, size
    while end - start > 1:
        k = start + (1 << (end - start - 1).bit_length() - 1)
        turns.append(index < k)
        start, end = (start, k) if index < k else (k, end)
    if len(turns) != len(path):
        raise IntegrityBroken(f"receipt: a path of {len(path)}, {len(turns)} expected")
    node = _sha(b"\x00", leaf)
    for is_left, sibling in zip(reversed(turns), path, strict=True):
        node = _sha(b"\x01", node, sibling) if is_left else _sha(b"\x01", sibling, node)
    return node


def _append(peaks: list[tuple[int, bytes]], leaf: bytes) -> None:
    size = 1
    while peaks and peaks[-1][0] == size:
        leaf, size = _sha(b"\x01", peaks.pop()[1], leaf), size * 2
    peaks.append((size, leaf))


def _peaks_root(peaks: list[tuple[int, bytes]]) -> bytes:
    if not peaks:
        return _sha()
    node = peaks[-1][1]
    for _, peak in reversed(peaks[:-1]):
        node = _sha(b"\x01", peak, node)
    return node


def _is_signed(key: VerifyKey, block_hash: bytes, certificate: bytes) -> bool:
    try:
        key.verify(b"suanli checkpoint 1\x00" + block_hash, certificate)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


def _signatures(envelopes: list[bytes], chain: str, height: int) -> None:
    """Check every envelope's own signature; whose key it is, replay decides."""
    for index, data in enumerate(envelopes):
        envelope = _canonical(data, height, f"envelope {index}")
        signed = cbor2.dumps([envelope["chain"], envelope["signer"], envelope["member"],
                              envelope["nonce"], envelope["command"]], canonical=True)
        try:
            VerifyKey(envelope["signer"]).verify(b"suanli envelope 1\x00" + signed,
                                                 envelope["signature"])
        except (BadSignatureError, ValueError, TypeError, KeyError):
            raise IntegrityBroken(
                f"block {height}: envelope {index} is not signed by its signer") from None
        _same(envelope["chain"], chain, height, f"chain of envelope {index}")
