"""The file that snapshots are kept in: nodes, a chronicle and an index of turns in one SQLite file, with checksums.

Nodes never change, and others are added by :mod:`.intake`. The sealed manifest says what the file must hold; what does
not match is told, never believed. A file that is to be made anew is another file: see :mod:`.folder`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NoReturn
from zlib import crc32

from agentpool_jupyter.errors import SnapshotError
from agentpool_jupyter.log import Record
from agentpool_jupyter.log.sqlite.database import connect, connect_to_read, transaction, writable

from .node import BODY, HEAD, unpack
from .schema import APPLICATION_ID, FORMAT, SCHEMA, SEAL, SUMS, TABLES, Anchor, place, sealed
from .summary import Scale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from agentpool_jupyter.log import Log
    from agentpool_jupyter.pool.turn import Entry

    from .summary import Summary


class SnapshotFile:
    """An open file; raises SnapshotError for whatever is wrong with it."""

    def __init__(self, path: Path, new: Scale | None = None) -> None:
        """Open a file, or make one whose windows are ``new``, which holds nothing until something is added."""
        self.path = path
        self._lock = threading.RLock()
        with self._errors():
            if new or writable(path):
                self._db = connect(path, "rwc" if new else "rw")
            else:
                self._db, self._held = connect_to_read(path)
        # It closes itself when nobody holds it any more, because documents outlive their pool.
        self._finalizer = weakref.finalize(self, _close, self._db, os.getpid())
        if new:
            with self._errors():
                self._db.executescript(SCHEMA)
        elif self.rows("PRAGMA application_id") != [(APPLICATION_ID,)]:
            self.refuse("is no file of snapshots")
        elif self.rows("SELECT value FROM manifest WHERE key = 'format'") != [(FORMAT,)]:
            self.refuse("was made by another version")
        self.scale = new or Scale(self.manifest["window"], self.manifest["fan"])
        """How large its windows are."""

    def refuse(self, why: str) -> NoReturn:
        """Raise SnapshotError, which says why the file cannot be used."""
        message = f"{self.path} {why}"
        raise SnapshotError(message)

    def close(self) -> None:
        """Close the file; twice is fine."""
        with self._lock:
            self._finalizer()

    # What it says of itself --------------------------------------------------------------------------------

    @property
    def manifest(self) -> dict[str, int]:
        """What the file must hold, and of which log it was made."""
        manifest = dict(self.rows("SELECT key, value FROM manifest"))
        if manifest.pop(SEAL, None) != sealed(manifest):
            self.refuse("is damaged: its manifest is not as it was written")
        return manifest

    @property
    def anchor(self) -> Anchor:
        """Where its summaries end and what they were made of."""
        manifest = self.manifest
        return Anchor(manifest["end"], manifest["first"], manifest["last"])

    @property
    def size(self) -> int:
        """Its bytes."""
        ((pages, page),) = self.rows("SELECT * FROM pragma_page_count, pragma_page_size")
        return int(pages * page)

    def check(self) -> None:
        """Compare the file with its manifest: how much it holds, not every text."""
        with self.transaction("DEFERRED"):  # somebody may add to it between two looks
            manifest = self.manifest
            for table, (count, total) in self.sums().items():
                said = manifest[f"{table}_count"], manifest[f"{table}_sum"]
                if (count, total) != said:
                    self.refuse(f"does not hold what its manifest says ({count} of {said[0]} rows of {table})")

    def verify(self, stop: Callable[[], bool] = bool) -> None:
        """Compare all that the file holds with its checksums, and let SQLite check itself, until ``stop`` says so."""
        ((said, *_), *_) = self.rows("PRAGMA integrity_check")
        if said != "ok":
            self.refuse(f"is damaged: {said}")
        self.check()
        for branch, level, window in self.rows("SELECT branch, level, window FROM nodes INDEXED BY places"):
            if stop():
                return
            self.head(branch, level, window)
            self._bodies(branch, level, range(window, window + 1))
        for _ in self.chronicle():
            pass

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows of all tables, in an order that depends on nothing else."""
        with self.transaction("DEFERRED"):
            return {table: sorted(self.rows(f"SELECT * FROM {table}")) for table in TABLES}  # noqa: S608 - names of our own

    def sums(self) -> dict[str, tuple[int, int]]:
        """Return how many rows each table has, and a sum over them."""
        return {table: self.rows(query)[0] for table, query in SUMS.items()}

    # What it holds -----------------------------------------------------------------------------------------

    def head(self, branch: str, level: int, window: int) -> Summary | None:
        """Return a summary without its turns, None where there is none."""
        query = "SELECT head, head_check FROM nodes WHERE branch = ? AND level = ? AND window = ?"
        for data, mark in self.rows(query, branch, level, window):
            return unpack(self._sound(data, mark, place(branch, level, window)), HEAD)
        return None

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
            yield Record(offset, time, self._sound(str(value).encode(), mark, f"{offset} {time}"))

    def ended(self, branch: str, turn: str) -> int | None:
        """Return the offset at which a turn ended, None where it did not, as far as the file reaches."""
        rows = self.rows("SELECT at FROM ended WHERE branch = ? AND turn = ?", branch, turn)
        return rows[0][0] if rows else None

    def has_gap(self, branch: str, level: int, window: int) -> bool:
        """Return whether a part of a window could not be summed up, and has to be read from the log."""
        leaves = self.scale.fan**level
        query = "SELECT 1 FROM gaps WHERE branch = ? AND window >= ? AND window < ? LIMIT 1"
        return bool(self.rows(query, branch, window * leaves, (window + 1) * leaves))

    def unfinished(self, end: int) -> Iterator[Summary]:
        """Yield the summaries below ``end`` that are not yet part of a larger one."""
        for branch, level, window in self.rows("SELECT branch, level, window FROM nodes INDEXED BY places"):
            above = self.scale.span(level + 1)
            if self.scale.offsets(level, window).start >= end // above * above and (
                summary := self.head(branch, level, window)
            ):
                yield summary

    def settle(self) -> None:
        """Have all of it in the one file, on disk; raises SnapshotError where there is no room for it."""
        if (state := self.rows("PRAGMA wal_checkpoint(TRUNCATE)")) != [(0, 0, 0)]:
            self.refuse(f"could not be written whole ({state}): is the disk full?")

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
    def transaction(self, kind: Literal["IMMEDIATE", "DEFERRED"]) -> Iterator[None]:
        """Do all that the block does, or nothing; ``kind`` is SQLite's."""
        with self._lock, self._errors(), transaction(self._db, kind):
            yield

    def _bodies(self, branch: str, level: int, windows: range) -> list[tuple[str, Entry]]:
        query = "SELECT window, body, body_check FROM nodes WHERE branch = ? AND level = ? AND window BETWEEN ? AND ?"
        rows = self.rows(query, branch, level, windows.start, windows.stop - 1)
        found = (unpack(self._sound(body, mark, place(branch, level, window)), BODY) for window, body, mark in rows)
        return [item for body in found for item in body.items()]

    def _sound(self, data: bytes, mark: int, where: str) -> bytes:
        if crc32(data, crc32(where.encode())) != mark:
            self.refuse("is damaged: a checksum is wrong")
        return data

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:  # the last two: not the types we wrote
            message = f"{self.path} cannot be used: {error}"
            raise SnapshotError(message) from error


def _close(db: sqlite3.Connection, pid: int) -> None:
    if os.getpid() == pid:  # else the connection is the parent process's
        db.close()


def open_sound(path: Path, log: Log) -> SnapshotFile:
    """Return a file that holds what its manifest says and was made of this log; raises SnapshotError."""
    file = SnapshotFile(path)
    file.check()
    made = file.anchor
    if made.end > log.end() or Anchor.of(log, made.end) != made:
        file.refuse("was made of another log of that name")
    return file
