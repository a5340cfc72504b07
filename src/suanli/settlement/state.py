"""Purchases of device hours by running jobs, their metering, and the statements.

Theory of operation: a placement buys its running hour (and, within five minutes of the hour's
end, the next one) as a pending trade: the tenant's own firm tokens first, then at the
operator's posted price, both sides on hold. When the hour or the job ends the metered part is
posted and burned; the rest of the cash returns to the tenant and the rest of the tokens is
retired, so that its device time can be sold again.

Laws
----
* A tenant never pays for more than was metered, nor more than was held.
* Within an hour the price and the rating are those bound when the hour was bought.
* A preempted placement's lost work is the operator's, up to a governed bound: what is open is
  metered to the last save only, and what was settled is paid back from a hold that the operator
  gave when it preempted. In between nothing of it is settled.
* Statements are sums over postings: what tenants paid is what operators received.
"""

from typing import Any, ClassVar, NamedTuple

from suanli.chips.state import Chips
from suanli.ledger.row import CASH, NO_ID, Kind, Row, RowCode, account, link
from suanli.ledger.state import Ledger
from suanli.market.product import Product, ProductGrid
from suanli.market.state import Market
from suanli.schedule.job import Job, Spec
from suanli.schedule.state import Schedule
from suanli.settlement.commands import MakeGood, Meter
from suanli.settlement.delivery import Contract, Delivery
from suanli.terms.canonical import encode
from suanli.terms.change import Change, Part, Write
from suanli.terms.errors import present
from suanli.terms.instant import HOUR, MINUTE, hour_of
from suanli.terms.quantity import cash_of, metered
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import Room

RENEWAL_LEAD_MS = 5 * MINUTE


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
        # By (operator, area, grade, chip, hour), each looked up once.
        self.terms: dict[tuple[int, str, str, str, int], Terms] = {}
        self.classes: dict[tuple[int, str, str, str, int], int] = {}  # opened at first need


class Settlement(Room):
    """Who owes whom."""

    name: ClassVar[str] = "settlement"
    schema: ClassVar[dict[str, tuple[Any, Any]]] = {
        "purchases": (tuple[int, int], Purchase),  # (job, delivery hour)
        "covered": (int, int),  # job -> instant up to which its placement has bought
        # (job, attempt) -> device_ms, tokens, cash
        "usage": (tuple[int, int], tuple[int, int, int]),
        # (operator, tenant) -> device_ms, tokens, cash
        "statements": (tuple[int, int], tuple[int, int, int]),
    }
    schema_later: ClassVar[dict[str, tuple[Any, Any]]] = {
        "contracts": (tuple[int, int], Contract),  # (owner, firm class), see `delivery`
        "refunded": (tuple[int, int], int),  # (firm class, owner) -> tokens made good
    }

    def __init__(self, chips: Chips, ledger: Ledger, market: Market, schedule: Schedule) -> None:
        super().__init__()
        self.chips = chips
        self.ledger = ledger
        self.market = market
        self.schedule = schedule
        self.delivery = Delivery(chips, ledger, market, self.tables)

    def usage(self, job: int, attempt: int) -> tuple[int, int, int]:
        found: tuple[int, int, int] = self.tables["usage"].get((job, attempt)) or (0, 0, 0)
        return found

    # -- buying ----------------------------------------------------------------------------

    def open(self, id: int, job: Job, at: int, basket: Basket) -> Part | Refusal:
        """Buy a fresh placement's first hour, and the next if this one is nearly over."""
        end = at - at % HOUR + HOUR
        spans = [(at, min(job.limit, end))]
        if end - at <= RENEWAL_LEAD_MS and job.limit > end:
            spans.append((end, min(job.limit, end + HOUR)))
        writes, rows = [], []
        for begin, end in spans:
            bought = self._buy(id, job, begin, end, basket)
            if isinstance(bought, Refusal):
                return bought
            rows += bought[1]
            writes.append(bought[0])
        writes.append(Write(self.name, "covered", id, end))
        return Part(tuple(writes), link(rows))

    def renew(self, jobs: tuple[int, ...], grid: ProductGrid) -> Change:
        """Buy the next hour for each job, as one array."""
        parts, refused = [], []
        basket = Basket(grid)
        for index, id in enumerate(jobs):
            job = present(self.schedule.job(id), "schedule has checked the ids")
            begin = int(self.tables["covered"][id])
            if begin >= job.limit:
                refused.append((index, int(Code.NOT_RENEWABLE)))
                continue
            end = min(job.limit, begin + HOUR)
            bought = self._buy(id, job, begin, end, basket)
            if isinstance(bought, Refusal):
                refused.append((index, int(bought.code)))
                continue
            parts.append(Part((bought[0], Write(self.name, "covered", id, end)),
                              link(bought[1])))
        opening = Part(grid.writes())
        return Change((opening, *parts), is_array=True, refused=tuple(refused))

    def _buy(self, id: int, job: Job, begin: int, end: int,
             basket: Basket) -> tuple[Write, list[Row]] | Refusal:
        """Return the purchase of one span and its rows."""
        spec = self.schedule.spec(id)
        share = self.schedule.share_on(spec, job.chip)
        start = begin - begin % HOUR
        area = self.chips.zone_of(self.chips.tables["hosts"][job.slots[0][0]]).area
        kind = (job.operator, area, job.grade, job.chip, start)
        terms = basket.terms.get(kind)
        if terms is None:
            terms = basket.terms[kind] = self._terms(*kind)
        price, rating = terms.price_mrmb, terms.rating
        if price is None:
            return Refusal(Code.NO_OFFER, f"no posted price for {job.grade} in {area}")
        width = spec.width(job)
        hourly = cash_of(metered(HOUR * width, share, rating), price)
        if hourly > spec.max_hourly_cost:
            return Refusal(Code.PRICED_OUT, f"an hour costs {hourly} micro-RMB; the job accepts "
                           f"{spec.max_hourly_cost}")
        tokens = metered((end - begin) * width, share, rating)
        own_class, own = self._own(job.tenant, terms.firm_class, tokens, basket.taken)
        klass = basket.classes.get(kind)
        if klass is None:
            product = Product(job.operator, area, job.grade, "spot", start)
            klass = basket.classes[kind] = basket.grid.class_of(product)
        if terms.attestation is None:
            return Refusal(Code.NOT_ATTESTED, f"{job.chip} in {area} is not attested for the "
                           f"hour from {start}")
        purchase = Purchase(begin, end, price, rating, terms.rating_version, own_class, own,
                            klass, tokens - own, terms.attestation)
        rows = self._hold_rows(id, job, start, purchase)
        return Write(self.name, "purchases", (id, start), purchase), rows

    def _terms(self, operator: int, area: str, grade: str, chip: str, start: int) -> Terms:
        record = self.schedule.units.grade(operator, grade)
        return Terms(self.market.offer(operator, area, grade, "spot"),
                     *((record.factor(chip) if record else None) or (0, 0)),
                     self.ledger.class_id(operator, area, grade, "firm", start),
                     self.ledger.attestation_id(operator, area, chip, start))

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

    @staticmethod
    def _hold_rows(id: int, job: Job, start: int, purchase: Purchase) -> list[Row]:
        user, hold = _user(id, start), _hold(b"", id, start)
        rows = []
        if purchase.own_tokens:
            own = purchase.own_class
            rows.append(Row(RowCode.HOLD, 0, own, account(job.tenant, own),
                            account(job.tenant, own, Kind.BURNED), purchase.own_tokens,
                            id=b"own" + hold, user=user))
        if purchase.bought_tokens:
            klass, tokens = purchase.bought_class, purchase.bought_tokens
            seller = account(job.operator, klass)
            rows.append(Row(RowCode.ISSUE, 0, klass, account(job.operator, klass, Kind.ISSUER),
                            seller, tokens, NO_ID, NO_ID, 0, purchase.attestation, 0, user))
            rows.append(Row(RowCode.HOLD, 0, klass, seller, account(job.tenant, klass), tokens,
                            b"tok" + hold, NO_ID, 0, 0, 0, user))
            cash = cash_of(tokens, purchase.price_mrmb)
            if cash:
                rows.append(Row(RowCode.HOLD, 0, CASH, account(job.tenant, CASH),
                                account(job.operator, CASH), cash, b"csh" + hold,
                                NO_ID, 0, 0, 0, user))
        return rows

    # -- metering --------------------------------------------------------------------------

    def check(self, command: Meter | MakeGood, at: int, sender: int) -> Change | Refusal:
        """Answer one of this room's commands."""
        if isinstance(command, MakeGood):
            return self.delivery.make_good(command.klass, at)
        return self._meter(command, at, sender)

    def _meter(self, command: Meter, at: int, sender: int) -> Change | Refusal:
        if command.until > at:
            return Refusal(Code.METER_OUT_OF_RANGE,
                           f"until {command.until}; at most {at} is accepted")
        sums: dict[Any, tuple[int, int, int]] = {}
        parts = []
        for id in command.jobs:
            job = self.schedule.job(id)
            if job is None or job.operator != sender or not job.slots:
                return Refusal(Code.UNKNOWN_JOB, f"no placement {id} with you")
            over = [p for p in self._purchases(id) if p.end <= command.until]
            if job.is_being_preempted or not over or len(set(command.jobs)) != len(command.jobs):
                return Refusal(Code.METER_OUT_OF_RANGE, f"job {id} has no hour over")
            rows, writes = [], []
            for purchase in over:
                rows += self._settle_rows(id, job, purchase, purchase.end, sums)
                writes.append(Write(self.name, "purchases",
                                    (id, hour_of(purchase.begin).start), None))
            parts.append(Part(tuple(writes), link(rows)))
        return Change((*parts, Part(tuple(self._sum_writes(sums)))), is_array=True)

    def close(self, id: int, job: Job, saved: int, finished: int) -> Part:
        """Settle all that an ended placement has bought, up to when it finished.

        Of a preempted one, up to when its work was saved, as far as the operator bears the rest.
        """
        sums: dict[Any, tuple[int, int, int]] = {}
        rows, writes = [], [Write(self.name, "covered", id, None)]
        until = max(saved, finished - self._borne_ms()) if job.is_being_preempted else finished
        purchases = self._purchases(id)
        for purchase in purchases:
            rows += self._settle_rows(id, job, purchase, until, sums)
            writes.append(Write(self.name, "purchases", (id, hour_of(purchase.begin).start),
                                None))
        rows += self._repay_rows(id, job, until, sums)
        writes += self._sum_writes(sums)
        spec = self.schedule.spec(id)
        device_ms = self.usage(id, job.attempt)[0] + sums.get(("usage", id, job.attempt),
                                                              (0, 0, 0))[0]
        leaf = self._leaf(id, job, spec, device_ms, finished,
                          purchases[-1] if purchases else None)
        return Part(tuple(writes), link(rows), leaves=(leaf,))

    # -- preemption ------------------------------------------------------------------------

    def secure(self, id: int, job: Job, at: int) -> Part | Refusal:
        """Hold what preempting a placement now may cost its operator of hours already settled.

        Refuses NOT_PREEMPTIBLE while the running hour draws on the tenant's firm tokens.
        """
        if any(self._is_firm(id, job, purchase, at) for purchase in self._purchases(id)):
            return Refusal(Code.NOT_PREEMPTIBLE, f"job {id} runs on its tenant's firm tokens")
        cash = self._settled_cash(id, job, max(job.placed, at - self._borne_ms()))
        if not cash:
            return Part()
        return Part(rows=link([Row(
            RowCode.HOLD, 0, CASH, account(job.operator, CASH), account(job.tenant, CASH), cash,
            id=_hold(b"cmp", id, job.placed), user=_user(id, hour_of(at).start))]))

    def _is_firm(self, id: int, job: Job, purchase: Purchase, at: int) -> bool:
        """Say whether what runs at an instant is paid by own tokens, which are used first."""
        spec = self.schedule.spec(id)
        share = self.schedule.share_on(spec, job.chip)
        used = metered((at - purchase.begin) * spec.width(job), share, purchase.rating)
        return purchase.begin <= at < purchase.end and used < purchase.own_tokens

    def _borne_ms(self) -> int:
        return self.schedule.members.parameter("preempt_compensation_ms_max")

    def _settled_cash(self, id: int, job: Job, since: int) -> int:
        """Return what the placement has paid for its settled time from an instant on.

        At the mean price of all its settled time, rounded down: the remainder is the operator's.
        """
        purchases = self._purchases(id)
        settled = purchases[0].begin if purchases else int(self.tables["covered"][id])
        if since >= settled:
            return 0
        return self.usage(id, job.attempt)[2] * (settled - since) // (settled - job.placed)

    def _repay_rows(self, id: int, job: Job, since: int,
                    sums: dict[Any, tuple[int, int, int]]) -> list[Row]:
        """Return the row that resolves a preempted placement's hold, if it has one."""
        hold = _hold(b"cmp", id, job.placed)
        held = self.ledger.tables["holds"].get(hold)
        if held is None:
            return []
        cash = min(held[2], self._settled_cash(id, job, since))
        for key in (("usage", id, job.attempt), ("statements", job.operator, job.tenant)):
            before = sums.get(key, (0, 0, 0))
            sums[key] = (before[0], before[1], before[2] - cash)
        return [Row(RowCode.POST, 0, CASH, account(job.operator, CASH),
                    account(job.tenant, CASH), cash, hold=hold,
                    user=_user(id, hour_of(since).start))]

    # -- what is open ----------------------------------------------------------------------

    def _purchases(self, id: int) -> list[Purchase]:
        """Return a placement's open purchases, oldest first: never more than a few hours."""
        found = []
        start = hour_of(int(self.tables["covered"][id]) - 1).start
        while (purchase := self.tables["purchases"].get((id, start))) is not None:
            found.append(purchase)
            start -= HOUR
        return found[::-1]

    def _settle_rows(self, id: int, job: Job, purchase: Purchase, finished: int,
                     sums: dict[Any, tuple[int, int, int]]) -> list[Row]:
        """Return the rows that post, burn, void and retire one purchase."""
        spec = self.schedule.spec(id)
        share = self.schedule.share_on(spec, job.chip)
        ran = max(0, min(finished, purchase.end) - purchase.begin) * spec.width(job)
        used = metered(ran, share, purchase.rating)
        own = min(used, purchase.own_tokens)
        bought = used - own
        start = hour_of(purchase.begin).start
        facts: dict[str, Any] = {"device_ms": ran, "rating": purchase.rating, "share": share,
                 "user": _user(id, start)}
        rows = []
        if purchase.own_tokens:
            klass = purchase.own_class
            rows.append(Row(RowCode.POST, 0, klass, account(job.tenant, klass),
                            account(job.tenant, klass, Kind.BURNED), own,
                            hold=_hold(b"own", id, start), **facts))
        cash = cash_of(bought, purchase.price_mrmb)
        if purchase.bought_tokens:
            rows += self._bought_rows(id, job, start, purchase, bought, cash, facts)
        for key in (("usage", id, job.attempt), ("statements", job.operator, job.tenant)):
            before = sums.get(key, (0, 0, 0))
            sums[key] = (before[0] + ran * share // 1000, before[1] + used, before[2] + cash)
        return rows

    @staticmethod
    def _bought_rows(id: int, job: Job, start: int, purchase: Purchase, bought: int, cash: int,
                     facts: dict[str, Any]) -> list[Row]:
        klass, user = purchase.bought_class, facts["user"]
        seller, tenant = account(job.operator, klass), account(job.tenant, klass)
        rows = [Row(RowCode.POST, 0, klass, seller, tenant, bought,
                    hold=_hold(b"tok", id, start), **facts)]
        if cash_of(purchase.bought_tokens, purchase.price_mrmb):
            rows.append(Row(RowCode.POST, 0, CASH, account(job.tenant, CASH),
                            account(job.operator, CASH), cash, hold=_hold(b"csh", id, start),
                            user=user))
        if bought:
            rows.append(Row(RowCode.BURN, 0, klass, tenant,
                            account(job.tenant, klass, Kind.BURNED), bought, user=user))
        if purchase.bought_tokens > bought:
            rows.append(Row(RowCode.RETIRE, 0, klass, seller,
                            account(job.operator, klass, Kind.ISSUER),
                            purchase.bought_tokens - bought, attestation=purchase.attestation,
                            user=user))
        return rows

    def _sum_writes(self, sums: dict[Any, tuple[int, int, int]]) -> list[Write]:
        writes = []
        for (table, *key), more in sums.items():
            before = self.tables[table].get(tuple(key)) or (0, 0, 0)
            writes.append(Write(self.name, table, tuple(key),
                                tuple(a + b for a, b in zip(before, more, strict=True))))
        return writes

    def _leaf(self, id: int, job: Job, spec: Spec, device_ms: int, finished: int,
              last: Purchase | None) -> bytes:
        """Return the provenance leaf: which chips ran what, for whom, behind a commitment."""
        chip = self.chips.datasheet[job.chip]
        return encode({
            "job": id, "attempt": job.attempt, "tenant": spec.commitment,
            "workload": spec.workload, "chip": job.chip, "origin": chip.origin,
            "devices": [[self.chips.tables["hosts"][host].identity, list(indices)]
                        for host, indices in job.slots],
            "rating": last.rating if last else 0,
            "rating_version": last.rating_version if last else 0,
            "device_ms": device_ms, "from": job.placed, "to": finished,
            "evidence": 0,  # the operator's statement; see the levels in docs/provenance.md
        })


def _user(job: int, start: int) -> bytes:
    return job.to_bytes(8, "big") + start.to_bytes(8, "big")


def _hold(prefix: bytes, job: int, start: int) -> bytes:
    return prefix + job.to_bytes(7, "big") + (start // HOUR).to_bytes(6, "big")
