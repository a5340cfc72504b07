"""What may be asked of this room."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class PostOffer:
    """Post my price for a grade in an area, good for every hour until changed; 0 withdraws it.

    What it sells is issued when it is bought, out of the device time attested.
    """

    kind: ClassVar[str] = "market.post_offer"
    area: str
    grade: str
    tier: str
    price_mrmb: int


@dataclass(frozen=True, slots=True)
class Order:
    """Buy (side 0) or sell (side 1) lots of a product at a limit price, milli-RMB a token.

    What does not trade at once rests, unless `is_ioc`. `kinds` says which fields go together.
    """

    kind: ClassVar[str] = "market.order"
    issuer: int
    area: str
    grade: str
    tier: str
    start: int
    side: int
    price_mrmb: int
    lots: int
    is_ioc: bool
    _: KW_ONLY
    time_in_force: str = ""  # "": as `is_ioc` says; "fok": in full at once or not; "until"
    until: int = 0  # instant at which a good-till order is over, Unix milliseconds
    is_post_only: bool = False  # refused where it would take anything
    visible_lots: int = 0  # an iceberg's part that queues; 0: all of it
    self_trade: str = ""  # on meeting one's own: "": trade; else whom to cancel (`kinds.MODES`)
    is_market: bool = False  # market-to-limit: the price is the worst that it may take


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take a resting order of mine out."""

    kind: ClassVar[str] = "market.cancel"
    order: int


@dataclass(frozen=True, slots=True)
class Modify:
    """Replace the price and lots of a resting order; it goes to the back of the queue."""

    kind: ClassVar[str] = "market.modify"
    order: int
    price_mrmb: int
    lots: int


@dataclass(frozen=True, slots=True)
class Reopen:
    """Hold the reopening auction of a product whose halt is over; anybody may ask for it."""

    kind: ClassVar[str] = "market.reopen"
    issuer: int
    area: str
    grade: str
    tier: str
    start: int


@dataclass(frozen=True, slots=True)
class Exempt:
    """Let a hedger hold up to `ppm` of a product's attested tokens; 0 takes it back.

    In place of `position_ppm_max`. The reason (what is hedged) is for the record.
    """

    kind: ClassVar[str] = "market.exempt"
    member: int
    ppm: int
    reason: str


@dataclass(frozen=True, slots=True)
class Entitle:
    """Let a member draw on the national-priority set-aside; an empty reason takes it back."""

    kind: ClassVar[str] = "market.entitle"
    member: int
    reason: str


@dataclass(frozen=True, slots=True)
class WriteStrip:
    """Offer `lots` of a firm product in each of `hours` hours in a row, at the auction's price.

    But at no less than the floor and no more than the cap, milli-RMB a token; equal, they are a
    fixed price. It may be taken `copies` times, until an instant not after its start.
    """

    kind: ClassVar[str] = "market.write_strip"
    area: str
    grade: str
    tier: str
    start: int
    hours: int
    lots: int
    floor_mrmb: int
    cap_mrmb: int
    until: int
    copies: int


@dataclass(frozen=True, slots=True)
class WithdrawStrip:
    """Take a strip of mine off the market; what has been taken of it stands."""

    kind: ClassVar[str] = "market.withdraw_strip"
    strip: int


@dataclass(frozen=True, slots=True)
class TakeStrip:
    """Buy a strip, whole: the floor is paid at once, what the cap is above it is held."""

    kind: ClassVar[str] = "market.take_strip"
    strip: int


@dataclass(frozen=True, slots=True)
class FixStrip:
    """Fix the hours of a taken strip whose price is known; anybody may ask for it."""

    kind: ClassVar[str] = "market.fix_strip"
    strip: int


@dataclass(frozen=True, slots=True)
class GrantCredit:
    """Give a member credit with me: a claim on me for so many micro-RMB, to convert into my tokens.

    The money came in before, elsewhere, for my own tokens at my own posted price; this says so.
    """

    kind: ClassVar[str] = "market.grant_credit"
    member: int
    micro_rmb: int


@dataclass(frozen=True, slots=True)
class Convert:
    """Turn credit with an issuer into lots of its product, at that product's last auction price.

    All of the lots or none.
    """

    kind: ClassVar[str] = "market.convert"
    issuer: int
    area: str
    grade: str
    tier: str
    start: int
    lots: int


STRIPS = (WriteStrip, WithdrawStrip, TakeStrip, FixStrip)
COMMANDS = (PostOffer, Order, Cancel, Modify, Reopen, Exempt, Entitle, GrantCredit, Convert,
            *STRIPS)
