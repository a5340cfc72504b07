"""What this host is: its cores, memory and identity, from psutil and /proc."""

import hashlib
import platform
from dataclasses import dataclass
from pathlib import Path

import psutil

CPU_CHIP = "cpu-core"


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One discovered host; memory in bytes."""

    name: str
    model: str
    cores: int
    memory_bytes: int
    identity: str


def discover_host() -> HostFacts:
    """Return the facts of the host that this process runs on."""
    cores = len(psutil.Process().cpu_affinity() or []) or psutil.cpu_count() or 1
    return HostFacts(platform.node() or "localhost", _cpu_model(), cores,
                     psutil.virtual_memory().total, _identity())


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines
                 if line.startswith("model name")), platform.machine())


def _identity() -> str:
    """Return a stable name for the host that does not give its machine id away."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            raw = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if raw:
            return "host:" + hashlib.sha256(b"suanli host\x00" + raw.encode()).hexdigest()[:32]
    return "host:" + hashlib.sha256(platform.node().encode()).hexdigest()[:32]
