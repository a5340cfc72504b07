"""The scheduling cycle: snapshot the pools, try each queued job, propose placements.

What was sold firm is carved out by the supply law: its device time is consumed, so a shared job
is only proposed where the hour has device time left to sell, or where its tenant owns it.
"""

from collections.abc import Iterator
from typing import Any

from suanli.planning.policies import Policy, place
from suanli.planning.pools import Pool, pools_of
from suanli.schedule.commands import Place, Slots
from suanli.schedule.job import PPM, Job, Spec
from suanli.settlement.state import RENEWAL_LEAD_MS
from suanli.terms.instant import HOUR, hour_of
from suanli.terms.quantity import cash_of, metered


class Cycle:
    """One pass over the queue at one instant."""

    def __init__(self, rooms: Any, policy: Policy, at: int) -> None:
        self.rooms = rooms
        self.policy = policy
        self.at = at
        self.hour = hour_of(at)
        self.pools = pools_of(rooms)
        for pool in self.pools:
            pool.sellable_ms = self._sellable(pool, self.hour.start)
            pool.sellable_next_ms = self._sellable(pool, self.hour.end)
        self._grades = self._grades_by_need()
        self._owners = {owner for owner, _ in rooms.schedule.tables["reservations"]}
        # What did not fit this cycle: (kind of request) -> fewest devices that failed.
        self._failed: dict[Any, int] = {}

    def _sellable(self, pool: Pool, start: int) -> int:
        id = self.rooms.ledger.attestation_id(pool.operator, pool.area, pool.chip, start)
        return 0 if id is None else int(self.rooms.ledger.sellable_ms(id, self.at))

    def _grades_by_need(self) -> dict[tuple[int, str, bool, str], tuple[str, int]]:
        """Return (operator, workload, in gang, chip) -> (grade, micro-CU)."""
        return {(operator, grade.workload, grade.in_gang, chip): (name, ucu)
                for (operator, name), grade in self.rooms.units.tables["grades"].items()
                for chip, ucu, _ in grade.factors}

    def placements(self, queue: list[int]) -> Iterator[tuple[int, Place]]:
        """Yield (operator, command) for each job that can start now, in queue order."""
        free_max = max((pool.free_total for pool in self.pools), default=0)
        for id in queue:
            spec, job = self.rooms.schedule.spec(id), self.rooms.schedule.job(id)
            if spec.devices > free_max and not spec.is_fraction:
                continue
            owner = job.tenant if job.tenant in self._owners else None
            need = (spec.chips, spec.workload, spec.area, spec.share, spec.max_hourly_cost, owner)
            if spec.devices >= self._failed.get(need, spec.devices + 1):
                continue
            found = self._try(spec, job)
            if found is None:
                self._failed[need] = spec.devices
                continue
            pool, grade, slots = found
            for host, devices in slots:
                pool.take(host, devices, spec.share)
            yield pool.operator, Place(id, grade, slots)

    def _try(self, spec: Spec, job: Job) -> tuple[Pool, str, Slots] | None:
        for pool, grade, _ in self._ranked(spec):
            if not self._has_hours(pool, spec, job, grade):
                continue
            slots = place(self.policy, pool, spec.devices, spec.share)
            if slots is not None:
                self._sell(pool, spec)
                return pool, grade, slots
        return None

    def _ranked(self, spec: Spec) -> list[tuple[Pool, str, int]]:
        """Return admissible pools, the cheapest work first."""
        ranked = []
        speeds = dict(spec.chips)
        for index, pool in enumerate(self.pools):
            speed = speeds.get(pool.chip)
            need = (pool.operator, spec.workload, spec.in_gang, pool.chip)
            if not speed or need not in self._grades or spec.area not in ("", pool.area):
                continue
            grade, ucu = self._grades[need]
            price = self.rooms.market.offer(pool.operator, pool.area, grade, "spot")
            if price is None:
                continue
            hourly = cash_of(metered(HOUR * spec.devices, spec.share, ucu), price)
            if hourly <= spec.max_hourly_cost:
                ranked.append((ucu * price * PPM // speed, index, (pool, grade, price)))
        return [entry for _, _, entry in sorted(ranked, key=lambda r: r[:2])]

    def _needs(self, spec: Spec) -> tuple[int, int]:
        """Return the device time wanted of this hour and, near its end, of the next."""
        width = spec.devices * spec.share
        this = (self.hour.end - self.at) * width // 1000
        is_late = self.hour.end - self.at <= RENEWAL_LEAD_MS
        return this, HOUR * width // 1000 if is_late else 0

    def _has_hours(self, pool: Pool, spec: Spec, job: Job, grade: str) -> bool:
        this, following = self._needs(spec)
        if pool.sellable_ms >= this and pool.sellable_next_ms >= following:
            return True
        return self._owns_hour(pool, job, grade)

    def _owns_hour(self, pool: Pool, job: Job, grade: str) -> bool:
        """Say whether the tenant has firm tokens of this hour; the ledger does the sums."""
        klass = self.rooms.ledger.class_id(pool.operator, pool.area, grade, "firm",
                                           self.hour.start)
        return klass is not None and (job.tenant, klass) in self.rooms.schedule.tables[
            "reservations"]

    def _sell(self, pool: Pool, spec: Spec) -> None:
        this, following = self._needs(spec)
        pool.sellable_ms -= this
        pool.sellable_next_ms -= following
