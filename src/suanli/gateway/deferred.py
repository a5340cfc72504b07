"""Jobs that are to run by a deadline within a budget: bid for, bought, and submitted in their hour.

Theory of operation: a deferred job is kept in a file of the server, not on the chain, until its
hour. What is due is looked at every second: (1) without an order, a flexible order enters the first
auction that trades now and has enough hours before the deadline, at the limit that spends the whole
budget, or at the auction's highest price; (2) once that auction is settled, an order that was left
goes back to (1), one that was taken waits for its first hour; (3) then the job is submitted, and
draws on the hours it bought. A job that no auction can serve any more, or whose order is refused
for good, is given up, with why.

What is on the chain is not told twice, wherever a server died: an order of its terms that no other
deferred job has is taken for its own, and its job is known by the number of its order in
`SUANLI_AUCTION_ORDER` of its environment.
"""

import json
import os
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from suanli.gateway.answers import TENANT
from suanli.gateway.quotes import Grade, grades_of
from suanli.gateway.requests import JobRequest
from suanli.gateway.service import Service
from suanli.gateway.specs import spec_of
from suanli.market.auction import calendar
from suanli.market.auction.admission import SPAN_MAX
from suanli.market.auction.commands import EnterFlexible
from suanli.market.auction.phases import LATE, NO_CANCEL, phase
from suanli.market.auction.records import OPEN, SETTLED, VOID
from suanli.schedule.commands import Submit
from suanli.schedule.job import Spec
from suanli.terms.errors import AdapterError, InputError
from suanli.terms.instant import HOUR
from suanli.terms.quantity import LOT
from suanli.terms.refusals import Refusal

FILE: Final = "deferred.json"
LOOK_S: Final = 1.0
ORDER_VARIABLE: Final = "SUANLI_AUCTION_ORDER"


@dataclass(frozen=True, slots=True)
class Deferred:
    """One such job: what was asked, and how far it is."""

    id: int
    request: dict[str, Any]
    by: int  # Unix milliseconds: when it must be over at the latest
    budget: int  # micro-RMB for all its hours
    order: int = 0  # its order in an auction, 0: none yet
    tried: tuple[int, ...] = ()  # auctions that left it
    start: int = 0  # the first hour bought
    job: int = 0
    given_up: str = ""

    @property
    def hours(self) -> int:
        return -(-int(self.request["time_limit_ms"]) // HOUR)

    @property
    def is_open(self) -> bool:
        return not (self.job or self.given_up)


class DeferredJobs:
    """The deferred jobs of one server. Thread-safe; `look` is called by one thread."""

    def __init__(self, service: Service, directory: Path) -> None:
        self.service = service
        self._path = directory / FILE
        self._jobs = self._read()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deferred", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def add(self, request: JobRequest, by: int, budget: int) -> Deferred:
        """Keep a job for its hour.

        Raises
        ------
        InputError
            If its hours do not fit before the deadline, or are too many for one order.
        """
        found = Deferred(0, request.model_dump(), by, budget)
        now = self.service.clock.now()
        if found.hours > SPAN_MAX or now + found.hours * HOUR > by:
            raise InputError(f"a time limit of {found.hours} h by {by} from {now}; at most "
                             f"{SPAN_MAX} h that end before the deadline are accepted")
        with self._lock:
            found = replace(found, id=len(self._jobs) + 1)
            self._keep(found)
        return found

    def rows(self) -> list[dict[str, Any]]:
        """Return all of them, oldest first."""
        with self._lock:
            return [{**asdict(job), "name": job.request["name"] or job.request["argv"][0],
                     "state": _state(job)} for job in self._jobs.values()]

    def look(self) -> None:
        """Do what is due for each."""
        with self._lock:
            jobs = [job for job in self._jobs.values() if job.is_open]
        for job in jobs:
            try:
                after = self._next(job)
            except AdapterError:
                return  # the engine cannot store now: the next look tries again
            if after != job:
                with self._lock:
                    self._keep(after)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            self.look()

    def _next(self, job: Deferred) -> Deferred:
        if job.start:
            return self._submitted(job)
        if job.order:
            return self._bought(job)
        return self._ordered(job)

    # -- its steps -------------------------------------------------------------------------

    def _ordered(self, job: Deferred) -> Deferred:
        with self.service.lock:
            now = self.service.clock.now()
            command = self._order(job, spec_of(self.service, JobRequest(**job.request)), now)
            if command is None and not self._may_come(job, now):
                return replace(job, given_up="no auction has its hours before the deadline")
        if command is None or isinstance(command, str):
            return replace(job, given_up=command) if command else job
        if standing := self._standing(command):
            return replace(job, order=standing)
        outcome = self.service.ask(TENANT, command)
        if isinstance(outcome, Refusal):
            return job if outcome.is_transient else replace(job, given_up=outcome.reason)
        return replace(job, order=outcome.receipt.answer["order"])

    def _standing(self, command: EnterFlexible) -> int:
        """Return an order of these terms that stands for no other deferred job, or 0."""
        with self._lock:
            taken = {job.order for job in self._jobs.values()}
        with self.service.lock:
            owner = self.service.agents[TENANT].member
            orders = self.service.rooms.market.auctions.orders_of(command.auction, owner)
        return next((id for id, order in orders.items() if id not in taken and order.flexible
                     and (order.flexible.lots, order.flexible.hours, order.flexible.price)
                     == (command.lots, command.hours, command.price_mrmb)), 0)

    def _order(self, job: Deferred, spec: Spec, now: int) -> EnterFlexible | str | None:
        """Return the order that may enter now, why there can be none, or None: not yet."""
        rooms = self.service.rooms
        offered = list(grades_of(rooms, spec))
        if not offered:
            return "nothing is offered on its chips"
        _, area, grade, tokens = min(offered, key=self._hourly)
        lots = -(-tokens // LOT)
        price = job.budget // (lots * job.hours)
        for id, sitting in rooms.market.tables["auctions"].items():
            earliest = max(sitting.start, -(-now // HOUR) * HOUR)
            latest = min(sitting.start + sitting.hours * HOUR, job.by - job.by % HOUR)
            if (phase(sitting, now) in (OPEN, NO_CANCEL, LATE) and id not in job.tried
                    and earliest + job.hours * HOUR <= latest):
                return EnterFlexible(id, 0, area, grade, "firm", min(price, sitting.price_max),
                                     lots, job.hours, earliest, latest, 0)
        return None

    def _hourly(self, grade: Grade) -> int:
        issuer, area, name, tokens = grade
        return tokens * int(self.service.rooms.market.offer(issuer, area, name, "firm") or 0)

    def _may_come(self, job: Deferred, now: int) -> bool:
        """Say whether an auction still to open has its hours before the deadline."""
        members = self.service.rooms.members
        return any(calendar.next_start(members, session, now) + job.hours * HOUR <= job.by
                   for session in calendar.SESSIONS.values())

    def _bought(self, job: Deferred) -> Deferred:
        with self.service.lock:
            auctions = self.service.rooms.market.auctions
            order = self.service.rooms.market.tables["auction_orders"].get(job.order)
            sitting = auctions.sitting(order.auction) if order else None
            if order is None or sitting is None:
                return replace(job, given_up=f"its order {job.order} is gone")
            if sitting.status not in (SETTLED, VOID):
                return job
            if order.filled:
                return replace(job, start=min(sitting.start_of(cell) for cell, _ in order.filled))
            return replace(job, order=0, tried=(*job.tried, order.auction))

    def _submitted(self, job: Deferred) -> Deferred:
        if self.service.clock.now() < job.start:
            return job
        request = JobRequest(**job.request)
        request.environment[ORDER_VARIABLE] = str(job.order)
        with self.service.lock:
            known = self._known(str(job.order))
        if known:
            return replace(job, job=known)
        outcome = self.service.ask(TENANT, Submit(spec_of(self.service, request)))
        if isinstance(outcome, Refusal):
            return job if outcome.is_transient else replace(job, given_up=outcome.reason)
        return replace(job, job=outcome.receipt.answer["job"])

    def _known(self, order: str) -> int:
        """Return the job that was submitted for an order before a restart, or 0."""
        specs = self.service.rooms.schedule.tables["specs"]
        return next((int(id) for id, spec in specs.items()
                     if (ORDER_VARIABLE, order) in spec.environment), 0)

    # -- the file --------------------------------------------------------------------------

    def _read(self) -> dict[int, Deferred]:
        if not self._path.exists():
            return {}
        rows = json.loads(self._path.read_text(encoding="utf-8"))
        return {row["id"]: Deferred(**{**row, "tried": tuple(row["tried"])}) for row in rows}

    def _keep(self, job: Deferred) -> None:
        """Write all, whole or not at all, and durably: who asked was told that it is kept."""
        jobs = {**self._jobs, job.id: job}
        draft = self._path.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as file:
            json.dump([asdict(j) for j in jobs.values()], file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self._jobs = jobs


def _state(job: Deferred) -> str:
    if job.given_up:
        return f"given up: {job.given_up}"
    if job.job:
        return f"job {job.job}"
    if job.start:
        return "bought"
    return f"order {job.order}" if job.order else "waits for an auction"
