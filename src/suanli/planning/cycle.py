"""The scheduling cycle: a scheduler decides on a view of the rooms; its actions become commands.

The view is changed as the scheduler acts, before the domain has been asked; what the domain then
refuses is put right when the block is heard.
"""

from collections.abc import Iterator
from typing import Any, Final

from suanli.planning.mirror import Mirror
from suanli.planning.policies import Policy
from suanli.planning.scheduler import Action, Bind, Preempt, Scheduler
from suanli.schedule import commands as schedule
from suanli.terms.errors import InvariantBroken, present
from suanli.terms.instant import MINUTE, hour_of
from suanli.terms.refusals import Code

# A job that could not be bought for is tried again after this long: funds or prices may move.
RETRY_MS: Final = MINUTE
# Commands about one job, by the place of its id; `schedule.submit` answers it.
ABOUT_A_JOB: Final = frozenset(command.kind for command in (
    schedule.Cancel, schedule.Place, schedule.Started, schedule.Stop, schedule.Preempt,
    schedule.Warn, schedule.Ended))
# Nothing that waits can start by these. Of our own decisions that is so unless one is refused.
NO_NEWS: Final = frozenset({"settlement.meter", "schedule.started", "schedule.warn",
                            "schedule.renew", "ledger.attest"})
OUR_OWN: Final = frozenset({schedule.PlaceMany.kind, schedule.Preempt.kind})
# Prices, grades, rules, and who owns an hour.
REPRICE: Final = ("market.", "units.", "members.set_parameter", "ledger.grant")
Decision = tuple[int, Any]


class Cycle:
    """One scheduler at work for some operators."""

    def __init__(self, policy: Policy, operators: list[int]) -> None:
        self.policy = policy
        self.operators = operators
        self.scheduler: Scheduler | None = None  # made when there is a queue
        self.mirror: Mirror | None = None
        self.is_stale = True  # whether something changed since the last cycle
        self._moved: dict[int, None] = {}  # jobs that blocks were about
        self._is_repriced = True
        self._priced_hour = -1
        self._retry: dict[int, int] = {}  # queued job -> not before
        self._wake: int | None = None

    def next_instant(self) -> int | None:
        """Return when a cycle is due even if nothing happens."""
        due = [*self._retry.values(), *([] if self._wake is None else [self._wake])]
        return min(due, default=None)

    def observe(self, member: int, kind: str, fields: Any, receipt: Any, at: int) -> None:
        """Learn from a command of a block, and what it was answered."""
        is_ours = member in self.operators
        is_refused = bool(receipt.code) or any(receipt.codes)
        self.is_stale |= kind not in NO_NEWS and (kind not in OUR_OWN or is_refused)
        self._is_repriced |= kind.startswith(REPRICE)
        if kind.startswith("chips.") and not receipt.code:
            self._observe_hosts(kind, fields)
        elif kind == schedule.Submit.kind and not receipt.code:
            self._moved[receipt.answer["job"]] = None
        elif kind == schedule.PlaceMany.kind:
            if not receipt.code or (is_ours and receipt.code != Code.MALFORMED):
                self._observe_placements(fields[0], receipt, is_ours, at)
        elif kind in ABOUT_A_JOB and fields and isinstance(fields[0], int):  # refused: any shape
            self._moved[fields[0]] = None
            if is_ours and receipt.code and kind == schedule.Preempt.kind:
                self._spare(fields[0])

    def _observe_placements(self, placements: list[Any], receipt: Any, is_ours: bool,
                            at: int) -> None:
        codes = receipt.codes or [receipt.code] * len(placements)
        for (job, _, _), code in zip(placements, codes, strict=True):
            self._moved[job] = None
            if code and is_ours:
                self._retry[job] = at + RETRY_MS

    def _observe_hosts(self, kind: str, fields: Any) -> None:
        if kind != "chips.set_host_state":
            self.mirror = None  # pools may have changed: look again
        elif self.mirror is not None and fields[0] in self.mirror.number:
            self.mirror.watch(fields[0])

    def _spare(self, job: int) -> None:
        """Leave a job alone for this hour: its preemption was refused."""
        if self.mirror is not None and job in self.mirror.rows:
            self.mirror.view.jobs.is_preemptible[self.mirror.rows[job]] = 0

    def is_due(self, at: int) -> bool:
        """Say whether something changed, or an instant has come."""
        due = self.next_instant()
        return self.is_stale or (due is not None and due <= at)

    def decide(self, rooms: Any, at: int) -> Iterator[Decision]:
        """Yield (operator, command) for what the scheduler does now."""
        self.is_stale = False
        mirror = self.in_step(rooms, at)
        self._wake = None
        if not mirror.view.queued:
            return
        self.scheduler = self.scheduler or self.policy()
        for action in self.scheduler.decide(mirror.view, at):
            yield self._command(rooms, mirror, action, at)
        self._wake = self.scheduler.next_instant(at)

    def in_step(self, rooms: Any, at: int) -> Mirror:
        """Return the view of the rooms as they are now."""
        if self.mirror is None or self.mirror.is_worn:
            self.mirror, self.scheduler = Mirror(rooms, self.operators, at), None
            self._is_repriced = True
        mirror = self.mirror
        for id in self._moved:
            mirror.follow(id)
        self._moved = {}
        self._reprice(mirror, at)
        self._show_and_hide(mirror, at)
        mirror.carve_out(at)
        return mirror

    def _reprice(self, mirror: Mirror, at: int) -> None:
        hour = hour_of(at).start
        if self._is_repriced or hour != self._priced_hour:
            mirror.reprice(at)
            self._is_repriced, self._priced_hour = False, hour

    def _show_and_hide(self, mirror: Mirror, at: int) -> None:
        self._retry = {id: due for id, due in self._retry.items() if id in mirror.rows}
        for id, due in list(self._retry.items()):
            if due > at:
                mirror.hide(id)
            else:
                del self._retry[id]
                mirror.follow(id)

    def _command(self, rooms: Any, mirror: Mirror, action: Action, at: int) -> Decision:
        view = mirror.view
        id = int(view.jobs.id[action.row])
        if isinstance(action, Bind):
            pool = int(view.pool_of[action.slots[0][0]])
            grade, _ = present(mirror.admission.grade(rooms.schedule.spec(id), pool),
                               "an admitted job has a grade")
            mirror.bind(id, action.slots, at)
            return mirror.sellers[pool].operator, schedule.Place(id, grade,
                                                                 mirror.named(action.slots))
        if not isinstance(action, Preempt):
            raise InvariantBroken(f"job {id}: a production scheduler binds whole gangs")
        view.set_stopping(action.row, True, action.beneficiary)
        return rooms.schedule.job(id).operator, schedule.Preempt(
            id, int(view.jobs.id[action.beneficiary]))
