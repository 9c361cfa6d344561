"""A live reading of an SQLite log."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import LogClosedError
from agentpool_jupyter.log.contract import Follower, Record

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_SECONDS = (0.004, 0.05)  # how often other processes' writes are looked for: busy, and after a quiet while
_QUIET_SECONDS = 5.0


class Bell:
    """Rung when a log has appended something, or is closed, so that its followers need not poll for that."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.rung = 0
        """How often it has been rung."""

    def ring(self) -> None:
        """Wake whoever waits."""
        with self._changed:
            self.rung += 1
            self._changed.notify_all()

    def wait(self, rung: int, seconds: float) -> None:
        """Wait until it has been rung more than ``rung`` times, for so many seconds at most."""
        with self._changed:
            if self.rung == rung:
                self._changed.wait(seconds)


class SqliteFollower(Follower):
    """Wakes at once for its own log's appends and looks for other processes' commits a few times a second.

    ``take`` returns the next records from an offset on, or nothing; it raises LogClosedError once the log is closed.
    """

    def __init__(self, take: Callable[[int], list[Record]], bell: Bell, start: int) -> None:
        self._take = take
        self._bell = bell
        self._next = start
        self._closed = False
        self._active = time.monotonic()

    def __next__(self) -> list[Record]:
        while not self._closed:
            rung = self._bell.rung
            try:
                batch = self._take(self._next)
            except LogClosedError:
                break
            if batch:
                self._next = batch[-1].offset + 1
                self._active = time.monotonic()
                return batch
            quiet = time.monotonic() - self._active > _QUIET_SECONDS
            if not self._closed:
                self._bell.wait(rung, _POLL_SECONDS[quiet])
        self._closed = True
        raise StopIteration

    def close(self) -> None:
        """End the iteration, from any thread."""
        self._closed = True
        self._bell.ring()
