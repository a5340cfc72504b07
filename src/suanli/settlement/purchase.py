"""One job's device time in one delivery hour: what is on hold for it, and how that is resolved.

Theory of operation: a purchase is up to three holds. The tenant's own firm tokens are held for
being burned; what they do not cover is issued by the operator and held for the tenant, and its
price is held for the operator. Own tokens are used first. When the purchase is settled, what was
used is posted and burned, and posting a hold gives the rest back; what the operator gets back of
tokens is retired, so that its device time can be sold again.

Laws
----
* All of a purchase's holds are resolved in one linked set; afterwards none of them is there.
* Cash is that of the bought tokens that were used, rounded as it was when they were held.
"""

from typing import Any, NamedTuple

from suanli.ledger.row import CASH, NO_ID, Kind, Row, RowCode, account
from suanli.schedule.job import Job, Spec
from suanli.schedule.state import Schedule
from suanli.terms.instant import HOUR, hour_start
from suanli.terms.quantity import WHOLE_DEVICE, cash_of, metered

OWN, TOKENS, PRICE, COMPENSATION = b"own", b"tok", b"csh", b"cmp"  # what a hold is for


class Purchase(NamedTuple):
    """One job's device time in one delivery hour, [begin, end), all on hold."""

    begin: int
    end: int
    price_mrmb: int
    rating: int
    rating_version: int
    own_class: int  # 0: no own tokens in it
    own_tokens: int
    bought_class: int
    bought_tokens: int
    attestation: int

    @property
    def start(self) -> int:
        """The delivery hour's first instant."""
        return hour_start(self.begin)


class Placed(NamedTuple):
    """A job where it is placed: whose it is, and how much of how many devices it has."""

    id: int
    job: Job
    spec: Spec
    share: int  # thousandths of each device
    width: int  # devices

    def device_ms(self, ms: int) -> int:
        """Return the time of its devices in a span."""
        return ms * self.width

    def tokens(self, ms: int, rating: int) -> int:
        """Return what a span is worth at a rating, rounded down."""
        return metered(ms * self.width, self.share, rating)


class Used(NamedTuple):
    """What a settled purchase comes to; `device_ms` of whole devices, cash in micro-RMB."""

    device_ms: int
    tokens: int
    cash: int


def placed_of(schedule: Schedule, id: int, job: Job) -> Placed:
    """Return a job with what its placement is allotted."""
    spec = schedule.spec(id)
    return Placed(id, job, spec, schedule.share_on(spec, job.chip), spec.width(job))


def open_purchases(tables: Any, id: int) -> list[Purchase]:
    """Return a placement's open purchases, oldest first: never more than a few hours."""
    found = []
    start = hour_start(int(tables["covered"][id]) - 1)
    while (purchase := tables["purchases"].get((id, start))) is not None:
        found.append(purchase)
        start -= HOUR
    return found[::-1]


def hold_id(purpose: bytes, job: int, instant: int) -> bytes:
    """Return the id of a job's hold for the hour, or the placement, that begins at an instant."""
    return purpose + job.to_bytes(7, "big") + (instant // HOUR).to_bytes(6, "big")


def user_of(job: int, start: int) -> bytes:
    """Return what a row says of whom it is for: the job and its delivery hour."""
    return job.to_bytes(8, "big") + start.to_bytes(8, "big")


def hold_rows(placed: Placed, purchase: Purchase) -> list[Row]:
    """Put a purchase on hold: own tokens, then those that are issued for it, then their price."""
    id, job, start = placed.id, placed.job, purchase.start
    user, rows = user_of(id, start), []
    if purchase.own_tokens:
        own = purchase.own_class
        rows.append(Row(RowCode.HOLD, 0, own, account(job.tenant, own),
                        account(job.tenant, own, Kind.BURNED), purchase.own_tokens,
                        id=hold_id(OWN, id, start), user=user))
    if purchase.bought_tokens:
        klass, tokens = purchase.bought_class, purchase.bought_tokens
        seller = account(job.operator, klass)
        rows.append(Row(RowCode.ISSUE, 0, klass, account(job.operator, klass, Kind.ISSUER),
                        seller, tokens, NO_ID, NO_ID, 0, purchase.attestation, 0, user))
        rows.append(Row(RowCode.HOLD, 0, klass, seller, account(job.tenant, klass), tokens,
                        hold_id(TOKENS, id, start), NO_ID, 0, 0, 0, user))
        cash = cash_of(tokens, purchase.price_mrmb)
        if cash:
            rows.append(Row(RowCode.HOLD, 0, CASH, account(job.tenant, CASH),
                            account(job.operator, CASH), cash, hold_id(PRICE, id, start),
                            NO_ID, 0, 0, 0, user))
    return rows


def settled(placed: Placed, purchase: Purchase, until: int) -> tuple[list[Row], Used]:
    """Return the rows that post, burn and retire a purchase used until an instant, and the sums."""
    id, tenant = placed.id, placed.job.tenant
    ran_ms = max(0, min(until, purchase.end) - purchase.begin)
    device_ms, tokens = placed.device_ms(ran_ms), placed.tokens(ran_ms, purchase.rating)
    own = min(tokens, purchase.own_tokens)
    facts: dict[str, Any] = {"device_ms": device_ms, "rating": purchase.rating,
                             "share": placed.share, "user": user_of(id, purchase.start)}
    rows = []
    if purchase.own_tokens:
        klass = purchase.own_class
        rows.append(Row(RowCode.POST, 0, klass, account(tenant, klass),
                        account(tenant, klass, Kind.BURNED), own,
                        hold=hold_id(OWN, id, purchase.start), **facts))
    if purchase.bought_tokens:
        rows += _bought_rows(placed, purchase, tokens - own, facts)
    return rows, Used(device_ms * placed.share // WHOLE_DEVICE, tokens,
                      cash_of(tokens - own, purchase.price_mrmb))


def _bought_rows(placed: Placed, purchase: Purchase, used: int,
                 facts: dict[str, Any]) -> list[Row]:
    """Hand over and burn what was used of the bought tokens, pay for it, and retire the rest."""
    id, job, start = placed.id, placed.job, purchase.start
    klass, price, user = purchase.bought_class, purchase.price_mrmb, facts["user"]
    seller, tenant = account(job.operator, klass), account(job.tenant, klass)
    rows = [Row(RowCode.POST, 0, klass, seller, tenant, used, hold=hold_id(TOKENS, id, start),
                **facts)]
    if cash_of(purchase.bought_tokens, price):
        rows.append(Row(RowCode.POST, 0, CASH, account(job.tenant, CASH),
                        account(job.operator, CASH), cash_of(used, price),
                        hold=hold_id(PRICE, id, start), user=user))
    if used:
        rows.append(Row(RowCode.BURN, 0, klass, tenant, account(job.tenant, klass, Kind.BURNED),
                        used, user=user))
    if purchase.bought_tokens > used:
        rows.append(Row(RowCode.RETIRE, 0, klass, seller,
                        account(job.operator, klass, Kind.ISSUER), purchase.bought_tokens - used,
                        attestation=purchase.attestation, user=user))
    return rows
