"""The embedded engine: durable before acknowledged, one owner, refuses what it cannot read."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.stage import START, Stage, key

from suanli.adapters.sqlite_engine import SqliteEngine, StoredChain
from suanli.ledger.commands import Grant
from suanli.terms.errors import Conflict, IntegrityBroken, Unavailable


@pytest.fixture
def engine(tmp_path: Path) -> SqliteEngine:
    return SqliteEngine(tmp_path / "chain.db", key("operator"), Stage().genesis)


def grant(engine: SqliteEngine, nonce: int, amount: int = 5) -> None:
    from suanli.members.envelope import sign
    envelope = sign(key("operator"), "stage", 1, nonce, [Grant.kind, [1, amount]])
    assert engine.submit(envelope, START) is None


def test_blocks_survive_a_restart_and_time_never_runs_backwards(engine: SqliteEngine,
                                                                tmp_path: Path) -> None:
    assert engine.produce(START) is None
    grant(engine, 1)
    engine.produce(START + 10)
    grant(engine, 2)
    block, _ = engine.produce(START) or pytest.fail("no block")
    assert block.header.time == START + 10
    root = block.header.state
    engine.close()
    again = SqliteEngine(tmp_path / "chain.db", key("operator"))
    assert again.application.info() == (2, block.hash)
    stored = again.block(2)
    assert stored is not None
    assert stored.header.state == root
    assert again.block(3) is None


def test_a_second_server_on_the_same_directory_is_refused(engine: SqliteEngine,
                                                          tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="another server owns"):
        SqliteEngine(tmp_path / "chain.db", key("operator"))


def test_a_full_disk_acknowledges_nothing_and_loses_nothing(engine: SqliteEngine) -> None:
    grant(engine, 1)
    engine.produce(START)
    pages = engine._db.execute("PRAGMA page_count").fetchone()[0]
    engine._db.execute(f"PRAGMA max_page_count = {pages}")
    for nonce in range(2, 100):
        before, height = engine.application.domain.roots(), engine.application.height
        grant(engine, nonce)
        if not _produces(engine):
            break
    else:
        pytest.fail("the disk never filled")
    assert (engine.application.domain.roots(), engine.application.height) == (before, height)
    engine._db.execute("PRAGMA max_page_count = 1000000")
    grant(engine, nonce)  # the nonce was not consumed
    assert engine.produce(START) is not None


def _produces(engine: SqliteEngine) -> bool:
    """Say whether a block could be stored; a failure must say that the disk is full."""
    try:
        return engine.produce(START) is not None
    except Unavailable as error:
        if "full" not in str(error):
            raise
        return False


def test_a_chain_of_another_version_is_refused(engine: SqliteEngine, tmp_path: Path) -> None:
    engine.close()
    with sqlite3.connect(tmp_path / "chain.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    for read in (lambda: SqliteEngine(tmp_path / "chain.db", key("operator")),
                 lambda: StoredChain(tmp_path / "chain.db")):
        with pytest.raises(IntegrityBroken, match="format 99"):
            read()


def test_a_file_that_is_no_chain_is_refused(tmp_path: Path) -> None:
    (tmp_path / "chain.db").write_bytes(b"not a database" * 100)
    with pytest.raises(IntegrityBroken):
        SqliteEngine(tmp_path / "chain.db", key("operator"), Stage().genesis)
    with pytest.raises(Unavailable, match="no chain"):
        StoredChain(tmp_path / "elsewhere.db")


def test_a_changed_block_stops_the_start(engine: SqliteEngine, tmp_path: Path) -> None:
    grant(engine, 1)
    engine.produce(START)
    engine.close()
    with sqlite3.connect(tmp_path / "chain.db") as db:
        body = bytearray(db.execute("SELECT body FROM blocks").fetchone()[0])
        body[-3] ^= 1
        db.execute("UPDATE blocks SET body = ?", (bytes(body),))
    db.close()
    with pytest.raises(IntegrityBroken):
        SqliteEngine(tmp_path / "chain.db", key("operator"))


@pytest.mark.parametrize("stage", ["before commit", "after commit"])
def test_a_crash_keeps_what_was_stored(tmp_path: Path, stage: str) -> None:
    code = f"""
import os, signal
from pathlib import Path
from suanli.adapters.sqlite_engine import SqliteEngine
from suanli.members.envelope import sign
from tests.stage import START, Stage, key
crash = lambda now: os.kill(os.getpid(), signal.SIGKILL) if now == {stage!r} else None
engine = SqliteEngine(Path({str(tmp_path / 'chain.db')!r}), key("operator"), Stage().genesis,
                      hook=crash)
engine.submit(sign(key("operator"), "stage", 1, 1, ["ledger.grant", [1, 5]]), START)
engine.produce(START)
"""
    root = Path(__file__).resolve().parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == -9
    engine = SqliteEngine(tmp_path / "chain.db", key("operator"))
    assert engine.application.height == (1 if stage == "after commit" else 0)
