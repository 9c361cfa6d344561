"""The files of an index: SQLite's, checked, and set aside when it is not to be used; the library's places beside it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import filelock
import msgspec

from agentpool_jupyter.errors import IndexUnavailableError
from agentpool_jupyter.log.files import OWN, make_folder, own
from agentpool_jupyter.log.sqlite.database import connect, transaction
from agentpool_jupyter.recall.text.signatures import stamp_text

from .backend import DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_APPLICATION_ID = 0x41504C53  # "APLS"
_HEADER = 72  # bytes of a SQLite file up to the end of its application's id
_UNUSED_SECONDS = 30 * 86_400
_BESIDE = ("-wal", "-shm")
_SCHEMA = """
CREATE TABLE about (stamp TEXT NOT NULL);
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, store TEXT NOT NULL, name TEXT NOT NULL, mark BLOB NOT NULL, UNIQUE (store, name));
CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, key TEXT NOT NULL, part INTEGER NOT NULL,
    hashes BLOB NOT NULL, hashes_sum INTEGER NOT NULL, body BLOB NOT NULL, body_sum INTEGER NOT NULL,
    UNIQUE (source, key, part));
CREATE TABLE buckets (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, kind TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    postings BLOB NOT NULL, postings_sum INTEGER NOT NULL);
"""
_TRANSIENT = ("locked", "busy", "unable to open", "disk is full", "readonly", "read-only", "disk I/O error")
_LOOKED_THROUGH = 32 * 1024 * 1024  # bytes up to which a file is, each time that it is opened: some 100 ms
BAD_ROW = "was damaged (a row does not match its checksum)"


def stamped(path: Path) -> Path:
    """Return the file in which an index at a path is kept by what is installed here."""
    return path.with_name(f"{path.name}.{hashlib.sha256(stamp_text().encode()).hexdigest()[:12]}")


class IndexFile:
    """The file of an index, which is made if need be; any thread may use it, one at a time.

    Its name is ``path`` and a digest of the stamp: processes that have other versions have a file of their own beside
    it. Files that no one has opened for 30 days, and those that were set aside, are removed then; ``note`` is told why
    a file was set aside. Raises IndexUnavailableError, and DamagedError once it is open.
    """

    def __init__(self, path: Path, note: Callable[[str], None]) -> None:
        self._note = note
        self._lock = threading.RLock()
        self._stamp = stamp_text()
        self._nominal = path
        self.path = path = stamped(path)
        self._inode: int | None = None
        try:
            make_folder(path.parent)
        except OSError as error:
            message = f"cannot make the folder {path.parent} for the index: {error.strerror}; choose another place"
            raise IndexUnavailableError(message) from error
        self._guard = filelock.FileLock(f"{path}.lock", mode=OWN)
        with self._errors(), self._guard:
            try:
                self._db = self._open()
            except DamagedError as error:
                self._set_aside(f"{error}")
                self._db = self._open()
            self._sweep()

    def _open(self) -> sqlite3.Connection:
        with self._errors():
            db = connect(self.path)
            try:
                self._check(db)
            except BaseException:
                db.close()
                raise
        os.utime(self.path)  # it is in use, also where nothing is written
        self._inode = self._there()
        return db

    def _there(self) -> int | None:
        """Return which file has the name now, None for none."""
        try:
            return os.stat(self.path).st_ino  # noqa: PTH116 - beside the sqlite module's own path
        except FileNotFoundError:
            return None

    def _check(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        db.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read from the log again
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            with transaction(db):
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                db.execute("INSERT INTO about VALUES (?)", (self._stamp,))
            db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        found = db.execute("SELECT stamp FROM about").fetchone()
        if found != (self._stamp,):
            message = f"was made with other settings or versions ({_difference(found and found[0], self._stamp)})"
            raise DamagedError(message)
        # A page that points to wrong places of itself loses rows, and neither SQLite nor their checksums tell.
        if self.path.stat().st_size <= _LOOKED_THROUGH and db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            message = "was damaged (its pages do not fit together)"
            raise DamagedError(message)

    def _set_aside(self, why: str) -> None:
        """Move the file away, unless another process has put a new one there meanwhile."""
        there, said = self._there(), f"the index {self.path} {why}: rebuilt from the log"
        if there is None:
            self._note(said)
        elif self._inode in (None, there):
            self._note(f"{said}; the old one is {self._old.name}")
            self.path.replace(self._old)
            _unlink(self.path, _BESIDE)

    @property
    def _old(self) -> Path:
        return self.path.with_name(f"{self.path.name}.old")

    def _sweep(self) -> None:
        """Remove the files of other versions, and what was set aside, once nobody has used them for long."""
        name = re.compile(re.escape(self._nominal.name) + r"(\.[0-9a-f]{12})?(\.old)?")
        for path in self._nominal.parent.iterdir():
            if path == self.path or not (found := name.fullmatch(path.name)):
                continue
            with suppress(OSError):
                used = max(_changed(path), _changed(path.with_name(f"{path.name}-wal")))
                # A file without a digest may be anybody's, whatever the address of the index says.
                if used < time.time() - _UNUSED_SECONDS and (found[1] or _is_index(path)):
                    _unlink(path, ("", *_BESIDE, ".lock"))

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
        with self._lock, self._errors(), transaction(self._db, "DEFERRED") if several else nullcontext():
            self._check_place()
            yield self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection whose changes are stored together, or not at all."""
        with self._lock, self._errors(), transaction(self._db):
            self._check_place()
            yield self._db

    def _check_place(self) -> None:
        there = self._there()
        if there != self._inode:
            message = "is gone" if there is None else "was made anew by another process"
            raise DamagedError(message)

    def clean(self) -> None:
        """Leave nothing of what was deleted: neither in the journal nor in a file that was set aside."""
        with self._lock, self._errors():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._old.unlink(missing_ok=True)

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


def read_places(path: Path, note: Callable[[str], None]) -> list[str]:
    """Return the places of the library, whose file need not be there; ``note`` is told where it is damaged."""
    # They have a file of their own because they cannot be read from any log, where an index is made anew.
    try:
        return list(msgspec.json.decode(path.read_bytes(), type=list[str]))
    except FileNotFoundError:
        return []
    except msgspec.DecodeError:
        note(f"{path} is damaged: add the library's paths again")
        return []


def write_places(path: Path, places: Sequence[str]) -> None:
    """Keep places instead of those that are there; raises IndexUnavailableError."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with open(fresh, "w", opener=own) as file:
            file.write(json.dumps(list(places), indent=1))
        fresh.replace(path)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}; check the disk and the permissions"
        raise IndexUnavailableError(message) from error


def _changed(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _is_index(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(_HEADER)[_HEADER - 4 :] == _APPLICATION_ID.to_bytes(4, "big")


def _unlink(path: Path, suffixes: Sequence[str]) -> None:
    for suffix in suffixes:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _difference(found: str | None, wanted: str) -> str:
    """Return in words how two stamps differ."""
    try:
        old, new = json.loads(found or ""), json.loads(wanted)
        return ", ".join(f"{name} {old.get(name)} and not {new[name]}" for name in new if old.get(name) != new[name])
    except (ValueError, AttributeError):
        return "its stamp cannot be read"
