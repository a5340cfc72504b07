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
    # Tables that came later: as long as one has never held a record it is in no root and no
    # snapshot, so that chains from before it came replay to the roots that they have.
    schema_later: ClassVar[dict[str, tuple[Any, Any]]] = {}

    def __init__(self) -> None:
        self.tables: dict[str, Table[Any, Any]] = {
            name: Table() for name in (*self.schema, *self.schema_later)}

    def commit(self, writes: Iterable[Write]) -> None:
        """Apply record writes that a check has allowed; the only door to this state."""
        for write in writes:
            table = self.tables[write.table]
            if write.value is None:
                table.delete(write.key)
            else:
                table.put(write.key, write.value)

    def root(self) -> bytes:
        """Return the hash over the roots of all tables, in the order of the schema.

        Later tables follow behind their names, which say which of them are there.
        """
        first = [self.tables[name].root() for name in self.schema]
        later = [part for name in self._used_later()
                 for part in (name.encode(), self.tables[name].root())]
        return sha256(b"room", *first, *later)

    def _used_later(self) -> list[str]:
        return [name for name in self.schema_later if self.tables[name].width]

    def snapshot(self) -> dict[str, Any]:
        """Return all tables as plain values."""
        return {name: self.tables[name].snapshot() for name in (*self.schema, *self._used_later())}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over what `snapshot` gave, checking every record against the schema."""
        for name, (key_type, record_type) in (self.schema | self.schema_later).items():
            if name in self.schema_later and name not in snapshot:
                self.tables[name] = Table()  # it had never been used
                continue
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
