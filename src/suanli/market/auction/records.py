"""What the call auctions remember, and the arrays they keep as bytes."""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from suanli.market.auction.commands import Node
from suanli.market.auction.instance import Clearing, Ints
from suanli.market.auction.orders import (
    BlockOrder,
    CurveOrder,
    FlexibleOrder,
    OfferOrder,
    Order,
)
from suanli.terms.errors import present
from suanli.terms.instant import HOUR

OPEN, CLOSING, CLEARING, SETTLING, VOIDING, SETTLED, VOID = (
    "open", "closing", "clearing", "settling", "voiding", "settled", "void")
# status -> what may follow it
TRANSITIONS: Final[dict[str, tuple[str, ...]]] = {
    OPEN: (CLOSING,),  # trading is over
    CLOSING: (CLEARING,),  # its end is drawn, solvers may propose
    CLEARING: (SETTLING, VOIDING, SETTLED, VOID),  # the deadline is over
    SETTLING: (SETTLED,),
    VOIDING: (VOID,),
    SETTLED: (), VOID: (),
}


class Link(NamedTuple):
    """A governed way from products of one area to buyers in another, for each product."""

    capacity_lots: int  # an hour
    fee_mrmb: int


class WithheldStep(NamedTuple):
    """What an issuer could sell more of in a cell were nothing set aside, and at which price."""

    cell: int
    lots: int
    price: int


@dataclass(frozen=True, slots=True)
class Sitting:
    """One auction: its session and hours, its instants, and how far it is."""

    session: str
    start: int  # the first delivery hour
    hours: int
    opens: int
    no_cancel_from: int
    gate: int
    last: int  # orders that come from here on are certainly late
    price_min: int
    price_max: int
    status: str
    nodes: tuple[Node, ...]  # as orders named them; an order's cell is node x hours + hour
    value: int  # bound on what all its orders are worth, micro-RMB
    entropy: bytes  # while closing, the block hash that was known then; later, what was drawn
    ends: int  # later orders were too late; 0 until drawn
    deadline: int  # clearings are taken before it; 0 until drawn
    links: tuple[tuple[str, str, int, int], ...]  # source, target, capacity, fee, as at the draw
    cursor: int  # settlement rows done
    # what the set-aside keeps out, as at the draw, rising by cell
    withheld: tuple[WithheldStep, ...] = field(default=(), kw_only=True)

    def start_of(self, cell: int) -> int:
        """Return the delivery hour's first instant of a cell."""
        return self.start + cell % self.hours * HOUR


@dataclass(frozen=True, slots=True)
class AuctionOrder:
    """An order of one of four kinds; a block's group has its owner's number before its name."""

    auction: int
    owner: int
    entered: int
    curve: CurveOrder | None
    block: BlockOrder | None
    flexible: FlexibleOrder | None
    filled: tuple[tuple[int, int], ...]  # (cell, lots), once settled
    offer: OfferOrder | None = field(default=None, kw_only=True)

    @property
    def terms(self) -> Order:
        if self.curve is not None:
            return self.curve
        if self.offer is not None:
            return self.offer
        return self.block if self.block is not None else present(
            self.flexible, "an order is of some kind")

    @property
    def side(self) -> int:
        return 0 if self.flexible else self.terms.side  # type: ignore[union-attr]

    @property
    def curves(self) -> list[CurveOrder]:
        """What it asks cell by cell, if that is by steps."""
        if self.offer:
            return self.offer.curves
        return [self.curve] if self.curve else []

    @property
    def parent(self) -> int:
        return self.block.parent if self.block else 0


class Held(NamedTuple):
    """What an owner's orders of one auction hold in one class; for an issuer, from which hours."""

    amount: int
    issued: tuple[tuple[int, int], ...]  # (attestation, CU-microseconds), oldest first


@dataclass(frozen=True, slots=True)
class Best:
    """The best verified clearing so far."""

    solver: int
    welfare: int
    prices: bytes
    curve_lots: bytes
    block_ppm: bytes
    offer_accepted: bytes
    flows: bytes

    def clearing(self) -> Clearing:
        prices, curve_lots, block_ppm, offers, flows = (
            from_bytes(getattr(self, name)) for name in ARRAYS)
        return Clearing(prices, curve_lots, block_ppm, offers, flows, self.welfare)


@dataclass(frozen=True, slots=True)
class Result:
    """What an auction came to: by cell, its price and the lots bought there."""

    solver: int
    welfare: int
    prices: bytes
    volumes: bytes
    rejected: int  # blocks left out though in the money
    rent: int  # congestion rent and fees, micro-RMB
    # by cell, the price had nothing been set aside; empty where nothing was, or nobody solved it
    prices_without: bytes = field(default=b"", kw_only=True)


Orders = dict[int, AuctionOrder]
ARRAYS: Final = ("prices", "curve_lots", "block_ppm", "offer_accepted", "flows")
TABLES: Final[dict[str, tuple[Any, Any]]] = {
    "auctions": (int, Sitting),
    "auction_ids": (tuple[str, int], int),  # session, first delivery hour
    "auction_orders": (int, AuctionOrder),
    "auction_holds": (tuple[int, int, int], Held),  # auction, owner, token class (0: cash)
    "clearings": (int, Best),  # auction -> the best so far, until it is settled
    "auction_results": (int, Result),
    "links": (tuple[str, str], Link),  # source area, target area
    "clearings_without": (int, Best),  # as `clearings`, of the auction without the set-aside
}


def from_bytes(data: bytes) -> Ints:
    """Return little-endian int64s."""
    return np.frombuffer(data, dtype="<i8").astype(np.int64)


def to_bytes(array: Ints) -> bytes:
    """Return an array as little-endian int64s."""
    return array.astype("<i8").tobytes()
