"""Runs a workload through the production domain, market, ledger and loop on virtual time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suanli.planning.policies import Policy
from suanli.schedule import phases
from suanli.schedule.commands import Submit
from suanli.schedule.job import Spec
from suanli.simulation.record import Interval, Lane, Record, Slots
from suanli.simulation.workload import Workload
from suanli.simulation.world import Theatre, World
from suanli.terms.errors import InputError, InvariantBroken

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run through the whole domain leaves."""

    theatre: Theatre
    record: Record
    blocks: int
    state_root: bytes


class Run:
    """One workload under one policy."""

    def __init__(self, world: World, workload: Workload, policy: Policy, path: Path) -> None:
        self.workload = workload
        self._by_job: dict[int, int] = {}  # job id -> index of its arrival
        self.theatre = Theatre(world, path, policy, self._duration_of)
        self._hosts, self._lanes = _lanes(self.theatre.driver.rooms.chips.tables["hosts"])
        self._intervals: list[Interval] = []
        self._placed: dict[int, tuple[int, Slots]] = {}  # job -> when, and where, it was placed
        self._ran_from: dict[int, int] = {}  # job -> when all of it ran

    def _duration_of(self, job: int, spec: Spec, host: str) -> int:
        chip = self.theatre.driver.rooms.chips.tables["hosts"][host].chip
        return self.workload.arrivals[self._by_job[job]].duration_ms(chip)

    def go(self, progress: Progress = lambda done, total: None) -> Outcome:
        """Run until every job has ended; return what happened."""
        driver, arrivals = self.theatre.driver, self.workload.arrivals
        schedule = driver.rooms.schedule
        index, ended, at = 0, 0, self.theatre.world.start
        while True:
            while index < len(arrivals) and arrivals[index].at <= at:
                self._submit(index, at)
                index += 1
            running = set(schedule.ids_in(*phases.HOLDS_DEVICES))
            driver.step(at)
            self._record(running, at)
            if len(schedule.tables["jobs"]) != index:
                raise InputError(f"of {index} submissions {index - len(schedule.tables['jobs'])} "
                                 "were refused: is a job larger than the fleet's largest zone?")
            done = len(schedule.ids_in(phases.ENDED))
            if done != ended:
                ended = done
                progress(ended, len(arrivals))
            if ended == len(arrivals) == index:
                break
            at = self._next(at, arrivals[index].at if index < len(arrivals) else None)
        return self._outcome(at)

    def _submit(self, index: int, at: int) -> None:
        arrival = self.workload.arrivals[index]
        self._by_job[index + 1] = index
        agent = self.theatre.agents[arrival.tenant]
        refusal = self.theatre.driver.request(agent.sign(Submit(arrival.spec)), at)
        if refusal is not None:
            raise InvariantBroken(f"arrival {index} was refused: {refusal.reason}")

    def _next(self, at: int, arrival: int | None) -> int:
        planner = self.theatre.planner
        if planner.has_more():
            return at
        instants = [planner.next_instant(at), self.theatre.cluster.next_instant(), arrival]
        return max(at, min(i for i in instants if i is not None))

    def _record(self, before: set[int], at: int) -> None:
        """Note placements that began and ended in this step."""
        schedule = self.theatre.driver.rooms.schedule
        now = set(schedule.ids_in(*phases.HOLDS_DEVICES))
        for job in before - now:
            start, slots = self._placed.pop(job)
            self._intervals.append(Interval(
                self._by_job[job], start, self._ran_from.pop(job, at), at,
                sum(len(devices) for _, devices in slots), schedule.job(job).chip, slots=slots))
        for job in now - before:
            self._placed[job] = at, tuple(
                (self._hosts[name], indices) for name, indices in schedule.job(job).slots)
        for job in now:
            if job not in self._ran_from and schedule.job(job).phase == phases.RUNNING:
                self._ran_from[job] = at

    def _outcome(self, at: int) -> Outcome:
        application = self.theatre.engine.application
        block = self.theatre.engine.block(application.height)
        return Outcome(self.theatre, self._as_record(at), application.height,
                       block.header.state if block else b"")

    def _as_record(self, at: int) -> Record:
        rooms = self.theatre.driver.rooms
        jobs = [rooms.schedule.job(id + 1) for id in range(len(self.workload.arrivals))]
        submitted, ended, waited = (
            np.array([getattr(job, name) for job in jobs], dtype=np.float64)
            for name in ("submitted", "ended", "waited_ms"))
        return Record(submitted, ended, waited,
                      tuple(a.tenant for a in self.workload.arrivals), tuple(self._intervals),
                      sum(lane.devices for lane in self._lanes), at, hosts=self._lanes,
                      preemptions=sum(job.preemptions for job in jobs))


def _lanes(hosts: Any) -> tuple[dict[str, int], tuple[Lane, ...]]:
    """Return (index by name, lanes) of hosts, pool by pool, as the arena counts them."""
    pools: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for name, host in hosts.items():
        pools.setdefault((host.zone, host.chip), []).append((name, host.devices))
    names = [name for pool in pools.values() for name, _ in pool]
    lanes = tuple(Lane(*key, devices) for key, pool in pools.items() for _, devices in pool)
    return {name: index for index, name in enumerate(names)}, lanes
