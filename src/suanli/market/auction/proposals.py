"""Clearings that solvers propose: of an auction as it is, and as it would be without the set-aside.

Laws
----
* Both are judged by the same rules, each on its own arrays; the most welfare wins, of equals the
  first. The counterfactual is published; nothing is ever settled by it.

Order of checks: something was withheld (if that is what the clearing is about), more welfare than
the best so far, whole numbers, then `verify`'s rules.
"""

from typing import Final

from suanli.market.auction.commands import Clear, ClearWithout
from suanli.market.auction.frozen import Frozen
from suanli.market.auction.instance import Clearing
from suanli.market.auction.records import ARRAYS, Best, to_bytes
from suanli.market.auction.verification import verify
from suanli.terms.refusals import Code, Refusal

# Where the best so far of each kind stands until the auction is settled.
PROPOSED: Final[dict[type, str]] = {Clear: "clearings", ClearWithout: "clearings_without"}


def proposal(auction: int, clearing: Clearing, kind: type[Clear] = Clear) -> Clear:
    """Return the command that proposes a clearing."""
    arrays = {name: to_bytes(getattr(clearing, name)) for name in ARRAYS}
    return kind(auction, **arrays, welfare=clearing.welfare)


def judged(command: Clear, sender: int, frozen: Frozen, best: Best | None) -> Best | Refusal:
    """Return what is now the best clearing of its kind, or why it is not taken."""
    auction = frozen.without if isinstance(command, ClearWithout) else frozen.auction
    if auction is None:
        return Refusal(Code.CLEARING_REFUSED, "nothing was withheld from what this auction could "
                       "sell, so it is its own counterfactual; market.clear is accepted")
    if best is not None and command.welfare <= best.welfare:
        return Refusal(Code.CLEARING_NOT_BETTER, f"welfare {command.welfare}; above "
                       f"{best.welfare} is accepted")
    if any(len(getattr(command, name)) % 8 for name in ARRAYS):
        return Refusal(Code.CLEARING_REFUSED, "arrays of int64, 8 bytes a number, are accepted")
    found = Best(sender, command.welfare, *(getattr(command, name) for name in ARRAYS))
    if breach := verify(auction, found.clearing()):
        return Refusal(Code.CLEARING_REFUSED, f"rule {breach.rule}, at {breach.where}: found "
                       f"{breach.found}; accepted: {breach.accepted}")
    return found
