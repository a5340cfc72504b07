"""What may be asked of this room."""

from dataclasses import dataclass
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

    What does not trade at once rests, unless `is_ioc`.
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


COMMANDS = (PostOffer, Order, Cancel, Modify, Reopen, Exempt, Entitle)
