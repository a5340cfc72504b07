"""The driver: reports and requests in, blocks out, effects done, decisions taken; one step.

A step at an instant: (1) what clusters report and people asked becomes a block; (2) the planner
decides on the state after it and its commands become a block; (3) effects of committed blocks
are performed. No effect is performed before its block is durable.
"""

from collections.abc import Callable
from typing import Any

from suanli.chain.block import Block
from suanli.domain.application import Finalised
from suanli.loop.agent import Agent
from suanli.loop.ports import Cluster, Engine, Report
from suanli.members.envelope import Envelope
from suanli.planning.planner import Planner
from suanli.schedule.commands import Ended, Started
from suanli.terms.change import Effect
from suanli.terms.refusals import Refusal

Listener = Callable[[Block, Finalised], None]


class Driver:
    """Drives one domain. Not thread-safe: one thread steps it."""

    def __init__(self, engine: Engine, cluster: Cluster, planner: Planner,
                 operators: dict[int, Agent],
                 after_effect: Callable[[], None] = lambda: None) -> None:
        """Wire a driver; `after_effect` is told of each effect performed, for crash tests."""
        self._after_effect = after_effect
        self.engine = engine
        self.cluster = cluster
        self.planner = planner
        self.operators = operators
        self.listeners: list[Listener] = []
        # Reports that no durable block holds yet: a full disk must not lose the end of a job.
        self._reports: list[Report] = []

    @property
    def rooms(self) -> Any:
        return self.engine.application.domain.rooms

    def request(self, envelope: Envelope, at: int) -> Refusal | None:
        """Queue what somebody asks; it is acknowledged when the next step's block is durable."""
        return self.engine.submit(envelope, at)

    def recover(self, at: int) -> None:
        """After a restart: report placements that no longer run as lost, end their orphans."""
        schedule = self.rooms.schedule
        placements = {id: schedule.job(id).attempt
                      for id in schedule.ids_in("placed", "running", "stopping")}
        self._tell(self.cluster.recover(placements, schedule.ids_in("queued"), at), at)

    def step(self, at: int) -> None:
        """Do everything that is due at an instant."""
        self._tell(self.cluster.poll(at), at)
        for operator, command in self.planner.decide(self.rooms, at):
            self.engine.submit(self.operators[operator].sign(command), at)
        self._block(at)

    def start_anew(self) -> None:
        """Drop the planner's memo: what it decided last may not have become a block."""
        self.planner = Planner(self.planner.policy, self.planner.operators,
                               self.planner.auctioneer)

    def _tell(self, reports: list[Report], at: int) -> None:
        """Make reports, and whatever else is queued, a durable block."""
        self._reports += reports
        for report in self._reports:
            self._report(report, at)
        self._block(at)
        self._reports = []

    def _report(self, report: Report, at: int) -> None:
        job = self.rooms.schedule.job(report.job)
        if job is None or job.operator not in self.operators:
            return
        if report.is_running:
            command: Any = Started(report.job, report.attempt)
        else:
            finished = max(job.placed, min(report.finished, at))
            command = Ended(report.job, report.attempt,
                            max(job.placed, min(report.saved, finished)), finished,
                            report.exit_code, report.is_lost, report.cpu_ms,
                            report.memory_bytes_max)
        self.engine.submit(self.operators[job.operator].sign(command), at)

    def _block(self, at: int) -> None:
        produced = self.engine.produce(at)
        if produced is None:
            return
        block, finalised = produced
        self.planner.observe(block.body.envelopes, finalised.receipts, at)
        for effect in finalised.effects:
            self._perform(effect, at)
            self._after_effect()
        for listener in self.listeners:
            listener(block, finalised)

    def _perform(self, effect: Effect, at: int) -> None:
        if effect.kind == "start":
            job, attempt, slots = effect.fields
            self.cluster.start(job, attempt, self.rooms.schedule.spec(job), slots, at)
        elif effect.kind == "stop":
            job, attempt, grace_ms = effect.fields
            self.cluster.stop(job, attempt, grace_ms, at)
        elif effect.kind == "warn":
            job, attempt, reason, stops = effect.fields
            self.cluster.warn(job, attempt, reason, stops)
        elif effect.kind == "forget":
            self.cluster.forget(*effect.fields)
        else:
            raise NotImplementedError(f"no adapter performs the effect {effect.kind!r}")
