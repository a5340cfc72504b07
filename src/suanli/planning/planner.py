"""The planner: what each operator's commands are at an instant, from the state alone.

Hourly: attest the hours ahead and sweep what is past; meter the hour that ended, and make good what
was sold firm of it and not there. Before that strips are fixed, since what was paid depends on it,
also whenever an auction is settled. Five minutes before: renew. When a placement reaches its limit,
or its next hour could not be bought: stop. When a product's halt is over: its reopening. Whenever
something changed, or the scheduler asked to be woken: a scheduling cycle.
"""

import heapq
from typing import Any

from suanli.ledger.commands import Attest, Sweep
from suanli.market.commands import Reopen
from suanli.planning.auctioneer import Auctioneer
from suanli.planning.cycle import Cycle, Decision
from suanli.planning.fixing import Fixing
from suanli.planning.offering import offers
from suanli.planning.policies import Policy
from suanli.schedule import phases
from suanli.schedule.commands import Place, PlaceMany, Renew, Slots, Stop, Warn
from suanli.settlement.buying import RENEWAL_LEAD_MS
from suanli.settlement.commands import MakeGood, Meter
from suanli.terms.canonical import decode
from suanli.terms.errors import present
from suanli.terms.instant import HOUR, SECOND, hour_of
from suanli.terms.refusals import Code

HOURS_AHEAD = 24
CLASSES_SWEPT_AT_ONCE = 1000
OFFER_EVERY_MS = 10 * SECOND  # looking at all demand costs as much as there is of it
PLACED_AT_ONCE = 2000  # a command stays well below what a message may hold
STOP_REASONS = {Code.PRICED_OUT: phases.PRICED_OUT, Code.NO_OFFER: phases.PRICED_OUT,
                Code.INSUFFICIENT_BALANCE: phases.SHORT_OF_FUNDS}


class Planner:
    """Decides for the operators whose agents this loop has. Everything it keeps is a memo."""

    def __init__(self, policy: Policy, operators: list[int],
                 auctioneer: Auctioneer | None = None) -> None:
        self.policy = policy
        self.operators = operators
        self.auctioneer = auctioneer  # None: this loop leaves auctions to others
        self._offered = -OFFER_EVERY_MS  # when demand was last looked at
        self._attested_to = 0  # end of the hours that open auctions and strips had asked for
        self._hour_done = -1  # last hour start for which attestation, sweep and metering ran
        self._renewed = -1  # last hour start for which renewals were sent
        self._stops: list[tuple[int, int, int, str]] = []  # (instant, job, attempt, reason)
        self._unrenewed: list[tuple[int, Code]] = []  # jobs whose next hour was not to be had
        self.cycle = Cycle(policy, operators)
        self.fixing = Fixing(operators)
        self._is_first = True
        self._reopening: int | None = None  # when the next halted product is to be reopened

    def next_instant(self, at: int) -> int:
        """Return when something is due even if nothing happens."""
        hour = hour_of(at)
        lead = hour.end - RENEWAL_LEAD_MS
        due = lead if at < lead else hour.end
        if self._stops:
            due = min(due, self._stops[0][0])
        others = [self._reopening, self.cycle.next_instant()]
        if self.auctioneer is not None:
            others.append(self.auctioneer.next_instant(at))
        return max(at, min([due, *(other for other in others if other is not None)]))

    def observe(self, envelopes: tuple[bytes, ...], receipts: Any, at: int) -> None:
        """Learn from a block what its own commands came to."""
        for data, receipt in zip(envelopes, receipts, strict=True):
            envelope = decode(data)
            kind, fields = envelope["command"]
            self.cycle.observe(envelope["member"], kind, fields, receipt, at)
            if kind == Renew.kind:
                self._learn_renewal(fields[0], receipt.codes)

    def _learn_renewal(self, jobs: list[int], codes: tuple[int, ...]) -> None:
        self._unrenewed += [(job, Code(code)) for job, code in zip(jobs, codes, strict=True)
                            if code not in (Code.OK, Code.NOT_RENEWABLE)]

    def decide(self, rooms: Any, at: int) -> list[Decision]:
        """Return the commands that are due, in the order in which they must be heard."""
        decisions: list[Decision] = []
        if self._is_first:
            self._remember(rooms)
        hour = hour_of(at).start
        decisions += self.fixing.decide(rooms, at, hour)
        if hour != self._hour_done:
            decisions += self._turn_hour(rooms, at, hour)
            self._hour_done = hour
            self.cycle.is_stale = True
        if at >= hour + HOUR - RENEWAL_LEAD_MS and self._renewed != hour:
            decisions += self._renewals(rooms, hour + HOUR)
            self._renewed = hour
        decisions += self._reopenings(rooms, at)
        decisions += self._plan_stops(rooms, hour + HOUR)
        decisions += self._due_stops(rooms, at)
        decisions += self._attested_ahead(rooms, hour)
        if self.auctioneer is not None:
            decisions += self._auctions(rooms, at)
        # A turned hour is attested first; its jobs are placed when that block is committed.
        if self.cycle.is_due(at) and not any(isinstance(c, Attest) for _, c in decisions):
            decisions += self._placements(rooms, at)
        return decisions

    def has_more(self) -> bool:
        """Say whether another decision is due at this same instant."""
        return (self.cycle.is_stale or bool(self._unrenewed)
                or (self.auctioneer is not None and self.auctioneer.has_more))

    def _horizon(self, rooms: Any) -> int:
        """Return the end of the last hour that an open auction or strip of ours sells, or 0."""
        strips: int = rooms.market.strips.horizon(self.operators)
        return max(strips, self.auctioneer.horizon(rooms) if self.auctioneer is not None else 0)

    def _attested_ahead(self, rooms: Any, hour: int) -> list[Decision]:
        """Attest what is sold ahead and was not when the hour turned."""
        decisions: list[Decision] = []
        horizon = self._horizon(rooms)
        if horizon > self._attested_to:
            for operator in self.operators:
                decisions += self._attestations(rooms, operator, hour)
        self._attested_to = horizon
        return decisions

    def _auctions(self, rooms: Any, at: int) -> list[Decision]:
        """Keep the auctions going, and answer their demand."""
        auctioneer = present(self.auctioneer, "asked only where there is one")
        decisions: list[Decision] = []
        if at >= self._offered + OFFER_EVERY_MS:
            self._offered = at
            for operator in self.operators:
                decisions += [(operator, command) for command in offers(rooms, operator, at)]
        return decisions + [(self.operators[0], c) for c in auctioneer.decide(rooms, at)]

    def _remember(self, rooms: Any) -> None:
        """After a start: the limits of placements that are there already."""
        self._is_first = False
        for id in rooms.schedule.ids_in(phases.PLACED, phases.RUNNING):
            self._watch(rooms, id)

    def _watch(self, rooms: Any, id: int) -> None:
        job = rooms.schedule.job(id)
        heapq.heappush(self._stops, (job.limit, id, job.attempt, phases.TIME_LIMIT))

    def _turn_hour(self, rooms: Any, at: int, hour: int) -> list[Decision]:
        decisions: list[Decision] = []
        for operator in self.operators:
            over = [id for id in sorted(rooms.schedule.ids_in(*phases.HOLDS_DEVICES))
                    if rooms.schedule.job(id).operator == operator
                    and not rooms.schedule.job(id).is_being_preempted
                    and self._has_hour_over(rooms, id, hour)]
            if over:
                decisions.append((operator, Meter(tuple(over), hour)))
            decisions += self._failed_deliveries(rooms, operator, hour)
            decisions.append((operator, Sweep(CLASSES_SWEPT_AT_ONCE)))
            decisions += self._attestations(rooms, operator, hour)
        return decisions

    @staticmethod
    def _failed_deliveries(rooms: Any, operator: int, hour: int) -> list[Decision]:
        """Make good the firm tokens of the hour that ended whose device time was not there."""
        return [(operator, MakeGood(id))
                for id, klass in rooms.ledger.tables["classes"].items()
                if (klass.issuer, klass.tier, klass.start) == (operator, "firm", hour - HOUR)
                and rooms.settlement.delivery.missing(id, klass)]

    @staticmethod
    def _has_hour_over(rooms: Any, id: int, hour: int) -> bool:
        purchase = rooms.settlement.tables["purchases"].get((id, hour - HOUR))
        return purchase is not None and purchase.end <= hour

    def _attestations(self, rooms: Any, operator: int, hour: int) -> list[Decision]:
        """Attest what is not yet attested of the hours ahead, or whose capacity changed."""
        decisions = []
        last = max(hour + (HOURS_AHEAD - 1) * HOUR, self._horizon(rooms) - HOUR)
        for (owner, area, chip), devices in rooms.chips.tables["capacity"].items():
            if owner != operator:
                continue
            start = hour
            while start <= last and self._is_attested(rooms, operator, area, chip, start, devices):
                start += HOUR
            if start <= last:
                hours = (last - start) // HOUR + 1
                decisions.append((operator, Attest(area, chip, start, hours, devices)))
        return decisions

    @staticmethod
    def _is_attested(rooms: Any, operator: int, area: str, chip: str, start: int,
                     devices: int) -> bool:
        id = rooms.ledger.attestation_id(operator, area, chip, start)
        return id is not None and rooms.ledger.attestation(id).devices == devices

    def _renewals(self, rooms: Any, hour_end: int) -> list[Decision]:
        """One array a operator: everything that runs past the hour's end."""
        decisions: list[Decision] = []
        covered = rooms.settlement.tables["covered"]
        for operator in self.operators:
            jobs = []
            for id in rooms.schedule.ids_in(phases.PLACED, phases.RUNNING):
                job = rooms.schedule.job(id)
                if job.operator == operator and covered[id] <= hour_end < job.limit:
                    jobs.append(id)
            if jobs:
                decisions.append((operator, Renew(tuple(jobs))))
        return decisions

    def _reopenings(self, rooms: Any, at: int) -> list[Decision]:
        """Reopen our operators' products whose halt is over."""
        mine = [(instant, product) for instant, product in rooms.market.reopenings()
                if product.issuer in self.operators and product.start + HOUR > at]
        self._reopening = next((instant for instant, _ in mine if instant > at), None)
        return [(product.issuer, Reopen(*product)) for instant, product in mine if instant <= at]

    def _plan_stops(self, rooms: Any, hour_end: int) -> list[Decision]:
        """Warn what has no next hour, and stop it while its grace still lies in the paid one."""
        decisions: list[Decision] = []
        for id, code in self._unrenewed:
            grace_ms = min(rooms.schedule.spec(id).grace_ms, RENEWAL_LEAD_MS)
            job = rooms.schedule.job(id)
            reason = STOP_REASONS.get(code, phases.DISPLACED)
            heapq.heappush(self._stops, (hour_end - grace_ms, id, job.attempt, reason))
            if job.phase in (phases.PLACED, phases.RUNNING):
                decisions.append((job.operator, Warn(id, reason, hour_end - grace_ms)))
        self._unrenewed = []
        return decisions

    def _due_stops(self, rooms: Any, at: int) -> list[Decision]:
        """Stop each job once, for what came first, however many of its stops are due by now."""
        due: dict[int, Decision] = {}
        while self._stops and self._stops[0][0] <= at:
            _, id, attempt, reason = heapq.heappop(self._stops)
            job = rooms.schedule.job(id)
            if job.phase not in (phases.PLACED, phases.RUNNING) or attempt != job.attempt:
                continue
            if reason == phases.TIME_LIMIT and at < job.limit:
                # the limit of a placement that was refused, or came into a later block
                heapq.heappush(self._stops, (job.limit, id, attempt, reason))
            else:
                due.setdefault(id, (job.operator, Stop(id, reason)))
        return list(due.values())

    def _placements(self, rooms: Any, at: int) -> list[Decision]:
        """Return what the cycle decides, placements as arrays; watch the limits of those."""
        decisions: list[Decision] = []
        placed: dict[int, list[tuple[int, str, Slots]]] = {}
        for operator, command in self.cycle.decide(rooms, at):
            if isinstance(command, Place):
                chip = rooms.chips.tables["hosts"][command.slots[0][0]].chip
                width = sum(len(indices) for _, indices in command.slots)
                limit = at + (rooms.schedule.limit_ms(command.job, chip, width) or 0)
                heapq.heappush(self._stops, (limit, command.job, rooms.schedule.job(
                    command.job).attempt + 1, phases.TIME_LIMIT))
                placed.setdefault(operator, []).append(
                    (command.job, command.grade, command.slots))
            else:
                decisions.append((operator, command))
        return decisions + [
            (operator, PlaceMany(tuple(jobs[first:first + PLACED_AT_ONCE])))
            for operator, jobs in placed.items() for first in range(0, len(jobs), PLACED_AT_ONCE)]
