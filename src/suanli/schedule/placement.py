"""Placing jobs on devices, one or an array at a time, and keeping them there.

Order of checks of a placement: its hosts; its devices: how many, one chip and zone, area, level;
the grade; the chip; what is free; the phase.
"""

from suanli.chips.state import Chips, Host
from suanli.chips.topology import block_of
from suanli.schedule import phases
from suanli.schedule.commands import Place, PlaceMany, Renew, Slots
from suanli.schedule.devices import Devices
from suanli.schedule.job import Job, Spec
from suanli.schedule.jobs import Jobs
from suanli.schedule.slicing import Asked
from suanli.schedule.transition import phase_after
from suanli.terms.change import Change, Effect, Part, Write
from suanli.terms.refusals import Code, Refusal
from suanli.units.state import Units


class Placement:
    """The checks of `Place`, `PlaceMany` and `Renew`."""

    def __init__(self, chips: Chips, units: Units, jobs: Jobs, devices: Devices) -> None:
        self.chips = chips
        self.units = units
        self.jobs = jobs
        self.devices = devices

    def place(self, command: Place, job: Job, at: int, sender: int) -> Change | Refusal:
        """Check one placement."""
        part = self._place(command.job, job, command.grade, command.slots, at, sender,
                           Asked({}, {}))
        return part if isinstance(part, Refusal) else Change((part,), {"job": command.job})

    def place_many(self, command: PlaceMany, at: int, sender: int) -> Change:
        """Check each placement beside the devices that those before it ask for."""
        parts: list[Part] = []
        refused: list[tuple[int, int]] = []
        asked = Asked({}, {})
        placed: set[int] = set()
        for index, (id, grade, slots) in enumerate(command.placements):
            job = self.jobs.job(id)
            if job is None or id in placed:
                code = Code.UNKNOWN_JOB if job is None else Code.WRONG_PHASE
                refused.append((index, int(code)))
                continue
            part = self._place(id, job, grade, slots, at, sender, asked)
            if isinstance(part, Refusal):
                refused.append((index, int(part.code)))
            else:
                parts.append(part)
                placed.add(id)
        return Change(tuple(parts), is_array=True, refused=tuple(refused))

    def renew(self, command: Renew, sender: int) -> Change | Refusal:
        """Check that all are placements of the sender; settlement buys the hours."""
        for id in command.jobs:
            job = self.jobs.job(id)
            if job is None or job.operator != sender:
                return Refusal(Code.UNKNOWN_JOB, f"no placement {id} with you")
            if (job.phase, phases.RENEW) not in phases.TRANSITIONS:
                return Refusal(Code.NOT_RENEWABLE, f"job {id} is {job.phase}")
        if len(set(command.jobs)) != len(command.jobs):
            return Refusal(Code.NOT_RENEWABLE, "a job stands twice")
        return Change(is_array=True)

    def _place(self, id: int, job: Job, grade: str, slots: Slots, at: int, sender: int,
               asked: Asked) -> Part | Refusal:
        """Check one placement beside what is asked for already."""
        spec = self.jobs.spec(id)
        hosts = self._hosts_of(slots, sender)
        if isinstance(hosts, Refusal):
            return hosts
        chip = hosts[0].chip
        if refusal := (self._slots_refusal(slots, spec, hosts)
                       or self._grade_refusal(sender, grade, spec, chip)):
            return refusal
        width = sum([len(indices) for _, indices in slots])
        left_ms = spec.limit_ms(chip, job.spent_ms, width)
        if left_ms is None:
            return Refusal(Code.NO_ADMISSIBLE_CHIP, f"the job does not run on {chip}")
        allotted = self.chips.allot(chip, spec.share, spec.memory_gb)
        if allotted is None:
            return Refusal(Code.NO_ADMISSIBLE_CHIP, f"a {chip} has less than {spec.memory_gb} GB")
        writes = self.devices.taking(id, slots, hosts, allotted, asked)
        if isinstance(writes, Refusal):
            return writes
        phase = phase_after(id, job, phases.PLACE)
        if isinstance(phase, Refusal):
            return phase
        record = job.placed_on(slots, chip, sender, grade, phase, at, left_ms,
                               self.jobs.resume_ms(job))
        return Part((Write("schedule", "jobs", id, record), *writes),
                    effects=(Effect("start", (id, record.attempt, slots)),))

    # -- why not ---------------------------------------------------------------------------

    def _hosts_of(self, slots: Slots, sender: int) -> list[Host] | Refusal:
        hosts = []
        for name, _ in slots:
            host = self.chips.tables["hosts"].get(name)
            if host is None:
                return Refusal(Code.UNKNOWN_HOST, f"no host {name!r}")
            if self.chips.zone_of(host).operator != sender:
                return Refusal(Code.NOT_THE_OWNER, f"host {name!r} is another operator's")
            if not host.is_up:
                return Refusal(Code.HOST_UNAVAILABLE, f"host {name!r} is down")
            hosts.append(host)
        return hosts or Refusal(Code.GANG_DOES_NOT_FIT, "a placement names its devices")

    def _slots_refusal(self, slots: Slots, spec: Spec, hosts: list[Host]) -> Refusal | None:
        devices = sum([len(set(indices)) for _, indices in slots])
        if not spec.width_min <= devices <= spec.devices or len(dict(slots)) != len(slots):
            asked = f"{spec.devices_min} to {spec.devices}" if spec.devices_min else spec.devices
            return Refusal(Code.GANG_DOES_NOT_FIT,
                           f"{devices} distinct devices; the job asks for {asked}")
        if sum([len(indices) for _, indices in slots]) != devices:
            return Refusal(Code.GANG_DOES_NOT_FIT, "a device is named twice; each once is accepted")
        if len(hosts) > 1 and len({(host.chip, host.zone) for host in hosts}) > 1:
            return Refusal(Code.MIXED_CHIPS_IN_GANG,
                           "a gang stands on one chip model in one zone")
        if spec.area and spec.area != self.chips.zone_of(hosts[0]).area:
            return Refusal(Code.UNKNOWN_AREA, f"the job asks for area {spec.area!r}")
        return _level_refusal(slots, spec.level_required, hosts) if spec.level_required else None

    def _grade_refusal(self, sender: int, name: str, spec: Spec, chip: str) -> Refusal | None:
        grade = self.units.grade(sender, name)
        if grade is None or (grade.workload, grade.in_gang) != (spec.workload, spec.in_gang):
            return Refusal(Code.UNKNOWN_GRADE, f"grade {name!r} does not deliver "
                           f"{spec.workload} {'to gangs' if spec.in_gang else 'singly'}")
        if grade.factor(chip) is None:
            return Refusal(Code.CHIP_NOT_IN_GRADE, f"{chip} is not in grade {name!r}")
        return None


def _level_refusal(slots: Slots, level: str, hosts: list[Host]) -> Refusal | None:
    blocks = {block_of(level, name, host.zone, host.spine, host.leaf)
              for (name, _), host in zip(slots, hosts, strict=True)}
    if len(blocks) <= 1:
        return None
    return Refusal(Code.LEVEL_EXCEEDED, f"the devices stand in {len(blocks)} blocks of "
                   f"level {level}; the job requires one")
