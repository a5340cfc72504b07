"""The journal: what was whole is kept, what was torn is cut off, what is foreign is refused."""

from pathlib import Path

import pytest

from suanli.simulation.journal import Journal
from suanli.simulation.trials import Result
from suanli.terms.errors import Conflict, InputError


def test_a_torn_line_is_cut_off_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.add("a", Result({"x": 1.5}, {"s": [1]}))
        journal.add("b", Result({"x": 2}))
    path.write_bytes(path.read_bytes()[:-5])
    with Journal(path) as journal:
        assert list(journal.done) == ["a"]
        assert journal.done["a"] == Result({"x": 1.5}, {"s": [1]})
        journal.add("c", Result({"x": 3}))
    with Journal(path) as journal:
        assert list(journal.done) == ["a", "c"]


@pytest.mark.parametrize("line", ["{}", "[]", "nonsense", '{"trial": 1, "row": {}, "series": {}}',
                                  '{"trial": "a", "row": 3, "series": null}'])
def test_a_line_that_is_not_ours_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.add("a", Result({}))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match="j:2: not a line of a replay's journal"), Journal(path):
        pass


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with Journal(tmp_path / "j"), pytest.raises(Conflict), Journal(tmp_path / "j"):
        pass
