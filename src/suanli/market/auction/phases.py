"""The phases of a call auction.

| phase     | from               | orders                             | left by                 |
|-----------|--------------------|------------------------------------|-------------------------|
| open      | the calendar has it | in, out, changed                   | time                    |
| no-cancel | before the gate    | in; what is there may only improve | time                    |
| late      | the gate           | in, at the risk of being too late  | `market.close_auction`  |
| closing   | late is over       | none                               | the same, a block later |
| clearing  | the end is drawn   | none; clearings are proposed       | `market.settle_auction` |
| settled   |                    | none                               |                         |

The end is drawn when it is over, from the hash of a block made after trading stopped. So nobody
can know it while it matters, and an order that came after it is left out.
"""

from typing import Final, NamedTuple

from suanli.market.auction.records import CLEARING, CLOSING, OPEN, Sitting
from suanli.members.state import Members
from suanli.terms.canonical import sha256
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import changed

BEFORE, NO_CANCEL, LATE = "before", "no-cancel", "late"
OVER: Final = "over"
END_TAG: Final = b"suanli auction end\x00"


class Head(NamedTuple):
    """The last block before the one that is being made."""

    hash: bytes
    time: int


def phase(sitting: Sitting, at: int) -> str:
    """Return an auction's phase at an instant."""
    if sitting.status != OPEN:
        return sitting.status
    for end, name in ((sitting.opens, BEFORE), (sitting.no_cancel_from, OPEN),
                      (sitting.gate, NO_CANCEL), (sitting.last, LATE)):
        if at < end:
            return name
    return OVER


def closed(id: int, sitting: Sitting, at: int, head: Head, members: Members,
           links: tuple[tuple[str, str, int, int], ...]) -> Sitting | Refusal:
    """Return an auction that no longer trades, or whose end is drawn; or why not yet."""
    if sitting.status == CLOSING:
        if head.hash == sitting.entropy:
            return Refusal(Code.WRONG_AUCTION_PHASE, f"auction {id}: no block has been made since "
                           "trading ended; again in a later one")
        return _drawn(id, sitting, at, head, members, links)
    if phase(sitting, at) != OVER:
        return Refusal(Code.WRONG_AUCTION_PHASE, f"auction {id} is {phase(sitting, at)}; it can "
                       f"be closed from {sitting.last} on, once")
    return changed(sitting, status=CLOSING, entropy=head.hash)  # type: ignore[no-any-return]


def _drawn(id: int, sitting: Sitting, at: int, head: Head, members: Members,
           links: tuple[tuple[str, str, int, int], ...]) -> Sitting:
    entropy = sha256(END_TAG, head.hash, id.to_bytes(8, "big"))
    ends = sitting.gate + int.from_bytes(entropy[:8], "big") % (sitting.last - sitting.gate)
    deadline = at + members.parameter("auction_solve_ms")
    return changed(sitting, status=CLEARING, entropy=entropy,  # type: ignore[no-any-return]
                   ends=ends, deadline=deadline, links=links)
