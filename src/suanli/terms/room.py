"""What every room that remembers has in common: named tables, commit, root, snapshot, restore."""

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar

from suanli.terms.canonical import sha256
from suanli.terms.change import Write
from suanli.terms.command import typed_value
from suanli.terms.table import Table


class Room:
    """A room: tables that only `commit` changes, and one root over them."""

    name: ClassVar[str]
    # Table name -> (key type, record type), for `restore`.
    schema: ClassVar[dict[str, tuple[Any, Any]]]
    # Tables that came later than the others: left out of the root until they are first used, so
    # that roots from before they came are still what they were.
    later: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self.tables: dict[str, Table[Any, Any]] = {name: Table() for name in self.schema}

    def commit(self, writes: Iterable[Write]) -> None:
        """Apply record writes that a check has allowed; the only door to this state."""
        for write in writes:
            table = self.tables[write.table]
            if write.value is None:
                table.delete(write.key)
            else:
                table.put(write.key, write.value)

    def root(self) -> bytes:
        """Return the hash over the roots of all tables, in the order of the schema."""
        parts = [table.root() for name, table in self.tables.items() if name not in self.later]
        parts += [name.encode() + table.root() for name, table in self.tables.items()
                  if name in self.later and table.was_used]
        return sha256(b"room", *parts)

    def snapshot(self) -> dict[str, Any]:
        """Return all tables as plain values."""
        return {name: table.snapshot() for name, table in self.tables.items()}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over what `snapshot` gave, checking every record against the schema."""
        for name, (key_type, record_type) in self.schema.items():
            width, free, rows = snapshot[name]
            self.tables[name].restore(width, free, [
                (slot, typed_value(key_type, key, f"{name}.key"),
                 typed_value(record_type, record, f"{name}.record"))
                for slot, key, record in rows])


def changed(record: Any, **fields: Any) -> Any:
    """Return a copy of a frozen record with some fields changed."""
    if isinstance(record, tuple):
        return record._replace(**fields)  # type: ignore[attr-defined]
    return dataclasses.replace(record, **fields)
