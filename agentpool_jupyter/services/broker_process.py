"""Which process is which: told by its id and its start, because ids are used again."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

_PROC = Path("/proc")
_LISTENING = "0A"


def start_time(pid: int) -> str:
    """Return when a process started, as the system words it; empty where it does not live (any more)."""
    if (_PROC / "self" / "stat").exists():
        try:
            # The name, in parentheses, may hold anything; after it come the state and, 19 fields on, the start.
            state, *fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return ""
        return "" if state in "ZX" else fields[18]
    ps = shutil.which("ps") or "/bin/ps"
    told = subprocess.run(  # noqa: S603 - a fixed command
        [ps, "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    return "" if not told or told[0].startswith("Z") else told[-1].strip()


def alive(pid: int, started: str) -> bool:
    """Return whether the process that had this id and start still lives."""
    return bool(started) and start_time(pid) == started


def owner_of_port(port: int) -> str:
    """Return who listens on a port of this machine, such as ``process 12 'java'``; empty where that is not told."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return ""
    for process in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for handle in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if os.readlink(handle) in inodes:  # noqa: PTH115 - a socket's link is no path
                        return f"process {process.name} {(process / 'comm').read_text().strip()!r} listens there"
    return "a process of another user listens there"
