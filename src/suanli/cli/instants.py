"""Instants and lots as people type and read them."""

from datetime import UTC, datetime
from typing import Final

import typer

from suanli.terms.instant import HOUR

SHAPES: Final = ("%Y-%m-%dT%H", "%Y-%m-%dT%H:%M")


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


def lots_of(text: str) -> int:
    """Return tokens in steps of 0.001 as lots."""
    whole, _, fraction = text.partition(".")
    if not whole.isdecimal() or not (fraction or "0").isdecimal() or len(fraction) > 3:
        raise typer.BadParameter(f"found {text!r}; tokens in steps of 0.001 are accepted")
    lots = int(whole) * 1000 + int((fraction + "000")[:3])
    if lots == 0:
        raise typer.BadParameter("0 tokens; 0.001 or more is accepted")
    return lots
