"""A pool's log in one SQLite file.

Durability is SQLite's ``synchronous=FULL``: a commit is on disk before :meth:`SqliteLog.append` returns.
Appends that wait for the same disk sync share it (group commit).
"""

from __future__ import annotations

import sqlite3
import threading
import time
from bisect import bisect_left
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import LogCorruptError, LogError, LogMovedError, LogUnavailableError
from agentpool_jupyter.log.contract import Log, Record

from .database import transaction
from .follower import Bell, SqliteFollower
from .records import chunked, open_records, rewrite, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from agentpool_jupyter.log.contract import Changes, Rewritten


@dataclass(slots=True)
class _Ticket:
    """One call of ``append`` on its way into a commit."""

    values: Sequence[bytes]
    offsets: list[int] | None = None
    error: LogError | None = None


class SqliteLog(Log):
    """A log in one SQLite file; see :class:`~agentpool_jupyter.log.Log`."""

    def __init__(self, name: str, path: Path, url: str) -> None:
        super().__init__(name, url)
        self.path = path
        self._queue: list[_Ticket] = []
        self._queue_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._bell = Bell()
        with self._errors():
            self._writer = open_records(path)
            self._reader = open_records(path)
        self._inode = path.stat().st_ino

    def append(self, values: Sequence[bytes]) -> list[int]:
        """Store records durably and return their offsets; see :meth:`Log.append`."""
        ticket = _Ticket(values)
        with self._queue_lock:
            self._queue.append(ticket)
        # Whoever gets the lock commits for everyone who has queued meanwhile; the others find it done.
        with self._write_lock:
            if ticket.offsets is None and ticket.error is None:
                with self._queue_lock:
                    tickets, self._queue = self._queue, []
                self._commit(tickets)
        if ticket.offsets is None:
            raise ticket.error or LogError(f"append to {self.path} was interrupted: try again")
        return ticket.offsets

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[Record]:
        """Yield stored records; see :meth:`Log.read`."""
        if start < 0:
            message = f"start is {start}: offsets begin at 0"
            raise ValueError(message)
        return chunked(partial(self._take, stop=self.end() if stop is None else stop), start)

    def follow(self, start: int = 0) -> SqliteFollower:
        """Yield batches of records, stored and new; see :meth:`Log.follow`."""
        self._check_open()
        return SqliteFollower(self._fresh, self._bell, start)

    def fill(self, records: Iterable[Record]) -> None:
        """Store copies of another log's records, in an empty log that nobody else has open.

        All of them are in its one file then, and nothing is beside it; LogUnavailableError if the disk has no room.
        """
        with self._write_lock, self._errors():
            with transaction(self._writer):
                self._writer.executemany("INSERT INTO records VALUES (?, ?, ?)", records)
            # Closing does it, too, but says nothing where it fails, and leaves the records beside the file.
            state = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if state != (0, 0, 0):
            message = f"cannot write all of {self.path} ({state}); check the disk and its space"
            raise LogUnavailableError(message)

    def end(self) -> int:
        """Return one past the last offset."""
        self._check_open()
        self._check_there()
        with self._read_lock, self._errors():
            row = self._reader.execute("SELECT max(offset) FROM records").fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    def offset_at(self, time: int) -> int:
        """Return the first offset at or after a time; see :meth:`Log.offset_at`."""

        def time_of(offset: int) -> int:
            with self._read_lock, self._errors():
                return int(self._reader.execute("SELECT time FROM records WHERE offset = ?", (offset,)).fetchone()[0])

        return bisect_left(range(self.end()), time, key=time_of)  # times never run backwards here

    def rewrite(self, changes: Changes, *, delete_old: bool = False) -> Rewritten:  # noqa: ARG002
        """Change records in one commit, which appends wait for, and shrink the file; see :meth:`Log.rewrite`."""
        self._check_open()
        with self._write_lock, self._errors():
            return rewrite(self._writer, self.path, changes)

    def close(self) -> None:
        """Close the file and end all followers."""
        if self._closed:
            return
        self._closed = True
        self._bell.ring()
        with self._write_lock, self._read_lock:
            self._writer.close()
            self._reader.close()

    def _check_there(self) -> None:
        """Raise LogMovedError where the file was deleted: what is open would take text that nobody can ever read."""
        try:
            if self.path.stat().st_ino == self._inode:
                return
        except FileNotFoundError:
            pass
        except OSError:  # such as a disk that is away: SQLite says what is wrong
            return
        message = f"the file of pool {self.name!r} was deleted, or made anew, by another process: open the pool again"
        raise LogMovedError(message)

    def _commit(self, tickets: list[_Ticket]) -> None:
        try:
            self._check_open()
            self._check_there()
            with self._errors():
                self._insert(tickets)
        except LogError as error:
            for ticket in tickets:
                ticket.error = error
        finally:  # also when a KeyboardInterrupt passes through: nobody waits for a ticket that no one holds
            for ticket in tickets:
                if ticket.offsets is None and ticket.error is None:
                    ticket.error = LogUnavailableError(f"append to {self.path} was interrupted: try again")
        self._bell.ring()

    def _insert(self, tickets: list[_Ticket]) -> None:
        db = self._writer
        with transaction(db):
            last = db.execute("SELECT offset, time FROM records ORDER BY offset DESC LIMIT 1").fetchone()
            first, floor = (last[0] + 1, last[1]) if last else (0, 0)
            now = max(floor, time.time_ns() // 1_000_000)
            values = [value for ticket in tickets for value in ticket.values]
            db.executemany(
                "INSERT INTO records VALUES (?, ?, ?)", ((first + i, now, value) for i, value in enumerate(values))
            )
        for ticket in tickets:
            ticket.offsets = list(range(first, first + len(ticket.values)))
            first += len(ticket.values)

    def _take(self, start: int, stop: int | None = None) -> list[Record]:
        self._check_open()
        with self._read_lock, self._errors():
            return some(self._reader, start, stop)

    def _fresh(self, start: int) -> list[Record]:
        """Return what a follower has not seen yet; nothing can come any more where the file was deleted."""
        found = self._take(start)
        if not found:
            self._check_there()
        return found

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError as error:
            raise self._closed_error() from error
        except sqlite3.OperationalError as error:
            message = f"cannot use {self.path}: {error}; check the disk, its space and the file's permissions"
            raise LogUnavailableError(message) from error
        except sqlite3.DatabaseError as error:
            message = f"{self.path} is damaged ({error}); restore it from a copy or `sqlite3 FILE .recover`"
            raise LogCorruptError(message) from error
