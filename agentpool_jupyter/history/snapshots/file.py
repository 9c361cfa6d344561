"""The file that snapshots are kept in: nodes, a chronicle and an index of turns in one SQLite file, with checksums.

One transaction adds what a job made, so that a reader, or a process that is killed, sees all of it or nothing. Nodes
never change. The manifest says what the file must hold; what does not match is told, never believed.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from agentpool_jupyter.errors import SnapshotError
from agentpool_jupyter.log import Record
from agentpool_jupyter.pool.node import unpack_body, unpack_head
from agentpool_jupyter.pool.summary import SCALE, Scale

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from agentpool_jupyter.pool.summary import Summary
    from agentpool_jupyter.pool.turn import Entry

FORMAT = 1
"""Counts changes of the file, of the summaries in it, and of what the fold makes of events."""
_APPLICATION_ID = 0x41504F53  # "APOS"
_BUSY_SECONDS = 60.0

_SCHEMA = f"""
CREATE TABLE manifest (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE nodes (
    branch TEXT NOT NULL, level INTEGER NOT NULL, window INTEGER NOT NULL,
    head BLOB NOT NULL, head_check INTEGER NOT NULL, body BLOB NOT NULL, body_check INTEGER NOT NULL);
CREATE UNIQUE INDEX places ON nodes (branch, level, window, head_check, body_check);
CREATE TABLE gaps (branch TEXT, window INTEGER, PRIMARY KEY (branch, window)) WITHOUT ROWID;
CREATE TABLE chronicle (offset INTEGER PRIMARY KEY, time INTEGER NOT NULL, value TEXT NOT NULL, mark INTEGER NOT NULL);
CREATE TABLE ended (branch TEXT, turn TEXT, at INTEGER NOT NULL, PRIMARY KEY (branch, turn)) WITHOUT ROWID;
CREATE TABLE opened (branch TEXT, turn TEXT, start INTEGER NOT NULL, PRIMARY KEY (branch, turn)) WITHOUT ROWID;
PRAGMA application_id = {_APPLICATION_ID}"""
TABLES = ("manifest", "nodes", "gaps", "chronicle", "ended", "opened")
SUMS = {
    "nodes": "SELECT count(*), coalesce(sum(head_check + body_check), 0) FROM nodes INDEXED BY places",
    "chronicle": "SELECT count(*), coalesce(sum(mark), 0) FROM chronicle",
}
"""What the manifest says of tables, and :meth:`SnapshotFile.check` compares."""


class Anchor(NamedTuple):
    """What ties snapshots to the log they were made of: where they end, and checksums of its first and last record."""

    end: int
    first: int
    last: int


class SnapshotFile:
    """An open file; raises SnapshotError for whatever is wrong with it.

    It closes itself when nobody holds it any more, because documents outlive their pool.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        with self._errors():
            self._db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._scale: Scale | None = None
        self._finalizer = weakref.finalize(self, _close, self._db, os.getpid())
        if self._application() != _APPLICATION_ID:
            self._initialise()
        if self.manifest.get("format", FORMAT) != FORMAT:
            message = f"{path} was made by another version"
            raise SnapshotError(message)

    def _application(self) -> int:
        ((application,),) = self.rows("PRAGMA application_id")
        return int(application)

    def _initialise(self) -> None:
        with self._errors():
            self._db.execute("PRAGMA journal_mode = WAL")
        with self.transaction():  # another process may do the same
            if self._application() == _APPLICATION_ID:
                return
            if self.rows("SELECT 1 FROM sqlite_master"):
                message = f"{self.path} is no file of snapshots"
                raise SnapshotError(message)
            for statement in _SCHEMA.split(";"):  # each within the transaction, which executescript would end
                self.rows(statement)

    def close(self) -> None:
        """Close the file; twice is fine."""
        with self._lock:
            self._finalizer()

    # What it says of itself --------------------------------------------------------------------------------

    @property
    def manifest(self) -> dict[str, int]:
        """What the file must hold, and of which log it was made."""
        return dict(self.rows("SELECT key, value FROM manifest"))

    @property
    def anchor(self) -> Anchor | None:
        """Where its summaries end and what they were made of; None while it holds none."""
        manifest = self.manifest
        return Anchor(manifest["end"], manifest["first"], manifest["last"]) if "end" in manifest else None

    @property
    def scale(self) -> Scale:
        """How large its windows are."""
        if self._scale is None:
            manifest = self.manifest
            if "end" not in manifest:
                return SCALE
            self._scale = Scale(manifest["window"], manifest["fan"])
        return self._scale

    def check(self) -> None:
        """Compare the file with its manifest: a look at the index, not at the texts."""
        manifest = self.manifest
        for table, query in SUMS.items():
            found = self.rows(query)[0]
            said = (manifest.get(f"{table}_count", 0), manifest.get(f"{table}_sum", 0))
            if found != said:
                message = f"{self.path} does not hold what its manifest says ({found[0]} of {said[0]} rows of {table})"
                raise SnapshotError(message)

    def verify(self) -> None:
        """Compare all that the file holds with its checksums, and let SQLite check itself."""
        ((said, *_), *_) = self.rows("PRAGMA integrity_check")
        if said != "ok":
            message = f"{self.path} is damaged: {said}"
            raise SnapshotError(message)
        self.check()
        for branch, level, window in self.rows("SELECT branch, level, window FROM nodes INDEXED BY places"):
            self.head(branch, level, window)
            self._bodies(branch, level, range(window, window + 1))
        for _ in self.chronicle():
            pass

    # What it holds -----------------------------------------------------------------------------------------

    def head(self, branch: str, level: int, window: int) -> Summary | None:
        """Return a summary without its turns, None where there is none."""
        rows = self.rows(
            "SELECT head, head_check FROM nodes WHERE branch = ? AND level = ? AND window = ?", branch, level, window
        )
        return unpack_head(self._sound(*rows[0])) if rows else None

    def settled(self, branch: str, start: int, stop: int) -> list[tuple[str, Entry]]:
        """Return the turns that a window has whole, in the order in which they began."""
        found: list[tuple[str, Entry]] = []
        level = 0
        while (span := self.scale.span(level)) <= stop - start:
            found += self._bodies(branch, level, range(start // span, stop // span))
            level += 1
        return sorted(found, key=lambda item: item[1].first)

    def chronicle(self) -> Iterator[Record]:
        """Yield the records that branches and runs are folded from, in log order."""
        for offset, time, value, mark in self.rows("SELECT offset, time, value, mark FROM chronicle ORDER BY offset"):
            yield Record(offset, time, self._sound(value.encode(), mark))

    def ended(self, branch: str, turn: str) -> int | None:
        """Return the offset at which a turn ended, None where it did not, as far as the file reaches."""
        rows = self.rows("SELECT at FROM ended WHERE branch = ? AND turn = ?", branch, turn)
        return rows[0][0] if rows else None

    def has_gap(self, branch: str, level: int, window: int) -> bool:
        """Return whether a part of a window could not be summed up, and has to be read from the log."""
        leaves = self.scale.fan**level
        inside = (window * leaves, (window + 1) * leaves)
        query = "SELECT 1 FROM gaps WHERE branch = ? AND window >= ? AND window < ? LIMIT 1"
        return bool(self.rows(query, branch, *inside))

    def unfinished(self, end: int) -> Iterator[Summary]:
        """Yield the summaries below ``end`` that are not yet part of a larger one."""
        for branch, level, window in self.rows("SELECT branch, level, window FROM nodes INDEXED BY places"):
            above = self.scale.span(level + 1)
            if self.scale.offsets(level, window).start >= end // above * above and (
                summary := self.head(branch, level, window)
            ):
                yield summary

    # SQLite ------------------------------------------------------------------------------------------------

    def rows(self, query: str, *values: object) -> list[Any]:
        """Return what a query finds."""
        with self._lock, self._errors():
            return self._db.execute(query, values).fetchall()

    def change(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        """Do something for each of several rows; within :meth:`transaction`."""
        with self._errors():
            self._db.executemany(query, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of what is done within the block, or nothing."""
        with self._lock, self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            self._scale = None
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def _bodies(self, branch: str, level: int, windows: range) -> list[tuple[str, Entry]]:
        rows = self.rows(
            "SELECT body, body_check FROM nodes WHERE branch = ? AND level = ? AND window >= ? AND window < ?",
            *(branch, level, windows.start, windows.stop),
        )
        return [item for body, mark in rows for item in unpack_body(self._sound(body, mark)).items()]

    def _sound(self, data: bytes, mark: int) -> bytes:
        if crc32(data) != mark:
            message = f"{self.path} is damaged: a checksum is wrong"
            raise SnapshotError(message)
        return data

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            message = f"{self.path} cannot be used: {error}"
            raise SnapshotError(message) from error


def _close(db: sqlite3.Connection, pid: int) -> None:
    if os.getpid() == pid:  # else the connection is the parent process's
        db.close()
