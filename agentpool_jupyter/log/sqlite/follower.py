"""A live reading of an SQLite log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import LogClosedError
from agentpool_jupyter.log.contract import Follower, Record

if TYPE_CHECKING:
    from .log import SqliteLog

CHUNK = 2000
"""Records a query: long enough to be quick, short enough never to hold back a checkpoint."""
_POLL_SECONDS = (0.004, 0.05)  # how often other processes' writes are looked for: busy, and after a quiet while
_QUIET_SECONDS = 5.0


class SqliteFollower(Follower):
    """Wakes at once for its own log's appends and looks for other processes' commits a few times a second."""

    def __init__(self, log: SqliteLog, start: int) -> None:
        self._log = log
        self._next = start
        self._closed = False
        self._active = time.monotonic()

    def __next__(self) -> list[Record]:
        log = self._log
        while not self._closed:
            version = log._version  # noqa: SLF001 - the follower is the log's other half
            try:
                batch = self._take()
            except LogClosedError:
                break
            if batch:
                self._next = batch[-1].offset + 1
                self._active = time.monotonic()
                return batch
            quiet = time.monotonic() - self._active > _QUIET_SECONDS
            with log._appended:  # noqa: SLF001
                if not self._closed and log._version == version:  # noqa: SLF001
                    log._appended.wait(_POLL_SECONDS[quiet])  # noqa: SLF001
        self.close()
        raise StopIteration

    def _take(self) -> list[Record]:
        log = self._log
        log._check_open()  # noqa: SLF001
        with log._read_lock, log._errors():  # noqa: SLF001
            rows = log._reader.execute(  # noqa: SLF001
                "SELECT offset, time, value FROM records WHERE offset >= ? ORDER BY offset LIMIT ?",
                (self._next, CHUNK),
            ).fetchall()
        if not rows:
            log._check_there()  # noqa: SLF001 - nothing can come any more where the file was deleted
        return [Record._make(row) for row in rows]

    def close(self) -> None:
        """End the iteration, from any thread."""
        self._closed = True
        self._log._followers.discard(self)  # noqa: SLF001
        with self._log._appended:  # noqa: SLF001
            self._log._appended.notify_all()  # noqa: SLF001
