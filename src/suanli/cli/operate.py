"""Verbs for whoever runs a server: up, down, fleet, chips."""

from typing import Annotated

import typer

from suanli.cli.options import DataDir, Output, client_for, directory_of
from suanli.cli.output import Format, err, same, show


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(epilog="Example: suanli up --port 8080")(up)
    app.command(epilog="Example: suanli down")(down)
    app.command(epilog="Example: suanli fleet -o json")(fleet)
    chips = typer.Typer(help="Chips: what is known of them and what they are worth.",
                        no_args_is_help=True)
    chips.command("list", epilog="Example: suanli chips list")(chips_list)
    chips.command("slices", epilog="Example: suanli chips slices h100-sxm-80")(chips_slices)
    app.add_typer(chips, name="chips")


def up(data_dir: DataDir = None,
       port: Annotated[int | None, typer.Option(
           min=1, max=65535, help="Also serve loopback TCP, with a credential.")] = None) -> None:
    """Run the server in the foreground. The first start makes an operator out of this host."""
    from suanli.cli.server import run_server
    from suanli.config import Settings
    run_server(directory_of(data_dir), port, Settings())


def down(data_dir: DataDir = None) -> None:
    """Stop the server. Jobs that still run are ended and settled as lost at the next start."""
    from suanli.gateway.server import SOCKET
    from suanli.sdk import Client
    client = Client(directory_of(data_dir) / SOCKET)
    if not client.is_alive():
        err.print("suanli: no server runs")
        return
    client.shutdown()
    _wait_until_gone(directory_of(data_dir) / SOCKET)


def _wait_until_gone(socket: object) -> None:
    import time
    from pathlib import Path
    deadline = time.monotonic() + 30
    while Path(str(socket)).exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def fleet(data_dir: DataDir = None, output: Output = Format.table) -> None:
    """List the hosts and how much of them is in use."""
    rows = client_for(data_dir).list("fleet")
    show(rows, same("id", "operator", "area", "spine", "leaf", "chip", "devices", "devices_used",
                    "is_up"), output)


def chips_list(output: Output = Format.table) -> None:
    """List the chips of the datasheet: origin, declared ratings in CU by class, confidence.

    A rating is an addressable device's, alone, with the declared calibration of 0.70; `-o json`
    has gangs, sources and exact micro-CU too.
    """
    from suanli.bootstrap import datasheet_text
    from suanli.chips.datasheet import SOURCES, parse
    from suanli.gateway.views import chips
    from suanli.units.workload import WORKLOAD_CLASSES
    rows = chips(parse(datasheet_text()))
    for row in rows:
        row.update({name: None if (ucu := row["ratings_ucu"][name]) is None
                    else f"{ucu / 1e6:.6f}" if ucu < 1000 else f"{ucu / 1e6:.3f}"
                    for name in WORKLOAD_CLASSES})
        row["verified"] = "yes" if row["is_verified"] else "no"
        row["source"] = row["sources"][SOURCES.index("src_compute")]
    show(rows, {"id": "chip", "origin": "origin", "llm-training": "train", "llm-prefill": "prefill",
                "llm-decode": "decode", "vision-training": "vision", "embedding": "embed",
                "addressable_devices": "per package", "verified": "verified",
                "confidence": "confidence", "source": "source of its peak"}, output)


def chips_slices(
    chip: Annotated[str | None, typer.Argument(help="A chip's id (default: all).")] = None,
    output: Output = Format.table,
) -> None:
    """List the slices into which chips can be divided: share, memory, where they may stand.

    A job that asks for less than a device gets the smallest slice that holds its share and
    memory, and pays for that. A chip without profiles is shared by any fraction.
    """
    from suanli.bootstrap import datasheet_text, slices_text
    from suanli.chips import datasheet, slices
    from suanli.gateway import views
    chips = datasheet.parse(datasheet_text())
    if chip not in (None, *chips):
        raise typer.BadParameter(f"found {chip!r}; `suanli chips list` shows the chips known")
    rows = [row for row in views.slices(slices.parse(slices_text(), chips))
            if chip in (None, row["chip"])]
    show(rows, {"chip": "chip", "profile": "profile", "compute": "compute", "share": "thousandths",
                "memory_gb": "GB", "units": "units", "starts": "from", "instances_max": "at most",
                "confidence": "confidence", "source": "source"}, output)
