"""Buying the hours of placements: their first, and each next one before it begins.

Theory of operation: an hour is bought as its placement asks for it: the tenant's own firm tokens
of that hour first, then the operator's, at its posted price. All the purchases of one command
share a *basket*, which looks up once what is the same for all, and knows what they have drawn on
together. A placement in an hour's last five minutes buys the next one too, as renewals for that
hour have gone by.

Laws
----
* Within an hour the price and the rating are those bound when the hour was bought.
* An hour costs a tenant no more than its job accepts; none reaches beyond the job's limit.
* Purchases of one command never draw on the same own tokens.

Order of checks of a purchase: posted price, what the job accepts, attested device time. Whether
cash and device time suffice, the ledger says.
"""

from typing import Any, NamedTuple

from suanli.chips.state import Chips
from suanli.ledger.row import account, link
from suanli.ledger.state import Ledger
from suanli.market.product import Product, ProductGrid
from suanli.market.state import Market
from suanli.schedule.job import Job
from suanli.schedule.state import Schedule
from suanli.settlement.purchase import Placed, Purchase, hold_rows, placed_of
from suanli.terms.change import Change, Part, Write
from suanli.terms.errors import present
from suanli.terms.instant import HOUR, MINUTE, hour_of
from suanli.terms.quantity import cash_of
from suanli.terms.refusals import Code, Refusal

RENEWAL_LEAD_MS = 5 * MINUTE


class ChipHour(NamedTuple):
    """An operator's chips of one sort in one area and delivery hour, under one grade."""

    operator: int
    area: str
    grade: str
    chip: str
    start: int


class Terms(NamedTuple):
    """On which terms an hour of one chip is sold under one grade."""

    price_mrmb: int | None  # None: no posted price
    rating: int
    rating_version: int
    firm_class: int | None
    attestation: int | None


class Basket:
    """What the purchases of one command share."""

    def __init__(self, grid: ProductGrid) -> None:
        self.grid = grid
        self.taken: dict[tuple[int, int], int] = {}  # own tokens drawn on, by (tenant, class)
        self.terms: dict[ChipHour, Terms] = {}  # each looked up once
        self.classes: dict[ChipHour, int] = {}  # opened at first need

    def class_of(self, hour: ChipHour) -> int:
        """Return the class in which the operator sells an hour to running jobs."""
        klass = self.classes.get(hour)
        if klass is None:
            product = Product(hour.operator, hour.area, hour.grade, "spot", hour.start)
            klass = self.classes[hour] = self.grid.class_of(product)
        return klass


class Buying:
    """Buys hours, on tables of the settlement room."""

    def __init__(self, chips: Chips, ledger: Ledger, market: Market, schedule: Schedule,
                 tables: Any) -> None:
        self.chips = chips
        self.ledger = ledger
        self.market = market
        self.schedule = schedule
        self.tables = tables  # settlement's

    # -- commands --------------------------------------------------------------------------

    def open(self, placed: Placed, at: int, basket: Basket) -> Part | Refusal:
        """Buy a fresh placement's first hour, and the next if this one is nearly over."""
        end, limit = hour_of(at).end, placed.job.limit
        spans = [(at, min(limit, end))]
        if end - at <= RENEWAL_LEAD_MS and limit > end:
            spans.append((end, min(limit, end + HOUR)))
        bought = []
        for begin, end in spans:
            purchase = self._purchase(placed, begin, end, basket)
            if isinstance(purchase, Refusal):
                return purchase
            bought.append(purchase)
        return _part(placed, bought)

    def renew(self, jobs: tuple[int, ...], grid: ProductGrid) -> Change:
        """Buy the next hour for each job, as one array."""
        parts, refused, basket = [], [], Basket(grid)
        for index, id in enumerate(jobs):
            bought = self._next(id, basket)
            if isinstance(bought, Refusal):
                refused.append((index, int(bought.code)))
            else:
                parts.append(bought)
        opening = Part(grid.writes())  # of the classes that the others buy
        return Change((opening, *parts), is_array=True, refused=tuple(refused))

    def _next(self, id: int, basket: Basket) -> Part | Refusal:
        job = present(self.schedule.job(id), "schedule has checked the ids")
        begin = int(self.tables["covered"][id])
        if begin >= job.limit:
            return Refusal(Code.NOT_RENEWABLE, f"job {id} has bought all up to its limit")
        placed = placed_of(self.schedule, id, job)
        bought = self._purchase(placed, begin, min(job.limit, begin + HOUR), basket)
        return bought if isinstance(bought, Refusal) else _part(placed, [bought])

    # -- one purchase ----------------------------------------------------------------------

    def _purchase(self, placed: Placed, begin: int, end: int,
                  basket: Basket) -> Purchase | Refusal:
        """Return what buying a span within one hour would be."""
        job, area = placed.job, self._area(placed.job)
        hour = ChipHour(job.operator, area, job.grade, job.chip, begin - begin % HOUR)
        terms = basket.terms.get(hour) or self._look_up(hour, basket)
        price, rating = terms.price_mrmb, terms.rating
        if price is None:
            return Refusal(Code.NO_OFFER, f"no posted price for {job.grade} in {area}")
        hourly = cash_of(placed.tokens(HOUR, rating), price)
        if hourly > placed.spec.max_hourly_cost:
            return Refusal(Code.PRICED_OUT, f"an hour costs {hourly} micro-RMB; the job accepts "
                           f"{placed.spec.max_hourly_cost}")
        tokens = placed.tokens(end - begin, rating)
        own_class, own = self._own(job.tenant, terms.firm_class, tokens, basket.taken)
        klass = basket.class_of(hour)
        if terms.attestation is None:
            return Refusal(Code.NOT_ATTESTED, f"{job.chip} in {area} is not attested for the "
                           f"hour from {hour.start}")
        return Purchase(begin, end, price, rating, terms.rating_version, own_class, own, klass,
                        tokens - own, terms.attestation)

    def _area(self, job: Job) -> str:
        return self.chips.zone_of(self.chips.tables["hosts"][job.slots[0][0]]).area

    def _look_up(self, hour: ChipHour, basket: Basket) -> Terms:
        operator, area, grade, chip, start = hour
        record = self.schedule.units.grade(operator, grade)
        terms = basket.terms[hour] = Terms(
            self.market.offer(operator, area, grade, "spot"),
            *((record.factor(chip) if record else None) or (0, 0)),
            self.ledger.class_id(operator, area, grade, "firm", start),
            self.ledger.attestation_id(operator, area, chip, start))
        return terms

    def _own(self, tenant: int, klass: int | None, tokens: int,
             taken: dict[tuple[int, int], int]) -> tuple[int, int]:
        """Return the tenant's firm class of the hour and how much of it serves this span."""
        if klass is None:
            return 0, 0
        key = (tenant, klass)
        free = self.ledger.available(account(tenant, klass)) - taken.get(key, 0)
        used = max(0, min(free, tokens))
        taken[key] = taken.get(key, 0) + used
        return (klass, used) if used else (0, 0)


def _part(placed: Placed, bought: list[Purchase]) -> Part:
    """Return purchases of one placement, oldest first, as one linked set."""
    writes = [Write("settlement", "purchases", (placed.id, each.start), each) for each in bought]
    writes.append(Write("settlement", "covered", placed.id, bought[-1].end))
    return Part(tuple(writes), link([row for each in bought for row in hold_rows(placed, each)]))
