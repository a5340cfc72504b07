"""Submitting a job: what a request must state, and what must be there to serve it.

Order of checks: workload class, time limit, cost, devices, share, memory, arguments, levels; then
its chips, their speeds and memory, a grade that delivers it, a block that is large enough.
"""

from typing import Any, Final

from suanli.chips.state import Chips
from suanli.chips.topology import LEVELS
from suanli.members.state import Members
from suanli.schedule import phases
from suanli.schedule.job import PPM, Job, Spec
from suanli.terms.change import Change, Write, one_part
from suanli.terms.quantity import WHOLE_DEVICE, is_amount
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import changed
from suanli.units.state import Units
from suanli.units.workload import WORKLOAD_CLASSES

DEVICES_MAX: Final = 65_536
SPEED_PPM_MAX: Final = 1000 * PPM
GRACE_MS_MAX: Final = 3_600_000
ARGUMENT_CHARACTERS_MAX: Final = 65_536
MEMORY_GB_MAX: Final = 1_000_000


class Submission:
    """The door to the queue."""

    def __init__(self, members: Members, chips: Chips, units: Units, tables: Any) -> None:
        self.members = members
        self.chips = chips
        self.units = units
        self.tables = tables  # the schedule's

    def submit(self, spec: Spec, at: int, sender: int) -> Change | Refusal:
        """Queue a job; its tenant commits to what it may cost at most."""
        refusal = (self._time_and_cost_refusal(spec) or self._size_refusal(spec)
                   or self._form_refusal(spec) or self._chips_refusal(spec)
                   or self._offer_refusal(spec))
        if refusal:
            return refusal
        id = int(self.tables["counters"].get("job") or 0) + 1
        job = Job(sender, at, at, phases.QUEUED, 0, 0, "", "", (), 0, 0, "", 0, "", 0, 0, 0, 0)
        hours = -(-spec.time_limit_ms // 3_600_000)
        change = one_part(
            Write("schedule", "specs", id, spec), Write("schedule", "jobs", id, job),
            Write("schedule", "counters", "job", id), job=id)
        return changed(change, spend=spec.max_hourly_cost * hours)  # type: ignore[no-any-return]

    # -- the request alone -----------------------------------------------------------------

    def _time_and_cost_refusal(self, spec: Spec) -> Refusal | None:
        limit_max = self.members.parameter("time_limit_ms_max")
        if spec.workload not in WORKLOAD_CLASSES:
            return Refusal(Code.UNKNOWN_WORKLOAD_CLASS, f"no workload class {spec.workload!r}; "
                           f"known are {', '.join(WORKLOAD_CLASSES)}")
        if spec.time_limit_ms <= 0:
            return Refusal(Code.TIME_LIMIT_MISSING, "a job states a time limit in milliseconds")
        if spec.time_limit_ms > limit_max:
            return Refusal(Code.TIME_LIMIT_OUT_OF_RANGE, f"a time limit of {spec.time_limit_ms} "
                           f"ms; at most {limit_max} is accepted")
        if not is_amount(spec.max_hourly_cost):
            return Refusal(Code.MAX_HOURLY_COST_MISSING,
                           "a job states what an hour may cost at most, in micro-RMB")
        return None

    @staticmethod
    def _size_refusal(spec: Spec) -> Refusal | None:
        if not 1 <= spec.devices <= DEVICES_MAX or not 0 <= spec.grace_ms <= GRACE_MS_MAX:
            return Refusal(Code.DEVICE_COUNT_OUT_OF_RANGE, f"{spec.devices} devices, grace "
                           f"{spec.grace_ms} ms; 1 to {DEVICES_MAX}, 0 to {GRACE_MS_MAX}")
        if spec.devices_min and not 2 <= spec.devices_min <= spec.devices:
            # Alone it would be of another grade, with another rating.
            return Refusal(Code.DEVICE_COUNT_OUT_OF_RANGE, f"at least {spec.devices_min} of "
                           f"{spec.devices} devices; 2 to all, or 0 for a job that needs all")
        if not 1 <= spec.share <= WHOLE_DEVICE or (spec.is_fraction and spec.in_gang):
            return Refusal(Code.SHARE_OUT_OF_RANGE, f"share {spec.share} of {spec.devices} "
                           "devices; 1 to 1000 of one, or 1000 of several, is accepted")
        if not 0 <= spec.memory_gb <= MEMORY_GB_MAX:
            return Refusal(Code.SHARE_OUT_OF_RANGE, f"memory of {spec.memory_gb} GB; 1 to "
                           f"{MEMORY_GB_MAX}, or 0 where it does not matter, is accepted")
        return None

    @staticmethod
    def _form_refusal(spec: Spec) -> Refusal | None:
        if sum(map(len, spec.argv)) > ARGUMENT_CHARACTERS_MAX:
            return Refusal(Code.COMMAND_TOO_LONG,
                           f"at most {ARGUMENT_CHARACTERS_MAX} characters are accepted")
        if spec.level_required not in LEVELS or spec.level_preferred not in LEVELS:
            return Refusal(Code.UNKNOWN_LEVEL, f"levels {spec.level_required!r} and "
                           f"{spec.level_preferred!r}; {', '.join(LEVELS[1:])} or nothing is "
                           "accepted")
        return None

    # -- beside what there is --------------------------------------------------------------

    def _chips_refusal(self, spec: Spec) -> Refusal | None:
        unknown = [chip for chip, _ in spec.chips if chip not in self.chips.datasheet]
        if unknown or not spec.chips:
            return Refusal(Code.UNKNOWN_CHIP, f"chips {unknown or '(none)'} are not in the "
                           "datasheet; `suanli chips list` shows those known")
        if not all(0 < speed <= SPEED_PPM_MAX for _, speed in spec.chips):
            return Refusal(Code.NO_ADMISSIBLE_CHIP, "speeds are parts per million of the first "
                           f"chip's, 1 to {SPEED_PPM_MAX}")
        if not any(self.chips.allot(chip, spec.share, spec.memory_gb) for chip, _ in spec.chips):
            return Refusal(Code.NO_ADMISSIBLE_CHIP, f"no device of "
                           f"{', '.join(chip for chip, _ in spec.chips)} is known to have "
                           f"{spec.memory_gb} GB; `suanli chips slices` shows parts of chips")
        return None

    def _offer_refusal(self, spec: Spec) -> Refusal | None:
        """Return why nobody could ever sell this job its hours, or host it whole."""
        if not self._has_grade(spec):
            return Refusal(Code.NO_ADMISSIBLE_CHIP, f"no operator's grade delivers "
                           f"{spec.workload} {'to gangs' if spec.in_gang else 'singly'} on "
                           f"{', '.join(chip for chip, _ in spec.chips)}")
        level = spec.level_required or "zone"
        most, block = self.chips.blocks.largest(level, spec.area, [chip for chip, _ in spec.chips])
        if most < spec.width_min:
            named = f": {'/'.join(filter(None, block))}" if spec.level_required else ""
            return Refusal(Code.GANG_DOES_NOT_FIT, f"{spec.width_min} devices; the largest {level} "
                           f"with an admissible chip has {most}{named}")
        return None

    def _has_grade(self, spec: Spec) -> bool:
        return any((grade.workload, grade.in_gang) == (spec.workload, spec.in_gang)
                   and any(grade.factor(chip) for chip, _ in spec.chips)
                   for grade in self.units.tables["grades"].values())
