"""The service: answers durable, broken invariants stop it and keep what was stored."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stage import spec

from suanli import bootstrap
from suanli.bootstrap import TENANT, open_service
from suanli.config import Settings
from suanli.gateway.service import Answer, Service
from suanli.schedule.commands import Cancel, Submit
from suanli.terms.errors import InputError, InvariantBroken, Unavailable
from suanli.terms.quantity import RMB
from suanli.terms.refusals import Code, Refusal

CHIP = (("cpu-core", 1_000_000),)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made, said = open_service(tmp_path, Settings())
    assert len(said) == 2
    made.start()
    yield made
    if made.broken is None:
        made.stop()
    made.driver.cluster.close()
    made.driver.engine.close()


def submit(service: Service, *argv: str) -> int:
    job = spec(argv=argv, chips=CHIP, environment=(("PATH", "/usr/bin:/bin"),),
               max_hourly_cost=10 * RMB, time_limit_ms=60_000)
    answer = service.ask(TENANT, Submit(job))
    assert isinstance(answer, Answer)
    return int(answer.receipt.answer["job"])


def until(holds: object) -> None:
    deadline = time.monotonic() + 20
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_answers_are_in_durable_blocks(service: Service) -> None:
    answer = service.ask(TENANT, Submit(spec(argv=("true",), chips=CHIP)))
    assert isinstance(answer, Answer)
    block = service.driver.engine.block(answer.height)
    assert block is not None
    assert len(block.body.results) > answer.index
    refused = service.ask(TENANT, Cancel(999))
    assert isinstance(refused, Refusal)
    assert refused.code == Code.UNKNOWN_JOB


def test_the_agent_of_an_older_chain_gets_the_rights_that_came_later(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened() -> tuple[int, list[str], tuple[str, ...]]:
        made, said = open_service(tmp_path, Settings())
        made.driver.cluster.close()
        made.driver.engine.close()
        agent, owner = (next(s for _, s in made.rooms.members.tables["signers"].items()
                             if (s.member, s.is_agent) == (bootstrap.TENANT_ID, is_agent))
                        for is_agent in (True, False))
        return owner.nonce, said, agent.commands

    with monkeypatch.context() as older:
        older.setattr(bootstrap, "AGENT_COMMANDS", bootstrap.AGENT_COMMANDS[:3])
        nonce, said, commands = opened()
        assert (len(said), commands) == (2, bootstrap.AGENT_COMMANDS)
    assert opened() == (nonce + 1, [], bootstrap.AGENT_COMMANDS)
    assert opened() == (nonce + 1, [], bootstrap.AGENT_COMMANDS)  # once is enough


def test_the_same_bytes_twice_are_heard_once(service: Service) -> None:
    with service.lock:
        envelope = service.agents[TENANT].sign(Submit(spec(argv=("true",), chips=CHIP)))
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(service.submit(envelope)))
               for _ in range(3)]
    with service.lock:  # all three wait for the same step
        for thread in threads:
            thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert sum(isinstance(a, Answer) for a in answers) == 1
    assert [a.code for a in answers if isinstance(a, Refusal)] == [Code.NONCE_REPLAYED] * 2


def test_a_full_disk_loses_no_end_of_a_job(service: Service) -> None:
    job = submit(service, "sleep", "2")
    until(lambda: service.rooms.schedule.job(job).phase == "running")
    db = service.driver.engine._db  # type: ignore[attr-defined]
    with service.lock:
        _fill(db)
    until(lambda: _is_full(service))  # the page in hand may have room for a few small blocks
    time.sleep(2.5)
    with pytest.raises(Unavailable, match="full"):
        service.ask(TENANT, Cancel(999))
    assert service.rooms.schedule.job(job).phase == "running"
    with service.lock:
        db.execute("DROP TABLE filler")
        db.execute("PRAGMA max_page_count = 1000000")
    until(lambda: job in service.receipts.by_job)
    assert service.rooms.schedule.job(job).outcome == "succeeded"


def _is_full(service: Service) -> bool:
    try:
        service.ask(TENANT, Cancel(999))
    except Unavailable:
        return True
    return False


def _fill(db: sqlite3.Connection) -> None:
    """Leave no page free, so that the next block cannot be stored."""
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 4}")
    db.execute("CREATE TABLE filler (bytes BLOB)")
    with contextlib.suppress(sqlite3.OperationalError):
        while True:
            with db:
                db.execute("INSERT INTO filler VALUES (zeroblob(3000))")


def test_a_broken_invariant_stops_the_replica(service: Service) -> None:
    job = submit(service, "sleep", "1")
    until(lambda: service.rooms.schedule.job(job).phase == "running")
    with service.lock:  # damage the state: the job's holds are gone
        holds = service.rooms.ledger.tables["holds"]
        for id in list(holds):
            holds.delete(id)
        height = service.driver.engine.application.height
    until(lambda: service.broken is not None)
    assert isinstance(service.broken, InvariantBroken)
    assert "schedule.ended" in str(service.broken)
    with pytest.raises(Unavailable, match="stopped"):
        service.ask(TENANT, Cancel(job))
    assert service.driver.engine.block(height + 1) is None


def test_a_restart_goes_on_and_ends_what_was_lost(tmp_path: Path) -> None:
    first, _ = open_service(tmp_path, Settings())
    first.start()
    job = submit(first, "sleep", "60")
    until(lambda: first.rooms.schedule.job(job).phase == "running")
    first.stop()
    first.driver.engine.close()  # the process is left running, as after a crash
    again, said = open_service(tmp_path, Settings())
    assert said == []
    assert again.rooms.schedule.job(job).outcome == "lost"
    assert len(again.rooms.ledger.tables["holds"]) == 0
    assert again.receipts.by_job[job].height == again.driver.engine.application.height
    first.driver.cluster.close()
    again.driver.engine.close()


def test_a_chain_keeps_the_datasheet_it_began_with(tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer suanli, whose datasheet rates more, still opens an older chain."""
    now = bootstrap.datasheet_text()
    older = now.replace(",shared memory,10,10,CPU,", ",none,,10,CPU,")
    assert older != now
    monkeypatch.setattr(bootstrap, "datasheet_text", lambda: older)
    first, _ = open_service(tmp_path, Settings())
    first.driver.engine.close()
    monkeypatch.undo()
    again, said = open_service(tmp_path, Settings())
    assert said == []
    assert again.rooms.chips.datasheet["cpu-core"].link_gbps is None
    again.driver.engine.close()


def test_an_unknown_policy_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="best-fit"):
        open_service(tmp_path, Settings(policy="magic"))
