"""Verbs for auditors: receipts, verify."""

import json
from pathlib import Path
from typing import Annotated

import typer

from suanli.cli.options import DataDir, Output, client_for, directory_of
from suanli.cli.output import Format, out, progress, same, show


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: suanli receipts --job 1 --save receipt.json")(receipts)
    app.command(epilog="Example: suanli verify receipt.json")(verify)


def receipts(
    data_dir: DataDir = None, output: Output = Format.table,
    job: Annotated[int | None, typer.Option(min=1, help="Only this job's.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the job's receipt file.")] = None,
) -> None:
    """List the receipts of ended jobs, or save one as a file that verifies offline."""
    client = client_for(data_dir)
    if save is not None:
        if job is None:
            raise typer.BadParameter("--save needs --job")
        save.write_text(json.dumps(client.receipt(job), indent=1), encoding="utf-8")
    rows = [r for r in client.list("receipts") if job in (None, r["job"])]
    show(rows, same("id", "job", "height", "index", "time"), output)


def verify(
    target: Annotated[Path | None, typer.Argument(
        help="A data directory, a chain file, or a receipt file.")] = None,
    data_dir: DataDir = None,
    replay: Annotated[bool, typer.Option(
        help="Also re-execute every block and compare every room's root.")] = False,
    validator: Annotated[str | None, typer.Option(
        help="For a receipt: the validator key (hex) that you trust.")] = None,
) -> None:
    """Verify a chain or a receipt, offline; name the first bad block."""
    from suanli.cli.verification import verify_directory, verify_receipt_file
    path = target or directory_of(data_dir)
    if path.is_file() and path.suffix == ".json":
        said = verify_receipt_file(path, validator)
        out.print_json(json.dumps(said, default=lambda value: value.hex()))
        out.print("receipt verified" + ("" if validator else
                  ": signed by the validator above, which nobody has compared with a genesis; "
                  "--validator pins the key that you trust"))
        return
    with progress("verifying blocks") as moved:
        verdict = verify_directory(path, replay, moved)
    out.print(f"chain verified: {verdict.blocks} blocks, {verdict.envelopes} envelopes, "
              f"{verdict.rows} rows, {verdict.leaves} provenance leaves"
              + (", re-executed" if replay else "") + f"; state root {verdict.state_root}")
