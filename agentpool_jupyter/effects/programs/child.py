"""A child process and all that it starts, to its end: within limits, and none of it outlives that."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import psutil

from . import launcher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import IO

    from .limits import ChildLimits

_MARK = "AGENTPOOL_CHILD"  # a variable by which processes are found that have left their parent and its group
_GLANCE = 0.05  # seconds between two looks
_ROUNDS = 30  # looks for what is to be killed
_MOMENT = 0.01
_MARGIN = 5.0  # seconds by which the times at which processes began may be off
_KERNEL = 2  # the parent of Linux's own threads, which have no environment
_PATIENCE = 5.0


class ChildEnd(NamedTuple):
    """How a child ended."""

    status: int
    """Its exit status; negative is the signal that ended it."""
    output: str
    """What it said, on both streams."""
    killed: str
    """Why it was killed; empty where it ended by itself."""


async def run_child(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], limits: ChildLimits
) -> ChildEnd:
    """Run a program, given by its full path, in a folder and return how it ended; cancelling kills it.

    Raises OSError where it cannot be started. When this returns, or raises, all that it had started is killed, as far
    as it can be found: by its session, its parents, or a mark in its environment.
    """
    mark = secrets.token_hex(16)
    bounds = (limits.memory, limits.file_size, _own_processes() + limits.processes, int(limits.seconds) * 2 + 1)
    begun = time.time() - _MARGIN
    launch = [sys.executable, "-I", "-S", launcher.__file__, *map(str, bounds), *command]
    child = subprocess.Popen(  # noqa: ASYNC220, S603 - it is watched below; a program that the team names
        launch,
        cwd=folder,
        env={**environment, _MARK: mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert child.stdout is not None  # noqa: S101 - it was asked for
    said = _Said(child.stdout, limits.output)
    seen: set[psutil.Process] = set()
    killed, deadline = "", time.monotonic() + limits.seconds
    try:
        while child.poll() is None and not killed:
            await asyncio.sleep(_GLANCE)
            with contextlib.suppress(psutil.Error):
                alive = psutil.Process(child.pid).children(recursive=True)
                seen.update(alive)
                if len(alive) >= limits.processes:
                    killed = f"it had more than {limits.processes} processes"
            if time.monotonic() > deadline:
                killed = f"it took longer than {limits.seconds:g} s"
    finally:
        _kill(child, mark, seen, begun)
    await asyncio.to_thread(said.thread.join, _PATIENCE)
    return ChildEnd(child.wait(_PATIENCE), said.text(), killed)


class _Said:
    """Reads what a child says as it comes, and keeps the beginning and the end of it."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream = stream
        self._half = most // 2
        self._head, self._tail = bytearray(), bytearray()
        self._left_out = 0
        self.thread = threading.Thread(target=self._read, name="agentpool-child", daemon=True)
        self.thread.start()

    def text(self) -> str:
        """Return it as text, with a line that says how much is left out."""
        if not self._left_out:
            return (self._head + self._tail).decode(errors="replace")
        gap = f"\n[… {self._left_out:,} bytes left out …]\n"
        return self._head.decode(errors="replace") + gap + self._tail.decode(errors="replace")

    def _read(self) -> None:
        with self._stream:
            while piece := os.read(self._stream.fileno(), 65_536):
                room = self._half - len(self._head)
                self._head += piece[:room] if room > 0 else b""
                self._tail += piece[max(0, room) :]
                over = len(self._tail) - self._half
                if over > 0:
                    del self._tail[:over]
                    self._left_out += over


def _kill(child: subprocess.Popen[bytes], mark: str, seen: set[psutil.Process], begun: float) -> None:
    """Kill a child and all that it has started, also what has left its session."""
    with contextlib.suppress(psutil.Error):
        seen.update(psutil.Process(child.pid).children(recursive=True))
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_PATIENCE)  # before others are waited for, who might take its exit status
    clean = 0
    for _ in range(_ROUNDS):  # what is killed, or ends, may have started another at that moment: two looks find none
        found = {process: _is_ours(process, mark, seen, begun) for process in {*seen, *psutil.process_iter()}}
        clean = clean + 1 if not any(ours is not False for ours in found.values()) else 0
        if clean > 1:
            return
        left = [process for process, ours in found.items() if ours]
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(_MOMENT)


def _is_ours(process: psutil.Process, mark: str, seen: set[psutil.Process], begun: float) -> bool | None:
    """Return whether a process lives and was started by the child; None where that is not to be seen at this moment.

    While a process becomes another program, it has no environment.
    """
    try:
        ended = not process.is_running() or process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        if ended or process in seen:
            return not ended
        environment = process.environ() if process.create_time() >= begun else {_MARK: ""}
        return environment.get(_MARK) == mark if environment or process.ppid() == _KERNEL else None
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):
        return None if _is_mine(process) else False


def _is_mine(process: psutil.Process) -> bool:
    try:
        return not hasattr(os, "getuid") or bool(process.uids().real == os.getuid())
    except (psutil.Error, OSError):
        return False


def _own_processes() -> int:
    """Return how many threads this user has: the system counts all of them against the limit of a child."""
    if not hasattr(os, "getuid"):
        return 0
    count = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.uids().real == os.getuid():
                count += process.num_threads()
    return count
