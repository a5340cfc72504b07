"""Verbs for call auctions: what is open, an order in or out, results, and why an order was left."""

from typing import Annotated, Any

import typer

from suanli.cli.instants import hour_of, in_words, lots_of
from suanli.cli.options import Area, DataDir, Grade, Output, client_for
from suanli.cli.output import Format, out, rmb, same, show
from suanli.terms.instant import HOUR

WITHOUT = {"price_without_mrmb": "without set-aside", "difference_mrmb": "difference"}
INSTANTS = ("start", "opens", "no_cancel_from", "gate", "ends", "deadline")
Hour = Annotated[str, typer.Argument(help="First delivery hour, UTC: 2026-12-01T15.")]
Tokens = Annotated[str, typer.Argument(help="Tokens an hour, in steps of 0.001.")]
AsOperator = Annotated[bool, typer.Option(
    "--as-operator", help="As the operator of this server, not as its tenant.")]
Auction = Annotated[int | None, typer.Option(
    help="The auction (default: the open one that has these hours).")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    auction = typer.Typer(help="Call auctions: hours sold ahead, at one price each, in blocks.",
                          no_args_is_help=True)
    auction.command("status", epilog="Example: suanli auction status")(status)
    auction.command("bid", epilog="Example: suanli auction bid local "
                    "cpu-core-llm-training-single 2026-12-01T08 0.5 --hours 4 --limit 1200")(bid)
    auction.command("offer", epilog="Example: suanli auction offer local "
                    "cpu-core-llm-training-single 2026-12-01T08 0.5 --hours 4 --limit 900 "
                    "--fixed-cost 2.50")(offer)
    auction.command("orders", epilog="Example: suanli auction orders -o json")(orders)
    auction.command("cancel", epilog="Example: suanli auction cancel 7")(cancel)
    auction.command("results", epilog="Example: suanli auction results 3")(results)
    auction.command("explain", epilog="Example: suanli auction explain 7")(explain)
    app.add_typer(auction, name="auction")


def status(data_dir: DataDir = None, output: Output = Format.table) -> None:
    """List the auctions there are, and when the next ones open."""
    client = client_for(data_dir)
    rows = client.list("auctions")
    show(_told(rows, output), {**same("id", "session"), "start": "first hour", "hours": "hours",
                               "phase": "phase", "no_cancel_from": "no cancel from",
                               "gate": "gate", "orders": "orders"}, output)
    if output is Format.table:
        for session in client.list("sessions"):
            out.print(f"next {session['session']}: opens {in_words(session['opens'])}, gate "
                      f"{in_words(session['gate'])}, {session['hours']} h from "
                      f"{in_words(session['start'])}")


def bid(
    area: Area, grade: Grade, hour: Hour, tokens: Tokens,
    limit: Annotated[int, typer.Option(min=1, help="Milli-RMB a token at most, in the mean.")],
    hours: Annotated[int, typer.Option(min=1, max=168, help="Hours in a row.")] = 1,
    until: Annotated[str, typer.Option(
        help="Any hours in a row from the first hour to this one, as it suits the price.")] = "",
    least: Annotated[float, typer.Option(
        min=0.000001, max=1, help="The least part accepted: 1 is all or nothing.")] = 1.0,
    issuer: Annotated[int, typer.Option(min=0, help="Only this operator's (0: anybody's).")] = 0,
    auction: Auction = None, data_dir: DataDir = None,
) -> None:
    """Buy hours ahead, all or nothing: a block, or with --until the cheapest hours before then."""
    client, start = client_for(data_dir), hour_of(hour)
    end = hour_of(until) if until else start + hours * HOUR
    fields: dict[str, Any] = {"price_mrmb": limit, "ratio_ppm": round(least * 1_000_000)}
    if until:
        fields |= {"hours": hours, "earliest": start, "latest": end}
    legs = _legs(area, grade, issuer, start, lots_of(tokens), 1 if until else hours)
    id = auction or _open_for(client, start, end)
    answer = client.auction_order(auction=id, legs=legs, **fields)
    out.print(f"order {answer['id']} in auction {id}, block {answer['height']}; "
              f"`suanli auction explain {answer['id']}` says what becomes of it")


def offer(
    area: Area, grade: Grade, hour: Hour, tokens: Tokens,
    limit: Annotated[int, typer.Option(min=1, help="Milli-RMB a token at least: in the mean, or "
                                       "with --fixed-cost in each hour.")],
    hours: Annotated[int, typer.Option(min=1, max=168, help="Hours in a row.")] = 1,
    at: Annotated[list[str] | None, typer.Option(
        metavar="HOUR", help="A further hour, UTC; may be repeated.")] = None,
    fixed_cost: Annotated[float, typer.Option(
        min=0, help="RMB that all hours together must earn beyond the limit. Then hours are taken "
        "in part, each at its price, or none is.")] = 0.0,
    also: Annotated[list[str] | None, typer.Option(
        metavar="GRADE", help="Another grade of the same devices in which they may be delivered, "
        "if that pays more; may be repeated. Each hour is then an order that is taken in any part. "
        "With --as-operator.")] = None,
    issuer: Annotated[int, typer.Option(min=1, help="Whose tokens they are.")] = 1,
    as_operator: AsOperator = False, auction: Auction = None, data_dir: DataDir = None,
) -> None:
    """Sell hours that I hold, all or nothing; or with --fixed-cost if they earn that together.

    As the operator, sell hours that are attested: tokens are issued as the order comes in.
    """
    client, start = client_for(data_dir), hour_of(hour)
    legs = _legs(area, grade, issuer, start, lots_of(tokens), hours)
    legs += [{**legs[0], "start": hour_of(further)} for further in at or ()]
    starts = [leg["start"] for leg in legs]
    id = auction or _open_for(client, min(starts), max(starts) + HOUR)
    fields: dict[str, Any] = {"price_mrmb": limit, "side": "sell", "as_operator": as_operator,
                              "fixed_micro_rmb": round(fixed_cost * 1e6)}
    for some in ([leg] for leg in legs) if also else (legs,):
        steps = {"also": also, "steps": [(limit, some[0]["lots"])]} if also else {}
        answer = client.auction_order(auction=id, legs=some, **fields, **steps)
        out.print(f"order {answer['id']} in auction {id}, block {answer['height']}; "
                  f"`suanli auction explain {answer['id']}` says what becomes of it")


def _legs(area: str, grade: str, issuer: int, start: int, lots: int,
          hours: int) -> list[dict[str, Any]]:
    return [{"area": area, "grade": grade, "issuer": issuer, "lots": lots,
             "start": start + n * HOUR} for n in range(hours)]


def _open_for(client: Any, start: int, end: int) -> int:
    """Return the auction that takes orders now and sells these hours."""
    rows = client.list("auctions")
    for row in rows:
        if (row["phase"] in ("open", "no-cancel", "late") and row["start"] <= start
                and end <= row["start"] + row["hours"] * HOUR):
            return int(row["id"])
    nexts = "; ".join(f"{s['session']} opens {in_words(s['opens'])} for {s['hours']} h from "
                      f"{in_words(s['start'])}" for s in client.list("sessions"))
    raise typer.BadParameter(f"no auction is open for {in_words(start)} to {in_words(end)}; "
                             f"next: {nexts}")


def orders(as_operator: AsOperator = False, data_dir: DataDir = None,
           output: Output = Format.table) -> None:
    """List my orders in auctions."""
    show(client_for(data_dir).list("auction-orders", as_operator=as_operator),
         {**same("id", "auction", "kind", "side", "price_mrmb", "lots"),
          "filled_lots": "filled lots"}, output)


def cancel(order: Annotated[int, typer.Argument(help="The order.")],
           as_operator: AsOperator = False, data_dir: DataDir = None) -> None:
    """Take an order of mine out; not once cancelling has ended."""
    client_for(data_dir).cancel_auction_order(order, as_operator)
    out.print(f"order {order} is out")


def results(auction: Annotated[int, typer.Argument(help="The auction.")],
            data_dir: DataDir = None, output: Output = Format.table,
            plot: Annotated[bool, typer.Option(help="Draw the prices by hour.")] = True) -> None:
    """Show an auction's prices: what it came to, or the last indicative ones.

    Where a set-aside kept device time out, also the prices that would have been without it.
    """
    found = client_for(data_dir).get(f"/v1/auctions/{auction}")
    prices, what = found["prices"], found["phase"]
    if not prices and found["indicative"]:
        prices, what = found["indicative"][-1]["prices"], "indicative"
    rows = _told(prices, output)
    has_without = found["set_aside_cost_micro_rmb"] is not None
    show(rows, {**same("area", "grade", "tier"), "start": "hour", "price_mrmb": "mRMB/token",
                **(WITHOUT if has_without else {}), "lots": "lots", "issuer": "issuer"}, output)
    if output is Format.table:
        _say_result(found, what)
        if plot and prices:
            _draw(prices)


def _say_result(found: dict[str, Any], what: str) -> None:
    out.print(f"auction {found['id']} ({found['session']}): {what}")
    if found["welfare_micro_rmb"] is not None:
        out.print(f"welfare {rmb(found['welfare_micro_rmb'])} RMB, "
                  f"{found['blocks_rejected'] or 0} blocks paradoxically rejected, "
                  f"{found['offers_left_out'] or 0} offers with a fixed cost left out")
    if found["set_aside_cost_micro_rmb"] is not None:
        out.print("cost of the set-aside to buyers: "
                  f"{rmb(found['set_aside_cost_micro_rmb'])} RMB")
    elif found["withheld_lots"] and what == "settled":
        out.print(f"{found['withheld_lots']} lots were withheld by the set-aside; nobody proposed "
                  "a clearing without it in time")


def _draw(prices: list[dict[str, Any]]) -> None:
    from suanli.cli.pictures import bars
    first = next(iter(prices))
    mine = [p for p in prices if (p["area"], p["grade"], p["tier"], p["issuer"]) == (
        first["area"], first["grade"], first["tier"], first["issuer"])]
    print(bars([in_words(p["start"])[11:13] for p in mine], [p["price_mrmb"] for p in mine],
               f"{first['area']} {first['grade']}: milli-RMB a token by hour"))


def explain(order: Annotated[int, typer.Argument(help="The order.")],
            data_dir: DataDir = None, output: Output = Format.table) -> None:
    """Say what became of an order of an auction, why, and which price would have taken it."""
    found = client_for(data_dir).get(f"/v1/auction-orders/{order}/explanation")
    if output is Format.json:
        show([found], {}, output)
        return
    out.print(f"order {order} ({found['kind']}, {found['side']}) in auction {found['auction']}: "
              f"{found['why']}")


def _told(rows: list[dict[str, Any]], output: Format) -> list[dict[str, Any]]:
    """Return the rows with instants in words, for people."""
    if output is Format.json:
        return rows
    return [{key: in_words(value) if key in INSTANTS else value for key, value in row.items()}
            for row in rows]
