"""Verbs for strips: hours in a row at a fixed price, or between a floor and a cap."""

from typing import Annotated

import typer

from suanli.cli.instants import hour_of, in_words, instant_of, lots_of
from suanli.cli.options import Area, DataDir, Grade, Output, client_for
from suanli.cli.output import Format, out, rmb, same, show

Strip = Annotated[int, typer.Argument(help="The strip's number.")]
TERMS = {**same("id", "area", "grade"), "start": "first hour", "hours": "hours",
         "lots": "lots/h", "floor_mrmb": "floor", "cap_mrmb": "cap"}


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    strip = typer.Typer(help="Strips: hours in a row, sold whole, at a fixed price or between a "
                        "floor and a cap.", no_args_is_help=True)
    strip.command("list", epilog="Example: suanli strip list --taken")(list_strips)
    strip.command("write", epilog="Example: suanli strip write local "
                  "cpu-core-llm-training-single 2026-12-01T08 0.5 --hours 10 --floor 800 "
                  "--cap 1100")(write)
    strip.command("take", epilog="Example: suanli strip take 3")(take)
    strip.command("withdraw", epilog="Example: suanli strip withdraw 3")(withdraw)
    strip.command("show", epilog="Example: suanli strip show 4")(show_strip)
    app.add_typer(strip, name="strip")


def list_strips(
    taken: Annotated[bool, typer.Option(
        "--taken", help="Those that somebody has taken, and what is paid and held.")] = False,
    data_dir: DataDir = None, output: Output = Format.table,
) -> None:
    """List the strips that can be taken now; prices are milli-RMB a token."""
    rows = client_for(data_dir).list("strips-taken" if taken else "strips")
    columns = ({"buyer": "buyer", "fixed_hours": "fixed", "paid_micro_rmb": "paid RMB",
                "held_micro_rmb": "held RMB"} if taken
               else {"offered_until": "until", "copies": "copies"})
    show([_told(row) for row in rows] if output is Format.table else rows,
         {**TERMS, **columns}, output)


def write(
    area: Area,
    grade: Grade,
    hour: Annotated[str, typer.Argument(help="First delivery hour, UTC: 2026-12-01T15.")],
    tokens: Annotated[str, typer.Argument(help="Tokens an hour, in steps of 0.001.")],
    floor: Annotated[int, typer.Option(min=1, help="Milli-RMB a token at least.")],
    cap: Annotated[int | None, typer.Option(
        min=1, help="Milli-RMB a token at most (default: the floor, a fixed price).")] = None,
    hours: Annotated[int, typer.Option(min=1, max=168, help="Hours in a row.")] = 24,
    until: Annotated[str, typer.Option(
        metavar="TIME", help="Offer it till then, UTC (default: till it begins).")] = "",
    copies: Annotated[int, typer.Option(min=1, help="How many times it may be taken.")] = 1,
    data_dir: DataDir = None,
) -> None:
    """Offer a strip, as the operator."""
    start = hour_of(hour)
    answer = client_for(data_dir).write_strip(
        area=area, grade=grade, start=start, hours=hours, lots=lots_of(tokens), floor_mrmb=floor,
        cap_mrmb=floor if cap is None else cap, until=instant_of(until) if until else start,
        copies=copies)
    out.print(f"strip {answer['id']} is offered, in block {answer['height']}")


def take(strip: Strip, data_dir: DataDir = None) -> None:
    """Buy a strip, whole: its hours are reserved at once, the floor is paid, the rest held."""
    answer = client_for(data_dir).take_strip(strip)
    held = answer["held_micro_rmb"]
    rest = (f"{rmb(held)} RMB held until its hours are fixed; `suanli strip show {answer['id']}` "
            "says at what") if held else "at a fixed price"
    out.print(f"strip {answer['id']} is yours, in block {answer['height']}: "
              f"{rmb(answer['paid_micro_rmb'])} RMB paid, {rest}")


def withdraw(strip: Strip, data_dir: DataDir = None) -> None:
    """Take a strip off the market, as the operator; what has been taken stands."""
    client_for(data_dir).withdraw_strip(strip)
    out.print(f"strip {strip} is withdrawn")


def show_strip(strip: Strip, data_dir: DataDir = None, output: Output = Format.table) -> None:
    """Show each hour of a strip: floor, cap, the price that it is fixed at, and what was paid."""
    found = client_for(data_dir).get(f"/v1/strips/{strip}")
    if output is Format.json:
        show([found], {}, output)
        return
    rows = [{**_told(row), "price_mrmb": row["price_mrmb"] or "open"} for row in found["prices"]]
    show(rows, {"start": "hour", "lots": "lots", "floor_mrmb": "floor", "cap_mrmb": "cap",
                "price_mrmb": "price", "paid_micro_rmb": "paid RMB"}, output)
    out.print(_summary(found))


def _summary(found: dict[str, object]) -> str:
    if "buyer" not in found:
        return f"strip {found['id']}: nobody has taken this one; {found['copies']} to be had"
    return (f"strip {found['id']}: {found['fixed_hours']} of {found['hours']} hours fixed, "
            f"{rmb(int(str(found['paid_micro_rmb'])))} RMB paid, "
            f"{rmb(int(str(found['held_micro_rmb'])))} RMB held")


def _told(row: dict[str, object]) -> dict[str, object]:
    """Return a row with instants and amounts in words, for people."""
    told = dict(row)
    for key, words in (("start", in_words), ("offered_until", in_words),
                       ("paid_micro_rmb", rmb), ("held_micro_rmb", rmb)):
        if key in row:
            told[key] = words(int(str(row[key])))
    return told
