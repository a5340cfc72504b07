"""`suanli price`: posted prices, an hourly curve with a picture, and a quote for a job."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from suanli.cli.instants import in_words
from suanli.cli.options import DataDir, Output, client_for
from suanli.cli.output import Format, out, rmb, same, show
from suanli.terms.errors import InputError
from suanli.terms.instant import HOUR


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(epilog="Example: suanli price local cpu-core-llm-training-single")(price)


def price(
    area: Annotated[str, typer.Argument(help="Bidding area, for its curve by hour.")] = "",
    grade: Annotated[str, typer.Argument(help="Grade, for its curve by hour.")] = "",
    tier: Annotated[str, typer.Option(help="firm or spot.")] = "firm",
    job: Annotated[Path | None, typer.Option(
        help="A job as JSON (fields of the API's JobRequest): what it would cost, and when.",
    )] = None,
    data_dir: DataDir = None, output: Output = Format.table,
) -> None:
    """List posted prices; with area and grade the curve by hour; with --job a quote."""
    client = client_for(data_dir)
    if job is not None:
        _quote(client.quote(**_job(job)), output)
    elif area or grade:
        _curve([row for row in client.list("curve")
                if (row["area"], row["grade"], row["tier"]) == (area, grade, tier)],
               f"{area} {grade} {tier}", output)
    else:
        _posted(client.list("prices"), output)


def _posted(rows: list[dict[str, Any]], output: Format) -> None:
    for row in rows:
        row["hour"], row["left"] = rmb(row["device_hour_micro_rmb"]), row["sellable_device_ms"]
        row["left"] = round(row["left"] / HOUR, 2)
    show(rows, {"area": "area", "grade": "grade", "tier": "tier", "price_mrmb": "mRMB/token",
                "hour": "RMB/device-h", "left": "device-h left"}, output)


def _curve(rows: list[dict[str, Any]], what: str, output: Format) -> None:
    if not rows:
        raise typer.BadParameter(f"nothing is offered as {what}; `suanli price` lists what is")
    if output is Format.json:
        show(rows, {}, output)
        return
    show([row | {"start": in_words(row["start"])} for row in rows],
         {"start": "hour (UTC)", "bid": "bid", "ask": "ask", "posted": "posted",
          "last_auction": "last auction", "price_mrmb": "price", "issuer": "issuer"}, output)
    from suanli.cli.pictures import bars
    first = rows[0]["issuer"]
    drawn = [row for row in rows if row["issuer"] == first and row["price_mrmb"]]
    print(bars([in_words(row["start"])[11:13] for row in drawn],
               [row["price_mrmb"] for row in drawn], f"{what}: milli-RMB a token by hour"))


def _job(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: {error}; a job as JSON is accepted, such as "
                         '{"argv": ["python3", "train.py"], "time_limit_ms": 7200000, '
                         '"max_hourly_cost": 10000000}') from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: found {type(found).__name__}; an object is accepted")
    return found


def _quote(rows: list[dict[str, Any]], output: Format) -> None:
    if output is Format.json:
        show(rows, {}, output)
        return
    show([row | {"start": in_words(row["start"]), "cost": rmb(row["cost_micro_rmb"])}
          for row in rows], {**same("when"), "start": "from (UTC)", "hours": "hours",
                             "area": "area", "grade": "grade", "cost": "RMB",
                             "tokens": "tokens"}, output)
    out.print("for its whole time limit; what it does not use it does not pay")
