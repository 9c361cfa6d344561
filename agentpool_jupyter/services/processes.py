"""Processes of this machine: started to stay, told apart from later ones of the same id, found by their port."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL)S?(_|$)", re.IGNORECASE)
_LOGIN = re.compile(r"://[^/\s]*:[^/\s]*@")


def without_keys(keep: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the environment for a child that calls no model: without what is secret by its name, or holds a login.

    Variables whose names begin with one of ``keep`` stay.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(keep) or not (_SECRET.search(name) or _LOGIN.search(value))
    }


def launch(command: list[str], log: Path) -> int:
    """Start a process that outlives this one and its terminal, and return its id; ``log`` gets all it says."""
    script = 'umask 077; "$@" </dev/null >"$0" 2>&1 & echo $!'
    shell = ["/bin/sh", "-c", script, str(log), *command]
    return int(
        subprocess.run(  # noqa: S603 - our command
            shell, stdout=subprocess.PIPE, check=True, env=without_keys(), start_new_session=True
        ).stdout
    )


def start_time(pid: int) -> str:
    """Return when a process started; empty where it does not live (any more)."""
    try:
        process = psutil.Process(pid)
        # Counted from the machine's own start, because the time of day may be set while the process runs.
        started = process.create_time() - psutil.boot_time()
        return "" if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) else f"{started:.2f}"
    except psutil.Error:
        return ""


def alive(pid: int, started: str) -> bool:
    """Return whether the process that had this id and start still lives: ids are used again."""
    return bool(started) and start_time(pid) == started


def owner_of_port(port: int) -> str:
    """Return who listens on a port of this machine, such as ``process 12 'java'``; empty where that is not told."""
    try:
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr[1:] == (port,):
                if found.pid is None:
                    return "a process of another user listens there"
                return f"process {found.pid} {psutil.Process(found.pid).name()!r} listens there"
    except (psutil.Error, OSError):  # some systems tell only their administrator
        pass
    return ""
