"""The application that engines call: info, check, prepare, process, finalise, commit.

Laws
----
* `finalise` runs a block's envelopes and says what the state became; nothing is durable until
  the engine has stored the block and calls `commit`.
* Whatever block a replica finalises, it gets the same results and the same state root.
"""

from dataclasses import dataclass

from suanli.chain.block import FORMAT, Block, Body, Header, state_root
from suanli.chain.merkle import Frontier
from suanli.domain.genesis import Genesis
from suanli.domain.state_machine import Domain, Receipt
from suanli.ledger.row import ROW_BYTES
from suanli.members.envelope import Envelope
from suanli.terms.change import Effect
from suanli.terms.errors import IntegrityBroken
from suanli.terms.refusals import Code, Refusal

ENVELOPES_PER_BLOCK_MAX = 8192


@dataclass(frozen=True, slots=True)
class Finalised:
    """What running a block gave."""

    header: Header
    body: Body
    receipts: tuple[Receipt, ...]
    effects: tuple[Effect, ...]


class Application:
    """One replica of one domain."""

    def __init__(self, genesis: Genesis) -> None:
        self.domain = Domain(genesis)
        self.height = 0
        self.time = genesis.time
        self.head = genesis.hash()
        self._history = Frontier()

    def info(self) -> tuple[int, bytes]:
        """Return the last committed height and its block hash."""
        return self.height, self.head

    def check(self, envelope: Envelope, at: int) -> Refusal | None:
        """Say why an envelope would not enter a block now, or None."""
        found = self.domain.authenticate(envelope, at)
        return found if isinstance(found, Refusal) else None

    def prepare(self, envelopes: list[Envelope], at: int) -> list[Envelope]:
        """Choose what goes into the next block: authentic envelopes, in the order they came."""
        return [e for e in envelopes[:ENVELOPES_PER_BLOCK_MAX] if e.is_signed()
                and e.chain == self.domain.genesis.chain]

    def process(self, envelopes: list[Envelope], at: int) -> bool:
        """Say whether a proposed block may be voted for."""
        return at >= self.time and self.prepare(envelopes, at) == envelopes

    def finalise(self, envelopes: list[Envelope], at: int) -> Finalised:
        """Run the next block's envelopes at its instant."""
        at = max(at, self.time)
        self.domain.follows(self.head, self.time)
        receipts = tuple(self.domain.apply(envelope, at) for envelope in envelopes)
        body = _body(envelopes, receipts)
        rooms = self.domain.roots()
        header = Header(FORMAT, self.domain.genesis.chain, self.height + 1, at, self.head,
                        **body.roots(), history=self._history.root(), state=state_root(rooms),
                        rooms=rooms)
        return Finalised(header, body, receipts, tuple(e for r in receipts for e in r.effects))

    def commit(self, header: Header) -> None:
        """Move on: the engine has made the block durable."""
        self.height, self.time, self.head = header.height, header.time, header.hash()
        self._history.append(self.head)

    def replay(self, block: Block) -> Finalised:
        """Re-execute a stored block and insist on the same header.

        Raises
        ------
        IntegrityBroken
            Naming the height, and the rooms whose roots differ.
        """
        envelopes = [Envelope.from_bytes(data) for data in block.body.envelopes]
        finalised = self.finalise(envelopes, block.header.time)
        if finalised.header != block.header:
            mine = finalised.header
            fields = [f for f in Header.__slots__ if getattr(mine, f) != getattr(block.header, f)]
            rooms = [r for r, root in mine.rooms.items() if block.header.rooms.get(r) != root]
            raise IntegrityBroken(f"block {block.header.height}: replay differs in "
                                  f"{', '.join(fields)} (rooms: {', '.join(rooms) or 'none'})")
        if finalised.body != block.body:
            raise IntegrityBroken(f"block {block.header.height}: the stored body is not what its "
                                  "header is over")
        self.commit(block.header)
        return finalised


def _body(envelopes: list[Envelope], receipts: tuple[Receipt, ...]) -> Body:
    results, row, leaf = [], 0, 0
    for receipt in receipts:
        results.append(receipt.to_bytes(row, leaf))
        row += len(receipt.rows) // ROW_BYTES
        leaf += len(receipt.leaves)
    return Body(tuple(e.to_bytes() for e in envelopes), tuple(results),
                b"".join(r.rows for r in receipts),
                tuple(data for r in receipts for data in r.leaves))


def refusal_of(receipt: Receipt) -> Refusal | None:
    """Return a receipt's refusal, if it is one."""
    return Refusal(Code(receipt.code), receipt.reason) if receipt.code else None
