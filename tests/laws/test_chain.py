"""Replay = live in a new process, and any flipped byte of a stored block is found."""

import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from suanli.adapters.sqlite_engine import SqliteEngine, StoredChain
from suanli.bootstrap import datasheet_text
from suanli.chain.proof import receipt_of
from suanli.chain.verify import verify_chain, verify_receipt
from suanli.chips.datasheet import parse
from suanli.cli.verification import verify_directory
from suanli.planning.onboarding import Fleet, HostGroup
from suanli.planning.policies import POLICIES
from suanli.simulation.generator import day_of_jobs
from suanli.simulation.run import Outcome, Run
from suanli.simulation.world import EPOCH, World
from suanli.terms.canonical import decode
from suanli.terms.errors import IntegrityBroken

FLEET = Fleet((HostGroup("z", "a", "h100-sxm-80", 8, 4),), 1000)
TENANTS = ("one", "two", "three")
COLUMNS = ("hash", "header", "body", "certificate")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A short virtual life: forty jobs through market, planning and ledger."""
    directory = tmp_path_factory.mktemp("chain")
    workload = day_of_jobs(3, EPOCH, 40, TENANTS, (FLEET,), parse(datasheet_text()), hours=3)
    world = World("law", 3, EPOCH, (("op", FLEET),), TENANTS, datasheet_text())
    outcome = Run(world, workload, POLICIES["best-fit"], directory / "chain.db").go()
    outcome.theatre.engine.close()
    return directory, outcome


def test_a_new_process_replays_to_the_same_root(lived: tuple[Path, Outcome]) -> None:
    directory, outcome = lived
    said = subprocess.run([sys.executable, "-m", "suanli.cli.main", "verify", "--replay",
                           str(directory)], capture_output=True, text=True, check=True).stdout
    assert "re-executed" in said
    assert outcome.state_root.hex() in said


def test_statements_are_what_the_ledger_paid(lived: tuple[Path, Outcome]) -> None:
    """Per operator and tenant, statements sum to zero with the cash accounts."""
    _, outcome = lived
    rooms, world = outcome.theatre.driver.rooms, outcome.theatre.world
    paid = {}
    for (_, tenant), (_, _, cash) in rooms.settlement.tables["statements"].items():
        paid[tenant] = paid.get(tenant, 0) + cash
    for name in TENANTS:
        member = outcome.theatre.agents[name].member
        assert world.grant - rooms.ledger.available(member << 40 | 1) == paid.get(member, 0)
    operator = outcome.theatre.agents["op"].member
    assert rooms.ledger.available(operator << 40 | 1) == sum(paid.values()) > 0


def test_every_job_has_a_leaf_that_proves_its_chip(lived: tuple[Path, Outcome],
                                                   tmp_path: Path) -> None:
    directory, outcome = lived
    engine = SqliteEngine(_copy(directory, tmp_path), outcome.theatre.world.key("validator"))
    leaves = []
    for height in range(1, engine.application.height + 1):
        block = engine.block(height)
        assert block is not None
        for index, result in enumerate(block.body.results):
            if decode(result)["leaves"][1]:
                receipt = receipt_of(block, index)
                verify_receipt(receipt, list(engine.genesis.validators))
                leaves += [decode(bytes.fromhex(entry["leaf"])) for entry in receipt["leaves"]]
    engine.close()
    jobs = outcome.theatre.driver.rooms.schedule.tables["jobs"]
    assert {leaf["job"] for leaf in leaves} == set(jobs)
    assert {leaf["chip"] for leaf in leaves} == {"h100-sxm-80"}


@pytest.mark.parametrize("seed", range(60))
def test_any_flipped_byte_is_found(lived: tuple[Path, Outcome], tmp_path: Path,
                                   seed: int) -> None:
    directory, _ = lived
    rng = random.Random(seed)
    path = _copy(directory, tmp_path)
    with sqlite3.connect(path) as db:
        height = rng.choice([row[0] for row in db.execute("SELECT height FROM blocks")])
        column = COLUMNS[seed % len(COLUMNS)]
        data = bytearray(db.execute(f"SELECT {column} FROM blocks WHERE height = ?",
                                    (height,)).fetchone()[0])
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        db.execute(f"UPDATE blocks SET {column} = ? WHERE height = ?", (bytes(data), height))
    db.close()
    with pytest.raises(IntegrityBroken, match=f"block {height}"):
        verify_directory(tmp_path, replay=False)


def test_every_byte_of_a_block_and_of_the_genesis_counts(lived: tuple[Path, Outcome]) -> None:
    """Exhaustive on one block with rows and leaves, and on the genesis."""
    chain = StoredChain(lived[0] / "chain.db")
    blocks = list(chain.blocks())[:12]
    for place in range(len(chain.genesis)):
        with pytest.raises(IntegrityBroken):
            list(verify_chain(_flipped(chain.genesis, place), blocks[:1]))
    index = max(range(2, 12), key=lambda i: len(blocks[i].body))
    list(verify_chain(chain.genesis, blocks))
    for column in COLUMNS:
        data = getattr(blocks[index], column)
        for place in range(len(data)):
            wrong = blocks[index]._replace(**{column: _flipped(data, place)})
            with pytest.raises(IntegrityBroken, match=f"block {index + 1}"):
                list(verify_chain(chain.genesis, [*blocks[:index], wrong]))


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1:]


@pytest.mark.parametrize("change", ["DELETE FROM blocks WHERE height = 5",
                                    "UPDATE blocks SET height = height + 1 WHERE height = "
                                    "(SELECT max(height) FROM blocks)"])
def test_missing_and_renumbered_blocks_are_found(lived: tuple[Path, Outcome], tmp_path: Path,
                                                 change: str) -> None:
    path = _copy(lived[0], tmp_path)
    with sqlite3.connect(path) as db:
        db.execute(change)
    db.close()
    with pytest.raises(IntegrityBroken):
        verify_directory(tmp_path, replay=False)


@pytest.mark.parametrize("field", ["header", "result", "envelope", "certificate"])
def test_a_changed_receipt_is_refused(lived: tuple[Path, Outcome], tmp_path: Path,
                                      field: str) -> None:
    directory, outcome = lived
    engine = SqliteEngine(_copy(directory, tmp_path), outcome.theatre.world.key("validator"))
    block = engine.block(engine.application.height)
    engine.close()
    assert block is not None
    receipt = json.loads(json.dumps(receipt_of(block, 0)))
    verify_receipt(receipt, list(engine.genesis.validators))
    flipped = bytearray(bytes.fromhex(receipt[field]))
    flipped[len(flipped) // 2] ^= 1
    with pytest.raises(IntegrityBroken):
        verify_receipt({**receipt, field: flipped.hex()}, list(engine.genesis.validators))


def _copy(directory: Path, to: Path) -> Path:
    path = to / "chain.db"
    source, target = sqlite3.connect(directory / "chain.db"), sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.close()
    return path
