"""The embedded log: one SQLite file a pool, in write-ahead mode, safe for many threads and processes.

Durability is SQLite's ``synchronous=FULL``: a commit is on disk before :meth:`SqliteLog.append` returns.
Appends that wait for the same disk sync share it (group commit).
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import (
    LogClosedError,
    LogCorruptError,
    LogError,
    LogUnavailableError,
    PoolNotFoundError,
    StoreError,
    UserError,
)

from .contract import Follower, Log, Record, Store
from .names import check_name
from .sqlite_rewrite import rewrite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from .contract import Changes, Rewritten

_SUFFIX = ".sqlite"
_APPLICATION_ID = 0x41504F4C  # "APOL", so that `file` and we can tell a pool from another database
_CHUNK = 2000  # records a query: long enough to be quick, short enough never to hold back a checkpoint
_BUSY_SECONDS = 60.0
_POLL_SECONDS = (0.004, 0.05)  # how often a follower looks for other processes' writes: busy, and after a quiet while
_QUIET_SECONDS = 5.0

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS records (offset INTEGER PRIMARY KEY, time INTEGER NOT NULL, value BLOB NOT NULL);
PRAGMA application_id = {_APPLICATION_ID};
"""


class SqliteStore(Store):
    """A folder with one file for each pool."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = str(folder)

    def path(self, name: str) -> Path:
        """Return the file of a pool, which need not exist."""
        return self.folder / (check_name(name) + _SUFFIX)

    def open(self, name: str, *, create: bool = True) -> SqliteLog:
        """Open the log of a pool; see :meth:`Store.open`."""
        path = self.path(name)
        if not path.exists():
            if not create:
                raise self._missing(name)
            self._make_folder()
        return SqliteLog(name, path, self.url)

    def restore(self, name: str, records: Iterable[Record]) -> None:
        """Make a log of copies of records; see :meth:`Store.restore`."""
        path = self.path(name)
        if path.exists():
            with self.open(name) as log:
                if log.end():
                    message = f"pool {name!r} exists and is not empty: choose another name"
                    raise UserError(message)
            self.delete(name)
        self._make_folder()
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with SqliteLog(name, draft, self.url) as log:
                log.fill(records)
            draft.rename(path)
        finally:
            for suffix in ("", "-wal", "-shm"):
                draft.with_name(draft.name + suffix).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Return the names of the pools that are kept here, sorted."""
        return sorted(path.name.removesuffix(_SUFFIX) for path in self.folder.glob("*" + _SUFFIX))

    def delete(self, name: str) -> None:
        """Remove a pool's file for good."""
        path = self.path(name)
        if not path.exists():
            raise self._missing(name)
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.rmtree(self.derived(name), ignore_errors=True)

    def derived(self, name: str) -> Path:
        """Return the folder beside a pool's file; see :meth:`Store.derived`."""
        return self.folder / f"{check_name(name)}.derived"

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot make the folder {self.folder} for pools: {error.strerror}; choose another store"
            raise StoreError(message) from error

    def _missing(self, name: str) -> PoolNotFoundError:
        known = ", ".join(self.names()) or "none yet"
        return PoolNotFoundError(f"no pool {name!r} in {self.url} (there: {known})")


class _Ticket:
    """One call of ``append`` on its way into a commit."""

    __slots__ = ("error", "offsets", "values")

    def __init__(self, values: Sequence[bytes]) -> None:
        self.values = values
        self.offsets: list[int] | None = None
        self.error: LogError | None = None


class SqliteLog(Log):
    """A log in one SQLite file; see :class:`~.contract.Log`."""

    def __init__(self, name: str, path: Path, url: str) -> None:
        self.name = name
        self.url = url
        self.path = path
        self._pid = os.getpid()
        self._closed = False
        self._queue: list[_Ticket] = []
        self._queue_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._appended = threading.Condition()
        self._version = 0  # counts our own commits, so that followers of this object need not poll for them
        self._followers: set[_SqliteFollower] = set()
        self._writer = self._connect()
        self._reader = self._connect()

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
        return self._read(start, self.end() if stop is None else stop)

    def follow(self, start: int = 0) -> Follower:
        """Yield batches of records, stored and new; see :meth:`Log.follow`."""
        self._check_open()
        follower = _SqliteFollower(self, start)
        self._followers.add(follower)
        return follower

    def fill(self, records: Iterable[Record]) -> None:
        """Store copies of another log's records, in an empty log that nobody else has open."""
        with self._write_lock, self._errors():
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.executemany("INSERT INTO records VALUES (?, ?, ?)", records)
            self._writer.execute("COMMIT")

    def end(self) -> int:
        """Return one past the last offset."""
        self._check_open()
        with self._read_lock, self._errors():
            row = self._reader.execute("SELECT max(offset) FROM records").fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    def offset_at(self, time: int) -> int:
        """Return the first offset at or after a time; see :meth:`Log.offset_at`."""
        low, high = 0, self.end()
        while low < high:  # times never run backwards here, so that this can be a binary search
            middle = (low + high) // 2
            with self._read_lock, self._errors():
                row = self._reader.execute("SELECT time FROM records WHERE offset = ?", (middle,)).fetchone()
            if row[0] < time:
                low = middle + 1
            else:
                high = middle
        return low

    def rewrite(self, changes: Changes, *, delete_old: bool = False) -> Rewritten:  # noqa: ARG002
        """Change records in place and shrink the file; see :meth:`Log.rewrite`.

        Other processes see all the old values until the one commit that makes them the new ones; their appends wait.
        """
        self._check_open()
        with self._write_lock, self._errors():
            return rewrite(self._writer, self.path, changes)

    def close(self) -> None:
        """Close the file and end all followers."""
        if self._closed:
            return
        self._closed = True
        for follower in list(self._followers):
            follower.close()
        with self._write_lock, self._read_lock:
            self._writer.close()
            self._reader.close()

    def _check_open(self) -> None:
        if self._closed:
            message = f"the log of pool {self.name!r} is closed; open the pool again"
            raise LogClosedError(message)
        if os.getpid() != self._pid:
            message = (
                f"the log of pool {self.name!r} was opened before this process was forked; open the pool again here"
            )
            raise LogClosedError(message)

    def _connect(self) -> sqlite3.Connection:
        with self._errors():
            db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                if db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
                    self._initialise(db)
            except BaseException:
                db.close()
                raise
        return db

    def _initialise(self, db: sqlite3.Connection) -> None:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables - {"records"}:
            message = f"{self.path} is a database of another program: choose another store or pool name"
            raise StoreError(message)
        db.executescript(_SCHEMA)

    def _commit(self, tickets: list[_Ticket]) -> None:
        try:
            self._check_open()
            with self._errors():
                self._insert(tickets)
        except LogError as error:
            for ticket in tickets:
                ticket.error = error
        finally:  # also when a KeyboardInterrupt passes through: nobody waits for a ticket that no one holds
            for ticket in tickets:
                if ticket.offsets is None and ticket.error is None:
                    ticket.error = LogUnavailableError(f"append to {self.path} was interrupted: try again")
        with self._appended:
            self._version += 1
            self._appended.notify_all()

    def _insert(self, tickets: list[_Ticket]) -> None:
        db = self._writer
        db.execute("BEGIN IMMEDIATE")
        try:
            last = db.execute("SELECT offset, time FROM records ORDER BY offset DESC LIMIT 1").fetchone()
            first, floor = (last[0] + 1, last[1]) if last else (0, 0)
            now = max(floor, time.time_ns() // 1_000_000)
            values = [value for ticket in tickets for value in ticket.values]
            db.executemany(
                "INSERT INTO records VALUES (?, ?, ?)",
                ((first + i, now, value) for i, value in enumerate(values)),
            )
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        for ticket in tickets:
            ticket.offsets = list(range(first, first + len(ticket.values)))
            first += len(ticket.values)

    def _read(self, start: int, stop: int) -> Iterator[Record]:
        while start < stop:
            self._check_open()
            with self._read_lock, self._errors():
                rows = self._reader.execute(
                    "SELECT offset, time, value FROM records WHERE offset >= ? AND offset < ? ORDER BY offset LIMIT ?",
                    (start, stop, _CHUNK),
                ).fetchall()
            if not rows:
                return
            yield from map(Record._make, rows)
            start = rows[-1][0] + 1

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError as error:
            message = f"the log of pool {self.name!r} is closed; open the pool again"
            raise LogClosedError(message) from error
        except sqlite3.OperationalError as error:
            message = f"cannot use {self.path}: {error}; check the disk, its space and the file's permissions"
            raise LogUnavailableError(message) from error
        except sqlite3.DatabaseError as error:
            message = f"{self.path} is damaged ({error}); restore it from a copy or `sqlite3 FILE .recover`"
            raise LogCorruptError(message) from error


class _SqliteFollower(Follower):
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
                (self._next, _CHUNK),
            ).fetchall()
        return [Record._make(row) for row in rows]

    def close(self) -> None:
        """End the iteration, from any thread."""
        self._closed = True
        self._log._followers.discard(self)  # noqa: SLF001
        with self._log._appended:  # noqa: SLF001
            self._log._appended.notify_all()  # noqa: SLF001
