"""Writes the reference pages that are derived from code; `--check` only compares."""

import sys
from pathlib import Path
from typing import Any

import typer
import typer.main

from suanli.cli import auctions, chain, credits, jobs, market, operate, pricing, strips, worlds
from suanli.terms.refusals import TRANSIENT, Code

HERE = Path(__file__).resolve().parent / "reference"
ROOMS = {0: "terms, domain", 1: "members", 2: "chips", 3: "units", 4: "ledger", 5: "market",
         6: "schedule", 7: "settlement"}


def refusals() -> str:
    """Return the page of refusal codes."""
    lines = ["# Refusal codes", "", "A refusal changes nothing. Numbers are permanent; each room "
             "owns a hundred. A *transient* refusal may succeed later unchanged. The sentence that "
             "comes with a code says what was found and what would be accepted.", ""]
    for hundred, room in ROOMS.items():
        lines += [f"## {room}", "", "| code | name | transient |", "|---|---|---|"]
        lines += [f"| {int(c)} | `{c.name.lower()}` | {'yes' if c in TRANSIENT else 'no'} |"
                  for c in Code if c and int(c) // 100 == hundred]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def verbs() -> dict[str, Any]:
    """Return every command by its words."""
    app = typer.Typer()
    for module in (worlds, operate, jobs, pricing, market, auctions, strips, credits, chain):
        module.register(app)
    found: dict[str, Any] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found |= {f"{name} {k}": v for k, v in inner.items()} if inner else {name: command}
    return found


def command_line() -> str:
    """Return the page of verbs."""
    lines = ["# The command line", "", "Exit codes: 0 done, 1 refused (code and reason on stderr), "
             "2 wrong usage, 3 server or engine unavailable, 70 broken invariant or integrity. "
             "`suanli run` exits as its job did. Everything that lists takes `-o table|json`.", ""]
    for words, command in verbs().items():
        lines += [f"## `suanli {words}`", "", command.help, "", f"{command.epilog}", "",
                  "| argument or option | default | meaning |", "|---|---|---|"]
        for parameter in command.params:
            names = ", ".join(f"`{o}`" for o in parameter.opts)
            default = parameter.default
            shown = "" if default is None or callable(default) else f"`{_plain(default)}`"
            lines.append(f"| {names} | {shown} | {getattr(parameter, 'help', None) or ''} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _plain(value: Any) -> Any:
    return getattr(value, "value", value)


def main() -> int:
    """Write or compare; return the exit code."""
    stale = []
    for name, text in (("refusals.md", refusals()), ("cli.md", command_line())):
        path = HERE / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"stale: {', '.join(stale)}; `make docs` writes them anew")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
