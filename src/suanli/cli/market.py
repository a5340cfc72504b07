"""Verbs for trading: buy, sell, orders, balance."""

from typing import Annotated, Any

import typer

from suanli.cli.instants import hour_of, instant_of, lots_of
from suanli.cli.options import Area, DataDir, Grade, Output, client_for
from suanli.cli.output import Format, out, same, show

Fok = Annotated[bool, typer.Option("--fok", help="All of it at once, or nothing.")]
PostOnly = Annotated[bool, typer.Option(
    "--post-only", help="Refused where it would trade at once; rests.")]
Visible = Annotated[str, typer.Option(
    metavar="TOKENS", help="Show only so much at a time; rests.")]
Until = Annotated[str, typer.Option(
    metavar="TIME", help="Rest till then, UTC: 2026-12-01T14:30.")]
Market = Annotated[bool, typer.Option(
    "--market", help="The limit is the worst price to trade at; what is left rests at the last "
    "trade's price.")]
SelfTrade = Annotated[str, typer.Option(
    metavar="MODE", help="On meeting my own order, cancel: newest, oldest, both, or decrement "
    "(both by the smaller quantity). Default: trade.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: suanli buy local cpu-core-llm-training-single "
                "2026-12-01T15 0.001")(buy)
    app.command(epilog="Example: suanli sell local cpu-core-llm-training-single 2026-12-01T15 "
                "0.001 --limit 900")(sell)
    app.command(epilog="Example: suanli orders -o json")(orders)
    app.command(epilog="Example: suanli balance")(balance)


def buy(
    area: Area,
    grade: Grade,
    hour: Annotated[str, typer.Argument(help="Delivery hour, UTC: 2026-12-01T15.")],
    tokens: Annotated[str, typer.Argument(help="Tokens, in steps of 0.001.")],
    data_dir: DataDir = None,
    limit: Annotated[int | None, typer.Option(
        min=1, help="Milli-RMB a token at most (default: the posted price).")] = None,
    rest: Annotated[bool, typer.Option(help="Leave what does not trade in the book.")] = False,
    fok: Fok = False,
    post_only: PostOnly = False,
    visible: Visible = "",
    until: Until = "",
    market: Market = False,
    self_trade: SelfTrade = "",
) -> None:
    """Buy firm tokens of an hour: a reservation that a later `run` in that hour draws on."""
    client = client_for(data_dir)
    if limit is None:
        posted = [p["price_mrmb"] for p in client.list("prices")
                  if (p["area"], p["grade"], p["tier"]) == (area, grade, "firm")]
        if not posted:
            raise typer.BadParameter(f"no posted price for {grade!r} in {area!r}; `suanli price` "
                                     "lists those there are, --limit gives your own")
        limit = posted[0]
    rests = rest or post_only or bool(visible) or bool(until) or market
    answer = client.order(
        area=area, grade=grade, start=hour_of(hour), price_mrmb=limit, lots=lots_of(tokens),
        is_ioc=fok or not rests, **_kind(fok, post_only, visible, until, market, self_trade))
    out.print(f"order {answer['id']}: {answer['filled'] / 1000:.3f} token bought, "
              f"{answer['left'] / 1000:.3f} resting, in block {answer['height']}")


def sell(
    area: Area,
    grade: Grade,
    hour: Annotated[str, typer.Argument(help="Delivery hour, UTC: 2026-12-01T15.")],
    tokens: Annotated[str, typer.Argument(help="Tokens, in steps of 0.001.")],
    limit: Annotated[int, typer.Option(min=1, help="Milli-RMB a token at least.")],
    issuer: Annotated[int, typer.Option(min=1, help="The operator whose tokens they are.")] = 1,
    data_dir: DataDir = None,
    rest: Annotated[bool, typer.Option(help="Leave what does not trade in the book.")] = True,
    fok: Fok = False,
    post_only: PostOnly = False,
    visible: Visible = "",
    until: Until = "",
    market: Market = False,
    self_trade: SelfTrade = "",
) -> None:
    """Sell firm tokens of an hour that I hold and will not use, with the claim on its devices."""
    answer = client_for(data_dir).order(
        area=area, grade=grade, start=hour_of(hour), price_mrmb=limit, lots=lots_of(tokens),
        is_ioc=fok or not rest, side="sell", issuer=issuer,
        **_kind(fok, post_only, visible, until, market, self_trade))
    out.print(f"order {answer['id']}: {answer['filled'] / 1000:.3f} token sold, "
              f"{answer['left'] / 1000:.3f} resting, in block {answer['height']}")


def _kind(fok: bool, post_only: bool, visible: str, until: str, market: bool,
          self_trade: str) -> dict[str, Any]:
    """Return the options of an order's kind as fields of a request; those not given left out.

    Both times in force are given as the later one: the market says that they do not go together.
    """
    given: dict[str, Any] = {
        "time_in_force": "until" if until else "fok" if fok else "",
        "until": instant_of(until) if until else 0, "is_post_only": post_only,
        "visible_lots": lots_of(visible) if visible else 0, "self_trade": self_trade,
        "is_market": market}
    return {name: value for name, value in given.items() if value}


def orders(data_dir: DataDir = None, output: Output = Format.table,
           cancel: Annotated[int | None, typer.Option(help="Take this order out.")] = None) -> None:
    """List the orders resting in the book."""
    client = client_for(data_dir)
    if cancel is not None:
        client.cancel_order(cancel)
    show(client.list("orders"), same("id", "owner", "side", "product", "price_mrmb", "lots"),
         output)


def balance(data_dir: DataDir = None, output: Output = Format.table,
            statements: Annotated[bool, typer.Option(
                help="What each tenant used and paid, by operator, instead.")] = False) -> None:
    """List what everybody owns: cash, tokens by product, and credits by their operator."""
    if statements:
        show(client_for(data_dir).list("statements"),
             same("operator", "tenant", "device_ms", "tokens", "cash_micro_rmb"), output)
        return
    show(client_for(data_dir).list("balances"), {
        "owner": "owner", "unit": "unit", "in_words": "available", "held": "held"}, output)
