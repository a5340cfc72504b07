"""Jobs, the devices they hold, and reservations.

Laws
----
* A device's used shares never exceed a whole device, and equal what its placements hold.
* Slices of one device never share a unit of it (`chips.slices`), and are never moved.
* A gang is placed whole or not at all, on one chip model in one zone, and within one block of the
  level that it requires.
* An elastic job has at most what it asks for and at least what it accepts, for a whole attempt.
* Phases move only along `phases.TRANSITIONS`.
* Preemptions keep the laws of `preemption`.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from suanli.chips.slices import Allotment
from suanli.chips.state import Chips, Host
from suanli.chips.topology import LEVELS, block_of
from suanli.members.state import Members
from suanli.schedule import phases, preemption, slicing
from suanli.schedule.commands import (
    Cancel,
    Ended,
    Place,
    PlaceMany,
    Preempt,
    Renew,
    Slots,
    Started,
    Stop,
    Submit,
    Warn,
)
from suanli.schedule.job import PPM, Job, Spec
from suanli.schedule.slicing import Asked
from suanli.terms.change import Change, Effect, Part, Write, one_part
from suanli.terms.errors import present
from suanli.terms.quantity import WHOLE_DEVICE, is_amount
from suanli.terms.refusals import Code, Refusal
from suanli.terms.room import Room, changed
from suanli.units.state import Units
from suanli.units.workload import WORKLOAD_CLASSES

DEVICES_MAX = 65_536
SPEED_PPM_MAX = 1000 * PPM
GRACE_MS_MAX = 3_600_000
ARGUMENT_CHARACTERS_MAX = 65_536
MEMORY_GB_MAX = 1_000_000


class Schedule(Room):
    """When and where it runs."""

    name: ClassVar[str] = "schedule"
    schema: ClassVar[dict[str, tuple[Any, Any]]] = {
        "specs": (int, Spec),
        "jobs": (int, Job),
        # Host -> used share by device; absent: all free. Writes say (devices, share to add), so
        # that placements of one array stand or fall each by itself.
        "used": (str, tuple[int, ...]),
        "reservations": (tuple[int, int], int),  # (owner, token class) -> tokens bought
        "preempted": (int, tuple[tuple[int, int], ...]),  # operator -> `preemption.Recent`
        "counters": (str, int),
    }
    schema_later: ClassVar[dict[str, tuple[Any, Any]]] = {
        # Job -> (host, device, units taken) of a placement on a slice
        "slices": (int, tuple[str, int, int]),
    }

    def __init__(self, members: Members, chips: Chips, units: Units) -> None:
        super().__init__()
        self.members = members
        self.chips = chips
        self.units = units
        # Jobs by phase, in id order of entry; derived from `jobs`, so that planning need not scan.
        self.by_phase: dict[str, dict[int, None]] = {}
        # (host, device) -> units that slices take; derived from `slices`.
        self.standing: dict[tuple[str, int], int] = {}

    def job(self, id: int) -> Job | None:
        found: Job | None = self.tables["jobs"].get(id)
        return found

    def spec(self, id: int) -> Spec:
        found: Spec = self.tables["specs"][id]
        return found

    def ids_in(self, *wanted: str) -> list[int]:
        """Return the ids of jobs in the given phases."""
        return [id for phase in wanted for id in self.by_phase.get(phase, ())]

    def used(self, host: str, devices: int) -> tuple[int, ...]:
        """Return the used share of each device of a host, in thousandths."""
        found: tuple[int, ...] | None = self.tables["used"].get(host)
        return found if found is not None else (0,) * devices

    def commit(self, writes: Any) -> None:
        """Apply writes, keeping the index by phase."""
        super().commit(map(self._indexed, writes))

    def _indexed(self, write: Write) -> Write:
        """Return the write as the table takes it, with the index brought into line before."""
        if write.table == "used":
            return self._with_share(*write)
        if write.table == "slices":
            self._stand(*(write.value or self.tables["slices"][write.key]))
        if write.table == "jobs":
            old = self.tables["jobs"].get(write.key)
            if old is not None:
                self.by_phase[old.phase].pop(write.key, None)
            self.by_phase.setdefault(write.value.phase, {})[write.key] = None
        return write

    def _with_share(self, room: str, table: str, host: str,
                    added: tuple[tuple[int, ...], int]) -> Write:
        used = list(self.used(host, self.chips.tables["hosts"][host].devices))
        indices, share = added
        for index in indices:
            used[index] += share
        return Write(room, table, host, tuple(used) if any(used) else None)

    def _stand(self, host: str, device: int, units: int) -> None:
        """Let units be taken that were free, or free that were taken."""
        self.standing[host, device] = self.standing.get((host, device), 0) ^ units
        if not self.standing[host, device]:
            del self.standing[host, device]

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over a snapshot and derive the index anew."""
        super().restore(snapshot)
        self.by_phase = {}
        for id, job in sorted(self.tables["jobs"].items()):
            self.by_phase.setdefault(job.phase, {})[id] = None
        self.standing = {}
        for slice in self.tables["slices"].values():
            self._stand(*slice)

    def share_on(self, spec: Spec, chip: str) -> int:
        """Return the thousandths of each device that a placement on a chip is allotted."""
        if spec.share == WHOLE_DEVICE:
            return WHOLE_DEVICE
        return present(self.chips.allot(chip, spec.share, spec.memory_gb),
                       "a placement is on a chip that holds it").share

    def limit_ms(self, id: int, chip: str, width: int = 0) -> int | None:
        """Return how long a queued job may run on `width` devices (0: all) of a chip from now on.

        That is what is left of its time limit, and an allowance for restoring what it had saved;
        None where the chip is not admissible.
        """
        job = present(self.job(id), "a queued job is there")
        left_ms = self.spec(id).limit_ms(chip, job.spent_ms, width)
        return None if left_ms is None else left_ms + self._resume_ms(job)

    def _resume_ms(self, job: Job) -> int:
        """Return what restoring may take: only those who were sent away need it."""
        resumes = job.progress_ms > 0 and job.stop_reason in phases.OPERATORS_DOING
        return self.members.parameter("resume_allowance_ms") if resumes else 0

    # -- commands --------------------------------------------------------------------------

    def check(self, command: Any, at: int, sender: int) -> Change | Refusal:
        """Answer one of this room's commands."""
        if isinstance(command, Submit):
            return self._submit(command.spec, at, sender)
        if isinstance(command, Renew):
            return self._renew(command, sender)
        if isinstance(command, PlaceMany):
            return self._place_many(command, at, sender)
        job = self.job(command.job)
        if job is None:
            return Refusal(Code.UNKNOWN_JOB, f"no job {command.job}")
        if isinstance(command, Place):
            part = self._place(command.job, job, command.grade, command.slots, at, sender,
                               Asked({}, {}))
            return part if isinstance(part, Refusal) else Change((part,), {"job": command.job})
        if isinstance(command, Cancel):
            return self._cancel(command.job, job, at, sender)
        if job.operator != sender:
            return Refusal(Code.NOT_THE_OWNER, f"job {command.job} is not placed with you")
        if isinstance(command, (Stop, Warn)):
            return self._stop(command, job)
        if isinstance(command, Preempt):
            return self._preempt(command, job, at)
        if command.attempt != job.attempt:
            return Refusal(Code.WRONG_PHASE, f"job {command.job} is at attempt {job.attempt}; "
                           f"found a report on {command.attempt}")
        if isinstance(command, Started):
            return self._moved(command.job, job, phases.START)
        return self._ended(command, job, at)

    def _moved(self, id: int, job: Job, what: str, *more: Write,
               effects: tuple[Effect, ...] = (), **fields: Any) -> Change | Refusal:
        """Move a job along the table, or refuse."""
        part = self._step(id, job, what, more, effects, fields)
        return part if isinstance(part, Refusal) else Change((part,), {"job": id})

    def _step(self, id: int, job: Job, what: str, more: Sequence[Write],
              effects: tuple[Effect, ...], fields: dict[str, Any]) -> Part | Refusal:
        phase = phases.TRANSITIONS.get((job.phase, what))
        if phase is None:
            allowed = [p for p, w in phases.TRANSITIONS if w == what]
            return Refusal(Code.WRONG_PHASE, f"job {id} is {job.phase}; {what} is accepted when "
                           f"{' or '.join(allowed)}")
        record = job._replace(**{"phase": phase, **fields})
        return Part((Write(self.name, "jobs", id, record), *more), effects=effects)

    def _submit(self, spec: Spec, at: int, sender: int) -> Change | Refusal:
        if refusal := self._spec_refusal(spec):
            return refusal
        id = int(self.tables["counters"].get("job") or 0) + 1
        job = Job(sender, at, at, phases.QUEUED, 0, 0, "", "", (), 0, 0, "", 0, "", 0, 0, 0, 0)
        hours = -(-spec.time_limit_ms // 3_600_000)
        change = one_part(
            Write(self.name, "specs", id, spec), Write(self.name, "jobs", id, job),
            Write(self.name, "counters", "job", id), job=id)
        return changed(change, spend=spec.max_hourly_cost * hours)  # type: ignore[no-any-return]

    def _spec_refusal(self, spec: Spec) -> Refusal | None:
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
        if sum(map(len, spec.argv)) > ARGUMENT_CHARACTERS_MAX:
            return Refusal(Code.COMMAND_TOO_LONG,
                           f"at most {ARGUMENT_CHARACTERS_MAX} characters are accepted")
        if spec.level_required not in LEVELS or spec.level_preferred not in LEVELS:
            return Refusal(Code.UNKNOWN_LEVEL, f"levels {spec.level_required!r} and "
                           f"{spec.level_preferred!r}; {', '.join(LEVELS[1:])} or nothing is "
                           "accepted")
        return self._chips_refusal(spec)

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
        """Say whether anybody could ever sell this job its hours."""
        return any((grade.workload, grade.in_gang) == (spec.workload, spec.in_gang)
                   and any(grade.factor(chip) for chip, _ in spec.chips)
                   for grade in self.units.tables["grades"].values())

    # -- placement -------------------------------------------------------------------------

    def _place_many(self, command: PlaceMany, at: int, sender: int) -> Change:
        """Check each placement beside the devices that those before it ask for."""
        parts: list[Part] = []
        refused: list[tuple[int, int]] = []
        asked = Asked({}, {})
        placed: set[int] = set()
        for index, (id, grade, slots) in enumerate(command.placements):
            job = self.job(id)
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

    def _place(self, id: int, job: Job, grade: str, slots: Slots, at: int, sender: int,
               asked: Asked) -> Part | Refusal:
        """Check one placement beside what is asked for already."""
        spec = self.spec(id)
        hosts = self._hosts_of(slots, sender)
        if isinstance(hosts, Refusal):
            return hosts
        chip = hosts[0].chip
        if refusal := self._slots_refusal(slots, spec, hosts):
            return refusal
        if refusal := self._grade_refusal(sender, grade, spec, chip):
            return refusal
        width = sum([len(indices) for _, indices in slots])
        left_ms = spec.limit_ms(chip, job.spent_ms, width)
        if left_ms is None:
            return Refusal(Code.NO_ADMISSIBLE_CHIP, f"the job does not run on {chip}")
        allotted = self.chips.allot(chip, spec.share, spec.memory_gb)
        if allotted is None:
            return Refusal(Code.NO_ADMISSIBLE_CHIP, f"a {chip} has less than {spec.memory_gb} GB")
        writes = self._taking(id, slots, hosts, allotted, asked)
        if isinstance(writes, Refusal):
            return writes
        attempt, resume_ms = job.attempt + 1, self._resume_ms(job)
        return self._step(
            id, job, phases.PLACE, writes, (Effect("start", (id, attempt, slots)),),
            {"attempt": attempt, "operator": sender, "grade": grade, "chip": chip, "slots": slots,
             "placed": at, "limit": at + left_ms + resume_ms, "resume_ms": resume_ms,
             "stop_reason": "", "waited_ms": job.waited_ms + at - job.queued})

    def _grade_refusal(self, sender: int, name: str, spec: Spec, chip: str) -> Refusal | None:
        grade = self.units.grade(sender, name)
        if grade is None or (grade.workload, grade.in_gang) != (spec.workload, spec.in_gang):
            return Refusal(Code.UNKNOWN_GRADE, f"grade {name!r} does not deliver "
                           f"{spec.workload} {'to gangs' if spec.in_gang else 'singly'}")
        if grade.factor(chip) is None:
            return Refusal(Code.CHIP_NOT_IN_GRADE, f"{chip} is not in grade {name!r}")
        return None

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
        if any((host.chip, host.zone) != (hosts[0].chip, hosts[0].zone) for host in hosts[1:]):
            return Refusal(Code.MIXED_CHIPS_IN_GANG,
                           "a gang stands on one chip model in one zone")
        if spec.area not in ("", self.chips.zone_of(hosts[0]).area):
            return Refusal(Code.UNKNOWN_AREA, f"the job asks for area {spec.area!r}")
        level = spec.level_required
        blocks = {block_of(level, name, host.zone, host.spine, host.leaf)
                  for (name, _), host in zip(slots, hosts, strict=True)} if level else ()
        if len(blocks) > 1:
            return Refusal(Code.LEVEL_EXCEEDED, f"the devices stand in {len(blocks)} blocks of "
                           f"level {level}; the job requires one")
        return None

    def _taking(self, id: int, slots: Slots, hosts: list[Host], allotted: Allotment,
                asked: Asked) -> list[Write] | Refusal:
        share = allotted.share
        for (name, indices), host in zip(slots, hosts, strict=True):
            used = self.used(name, host.devices)
            for index in indices:
                wanted = asked.shares.get((name, index), 0) + share
                if not 0 <= index < host.devices or used[index] + wanted > WHOLE_DEVICE:
                    return Refusal(Code.DEVICES_NOT_FREE, f"device {index} of {name} does not "
                                   f"have {share} thousandths free")
                asked.shares[name, index] = wanted
        if allotted.profile is None:
            return self._using(slots, share)
        name, device = slots[0][0], slots[0][1][0]
        units = slicing.units(name, device, allotted.profile, self.chips.profiles,
                              self.standing.get((name, device), 0), asked)
        if isinstance(units, Refusal):
            return units
        return [*self._using(slots, share), Write(self.name, "slices", id, (name, device, units))]

    def _using(self, slots: Slots, share: int) -> list[Write]:
        """Return the writes that add a share, or with a negative one take it off."""
        return [Write(self.name, "used", name, (indices, share)) for name, indices in slots]

    # -- the rest of a life ----------------------------------------------------------------

    def _cancel(self, id: int, job: Job, at: int, sender: int) -> Change | Refusal:
        if job.tenant != sender:
            return Refusal(Code.NOT_THE_OWNER, f"job {id} is another tenant's")
        if job.phase == phases.QUEUED:
            kept = (Effect("forget", (id,)),) if job.attempt else ()
            return self._moved(id, job, phases.CANCEL, effects=kept, outcome=phases.CANCELLED,
                               ended=at, waited_ms=job.waited_ms + at - job.queued)
        effect = Effect("stop", (id, job.attempt, self.spec(id).grace_ms))
        return self._moved(id, job, phases.CANCEL, effects=(effect,),
                           stop_reason=phases.CANCELLED)

    def _stop(self, command: Stop | Warn, job: Job) -> Change | Refusal:
        if command.reason not in phases.STOP_REASONS:
            return Refusal(Code.MALFORMED, f"reason {command.reason!r}; one of "
                           f"{', '.join(sorted(phases.STOP_REASONS))} is accepted")
        if isinstance(command, Warn):
            told = Effect("warn", (command.job, job.attempt, command.reason, command.stops))
            return self._moved(command.job, job, phases.WARN, effects=(told,))
        effect = Effect("stop", (command.job, job.attempt, self.spec(command.job).grace_ms))
        return self._moved(command.job, job, phases.STOP, effects=(effect,),
                           stop_reason=command.reason)

    def _preempt(self, command: Preempt, job: Job, at: int) -> Change | Refusal:
        """Check in this order: phase, victim, its run time, beneficiary, their sizes, rate."""
        id, spec, other = command.job, self.spec(command.job), self.job(command.beneficiary)
        if (job.phase, phases.PREEMPT) not in phases.TRANSITIONS:
            return self._moved(id, job, phases.PREEMPT)
        run_ms_min = self.members.parameter("preempt_run_ms_min")
        if refusal := preemption.may_preempt(job, spec, at, run_ms_min):
            return refusal
        if other is None or other.phase != phases.QUEUED:
            return Refusal(Code.BENEFICIARY_NOT_QUEUED, f"job {command.beneficiary} is "
                           f"{other.phase if other else 'not there'}; a queued one is accepted")
        wants = self.spec(command.beneficiary)
        if wants.limit_ms(job.chip) is None:
            return Refusal(Code.NO_ADMISSIBLE_CHIP,
                           f"job {command.beneficiary} does not run on {job.chip}")
        if not preemption.comes_before(command.beneficiary, wants, id, spec):
            return Refusal(Code.BENEFICIARY_NOT_SMALLER, f"job {command.beneficiary} states "
                           f"{wants.stated_size} ms x thousandths; below {spec.stated_size}, or "
                           "as much and an earlier id, is accepted")
        size = spec.width(job) * self.share_on(spec, job.chip)
        recent = preemption.counted(
            self.tables["preempted"].get(job.operator) or (), at, size,
            self._healthy_devices(job.operator),
            self.members.parameter("preempt_devices_ppm_per_hour"))
        if isinstance(recent, Refusal):
            return recent
        return self._moved(
            id, job, phases.PREEMPT, Write(self.name, "preempted", job.operator, recent),
            effects=(Effect("stop", (id, job.attempt, spec.grace_ms)),),
            stop_reason=phases.PREEMPTED, preemptions=job.preemptions + 1)

    def _healthy_devices(self, operator: int) -> int:
        return sum(devices for (owner, _, _), devices in self.chips.tables["capacity"].items()
                   if owner == operator)

    def _ended(self, command: Ended, job: Job, at: int) -> Change | Refusal:
        if not job.placed <= command.saved <= command.finished <= at or min(
                command.cpu_ms, command.memory_bytes_max) < 0:
            return Refusal(Code.METER_OUT_OF_RANGE, f"saved up to {command.saved}, finished at "
                           f"{command.finished}; in this order between {job.placed} and {at}, "
                           "with usage of 0 or more, is accepted")
        outcome = job.stop_reason or (phases.SUCCEEDED if command.exit_code == 0
                                      else phases.FAILED)
        if command.is_lost and not job.stop_reason:
            outcome = phases.LOST
        spec = self.spec(command.job)
        released = self._using(job.slots, -self.share_on(spec, job.chip))
        if command.job in self.tables["slices"]:
            released.append(Write(self.name, "slices", command.job, None))
        carried: dict[str, Any] = {}
        if outcome in phases.REQUEUES and (job.phase, phases.END) in phases.TRANSITIONS:
            carried = preemption.carried_over(job, spec, command.saved, command.finished, outcome)
            if carried["spent_ms"] < spec.time_limit_ms:
                return self._moved(command.job, job, phases.END, *released, phase=phases.QUEUED,
                                   slots=(), queued=at, stop_reason=outcome, **carried)
            outcome = phases.TIME_LIMIT
        return self._moved(command.job, job, phases.END, *released, slots=(), outcome=outcome,
                           ended=command.finished, exit_code=command.exit_code,
                           cpu_ms=command.cpu_ms, memory_bytes_max=command.memory_bytes_max,
                           effects=(Effect("forget", (command.job,)),), **carried)

    def _renew(self, command: Renew, sender: int) -> Change | Refusal:
        """Check that all are placements of the sender; settlement buys the hours."""
        for id in command.jobs:
            job = self.job(id)
            if job is None or job.operator != sender:
                return Refusal(Code.UNKNOWN_JOB, f"no placement {id} with you")
            if (job.phase, phases.RENEW) not in phases.TRANSITIONS:
                return Refusal(Code.NOT_RENEWABLE, f"job {id} is {job.phase}")
        if len(set(command.jobs)) != len(command.jobs):
            return Refusal(Code.NOT_RENEWABLE, "a job stands twice")
        return Change(is_array=True)
