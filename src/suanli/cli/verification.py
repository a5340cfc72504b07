"""`suanli verify`: a copy of a chain, or one receipt file, judged offline."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from suanli.adapters.sqlite_engine import StoredChain
from suanli.bootstrap import CHAIN_FILE
from suanli.chain.block import Block, Body, header_from_bytes
from suanli.chain.verify import Stored, verify_chain, verify_receipt
from suanli.domain.application import Application
from suanli.domain.audit import NaiveLedger
from suanli.domain.genesis import Genesis
from suanli.terms.canonical import decode
from suanli.terms.errors import InputError, IntegrityBroken


class Verdict(NamedTuple):
    """What was verified."""

    blocks: int
    envelopes: int
    rows: int
    leaves: int
    is_replayed: bool
    state_root: str


def verify_directory(directory: Path, replay: bool,
                     progress: Callable[[int, int], None] = lambda done, total: None) -> Verdict:
    """Verify the chain in a directory; raises IntegrityBroken naming the first bad block."""
    path = directory / CHAIN_FILE if directory.is_dir() else directory
    chain = StoredChain(path)
    application = Application(Genesis.from_bytes(chain.genesis)) if replay else None
    ledger = NaiveLedger()
    blocks = envelopes = leaves = 0
    root = b""
    for verified, stored in _paired(chain):
        ledger.block(verified)
        if application is not None:
            application.replay(Block(header_from_bytes(stored.header),
                                     Body.from_bytes(stored.body), stored.certificate))
        blocks, root = blocks + 1, verified.header["state"]
        envelopes += len(verified.envelopes)
        leaves += len(verified.leaves)
        if blocks % 100 == 0:
            progress(blocks, 0)
    ledger.check_sums()
    return Verdict(blocks, envelopes, ledger.rows, leaves, replay, root.hex())


def _paired(chain: StoredChain) -> Any:
    """Yield (verified, stored) pairs, reading the chain once."""
    last: list[Stored] = []

    def remember() -> Any:
        for stored in chain.blocks():
            last[:] = [stored]
            yield stored

    for verified in verify_chain(chain.genesis, remember()):
        yield verified, last[0]


def verify_receipt_file(path: Path, validator: str | None) -> dict[str, Any]:
    """Verify one receipt file; return what it says. Raises IntegrityBroken or InputError."""
    try:
        receipt = json.loads(path.read_text(encoding="utf-8"))
        validators = [bytes.fromhex(v) for v in ([validator] if validator
                                                 else receipt["validators"])]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a receipt file: {error!r}") from error
    header = verify_receipt(receipt, validators)
    result = decode(bytes.fromhex(receipt["result"]))
    if result["code"]:
        raise IntegrityBroken(f"the receipt is of a refusal: {result['reason']}")
    return {"height": header["height"], "time": header["time"], "chain": header["chain"],
            "validator": validators[0].hex(), "answer": result["answer"],
            "leaves": [decode(bytes.fromhex(leaf["leaf"])) for leaf in receipt["leaves"]]}
