"""The embedded engine: one process orders, SQLite makes durable (WAL, synchronous=FULL).

Laws
----
* A block is acknowledged only after its transaction has reached the disk.
* If a block cannot be stored, the application is rebuilt from what is stored: memory never
  runs ahead of the chain.
* One process owns a chain file: a second one is refused while the first lives.
"""

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from nacl.signing import SigningKey

from suanli.chain.block import CHECKPOINT_TAG, Block, Body, header_from_bytes
from suanli.chain.verify import Stored
from suanli.domain.application import Application, Finalised
from suanli.domain.genesis import Genesis
from suanli.members.envelope import Envelope
from suanli.terms.errors import Conflict, IntegrityBroken, Unavailable
from suanli.terms.refusals import Refusal

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS genesis (only INTEGER PRIMARY KEY CHECK (only = 1), bytes BLOB);
CREATE TABLE IF NOT EXISTS blocks (height INTEGER PRIMARY KEY, hash BLOB NOT NULL,
    header BLOB NOT NULL, body BLOB NOT NULL, certificate BLOB NOT NULL);
"""
Hook = Callable[[str], None]


class SqliteEngine:
    """One chain in one file."""

    def __init__(self, path: Path, key: SigningKey, genesis: Genesis | None = None,
                 is_durable: bool = True, hook: Hook | None = None,
                 on_replay: Callable[[Block, Finalised], None] | None = None) -> None:
        """Open the chain at `path`, or start it from `genesis`, and replay what is there.

        `is_durable` False leaves syncing to the system: for replays in a temporary directory.
        `hook` is told "before commit" and "after commit", for crash tests.
        """
        self._key = key
        self._queue: list[Envelope] = []
        self._hook = hook or (lambda stage: None)
        self._lock = _own(path)
        self._db = _open(path, is_durable)
        self.genesis = self._start(genesis)
        self.application = self._replayed(on_replay)

    def _start(self, genesis: Genesis | None) -> Genesis:
        row = self._db.execute("SELECT bytes FROM genesis").fetchone()
        if row is not None:
            return Genesis.from_bytes(row[0])
        if genesis is None:
            raise IntegrityBroken("the chain has no genesis")
        with self._db:
            self._db.execute("INSERT INTO genesis VALUES (1, ?)", (genesis.to_bytes(),))
        return genesis

    def _replayed(self, on_replay: Callable[[Block, Finalised], None] | None = None
                  ) -> Application:
        application = Application(self.genesis)
        for block in map(_decoded, stored_blocks(self._db)):
            finalised = application.replay(block)
            if on_replay:
                on_replay(block, finalised)
        return application

    def submit(self, envelope: Envelope, at: int) -> Refusal | None:
        """Queue an authentic envelope for the next block, or say why not."""
        refusal = self.application.check(envelope, at)
        if refusal is None:
            self._queue.append(envelope)
        return refusal

    def produce(self, at: int) -> tuple[Block, Finalised] | None:
        """Make the queued envelopes a durable block; None when there are none."""
        if not self._queue:
            return None
        envelopes = self.application.prepare(self._queue, at)
        self._queue = self._queue[len(envelopes):]
        finalised = self.application.finalise(envelopes, at)
        header = finalised.header
        certificate = self._key.sign(CHECKPOINT_TAG + header.hash()).signature
        block = Block(header, finalised.body, certificate)
        self._store(block)
        self.application.commit(header)
        return block, finalised

    def _store(self, block: Block) -> None:
        self._hook("before commit")
        try:
            with self._db:
                self._db.execute("INSERT INTO blocks VALUES (?, ?, ?, ?, ?)", (
                    block.header.height, block.hash, block.header.to_bytes(),
                    block.body.to_bytes(), block.certificate))
        except sqlite3.Error as error:
            self._queue = []
            self.application = self._replayed()
            raise Unavailable(f"the block could not be stored ({error}); nothing was "
                              "acknowledged, free space on the disk is needed") from error
        self._hook("after commit")

    def block(self, height: int) -> Block | None:
        """Return a stored block."""
        row = self._db.execute("SELECT * FROM blocks WHERE height = ?", (height,)).fetchone()
        return None if row is None else _decoded(Stored(*row))

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._db.close()
        self._lock.close()


class StoredChain:
    """A chain file opened to read, for verification; needs no key and no lock."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise Unavailable(f"no chain at {path}; a directory with a chain.db is accepted")
        try:
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            _check_version(self._db)
            self.genesis: bytes = self._db.execute("SELECT bytes FROM genesis").fetchone()[0]
        except (sqlite3.Error, TypeError) as error:
            raise IntegrityBroken(f"{path} is not a readable chain: {error}") from error

    def blocks(self) -> Iterator[Stored]:
        """Yield the stored blocks in height order, undecoded."""
        try:
            yield from stored_blocks(self._db)
        except sqlite3.Error as error:
            raise IntegrityBroken(f"the chain file is damaged: {error}") from error


def stored_blocks(db: sqlite3.Connection) -> Iterator[Stored]:
    """Yield the blocks of a chain file in height order."""
    for row in db.execute("SELECT height, hash, header, body, certificate FROM blocks "
                          "ORDER BY height"):
        yield Stored(*row)


def _decoded(stored: Stored) -> Block:
    return Block(header_from_bytes(stored.header), Body.from_bytes(stored.body),
                 stored.certificate)


def _own(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = open(path.with_suffix(".lock"), "w")  # noqa: SIM115  held for the engine's life
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise Conflict(f"another server owns {path.parent}; stop it with `suanli down`, or "
                       "choose another --data-dir") from error
    return handle


def _open(path: Path, is_durable: bool) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'OFF'}")
        _check_version(db)
        db.executescript(SCHEMA)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except sqlite3.OperationalError as error:
        raise Unavailable(f"cannot open {path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise IntegrityBroken(f"{path} is not a chain: {error}") from error
    return db


def _check_version(db: sqlite3.Connection) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, SCHEMA_VERSION):
        raise IntegrityBroken(f"the chain file has format {version}; this version of suanli "
                              f"reads format {SCHEMA_VERSION}")
