"""A running server: one thread steps the driver; requests wait for their block.

Laws
----
* Only the stepping thread touches the engine and the state, under one lock with readers.
* A request is answered after its block is durable, or not at all.
"""

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from suanli.chain.block import Block
from suanli.domain.application import Finalised, refusal_of
from suanli.domain.state_machine import Receipt
from suanli.gateway.tape import Tape
from suanli.loop.agent import Agent
from suanli.loop.driver import Driver
from suanli.loop.ports import Clock
from suanli.members.envelope import Envelope
from suanli.terms.canonical import decode
from suanli.terms.errors import AdapterError, Unavailable
from suanli.terms.refusals import Refusal

# How often processes are looked at when nobody asks for anything.
POLL_S = 0.02
ANSWER_TIMEOUT_S = 30.0
# Between attempts while the engine cannot store: each failure replays the chain.
RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A receipt and where it stands in the chain."""

    height: int
    index: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class JobReceipt:
    """Where the receipt of an ended placement stands."""

    job: int
    height: int
    index: int
    time: int


class ReceiptIndex:
    """Which block holds the receipt of which job's end, and the tape of trades.

    Rebuilt from blocks at every start.
    """

    def __init__(self) -> None:
        self.by_job: dict[int, JobReceipt] = {}
        self.tape = Tape()

    def __call__(self, block: Block, finalised: Finalised) -> None:
        for index, (data, receipt) in enumerate(zip(block.body.envelopes, finalised.receipts,
                                                    strict=True)):
            command = decode(data)["command"]
            kind = command[0] if command else ""
            if not receipt.code:
                self.tape.hear(command, receipt.answer, block.header.time)
            if kind in ("schedule.ended", "schedule.cancel") and not receipt.code:
                job = receipt.answer["job"]
                self.by_job[job] = JobReceipt(job, block.header.height, index, block.header.time)


class Service:
    """Steps a driver in a thread and answers requests from others."""

    def __init__(self, driver: Driver, clock: Clock, agents: dict[str, Agent],
                 receipts: ReceiptIndex) -> None:
        self.driver = driver
        self.clock = clock
        self.agents = agents
        self.receipts = receipts
        self.lock = threading.RLock()
        self.broken: BaseException | None = None
        self._asked: list[tuple[Any, Future[Answer | Refusal]]] = []
        # By envelope: several clients may send the same bytes; each is answered in its turn.
        self._waiting: dict[bytes, list[Future[Answer | Refusal]]] = {}
        self._wake = threading.Event()
        self._stopping = False
        self.on_broken: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="driver", daemon=True)
        driver.listeners.append(self._answer)

    @property
    def rooms(self) -> Any:
        return self.driver.rooms

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish the step in hand and stop stepping."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def ask(self, who: str, command: Any) -> Answer | Refusal:
        """Send a command as one of the server's agents; return its durable answer."""
        return self._wait((self.agents[who], command))

    def submit(self, envelope: Envelope) -> Answer | Refusal:
        """Send an envelope that a client signed itself; return its durable answer."""
        return self._wait(envelope)

    def _wait(self, asked: Any) -> Answer | Refusal:
        if self.broken is not None:
            raise Unavailable(f"the server has stopped: {self.broken}")
        future: Future[Answer | Refusal] = Future()
        with self.lock:
            self._asked.append((asked, future))
        self._wake.set()
        try:
            return future.result(timeout=ANSWER_TIMEOUT_S)
        except TimeoutError:
            raise Unavailable(f"no block after {ANSWER_TIMEOUT_S:.0f} s; whether the command "
                              "was heard, its nonce on the chain will tell") from None

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(POLL_S)
            self._wake.clear()
            try:
                with self.lock:
                    self.step()
            except AdapterError as error:
                # The engine has gone back to what is durable; so must the planner's memo.
                self.driver.start_anew()
                self._fail_waiting(error)
                self._wake.wait(RETRY_S)
            except BaseException as error:  # a broken invariant: stop, keep the evidence
                self.broken = error
                traceback.print_exception(error)
                self._fail_waiting(error)
                self.on_broken()
                return

    def step(self) -> None:
        """Sign and queue what was asked, then step until nothing more is due now."""
        at = self.clock.now()
        asked, self._asked = self._asked, []
        for request, future in asked:
            envelope = request if isinstance(request, Envelope) else request[0].sign(request[1])
            refusal = self.driver.request(envelope, at)
            if refusal is not None:
                future.set_result(refusal)
            else:
                self._waiting.setdefault(envelope.to_bytes(), []).append(future)
        self.driver.step(at)
        while self.driver.planner.has_more():
            self.driver.step(at)

    def _answer(self, block: Block, finalised: Finalised) -> None:
        for index, (data, receipt) in enumerate(zip(block.body.envelopes, finalised.receipts,
                                                    strict=True)):
            futures = self._waiting.get(data, [])
            if futures:
                futures.pop(0).set_result(refusal_of(receipt)
                                          or Answer(block.header.height, index, receipt))
            if not futures:
                self._waiting.pop(data, None)

    def _fail_waiting(self, error: BaseException) -> None:
        for future in (f for futures in self._waiting.values() for f in futures):
            future.set_exception(error)
        self._waiting.clear()
