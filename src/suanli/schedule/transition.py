"""A job's step along `phases.TRANSITIONS`: nothing else says in which phase a job is next."""

from typing import Any

from suanli.schedule import phases
from suanli.schedule.job import Job
from suanli.terms.change import Change, Effect, Part, Write
from suanli.terms.refusals import Code, Refusal


def phase_after(id: int, job: Job, what: str) -> str | Refusal:
    """Return the phase of a job after something happens to it, or why it cannot happen now."""
    phase = phases.TRANSITIONS.get((job.phase, what))
    if phase is not None:
        return phase
    allowed = [p for p, w in phases.TRANSITIONS if w == what]
    return Refusal(Code.WRONG_PHASE, f"job {id} is {job.phase}; {what} is accepted when "
                   f"{' or '.join(allowed)}")


def moved(id: int, job: Job, what: str, *more: Write, effects: tuple[Effect, ...] = (),
          **fields: Any) -> Change | Refusal:
    """Return the change that moves a job along the table with new values, or why it cannot."""
    phase = phase_after(id, job, what)
    if isinstance(phase, Refusal):
        return phase
    record = job._replace(**{"phase": phase, **fields})
    return Change((Part((Write("schedule", "jobs", id, record), *more), effects=effects),),
                  {"job": id})
