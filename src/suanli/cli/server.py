"""Finding, starting and stopping the server of a data directory."""

import subprocess
import sys
import time
from pathlib import Path

from suanli.bootstrap import open_service
from suanli.cli.output import err
from suanli.config import Settings
from suanli.gateway.server import SOCKET, serve
from suanli.sdk import Client
from suanli.terms.errors import Broken, Unavailable

START_TIMEOUT_S = 30.0
LOG = "server.log"


def client_of(directory: Path) -> Client:
    """Return a client of the directory's server, starting one in the background if none runs."""
    client = Client(directory / SOCKET)
    if client.is_alive():
        return client
    client.close()
    _start(directory)
    return Client(directory / SOCKET)


def _start(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    err.print(f"suanli: no server runs on {directory}; starting one (stop it with `suanli down`)")
    with (directory / LOG).open("ab") as log:
        offset = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "suanli.cli.main", "up", "--data-dir", str(directory)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    client = Client(directory / SOCKET)
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if client.is_alive():
            for line in _said(directory, offset):
                err.print(line)
            client.close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    said = (directory / LOG).read_text(errors="replace").splitlines()
    raise Unavailable(f"the server did not start: {said[-1] if said else 'it said nothing'} "
                      f"(see {directory / LOG})")


def _said(directory: Path, offset: int) -> list[str]:
    with (directory / LOG).open("rb") as log:
        log.seek(offset)
        return [line for line in log.read().decode(errors="replace").splitlines()
                if line.startswith("suanli: ")]


def run_server(directory: Path, port: int | None, settings: Settings) -> None:
    """Serve in the foreground until `suanli down`, SIGTERM or SIGINT."""
    service, said = open_service(directory, settings)
    for line in said:
        print(f"suanli: {line}", flush=True)
    service.start()
    print(f"suanli: serving {directory}", flush=True)
    try:
        serve(service, directory, port)
    finally:
        service.stop()
        service.driver.cluster.close()
        service.driver.engine.close()
    if isinstance(service.broken, Broken):
        raise service.broken
