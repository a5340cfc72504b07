"""Request bodies of the API, strict: unknown fields and wrong types are 422."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

INT64_MAX = 2**63 - 1


# JSON has no tuples, so a strict one would never be met; its numbers stay strict.
Step = Annotated[tuple[int, int], Field(strict=False)]


class Strict(BaseModel):
    """No unknown fields, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True)


class JobRequest(Strict):
    """A job. Times in milliseconds, cost in micro-RMB for the whole job and hour."""

    argv: list[str] = Field(min_length=1, max_length=4096)
    time_limit_ms: int = Field(gt=0, le=INT64_MAX)
    max_hourly_cost: int = Field(gt=0, le=INT64_MAX)
    name: str = Field(default="", max_length=200)
    devices: int = Field(default=1, ge=1, le=65536)
    share: int = Field(default=1000, ge=1, le=1000)
    workload: str = "llm-training"
    chips: list[str] = Field(default_factory=list, max_length=100)
    area: str = ""
    directory: str = ""
    environment: dict[str, str] = Field(default_factory=dict)
    grace_ms: int = Field(default=10_000, ge=0, le=3_600_000)
    is_preemptible: bool = True
    level_required: str = ""
    level_preferred: str = ""
    devices_min: int = Field(default=0, ge=0, le=65536)
    memory_gb: int = Field(default=0, ge=0, le=1_000_000)


class DeferredRequest(Strict):
    """A job to be over by an instant (Unix milliseconds) for so many micro-RMB at most."""

    job: JobRequest
    by: int = Field(gt=0, le=INT64_MAX)
    budget: int = Field(gt=0, le=INT64_MAX)


class OrderRequest(Strict):
    """An order: `start` is the delivery hour in Unix milliseconds, `lots` are 0.001 token.

    What kinds there are, and which fields go together, the market says (`market/kinds.py`).
    """

    area: str
    grade: str
    start: int
    price_mrmb: int = Field(gt=0, le=INT64_MAX)
    lots: int = Field(gt=0, le=INT64_MAX)
    issuer: int = 1
    tier: str = "firm"
    side: str = Field(default="buy", pattern="^(buy|sell)$")
    is_ioc: bool = True
    time_in_force: str = Field(default="", pattern="^(fok|until)?$")
    until: int = Field(default=0, ge=0, le=INT64_MAX)
    is_post_only: bool = False
    visible_lots: int = Field(default=0, ge=0, le=INT64_MAX)
    self_trade: str = Field(default="", pattern="^(newest|oldest|both|decrement)?$")
    is_market: bool = False


class CreditRequest(Strict):
    """Credit of this server's operator for a member, by name or number: face in micro-RMB."""

    member: str = Field(min_length=1, max_length=200)
    micro_rmb: int = Field(gt=0, le=INT64_MAX)


class ConversionRequest(Strict):
    """Credit into `lots` (0.001 token) of the delivery hour from `start`, Unix milliseconds."""

    area: str
    grade: str
    start: int = Field(ge=0, le=INT64_MAX)
    lots: int = Field(gt=0, le=INT64_MAX)
    issuer: int = Field(default=1, ge=1, le=INT64_MAX)
    tier: str = "firm"


class EnvelopeRequest(Strict):
    """An envelope that the client signed itself, canonical CBOR in hexadecimal."""

    envelope: str = Field(max_length=16 * 1024 * 1024)


class AuctionLeg(Strict):
    """A block's lots (0.001 token) in the delivery hour from `start`, Unix milliseconds.

    In a minimum-income offer `steps`, (milli-RMB a token, lots), may stand for price and lots.
    """

    area: str
    grade: str
    start: int
    lots: int = Field(gt=0, le=INT64_MAX)
    issuer: int = Field(default=0, ge=0)
    tier: str = "firm"
    steps: list[Step] = Field(default_factory=list, max_length=50)


class AuctionOrderRequest(Strict):
    """An order of an open call auction; issuer 0 means whoever delivers there.

    With `hours` it is flexible: so many in a row, from `earliest` to `latest`, of the first leg's
    lots. With `steps` it is a curve in the first leg's hour. With a fixed cost but no `steps`
    it is a minimum-income offer in the hours of all its legs. Else it is a block of them.
    `also`: other grades in which a curve of the operator's may be delivered (`as_operator`).
    """

    auction: int
    legs: list[AuctionLeg] = Field(min_length=1, max_length=1000)
    price_mrmb: int = Field(default=0, ge=0, le=INT64_MAX)
    side: str = Field(default="buy", pattern="^(buy|sell)$")
    ratio_ppm: int = Field(default=1_000_000, ge=1, le=1_000_000)
    steps: list[Step] = Field(default_factory=list, max_length=50)
    fixed_micro_rmb: int = Field(default=0, ge=0, le=INT64_MAX)
    also: list[str] = Field(default_factory=list, max_length=7)
    hours: int = Field(default=0, ge=0, le=48)
    earliest: int = 0
    latest: int = 0
    parent: int = Field(default=0, ge=0)
    group: str = Field(default="", max_length=100)
    order: int = Field(default=0, ge=0)
    as_operator: bool = False


class StripRequest(Strict):
    """A strip that the operator offers: `lots` (0.001 token) in each of `hours` from `start`.

    Prices are milli-RMB a token; a floor that equals the cap is a fixed price. It may be taken
    until `until`, which is not after its start.
    """

    area: str
    grade: str
    start: int
    hours: int = Field(ge=1, le=168)
    lots: int = Field(gt=0, le=INT64_MAX)
    floor_mrmb: int = Field(gt=0, le=INT64_MAX)
    cap_mrmb: int = Field(gt=0, le=INT64_MAX)
    until: int = Field(gt=0, le=INT64_MAX)
    copies: int = Field(default=1, ge=1, le=INT64_MAX)
    tier: str = "firm"
