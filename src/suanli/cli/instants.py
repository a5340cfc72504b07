"""Instants, lots and money as people type and read them."""

import re
from datetime import UTC, datetime
from typing import Final

import typer

from suanli.terms.instant import HOUR

SHAPES: Final = ("%Y-%m-%dT%H", "%Y-%m-%dT%H:%M")
# Where a refusal names an instant: thirteen digits of milliseconds behind one of these words.
NAMED: Final = re.compile(r"\b(from|until|till|to|by|at|is|was|after|before|start|hour) (\d{13})\b")


def hour_of(text: str) -> int:
    """Return the delivery hour named, Unix milliseconds: 2026-12-01T15 is UTC."""
    try:
        at = datetime.strptime(text, SHAPES[0]).replace(tzinfo=UTC)
    except ValueError:
        raise typer.BadParameter(f"found {text!r}; an hour as 2026-12-01T15 (UTC) is "
                                 "accepted") from None
    return int(at.timestamp()) // 3600 * HOUR


def instant_of(text: str) -> int:
    """Return the instant named, Unix milliseconds: 2026-12-01T15:30 is UTC."""
    for shape in SHAPES:
        try:
            return int(datetime.strptime(text, shape).replace(tzinfo=UTC).timestamp()) * 1000
        except ValueError:
            continue
    raise typer.BadParameter(f"found {text!r}; an instant as 2026-12-01T15 or 2026-12-01T15:30 "
                             "(UTC) is accepted")


def in_words(at: int) -> str:
    """Return an instant in UTC, to the minute."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M}" if at else "-"


def with_instants(reason: str) -> str:
    """Return a refusal's reason with its instants as people read them.

    >>> with_instants("the hour from 1795665600000 is over at 1795669200001")
    'the hour from 2026-11-26T04:00 is over at 2026-11-26T05:00'
    """
    return NAMED.sub(lambda found: f"{found[1]} {in_words(int(found[2]))}", reason)


def lots_of(text: str) -> int:
    """Return tokens in steps of 0.001 as lots."""
    return _in_steps(text, 3, "tokens")


def micro_rmb_of(text: str) -> int:
    """Return RMB in steps of 0.000001 as micro-RMB."""
    return _in_steps(text, 6, "RMB")


def _in_steps(text: str, places: int, what: str) -> int:
    """Return a decimal as a number of its smallest steps, exactly."""
    whole, _, fraction = text.partition(".")
    step = f"0.{1:0{places}}"
    if not whole.isdecimal() or not (fraction or "0").isdecimal() or len(fraction) > places:
        raise typer.BadParameter(f"found {text!r}; {what} in steps of {step} are accepted")
    steps = int(whole + fraction.ljust(places, "0"))
    if steps == 0:
        raise typer.BadParameter(f"0 {what}; {step} or more is accepted")
    return steps
