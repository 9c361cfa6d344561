"""A pool's log in one SQLite file.

Durability is SQLite's ``synchronous=FULL``: a commit is on disk before :meth:`SqliteLog.append` returns.
Appends that wait for the same disk sync share it (group commit).
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import LogCorruptError, LogError, LogMovedError, LogUnavailableError
from agentpool_jupyter.log.contract import Log, Record, dense

from . import packs
from .database import beside, size, transaction, writable
from .follower import Bell, SqliteFollower
from .records import (
    check_together,
    end,
    insert,
    mark,
    marked,
    offset_at,
    open_records,
    open_to_read,
    rewrite,
    same,
    some,
    work_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from agentpool_jupyter.log.contract import Changes, Rewritten

    from .packs import Row


_CLOSE_SECONDS = 60.0  # longer than any append takes
_PACK_SECONDS = 0.2  # for which closing packs: some 50,000 records; what is left is for the next time


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
        self._marked = False
        self._session = 0
        self._looked: tuple[int, int] | None = None
        with self._errors():
            check_together(path)
            try:
                self._writer: sqlite3.Connection | None = open_records(path)
                self._reader = open_records(path)
            except sqlite3.OperationalError:
                if writable(path):
                    raise
                self._writer = None
                self._reader, self._held = open_to_read(path)
        self._inode = path.stat().st_ino
        # Also where nobody closes it: whoever takes the one file then takes all.
        self._let_go = weakref.finalize(
            self, _let_go, self._writer, self._reader, (self._write_lock, self._read_lock), os.getpid()
        )

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
        end = self.end()
        stop = end if stop is None else min(stop, end)
        return chain.from_iterable(self._stretches(start, stop))

    def follow(self, start: int = 0) -> SqliteFollower:
        """Yield batches of records, stored and new; see :meth:`Log.follow`."""
        self._check_open()
        return SqliteFollower(self._fresh, self._bell, start)

    def fill(self, records: Iterable[Record]) -> None:
        """Store copies of another log's records, in an empty log that nobody else has open.

        All of them are in its one file then, and nothing is beside it; LogUnavailableError if the disk has no room.
        """
        with self._write_lock, self._errors():
            db = self._writing()
            with transaction(db):
                packs.put(db, records)
            # Closing does it, too, but says nothing where it fails, and leaves the records beside the file.
            state = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if state != (0, 0, 0):
            message = f"cannot write all of {self.path} ({state}); check the disk and its space"
            raise LogUnavailableError(message)

    def end(self) -> int:
        """Return one past the last offset."""
        self._check_open()
        self._check_there()
        with self._reading() as db:
            return end(db)

    def offset_at(self, time: int) -> int:
        """Return the first offset at or after a time; see :meth:`Log.offset_at`."""
        self._check_open()
        self._check_there()
        with self._reading() as db:
            return offset_at(db, time)

    def rewrite(self, changes: Changes, *, delete_old: bool = False) -> Rewritten:  # noqa: ARG002
        """Change records in one commit, which appends wait for, and shrink the file; see :meth:`Log.rewrite`."""
        self._check_open()
        with self._write_lock, self._errors():
            return rewrite(self._writing(), self.path, changes)

    def pack(self, stop: Callable[[], bool] = bool) -> None:
        """Compress what this log has stored, and what was left before it; see :meth:`Log.pack`."""
        self._check_open()
        self._check_there()
        more = self._marked
        while more and not stop():
            with self._write_lock, self._errors():
                more = packs.pack(self._writing())

    def close(self) -> None:
        """Close the file and end all followers."""
        if self._closed:
            return
        with contextlib.suppress(LogError):  # it takes more space, and that is all
            deadline = time.monotonic() + _PACK_SECONDS
            self.pack(lambda: time.monotonic() > deadline)
        self._closed = True
        self._bell.ring()
        self._let_go()

    def _writing(self) -> sqlite3.Connection:
        if self._writer is None:
            message = (
                f"{self.path} can only be read, as its disk or its permissions are: to go on with the pool, "
                "`%pool export` it and import it in another store"
            )
            raise LogError(message)
        return self._writer

    def _check_there(self) -> None:
        """Raise LogMovedError where the file was deleted: what is open would take text that nobody can ever read.

        And where another was put in its place, or was written over it.
        """
        try:
            there = self.path.stat()
        except FileNotFoundError:
            there = None
        except OSError:  # such as a disk that is away: SQLite says what is wrong
            return
        if there is None or there.st_ino != self._inode:
            message = (
                f"the file of pool {self.name!r} was deleted, or made anew, by another process: open the pool again"
            )
            raise LogMovedError(message)
        if self._writer is not None and self._looked != (there.st_mtime_ns, there.st_size):
            with self._reading() as db:
                session = same(db, self.path, self._session)
            if session is None:
                message = (
                    f"{self.path} was written over while it was open, such as by a copy that was put back: close the "
                    "pool wherever it is open, put the copy back once more, and open the pool again"
                )
                raise LogMovedError(message)
            self._session, self._looked = session, (there.st_mtime_ns, there.st_size)

    def _commit(self, tickets: list[_Ticket]) -> None:
        stored: list[Record] = []
        try:
            self._check_open()
            self._check_there()
            with self._errors():
                stored = self._insert(tickets)
        except LogError as error:
            for ticket in tickets:
                ticket.error = error
        finally:  # also when a KeyboardInterrupt passes through: nobody waits for a ticket that no one holds
            for ticket in tickets:
                if ticket.offsets is None and ticket.error is None:
                    ticket.error = LogUnavailableError(f"append to {self.path} was interrupted: try again")
        self._bell.ring(stored)

    def _insert(self, tickets: list[_Ticket]) -> list[Record]:
        db = self._writing()
        with transaction(db):
            if unmarked := not marked(db):
                mark(db, in_use=True)
            first = end(db)
            now = time.time_ns() // 1_000_000
            values = (value for ticket in tickets for value in ticket.values)
            records = [Record(first + i, now, value) for i, value in enumerate(values)]
            insert(db, records)
        for ticket in tickets:
            ticket.offsets = list(range(first, first + len(ticket.values)))
            first += len(ticket.values)
        if unmarked or not self._marked:
            self._marked = work_in(db)
        return records

    def _stretches(self, start: int, stop: int) -> Iterator[Iterable[Record]]:
        """Yield the records of a range, some at a time; as good as always no offset is missing among them."""
        while start < stop:
            found = self._take(start, stop)
            until = found[-1][0] + 1 if found else stop
            records = map(Record._make, found)
            yield records if len(found) == until - start else dense(records, start, until)
            start = until

    def _take(self, start: int, stop: int | None = None) -> list[Row]:
        self._check_open()
        with self._reading() as db:
            return some(db, start, stop)

    def _fresh(self, start: int) -> list[Record]:
        """Return what a follower has not seen yet; nothing can come any more where the file was deleted."""
        found = list(dense(map(Record._make, self._take(start)), start))
        if not found:
            self._check_there()
        return found

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that sees one state of the file."""
        with self._read_lock, self._errors(), transaction(self._reader, "DEFERRED"):
            yield self._reader

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError as error:
            raise self._closed_error() from error
        except sqlite3.OperationalError as error:
            advice = "check the disk, its space and the file's permissions"
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                advice = "another process was stopped while it wrote to it: let that go on, or end it"
            message = f"cannot use {self.path}: {error}; {advice}"
            raise LogUnavailableError(message) from error
        except sqlite3.DatabaseError as error:
            wal = beside(self.path)
            old = f"if it was put back, move {wal.name} away, which another has left; else " if size(wal) else ""
            message = f"{self.path} is damaged ({error}): {old}restore it from a copy or `sqlite3 FILE .recover`"
            raise LogCorruptError(message) from error


def _let_go(
    writer: sqlite3.Connection | None,
    reader: sqlite3.Connection,
    locks: tuple[threading.Lock, threading.Lock],
    pid: int,
) -> None:
    """Close a log's connections, and note that nothing that belongs to the file lies beside it any more."""
    if os.getpid() != pid:  # they are the parent process's
        return
    held = [lock for lock in locks if lock.acquire(timeout=_CLOSE_SECONDS)]
    if len(held) == len(locks):  # else a thread that the interpreter has stopped has them: as if it had been killed
        with contextlib.suppress(sqlite3.Error):
            if writer is not None and marked(writer):
                with transaction(writer):
                    mark(writer, in_use=False)
        for db in filter(None, (writer, reader)):
            db.close()
    for lock in held:
        lock.release()
