"""Docs are true: every verb has help with an example and is documented, every code is listed."""

import re
from pathlib import Path

import pytest
import typer.main

from suanli.cli import chain, jobs, main, market, operate, worlds
from suanli.terms.refusals import TRANSIENT, Code

ROOT = Path(__file__).resolve().parents[2]


def verbs() -> dict[str, object]:
    app = typer.Typer()
    for module in (worlds, operate, jobs, market, chain):
        module.register(app)
    found: dict[str, object] = {}
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found |= {f"{name} {k}": v for k, v in inner.items()} if inner else {name: command}
    return found


VERBS = verbs()


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
