"""`suanli`: every verb, and the exit codes that scripts depend on.

0 done · 1 refused · 2 wrong usage · 3 engine unavailable · 70 broken invariant.
"""

import sys
from typing import Annotated

import typer

from suanli import __version__
from suanli.cli.instants import with_instants
from suanli.cli.output import err

REFUSED, USAGE, UNAVAILABLE, BROKEN = 1, 2, 3, 70

app = typer.Typer(
    name="suanli", no_args_is_help=True, add_completion=False, rich_markup_mode="rich",
    help="One unit, one market, one scheduler and one ledger for mixed fleets of accelerators.",
    epilog="Example: suanli run -- python3 train.py")


def _say_version(is_asked: bool) -> None:
    if is_asked:
        print(f"suanli {__version__}")
        raise typer.Exit


@app.callback()
def version(
    # eager: said before a command is asked for
    show: Annotated[bool, typer.Option("--version", callback=_say_version, is_eager=True,
                                       help="Print the version and stop.")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; translate what was raised into a line and an exit code."""
    from suanli.cli import (
        auctions,
        chain,
        credits,
        jobs,
        market,
        operate,
        pricing,
        strips,
        worlds,
    )
    for module in (worlds, operate, jobs, pricing, market, auctions, strips, credits, chain):
        module.register(app)
    try:
        app()
    except Exception as error:  # the outermost frame: known kinds get their code, bugs are shown
        code = _code_of(error)
        if code is None:
            raise
        err.print(f"suanli: {with_instants(str(error))}", markup=False, highlight=False)
        sys.exit(code)


def _code_of(error: Exception) -> int | None:
    from pydantic import ValidationError

    from suanli.sdk import Malformed, Refused, ServerError
    from suanli.terms.errors import AdapterError, Broken, InputError
    for kinds, code in (((Refused,), REFUSED), ((InputError, Malformed, ValidationError), USAGE),
                        ((ServerError, AdapterError, OSError), UNAVAILABLE), ((Broken,), BROKEN)):
        if isinstance(error, kinds):
            return code
    return None


if __name__ == "__main__":
    main()
