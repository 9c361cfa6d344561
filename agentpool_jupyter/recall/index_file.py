"""The SQLite file of an index: opened and checked, read and written, set aside when it is not to be used."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import filelock
import msgspec

from agentpool_jupyter.errors import IndexUnavailableError

from .shelf import DamagedError
from .signatures import stamp_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_APPLICATION_ID = 0x41504C53  # "APLS"
_BUSY_SECONDS = 60.0
_SCHEMA = """
CREATE TABLE about (stamp TEXT NOT NULL);
CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, mark BLOB NOT NULL);
CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, key TEXT NOT NULL, part INTEGER NOT NULL,
    hashes BLOB NOT NULL, hashes_sum INTEGER NOT NULL, body BLOB NOT NULL, body_sum INTEGER NOT NULL,
    UNIQUE (source, key, part));
CREATE TABLE buckets (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, kind TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    postings BLOB NOT NULL, postings_sum INTEGER NOT NULL);
"""
_TRANSIENT = ("locked", "busy", "unable to open", "disk is full", "readonly", "read-only", "disk I/O error")
BAD_ROW = "was damaged (a row does not match its checksum)"


class IndexFile:
    """The file at ``path``, which is made if need be; any thread may use it, one at a time.

    ``note`` is told why a file was set aside. Raises IndexUnavailableError, and DamagedError once it is open.
    """

    def __init__(self, path: Path, note: Callable[[str], None]) -> None:
        self.path = path
        self._note = note
        self._lock = threading.RLock()
        self._stamp = stamp_text()
        self._inode: int | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot make the folder {path.parent} for the index: {error.strerror}; choose another place"
            raise IndexUnavailableError(message) from error
        self._guard = filelock.FileLock(f"{path}.lock")
        with self._errors(), self._guard:
            try:
                self._db = self._open()
            except DamagedError as error:
                self._set_aside(f"{error}")
                self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        with self._errors():
            db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                self._check(db)
            except BaseException:
                db.close()
                raise
        self._inode = os.stat(self.path).st_ino  # noqa: PTH116 - beside the sqlite module's own path
        return db

    def _check(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read from the log again
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            with _transaction(db, "IMMEDIATE"):
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                db.execute("INSERT INTO about VALUES (?)", (self._stamp,))
            db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        found = db.execute("SELECT stamp FROM about").fetchone()
        if found is None or found[0] != self._stamp:
            message = f"was made with other settings or versions ({_difference(found and found[0], self._stamp)})"
            raise DamagedError(message)

    def _set_aside(self, why: str) -> None:
        """Move the file away, unless another process has put a new one there meanwhile."""
        old = self.path.with_name(f"{self.path.name}.old")
        self._note(f"the index {self.path} {why}: rebuilt from the log; the old one is {old.name}")
        with suppress(FileNotFoundError):
            if self._inode in (None, self.path.stat().st_ino):
                self.path.replace(old)
                for suffix in ("-wal", "-shm"):
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def renew(self, why: str) -> None:
        """Set the file aside and begin an empty one."""
        with self._lock, self._errors(), self._guard:
            self._db.close()
            self._set_aside(why)
            self._inode = None
            self._db = self._open()

    @contextmanager
    def reading(self, *, several: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield a connection to read with; ``several`` statements then see one state of the file."""
        with self._lock, self._errors(), _transaction(self._db, "DEFERRED") if several else nullcontext():
            yield self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection whose changes are stored together, or not at all."""
        with self._lock, self._errors(), _transaction(self._db, "IMMEDIATE"):
            found = self._db.execute("SELECT stamp FROM about").fetchone()
            if found is None or found[0] != self._stamp:
                message = "was made anew with other settings or versions by another process"
                raise DamagedError(message)
            yield self._db

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError as error:
            message = f"the index {self.path} is closed; open it again"
            raise IndexUnavailableError(message) from error
        except sqlite3.DatabaseError as error:
            if any(word in str(error) for word in _TRANSIENT):
                message = f"cannot use the index {self.path}: {error}; check the disk, its space and the permissions"
                raise IndexUnavailableError(message) from error
            message = f"was damaged ({error})"
            raise DamagedError(message) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedError(BAD_ROW) from error
        except OSError as error:
            message = f"cannot use the index {self.path}: {error.strerror}; check the disk and the permissions"
            raise IndexUnavailableError(message) from error


@contextmanager
def _transaction(db: sqlite3.Connection, kind: str) -> Iterator[None]:
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _difference(found: str | None, wanted: str) -> str:
    """Return in words how two stamps differ."""
    try:
        old, new = json.loads(found or ""), json.loads(wanted)
        return ", ".join(f"{name} {old.get(name)} and not {new[name]}" for name in new if old.get(name) != new[name])
    except (ValueError, AttributeError):
        return "its stamp cannot be read"
