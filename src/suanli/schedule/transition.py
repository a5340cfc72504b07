"""A job's step along `phases.TRANSITIONS`: the one place that changes where a job stands."""

from collections.abc import Sequence
from typing import Any

from suanli.schedule import phases
from suanli.schedule.job import Job
from suanli.terms.change import Change, Effect, Part, Write
from suanli.terms.refusals import Code, Refusal


def moved(id: int, job: Job, what: str, *more: Write, effects: tuple[Effect, ...] = (),
          **fields: Any) -> Change | Refusal:
    """Return the change that moves a job along the table, or why it cannot move."""
    part = step(id, job, what, more, effects, fields)
    return part if isinstance(part, Refusal) else Change((part,), {"job": id})


def step(id: int, job: Job, what: str, more: Sequence[Write], effects: tuple[Effect, ...],
         fields: dict[str, Any]) -> Part | Refusal:
    """Return the part that moves a job, with new values for some fields; its own write is first."""
    phase = phases.TRANSITIONS.get((job.phase, what))
    if phase is None:
        allowed = [p for p, w in phases.TRANSITIONS if w == what]
        return Refusal(Code.WRONG_PHASE, f"job {id} is {job.phase}; {what} is accepted when "
                       f"{' or '.join(allowed)}")
    record = job._replace(**{"phase": phase, **fields})
    return Part((Write("schedule", "jobs", id, record), *more), effects=effects)
