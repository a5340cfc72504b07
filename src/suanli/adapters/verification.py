"""A stored chain judged offline: signatures, hashes, trees, and a naive ledger over its rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from suanli.adapters.sqlite_engine import StoredChain
from suanli.chain.block import Block, Body, header_from_bytes
from suanli.chain.verify import Stored, verify_chain
from suanli.domain.application import Application
from suanli.domain.audit import NaiveLedger
from suanli.domain.genesis import Genesis


class Verdict(NamedTuple):
    """What was verified."""

    blocks: int
    envelopes: int
    rows: int
    leaves: int
    is_replayed: bool
    state_root: str


def verify_file(path: Path, replay: bool,
                progress: Callable[[int, int], None] = lambda done, total: None) -> Verdict:
    """Verify the chain in a file; raises IntegrityBroken naming the first bad block."""
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
