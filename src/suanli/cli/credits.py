"""Verbs for prepaid credits: grant, list, convert."""

from typing import Annotated

import typer

from suanli.cli.instants import hour_of, lots_of, micro_rmb_of
from suanli.cli.options import Area, DataDir, Grade, Output, client_for
from suanli.cli.output import Format, out, rmb, show


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    credit = typer.Typer(help="Prepaid credits: claims on one operator, converted into its tokens "
                         "at auction prices.", no_args_is_help=True)
    credit.command("grant", epilog="Example: suanli credit grant tenant 1.2")(grant)
    credit.command("list", epilog="Example: suanli credit list")(listed)
    credit.command("convert", epilog="Example: suanli credit convert local "
                   "cpu-core-llm-training-single 2026-12-01T15 0.5")(convert)
    app.add_typer(credit, name="credit")


def grant(
    member: Annotated[str, typer.Argument(help="A participant, by name or number.")],
    amount: Annotated[str, typer.Argument(metavar="RMB", help="Face, in steps of 0.000001.")],
    data_dir: DataDir = None,
) -> None:
    """As this server's operator, give a member credit for what it has prepaid elsewhere.

    No cash moves here: the money came in before, for the operator's own tokens at its own price.
    """
    answer = client_for(data_dir).grant_credit(member, micro_rmb_of(amount))
    out.print(f"participant {answer['member']} has {rmb(answer['left_micro_rmb'])} RMB of credit, "
              f"in block {answer['height']}")


def listed(data_dir: DataDir = None, output: Output = Format.table) -> None:
    """List what operators owe in credits, by member; below it what is mine, and what became of it.

    With `-o json` amounts are in micro-RMB.
    """
    rows = client_for(data_dir).list("credits")
    if output is Format.json:
        show(rows, {}, output)
        return
    show([{"issuer": row["issuer"], "member": each["name"], "face": rmb(each["face"])}
          for row in rows for each in row["by_member"]],
         {"issuer": "issuer", "member": "member", "face": "RMB of face"}, output)
    for row in rows:
        out.print(f"{row['issuer']} owes {rmb(row['owed'])} RMB, {rmb(row['mine'])} of it to me; "
                  f"granted {rmb(row['granted'])}, converted {rmb(row['converted'])}, given back "
                  f"{rmb(row['returned'])}")


def convert(
    area: Area,
    grade: Grade,
    hour: Annotated[str, typer.Argument(help="Delivery hour, UTC: 2026-12-01T15.")],
    tokens: Annotated[str, typer.Argument(help="Tokens, in steps of 0.001; all or none.")],
    issuer: Annotated[int, typer.Option(min=1, help="The operator whose credit it is.")] = 1,
    tier: Annotated[str, typer.Option(help="firm or spot.")] = "firm",
    data_dir: DataDir = None,
) -> None:
    """Convert my credit into tokens of an hour, at the price of the last auction that traded it."""
    answer = client_for(data_dir).convert(area=area, grade=grade, start=hour_of(hour), tier=tier,
                                          lots=lots_of(tokens), issuer=issuer)
    out.print(f"{answer['lots'] / 1000:.3f} token at {answer['price_mrmb']} milli-RMB a token: "
              f"{rmb(answer['face_micro_rmb'])} RMB of face, {rmb(answer['left_micro_rmb'])} left, "
              f"in block {answer['height']}")
