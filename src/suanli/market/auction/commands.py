"""What may be asked of the call auctions.

A *node* is (issuer, area, grade, tier): a product of one issuer, or, with issuer 0, a demand node:
whatever issuer's product of that grade is delivered there. Sells name products; buys name either.
"""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, NamedTuple

Node = tuple[int, str, str, str]


class Leg(NamedTuple):
    """A block order's lots in one delivery hour at one node."""

    issuer: int
    area: str
    grade: str
    tier: str
    start: int
    lots: int


@dataclass(frozen=True, slots=True)
class OpenAuction:
    """Open the auction of a session for the delivery from `start`, as the calendar has it."""

    kind: ClassVar[str] = "market.open_auction"
    session: str
    start: int


@dataclass(frozen=True, slots=True)
class EnterCurve:
    """Buy (side 0) or sell (side 1) in one hour, by steps of (milli-RMB a token, lots).

    A sell with a fixed cost (micro-RMB) is taken only if it earns that beyond its steps' prices.
    `order` names an order of mine that this one takes the place of; 0: a new one. `also`: other
    grades of mine in which a sell of my own devices may be delivered instead.
    """

    kind: ClassVar[str] = "market.auction_curve"
    auction: int
    issuer: int
    area: str
    grade: str
    tier: str
    start: int
    side: int
    steps: tuple[tuple[int, int], ...]
    fixed_micro_rmb: int
    order: int
    _: KW_ONLY
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnterBlock:
    """Buy or sell all legs at one limit (their mean price), by a ratio of 0 or `ratio_ppm` up.

    All or nothing at 1,000,000. `parent` is a block of mine without which this one is not taken;
    of the blocks of mine with one `group` name the ratios sum to one at most.
    """

    kind: ClassVar[str] = "market.auction_block"
    auction: int
    side: int
    price_mrmb: int
    ratio_ppm: int
    legs: tuple[Leg, ...]
    parent: int
    group: str
    order: int


@dataclass(frozen=True, slots=True)
class EnterFlexible:
    """Buy `lots` an hour for `hours` hours in a row, at any time from `earliest` to `latest`."""

    kind: ClassVar[str] = "market.auction_flexible"
    auction: int
    issuer: int
    area: str
    grade: str
    tier: str
    price_mrmb: int
    lots: int
    hours: int
    earliest: int
    latest: int
    order: int


@dataclass(frozen=True, slots=True)
class EnterOffer:
    """Sell in several hours by steps, if together they earn a fixed cost (micro-RMB).

    `hours`: (first instant, steps as a curve's) of each. One acceptance: of no hour is anything
    taken unless all that is taken earns the fixed cost beyond its steps' prices.
    """

    kind: ClassVar[str] = "market.auction_offer"
    side: ClassVar[int] = 1
    auction: int
    issuer: int
    area: str
    grade: str
    tier: str
    hours: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    fixed_micro_rmb: int
    order: int


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Take an order of mine out; not in the no-cancel phase."""

    kind: ClassVar[str] = "market.auction_cancel"
    order: int


@dataclass(frozen=True, slots=True)
class CloseAuction:
    """End trading when its time is over; said again in a later block, draw when that was."""

    kind: ClassVar[str] = "market.close_auction"
    auction: int


@dataclass(frozen=True, slots=True)
class Clear:
    """Propose a clearing of a closed auction: int64 arrays, little-endian, as in `Clearing`."""

    kind: ClassVar[str] = "market.clear"
    auction: int
    prices: bytes
    curve_lots: bytes
    block_ppm: bytes
    offer_accepted: bytes
    flows: bytes
    welfare: int


@dataclass(frozen=True, slots=True)
class ClearWithout(Clear):
    """Propose a clearing of the same auction as it would be without the set-aside.

    Its arrays have a step more for each `withheld` one of the auction, behind all others. The
    best one's prices are published with the result; nothing is settled by it.
    """

    kind: ClassVar[str] = "market.clear_without"


@dataclass(frozen=True, slots=True)
class SettleAuction:
    """After the solvers' deadline: settle the best clearing, or void all; one page a command."""

    kind: ClassVar[str] = "market.settle_auction"
    auction: int


@dataclass(frozen=True, slots=True)
class SetLink:
    """Govern how much of each product of an area may be delivered to buyers of another.

    Capacity in lots an hour, 0 closes the link; the fee in milli-RMB a token.
    """

    kind: ClassVar[str] = "market.set_link"
    source: str
    target: str
    capacity_lots: int
    fee_mrmb: int


ENTER = (EnterCurve, EnterBlock, EnterFlexible, EnterOffer)
Enter = EnterCurve | EnterBlock | EnterFlexible | EnterOffer
COMMANDS = (OpenAuction, *ENTER, CancelOrder, CloseAuction, Clear, ClearWithout,
            SettleAuction, SetLink)
