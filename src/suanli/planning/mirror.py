"""The `View` of a domain's rooms, kept in step job by job: what production schedulers see.

Nothing here is state: after a start, and when hosts are registered, it is built anew from the
rooms. A job is followed by comparing where its row stands with where the schedule says it stands,
so a placement that was refused undoes itself.
"""

from collections.abc import Iterable
from typing import Any, Final

from suanli.chips.slices import Profile
from suanli.chips.state import Host
from suanli.ledger.row import CASH, account
from suanli.planning.admission import Admission, Seller
from suanli.planning.carveout import carve_out
from suanli.planning.view import FIRM, QUEUED, PoolSpec, Request, Slots, View
from suanli.schedule import phases
from suanli.schedule.commands import Slots as NamedSlots
from suanli.schedule.job import PPM, Job, Spec
from suanli.terms.quantity import RMB

# A scheduler that starts anew learns run times from so many jobs that ended last.
RECALLED_MAX: Final = 5000
# Rows are never reused: beyond so many, and ten times what is alive, a fresh view is cheaper.
ROWS_MAX: Final = 200_000
BY_ITSELF: Final = frozenset({phases.SUCCEEDED, phases.FAILED, phases.TIME_LIMIT})


class Mirror:
    """A view of some operators' hosts and of all jobs that wait for any, or run there."""

    def __init__(self, rooms: Any, operators: Iterable[int], at: int) -> None:
        self.rooms = rooms
        groups = _groups(rooms, frozenset(operators))
        self.sellers = tuple(groups)
        self.hosts = [name for hosts in groups.values() for name in hosts]
        self.number = {name: number for number, name in enumerate(self.hosts)}
        self.view = View(tuple(_pool(seller, list(hosts.values()), rooms.chips.profiles)
                               for seller, hosts in groups.items()))
        self.rows: dict[int, int] = {}  # job id -> row
        self._attempts: dict[int, int] = {}  # job id -> attempt that its row has placed
        self._tenants: dict[int, int] = {}  # member id -> number of the tenant in the view
        self.admission = Admission(rooms, self.sellers, self.view.blocks, at)
        self._recall()
        for id in sorted(rooms.schedule.ids_in(phases.QUEUED, *phases.HOLDS_DEVICES)):
            self.follow(id)
        for name in self.hosts:
            self.watch(name)

    @property
    def is_worn(self) -> bool:
        """Say whether most rows are of jobs that are gone."""
        return self.view.jobs.count > max(ROWS_MAX, 10 * len(self.rows))

    # -- keeping step --------------------------------------------------------------------------

    def reprice(self, at: int) -> None:
        """Take in prices, grades, ownership, budgets and rules as they are now."""
        self.admission = Admission(self.rooms, self.sellers, self.view.blocks, at)
        parameter = self.rooms.members.parameter
        self.view.restore_ms = parameter("resume_allowance_ms")
        self.view.preempt_run_ms_min = parameter("preempt_run_ms_min")
        self.view.preempt_part_max = parameter("preempt_devices_ppm_per_hour") / PPM
        for id, row in self.rows.items():
            if self.view.jobs.phase[row] == QUEUED:
                self._admit(id, row)
            else:
                self._set_tier(id, row)
        self.view.budgets = {tenant: self._budget(member)
                             for member, tenant in self._tenants.items()}

    def carve_out(self, at: int) -> None:
        """Keep from shared work what was sold firm, or is the inference floor's."""
        self.view.carve_out(carve_out(self.rooms, self.view, self.sellers, at))

    def watch(self, host: str) -> None:
        """Take in whether a host is up."""
        self.view.set_up(self.number[host], self.rooms.chips.tables["hosts"][host].is_up)

    def follow(self, id: int) -> None:
        """Bring a job's row to where the schedule says that the job stands."""
        job = self.rooms.schedule.job(id)
        if job is None:  # somebody asked about a job that is not there
            return
        is_here = job.phase in phases.HOLDS_DEVICES and job.slots[0][0] in self.number
        row = self.rows.get(id)
        width = 0 if row is None else int(self.view.jobs.width[row])
        if row is not None and id in self._attempts and not (
                is_here and self._attempts[id] == job.attempt):
            self._release(id, row)
        if is_here:
            self._follow_placement(id, self._row(id, job), job)
        elif job.phase == phases.QUEUED:
            self._follow_queued(id, self._row(id, job), job)
        elif row is not None:
            del self.rows[id]
            self.view.end(row, _ran_ms(self.rooms.schedule.spec(id), job, width))

    def hide(self, id: int) -> None:
        """Keep a queued job from the scheduler for a while."""
        self.view.queued.pop(self.rows[id], None)

    def bind(self, id: int, slots: Slots, at: int) -> None:
        """Place a queued job, before the schedule has been asked."""
        self.view.bind(self.rows[id], slots, at, is_all=True)
        self._attempts[id] = self.rooms.schedule.job(id).attempt + 1

    def named(self, slots: Slots) -> NamedSlots:
        """Return slots by the names of their hosts."""
        return tuple((self.hosts[host], indices) for host, indices in slots)

    # -- one row -------------------------------------------------------------------------------

    def _row(self, id: int, job: Job) -> int:
        if id not in self.rows:
            spec = self.rooms.schedule.spec(id)
            tenant = self._tenants.setdefault(job.tenant, len(self._tenants))
            self.rows[id] = self.view.submit(Request(
                id, tenant, spec.devices, spec.share, (0,) * len(self.sellers),
                spec.time_limit_ms, spec.is_preemptible, self._budget(job.tenant),
                level_required=spec.level_required, level_preferred=spec.level_preferred,
                devices_min=spec.devices_min), job.submitted)
            if spec.is_fraction:
                self._allot(self.rows[id], spec)
        return self.rows[id]

    def _allot(self, row: int, spec: Spec) -> None:
        for pool, seller in enumerate(self.sellers):
            if spec.speed_ppm(seller.chip):
                self.view.allot(row, pool, self.rooms.chips.allot(
                    seller.chip, spec.share, spec.memory_gb))

    def _follow_queued(self, id: int, row: int, job: Job) -> None:
        jobs = self.view.jobs
        jobs.queued_at[row], jobs.progress_ms[row] = job.queued, job.spent_ms
        jobs.preemptions[row] = job.progress_ms > 0 and job.stop_reason in phases.OPERATORS_DOING
        self._admit(id, row)

    def _admit(self, id: int, row: int) -> None:
        """Show a queued job to the scheduler where some pool is open to it."""
        job = self.rooms.schedule.job(id)
        admitted = self.admission.of(self.rooms.schedule.spec(id), job.tenant)
        jobs = self.view.jobs
        jobs.speed[row], jobs.cost[row], _ = admitted
        self._set_tier(id, row)
        if any(admitted.speeds):
            self.view.queued[row] = None
        else:
            self.view.queued.pop(row, None)

    def _follow_placement(self, id: int, row: int, job: Job) -> None:
        jobs = self.view.jobs
        if id not in self._attempts:
            slots = tuple((self.number[name], indices) for name, indices in job.slots)
            spec = self.rooms.schedule.spec(id)
            jobs.speed[row] = [spec.speed_ppm(seller.chip) or 0 for seller in self.sellers]
            self._set_tier(id, row)
            jobs.progress_ms[row], jobs.queued_at[row] = job.spent_ms, job.queued
            self.view.bind(row, slots, job.placed, is_all=True)
            self._attempts[id] = job.attempt
        if row in self.view.slices:  # guessed as by the domain, but it may have known others there
            self.view.stands(row, self.rooms.schedule.tables["slices"][id][2])
        jobs.preemptions[row] = job.resume_ms > 0  # restoring makes it longer, nothing else does
        self.view.set_stopping(row, job.phase == phases.STOPPING)

    def _set_tier(self, id: int, row: int) -> None:
        """Say whose work it is this hour; nobody makes way on firm tokens."""
        spec, jobs = self.rooms.schedule.spec(id), self.view.jobs
        jobs.tier[row] = self.admission.of(spec, self.rooms.schedule.job(id).tenant).tier
        jobs.is_preemptible[row] = spec.is_preemptible and jobs.tier[row] != FIRM

    def _release(self, id: int, row: int) -> None:
        del self._attempts[id]
        self.view.release(row)
        self.view.requeue(row, int(self.view.jobs.queued_at[row]),
                          int(self.view.jobs.progress_ms[row]))

    def _budget(self, member: int) -> float:
        """Return what a tenant's shares are weighted by: its cash, in RMB."""
        debits, credits, _, _ = self.rooms.ledger.balance(account(member, CASH))
        return max(0.0, float(credits - debits) / RMB)

    def _recall(self) -> None:
        """Tell a fresh scheduler of the jobs that ended last; how wide one ran is not kept."""
        ended = self.rooms.schedule.ids_in(phases.ENDED)[-RECALLED_MAX:]
        for id in ended:
            job, spec = self.rooms.schedule.job(id), self.rooms.schedule.spec(id)
            ran_ms = _ran_ms(spec, job, spec.devices)
            if ran_ms is not None and not spec.devices_min:
                row = self._row(id, job)
                del self.rows[id]
                self.view.end(row, ran_ms)


def _groups(rooms: Any, operators: frozenset[int]) -> dict[Seller, dict[str, Host]]:
    """Return the operators' hosts by pool and name, in the order of registration."""
    groups: dict[Seller, dict[str, Host]] = {}
    for name, host in rooms.chips.tables["hosts"].items():
        zone = rooms.chips.zone_of(host)
        if zone.operator in operators:
            seller = Seller(zone.operator, host.zone, zone.area, host.chip)
            groups.setdefault(seller, {})[name] = host
    return groups


def _pool(seller: Seller, hosts: list[Host],
          profiles: dict[str, tuple[Profile, ...]]) -> PoolSpec:
    return PoolSpec(seller.zone, seller.chip, tuple(host.devices for host in hosts),
                    tuple(host.leaf for host in hosts), tuple(host.spine for host in hosts),
                    profiles.get(seller.chip, ()))


def _ran_ms(spec: Spec, job: Job, width: int) -> int | None:
    """Return what a job that ended by itself ran, milliseconds of the reference chip."""
    if job.outcome not in BY_ITSELF:
        return None
    ran = max(0, job.ended - job.placed - job.resume_ms)
    return min(spec.time_limit_ms, job.spent_ms + spec.worked_ms(job.chip, ran, width))
