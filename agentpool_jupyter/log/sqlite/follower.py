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
_MOST = 2_000  # records that are handed on; more are read


class Bell:
    """Rung when a log has appended something, or is closed, so that its followers need not poll for that."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rung = 0
        self._stored: list[Record] = []

    def ring(self, stored: list[Record] | None = None) -> None:
        """Wake whoever waits, with what was appended."""
        with self._changed:
            self._rung += 1
            self._stored = stored if stored and len(stored) <= _MOST else []
            self._changed.notify_all()

    def wait(self, rung: int, seconds: float) -> tuple[int, list[Record]]:
        """Wait until it has been rung more than ``rung`` times, for so many seconds at most.

        Returns how often it has been rung, and where that is once more, what was appended.
        """
        with self._changed:
            if self._rung == rung:
                self._changed.wait(seconds)
            return self._rung, self._stored if self._rung == rung + 1 else []


class SqliteFollower(Follower):
    """Wakes at once for its own log's appends and looks for other processes' commits a few times a second.

    ``take`` returns the next records from an offset on, or nothing; it raises LogClosedError once the log is closed.
    What its own log appends it is told, and reads nothing, as long as that is what comes next.
    """

    def __init__(self, take: Callable[[int], list[Record]], bell: Bell, start: int) -> None:
        self._take = take
        self._bell = bell
        self._next = start
        self._rung = -1  # how often the bell had been rung when this last looked
        self._closed = False
        self._active = time.monotonic()

    def __next__(self) -> list[Record]:
        while not self._closed:
            quiet = time.monotonic() - self._active > _QUIET_SECONDS
            rung, batch = self._bell.wait(self._rung, _POLL_SECONDS[quiet])
            if not batch or batch[0].offset != self._next:
                try:
                    batch = self._take(self._next)
                except LogClosedError:
                    break
            self._rung = rung
            if batch:
                self._next = batch[-1].offset + 1
                self._active = time.monotonic()
                return batch
        self._closed = True
        raise StopIteration

    def close(self) -> None:
        """End the iteration, from any thread."""
        self._closed = True
        self._bell.ring()
