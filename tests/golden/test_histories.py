"""Histories that may never end otherwise: spot trading with every rule on, and the life of jobs.

Goal: however rooms are written, and whatever comes later at its default, what was once decided is
decided again. Method: commands drawn from a seed, good and bad ones; after each, its code and the
answer go into one hash, and at the end all roots. Reasons are words and may change. Who means to
decide something else writes down what is found instead, with the decision that says why.
"""

import json
import random
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.stage import CHIP, SINGLE, START, Stage, spec

from suanli.ledger.commands import Attest, Sweep
from suanli.market.commands import Cancel, Entitle, Modify, Order, PostOffer, Reopen
from suanli.market.kinds import MODES
from suanli.members.commands import SetParameter
from suanli.schedule import phases
from suanli.schedule.commands import Ended, Place, Preempt, Renew, Started, Submit
from suanli.settlement.commands import Meter
from suanli.terms.canonical import decode, encode
from suanli.terms.instant import HOUR, MINUTE, SECOND

GOLDEN = json.loads((Path(__file__).parent / "histories.json").read_text())
RULES = {"band_static_ppm": 100_000, "band_dynamic_ppm": 80_000, "band_limit_ms": 5 * SECOND,
         "band_halt_ms": 20 * SECOND, "set_aside_ppm": 400_000, "position_ppm_max": 400_000,
         "orders_per_minute_max": 40}
KINDS: list[dict[str, Any]] = [
    {}, {}, {"is_ioc": True}, {"is_ioc": True, "time_in_force": "fok"}, {"is_post_only": True},
    {"is_market": True}, {"visible_lots": 20}, {"time_in_force": "until"}]
HELD = (phases.PLACED, phases.RUNNING, phases.STOPPING)


class History:
    """A stage on which a seed decides who says what."""

    def __init__(self, seed: int) -> None:
        self.chance, self.hash, self.refused = random.Random(seed), sha256(), 0
        self.stage = Stage().opened()
        self.rooms = self.stage.rooms

    def say(self, member: int, command: Any) -> None:
        receipt = self.stage.say(member, command)
        self.refused += receipt.code != 0
        self.hash.update(encode([receipt.code, receipt.answer, list(receipt.codes)]))
        self.hash.update(receipt.rows + b"".join(receipt.leaves))

    def end(self) -> str:
        """Return the hash with all roots, which a restored state has too."""
        roots = self.stage.domain.roots()
        self.stage.domain.restore(decode(self.stage.domain.snapshot()))
        assert self.stage.domain.roots() == roots
        self.hash.update(b"".join(roots.values()))
        return self.hash.hexdigest()

    # -- spot trading ----------------------------------------------------------------------

    def trade(self) -> None:
        c, orders = self.chance, self.rooms.market.tables["orders"]
        self.stage.at += c.choice([0, 0, SECOND, 2 * SECOND, 9 * SECOND])
        product = (1, "area-1", SINGLE, "firm", START + HOUR)
        what, id = c.random(), c.choice([*orders, 0])
        owner = orders[id].owner if id else 2
        if what < 0.05:
            price = c.choice([0, 950, 1000, 1050])
            self.say(1, PostOffer("area-1", SINGLE, "firm", price))
        elif what < 0.1:
            self.say(2, Reopen(*product))
        elif what < 0.15:
            self.say(owner, Cancel(id))
        elif what < 0.25:
            self.say(owner, Modify(id, c.randint(850, 1150), c.randint(0, 300)))
        elif what < 0.26:
            self.say(1, Sweep(100))
        else:
            fields = {"is_ioc": False, **c.choice(KINDS), "self_trade": c.choice(list(MODES))}
            until = self.stage.at + 30 * SECOND if "until" in fields.values() else 0
            self.say(c.choice([1, 2, 3]), Order(
                *product, c.randint(0, 1), c.randint(850, 1150), c.randint(1, 300), until=until,
                **fields))

    # -- jobs ------------------------------------------------------------------------------

    def work(self) -> None:
        c, jobs = self.chance, self.rooms.schedule
        self.stage.at += c.choice([0, MINUTE, 4 * MINUTE, 17 * MINUTE])
        self.say(1, Attest("area-1", CHIP, self.stage.at // HOUR * HOUR, 2, 16))
        held, queued = jobs.ids_in(*HELD), jobs.ids_in(phases.QUEUED)
        match c.randint(0, 6):
            case 0:
                self.say(c.choice([2, 3]), Submit(spec(
                    time_limit_ms=4 * HOUR, max_hourly_cost=c.choice([10**9, 10**9, 1]),
                    is_preemptible=True)))
            case 1 if queued:
                job = c.choice(queued)
                self.say(1, Place(job, SINGLE, self.stage.where(job) or ()))
                self.say(1, Started(job, jobs.job(job).attempt))
            case 2 if held:
                self.say(1, Renew(tuple(held)))
            case 3 if held:
                self.say(1, Meter((c.choice(held),), self.stage.at))
            case 4 if held and queued:
                self.say(1, Preempt(c.choice(held), c.choice(queued)))
            case 5 if held:
                job = jobs.job(id := c.choice(held))
                self.say(1, Ended(id, job.attempt, self.stage.at - MINUTE, self.stage.at, 0,
                                  False, 5, 6))
            case _:
                self.say(c.choice([2, 3]), Order(
                    1, "area-1", SINGLE, "firm", self.stage.at // HOUR * HOUR, 0, 2000,
                    c.randint(1, 500), True))


def traded(seed: int) -> History:
    history = History(seed)
    for name, value in RULES.items():
        history.say(1, SetParameter(name, value))
    history.say(1, Entitle(3, "a hospital"))
    for _ in range(250):
        history.trade()
    return history


def worked(seed: int) -> History:
    history = History(seed)
    history.say(1, SetParameter("preempt_devices_ppm_per_hour", 1_000_000))
    history.say(1, SetParameter("preempt_run_ms_min", MINUTE))
    for _ in range(250):
        history.work()
    return history


@pytest.mark.parametrize("name", GOLDEN)
def test_a_history_ends_as_it_always_did(name: str) -> None:
    kind, seed = name.split()
    history = {"trade": traded, "work": worked}[kind](int(seed))
    assert 20 < history.refused < 200  # else it has tried next to nothing
    assert history.end() == GOLDEN[name]
