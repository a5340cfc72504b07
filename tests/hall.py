"""A stage with call auctions: a day attested ahead, orders in few words, phases by name."""

from collections import defaultdict
from typing import Any

import numpy as np

from suanli.domain.state_machine import Receipt
from suanli.ledger.commands import Attest
from suanli.ledger.row import CASH, Kind, account
from suanli.market.auction.commands import (
    Clear,
    CloseAuction,
    EnterBlock,
    EnterCurve,
    EnterFlexible,
    EnterOffer,
    Leg,
    OpenAuction,
    SettleAuction,
)
from suanli.market.auction.instance import UNIT, Clearing
from suanli.market.auction.proposals import proposal
from suanli.market.auction.records import Sitting
from suanli.market.auction.verification import welfare_of
from suanli.terms.instant import DAY, HOUR
from suanli.terms.quantity import LOT
from suanli.terms.refusals import Code
from tests.stage import CHIP, SINGLE, START, Stage

AREA, DAY_AHEAD = "area-1", START + DAY
BUY, SELL = 0, 1


def refused(stage: Stage, member: int, command: Any, code: Code) -> str:
    """It is refused with this code, and no room but the nonces changes; return why."""
    before = stage.domain.roots()
    receipt = stage.say(member, command)
    assert Code(receipt.code) is code, receipt.reason
    after = stage.domain.roots()
    assert {room for room in after if after[room] != before[room]} <= {"members"}
    return receipt.reason


class Hall(Stage):
    """An operator (1) with 16 H100 attested for the next day, two tenants (2, 3), one auction."""

    def opened(self) -> "Hall":
        super().opened()
        self.must(1, Attest(AREA, CHIP, DAY_AHEAD, 24, 16))
        self.at = START + 9 * HOUR
        self.auction = int(self.must(2, OpenAuction("day-ahead", DAY_AHEAD)).answer["auction"])
        return self

    @property
    def sitting(self) -> Sitting:
        found: Sitting = self.rooms.market.tables["auctions"][self.auction]
        return found

    # -- orders in few words ---------------------------------------------------------------

    def curve(self, side: int, *steps: tuple[int, int], issuer: int | None = None, hour: int = 0,
              **changes: Any) -> EnterCurve:
        fields: dict[str, Any] = {
            "auction": self.auction, "issuer": side if issuer is None else issuer, "area": AREA,
            "grade": SINGLE, "tier": "firm", "start": DAY_AHEAD + hour * HOUR, "side": side,
            "steps": steps, "fixed_micro_rmb": 0, "order": 0}
        return EnterCurve(**{**fields, **changes})

    def block(self, side: int, price: int, lots: int, hours: tuple[int, ...] = (0, 1),
              **changes: Any) -> EnterBlock:
        legs = tuple(Leg(side, AREA, SINGLE, "firm", DAY_AHEAD + hour * HOUR, lots)
                     for hour in hours)
        fields: dict[str, Any] = {"auction": self.auction, "side": side, "price_mrmb": price,
                                  "ratio_ppm": UNIT, "legs": legs, "parent": 0, "group": "",
                                  "order": 0}
        return EnterBlock(**{**fields, **changes})

    def flexible(self, price: int, lots: int, hours: int, **changes: Any) -> EnterFlexible:
        fields: dict[str, Any] = {
            "auction": self.auction, "issuer": 0, "area": AREA, "grade": SINGLE, "tier": "firm",
            "price_mrmb": price, "lots": lots, "hours": hours, "earliest": DAY_AHEAD,
            "latest": DAY_AHEAD + DAY, "order": 0}
        return EnterFlexible(**{**fields, **changes})

    def offer(self, fixed: int, *hours: tuple[tuple[int, int], ...], first: int = 0,
              **changes: Any) -> EnterOffer:
        """Offer steps hour after hour from the first, for a fixed cost."""
        fields: dict[str, Any] = {
            "auction": self.auction, "issuer": 1, "area": AREA, "grade": SINGLE, "tier": "firm",
            "hours": tuple((DAY_AHEAD + hour * HOUR, steps)
                           for hour, steps in enumerate(hours, first)),
            "fixed_micro_rmb": fixed, "order": 0}
        return EnterOffer(**{**fields, **changes})

    def order(self, member: int, command: Any) -> int:
        return int(self.must(member, command).answer["order"])

    # -- phases ----------------------------------------------------------------------------

    def close(self, ending: bytes = b"\x01" * 32) -> None:
        """Trading is over, and a block later its end is drawn."""
        self.at = max(self.at, self.sitting.last)
        self.must(2, CloseAuction(self.auction))
        self.domain.follows(ending, self.at)
        self.must(2, CloseAuction(self.auction))

    def clear(self, member: int, clearing: Clearing, kind: type[Clear] = Clear) -> Receipt:
        return self.say(member, proposal(self.auction, clearing, kind))

    def settle(self) -> str:
        """Settle page by page after the deadline; return the status that it ends in."""
        self.at = max(self.at, self.sitting.deadline)
        while self.sitting.status in ("clearing", "settling", "voiding"):
            self.must(3, SettleAuction(self.auction))
        return self.sitting.status

    def priced(self, price: int, hour: int = 0, lots: int = 100) -> None:
        """Let the operator sell lots of an hour at a price, to tenant 3, and settle the auction."""
        for member, side in ((1, SELL), (3, BUY)):
            self.order(member, self.curve(side, (price, lots), hour=hour))
        self.close(bytes([self.auction]) * 32)
        found = self.clear(3, self.clearing(price, {0: lots, 1: lots}, flows={0: lots}))
        assert found.code == 0, found.reason
        assert self.settle() == "settled"

    def clearing(self, price: int, curve_lots: dict[int, int], taken: dict[int, int] | None = None,
                 flows: dict[int, int] | None = None, is_without: bool = False) -> Clearing:
        """Return a clearing at one price in every cell; lots by step, ppm by block, lots by arc.

        Of the auction, or of what it would be without the set-aside.
        """
        frozen = self.rooms.market.auctions.frozen(self.auction, self.sitting)
        auction = frozen.without if is_without else frozen.auction
        sizes = (auction.curves.cell.size, auction.blocks.side.size, auction.arcs.source.size)
        columns = []
        for size, given in zip(sizes, (curve_lots, taken or {}, flows or {}), strict=True):
            column = np.zeros(size, np.int64)
            for place, value in given.items():
                column[place] = value
            columns.append(column)
        found = Clearing(np.full(auction.cells, price, np.int64), columns[0], columns[1],
                         np.zeros(auction.offers.fixed.size, np.int64), columns[2], 0)
        return found._replace(welfare=welfare_of(auction, found))

    # -- what is there ---------------------------------------------------------------------

    def cash(self, owner: int) -> int:
        return int(self.rooms.ledger.available(account(owner, CASH)))

    def held(self, owner: int) -> int:
        return int(self.rooms.ledger.balance(account(owner, CASH))[2])

    def lots(self, owner: int, hour: int = 0, issuer: int = 1, grade: str = SINGLE) -> int:
        """Return the firm lots of an hour that an owner may still spend."""
        klass = self.rooms.ledger.class_id(issuer, AREA, grade, "firm", DAY_AHEAD + hour * HOUR)
        return int(self.rooms.ledger.available(account(owner, klass))) // LOT if klass else 0

    def sums(self) -> dict[int, int]:
        """Return what each class's accounts sum to: nothing, while the laws hold."""
        sums: dict[int, int] = defaultdict(int)
        for id, (debits, credits, held, for_holds) in self.rooms.ledger.tables["accounts"].items():
            sums[id >> 8 & 0xFFFF_FFFF] += debits - credits
            assert id & 0xFF == Kind.ISSUER or credits - debits - held >= 0
            assert min(debits, credits, held, for_holds) >= 0
        return {klass: total for klass, total in sums.items() if total}
