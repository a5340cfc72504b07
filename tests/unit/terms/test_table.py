"""A table's root depends on its records and slots, and never on when it was asked for."""

from hypothesis import given
from hypothesis import strategies as st

from suanli.terms.table import Table

steps = st.lists(st.tuples(st.integers(0, 12), st.none() | st.integers(0, 3), st.booleans()))


@given(steps)
def test_incremental_root_is_the_root_from_scratch(
        steps: list[tuple[int, int | None, bool]]) -> None:
    often, seldom = Table[int, int](), Table[int, int]()
    for key, value, asks in steps:
        for table in (often, seldom):
            if value is not None:
                table.put(key, value)
            elif key in table:
                table.delete(key)
        if asks:
            often.root()
    assert often.root() == seldom.root()
    width, free, rows = often.snapshot()
    restored = Table[int, int]()
    restored.restore(width, free, [(slot, key, value) for slot, key, value in rows])
    assert restored.root() == often.root()


def test_any_change_changes_the_root() -> None:
    table = Table[int, int]()
    roots = {table.root()}
    for key, value in ((1, 1), (2, 1), (1, 2), (3, 0)):
        table.put(key, value)
        roots.add(table.root())
    table.delete(3)
    roots.add(table.root())
    assert len(roots) == 6
