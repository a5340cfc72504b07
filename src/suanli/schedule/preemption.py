"""Preemption: who may be sent back to the queue for whom, how often, and what then counts.

Laws
----
* Preempting is a strict total order: the beneficiary's stated size (time limit x devices x share,
  then its id) is smaller than the victim's. Stated sizes never change, so no chain of preemptions
  ever leads back to where it began.
* In any running hour an operator preempts at most a governed share of its healthy devices; only
  one job may be larger than that share, and then it is the only one of its hour.
* Whole gangs only, and only after a governed least run time.
* What a job may still run is its time limit less what it has used. Work that a checkpoint holds is
  used; work that was lost is used too, unless losing it was the operator's doing.

Sources: least run times as in KAI-Scheduler, the rate limit as in Armada (pull request 5072).
"""

from typing import Any

from suanli.chips.state import Chips
from suanli.members.state import Members
from suanli.schedule import phases
from suanli.schedule.commands import Preempt
from suanli.schedule.job import PPM, Job, Spec
from suanli.schedule.jobs import Jobs
from suanli.schedule.transition import moved
from suanli.terms.change import Change, Effect, Write
from suanli.terms.instant import HOUR, MINUTE
from suanli.terms.quantity import WHOLE_DEVICE
from suanli.terms.refusals import Code, Refusal

# An operator's recent preemptions: (minute since 1970, thousandths of devices), oldest first.
Recent = tuple[tuple[int, int], ...]


class Preemption:
    """The checks of `Preempt`.

    Order: phase, victim, its run time, beneficiary, their sizes, rate.
    """

    def __init__(self, members: Members, chips: Chips, jobs: Jobs, tables: Any) -> None:
        self.members = members
        self.chips = chips
        self.jobs = jobs
        self.tables = tables  # the schedule's

    def preempt(self, command: Preempt, job: Job, at: int) -> Change | Refusal:
        """Send a running job back to the queue for a queued one, and count it."""
        id, spec = command.job, self.jobs.spec(command.job)
        if (job.phase, phases.PREEMPT) not in phases.TRANSITIONS:
            return moved(id, job, phases.PREEMPT)
        run_ms_min = self.members.parameter("preempt_run_ms_min")
        if refusal := (may_preempt(job, spec, at, run_ms_min)
                       or self._beneficiary_refusal(command, job, spec)):
            return refusal
        recent = self._counted(job, spec, at)
        if isinstance(recent, Refusal):
            return recent
        return moved(
            id, job, phases.PREEMPT, Write("schedule", "preempted", job.operator, recent),
            effects=(Effect("stop", (id, job.attempt, spec.grace_ms)),),
            stop_reason=phases.PREEMPTED, preemptions=job.preemptions + 1)

    def _beneficiary_refusal(self, command: Preempt, job: Job, spec: Spec) -> Refusal | None:
        id, other = command.beneficiary, self.jobs.job(command.beneficiary)
        if other is None or other.phase != phases.QUEUED:
            return Refusal(Code.BENEFICIARY_NOT_QUEUED, f"job {id} is "
                           f"{other.phase if other else 'not there'}; a queued one is accepted")
        wants = self.jobs.spec(id)
        if wants.limit_ms(job.chip) is None:
            return Refusal(Code.NO_ADMISSIBLE_CHIP, f"job {id} does not run on {job.chip}")
        if not comes_before(id, wants, command.job, spec):
            return Refusal(Code.BENEFICIARY_NOT_SMALLER, f"job {id} states "
                           f"{wants.stated_size} ms x thousandths; below {spec.stated_size}, or "
                           "as much and an earlier id, is accepted")
        return None

    def _counted(self, job: Job, spec: Spec, at: int) -> Recent | Refusal:
        size = spec.width(job) * self.jobs.share_on(spec, job.chip)
        healthy = sum(devices for (owner, _, _), devices in self.chips.tables["capacity"].items()
                      if owner == job.operator)
        return counted(self.tables["preempted"].get(job.operator) or (), at, size, healthy,
                       self.members.parameter("preempt_devices_ppm_per_hour"))


def comes_before(id: int, spec: Spec, other: int, other_spec: Spec) -> bool:
    """Say whether a job is smaller than another by what their tenants stated."""
    return (spec.stated_size, id) < (other_spec.stated_size, other)


def may_preempt(job: Job, spec: Spec, at: int, run_ms_min: int) -> Refusal | None:
    """Say why a running job must be left alone, or None."""
    if not spec.is_preemptible:
        return Refusal(Code.NOT_PREEMPTIBLE, "its tenant did not ask for the spot tier")
    if at - job.placed < run_ms_min:
        return Refusal(Code.RUN_TOO_SHORT, f"it was placed {at - job.placed} ms ago; after "
                       f"{run_ms_min} ms it may be preempted")
    return None


def counted(recent: Recent, at: int, size: int, devices: int,
            ppm: int) -> Recent | Refusal:
    """Return the recent preemptions with one more, or why the rate does not allow it.

    Counted by minutes, so that the record stays below 62 entries: a minute is dropped when all
    of it lies more than an hour back. `size`: thousandths of devices; `devices`: healthy ones.
    """
    minute = at // MINUTE
    kept = tuple(entry for entry in recent if minute - entry[0] <= HOUR // MINUTE)
    taken = sum(size for _, size in kept)
    most = devices * WHOLE_DEVICE * ppm // PPM
    if ppm == 0 or (taken and taken + size > most):
        return Refusal(Code.PREEMPTION_RATE_EXCEEDED, f"{taken} thousandths of devices preempted "
                       f"within the hour, {size} more asked for; {most} are accepted, or one job")
    if kept and kept[-1][0] == minute:
        return (*kept[:-1], (minute, kept[-1][1] + size))
    return (*kept, (minute, size))


def carried_over(job: Job, spec: Spec, saved: int, finished: int, reason: str) -> dict[str, Any]:
    """Return the fields of a job that goes back to the queue: what it has saved, used and lost."""
    used_until = saved if reason in phases.OPERATORS_DOING else finished
    return {"progress_ms": job.progress_ms + _worked_ms(job, spec, saved),
            "spent_ms": job.spent_ms + _worked_ms(job, spec, used_until),
            "lost_ms": job.lost_ms + finished - saved}


def _worked_ms(job: Job, spec: Spec, until: int) -> int:
    """Return an attempt's run time as the first chip's, rounded down, less its allowance."""
    ran_ms = max(0, until - job.placed - job.resume_ms)
    return spec.worked_ms(job.chip, ran_ms, spec.width(job))
