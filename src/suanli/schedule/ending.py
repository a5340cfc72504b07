"""How a job comes to its end: cancelled, stopped with a warning or without, or over by itself.

An ended placement gives its devices back. For the reasons in `phases.REQUEUES` the job goes back to
the queue, unless nothing is left of its time limit; all others have ended for good.
"""

from typing import Any

from suanli.schedule import phases
from suanli.schedule.commands import Ended, Stop, Warn
from suanli.schedule.devices import Devices
from suanli.schedule.job import Job
from suanli.schedule.jobs import Jobs
from suanli.schedule.preemption import carried_over
from suanli.schedule.transition import moved
from suanli.terms.change import Change, Effect
from suanli.terms.refusals import Code, Refusal


class Ending:
    """The checks of `Cancel`, `Stop`, `Warn` and `Ended`."""

    def __init__(self, jobs: Jobs, devices: Devices) -> None:
        self.jobs = jobs
        self.devices = devices

    def cancel(self, id: int, job: Job, at: int, sender: int) -> Change | Refusal:
        """End a tenant's job: at once if it waits, else by a stop."""
        if job.tenant != sender:
            return Refusal(Code.NOT_THE_OWNER, f"job {id} is another tenant's")
        if job.phase == phases.QUEUED:
            kept = (Effect("forget", (id,)),) if job.attempt else ()
            return moved(id, job, phases.CANCEL, effects=kept, outcome=phases.CANCELLED,
                         ended=at, waited_ms=job.waited_ms + at - job.queued)
        return moved(id, job, phases.CANCEL, effects=(self._told_to_stop(id, job),),
                     stop_reason=phases.CANCELLED)

    def stop(self, command: Stop | Warn, job: Job) -> Change | Refusal:
        """Stop a placement, or tell it that it will be."""
        if command.reason not in phases.STOP_REASONS:
            return Refusal(Code.MALFORMED, f"reason {command.reason!r}; one of "
                           f"{', '.join(sorted(phases.STOP_REASONS))} is accepted")
        if isinstance(command, Warn):
            told = Effect("warn", (command.job, job.attempt, command.reason, command.stops))
            return moved(command.job, job, phases.WARN, effects=(told,))
        return moved(command.job, job, phases.STOP, stop_reason=command.reason,
                     effects=(self._told_to_stop(command.job, job),))

    def _told_to_stop(self, id: int, job: Job) -> Effect:
        return Effect("stop", (id, job.attempt, self.jobs.spec(id).grace_ms))

    def ended(self, command: Ended, job: Job, at: int) -> Change | Refusal:
        """Take a placement's end: its devices are free, its job is queued again or over."""
        if not job.placed <= command.saved <= command.finished <= at or min(
                command.cpu_ms, command.memory_bytes_max) < 0:
            return Refusal(Code.METER_OUT_OF_RANGE, f"saved up to {command.saved}, finished at "
                           f"{command.finished}; in this order between {job.placed} and {at}, "
                           "with usage of 0 or more, is accepted")
        spec, outcome = self.jobs.spec(command.job), _outcome(command, job)
        released = self.devices.releasing(command.job, job.slots,
                                          self.jobs.share_on(spec, job.chip))
        carried: dict[str, Any] = {}
        if outcome in phases.REQUEUES and (job.phase, phases.END) in phases.TRANSITIONS:
            carried = carried_over(job, spec, command.saved, command.finished, outcome)
            if carried["spent_ms"] < spec.time_limit_ms:
                return moved(command.job, job, phases.END, *released, phase=phases.QUEUED,
                             slots=(), queued=at, stop_reason=outcome, **carried)
            outcome = phases.TIME_LIMIT
        return moved(command.job, job, phases.END, *released, slots=(), outcome=outcome,
                     ended=command.finished, exit_code=command.exit_code,
                     cpu_ms=command.cpu_ms, memory_bytes_max=command.memory_bytes_max,
                     effects=(Effect("forget", (command.job,)),), **carried)


def _outcome(command: Ended, job: Job) -> str:
    """Return as what a placement ended: as it was told to, if it was."""
    if job.stop_reason:
        return job.stop_reason
    if command.is_lost:
        return phases.LOST
    return phases.SUCCEEDED if command.exit_code == 0 else phases.FAILED
