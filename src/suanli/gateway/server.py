"""Serves the API on a Unix socket (mode 0600) and, if asked, on loopback TCP."""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from suanli.gateway.api import create_app
from suanli.gateway.deferred import DeferredJobs
from suanli.gateway.service import Service

SOCKET, CREDENTIAL = "server.sock", "credential"
LOOPBACK = "127.0.0.1"


class Server(uvicorn.Server):
    """A server that leaves signals to us: we stop all listeners, then settle what runs."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(service: Service, directory: Path, port: int | None) -> None:
    """Serve until asked to stop; returns when the servers are down."""
    asyncio.run(_serve(service, directory, port))


async def _serve(service: Service, directory: Path, port: int | None) -> None:
    servers: list[Server] = []

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    service.on_broken = stop
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    deferred = DeferredJobs(service, directory)
    listeners = [(create_app(service, None, stop, deferred), _unix_socket(directory / SOCKET))]
    if port is not None:
        listeners.append((create_app(service, _credential(directory / CREDENTIAL), stop, deferred),
                          _tcp_socket(port)))
    tasks = []
    for app, listener in listeners:
        server = Server(uvicorn.Config(app, log_level="warning", access_log=False))
        servers.append(server)
        tasks.append(server.serve(sockets=[listener]))
    deferred.start()
    try:
        await asyncio.gather(*tasks)
    finally:
        deferred.stop()
        (directory / SOCKET).unlink(missing_ok=True)


def _unix_socket(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    return listener


def _tcp_socket(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    return listener


def _credential(path: Path) -> str:
    """Return the credential that TCP clients must show, making it on first use."""
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path.read_text().strip()
