"""Docs are true: every verb has help with an example and is documented, every code is listed."""

import re
import runpy
from pathlib import Path

import pytest

from suanli.cli import main
from suanli.terms.refusals import TRANSIENT, Code

ROOT = Path(__file__).resolve().parents[2]


# The pages' own generator knows the verbs; a page that it would not write is stale.
VERBS = runpy.run_path(str(ROOT / "docs" / "generate.py"))["verbs"]()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_an_example_and_a_place_in_the_docs(verb: str) -> None:
    command = VERBS[verb]
    assert command.help  # type: ignore[attr-defined]
    assert f"suanli {verb}" in (command.epilog or "")  # type: ignore[attr-defined]
    assert f"## `suanli {verb}`" in (ROOT / "docs" / "reference" / "cli.md").read_text()


def test_no_verb_is_documented_that_is_not_there() -> None:
    text = (ROOT / "docs" / "reference" / "cli.md").read_text()
    assert set(re.findall(r"^## `suanli ([^`]+)`", text, re.M)) == set(VERBS)


def test_every_refusal_code_is_listed() -> None:
    lines = [f"| {int(c)} | `{c.name.lower()}` | {'yes' if c in TRANSIENT else 'no'} |"
             for c in Code if c]
    text = (ROOT / "docs" / "reference" / "refusals.md").read_text()
    assert [line for line in text.splitlines() if re.match(r"\| \d", line)] == lines


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
                         + sorted((ROOT / "decisions").glob("*.md")), ids=lambda p: p.name)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_main_is_what_the_package_runs() -> None:
    assert main.main.__module__ == "suanli.cli.main"
