"""Options that verbs share, and the client they talk through."""

from pathlib import Path
from typing import Annotated

import typer

from suanli.cli.output import Format
from suanli.sdk import Client

DataDir = Annotated[Path | None, typer.Option(
    "--data-dir", help="The server's data directory (default: $SUANLI_HOME, else the "
    "platform's user data directory).")]
Area = Annotated[str, typer.Argument(help="Bidding area.")]
Grade = Annotated[str, typer.Argument(help="Grade, as `suanli price` lists it.")]
Output = Annotated[Format, typer.Option("-o", "--output", help="table or json.")]


def directory_of(data_dir: Path | None) -> Path:
    """Return the data directory in force."""
    from suanli.config import Settings
    return (data_dir or Settings().home).expanduser().resolve()


def client_for(data_dir: Path | None) -> Client:
    """Return a client, starting the server if need be (imported late: it is heavy)."""
    from suanli.cli.server import client_of
    return client_of(directory_of(data_dir))
