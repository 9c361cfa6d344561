"""The table of records, which is all that a pool's file holds: made, checked, read in chunks, rewritten."""

from __future__ import annotations

import contextlib
import sqlite3
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import StoreError
from agentpool_jupyter.log.contract import Record, Rewritten

from .database import connect, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agentpool_jupyter.log.contract import Changes

_CHUNK = 2000  # records a query: long enough to be quick, short enough never to hold back a checkpoint
_APPLICATION_ID = 0x41504F4C  # "APOL", so that `file` and we can tell a pool from another database
_BEYOND = 2**63 - 1  # above all offsets
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS records (offset INTEGER PRIMARY KEY, time INTEGER NOT NULL, value BLOB NOT NULL);
PRAGMA application_id = {_APPLICATION_ID};
"""


def open_records(path: Path) -> sqlite3.Connection:
    """Open a pool's file, made if need be; raises StoreError for another program's database, and SQLite's errors."""
    db = connect(path)
    try:
        new = _is_new(db, path)  # first, because the journal's mode is kept in the file, which may be another's
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if new:
            db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def some(db: sqlite3.Connection, start: int, stop: int | None = None) -> list[Record]:
    """Return the first records of a range, no more than can be had at once."""
    query = "SELECT offset, time, value FROM records WHERE offset >= ? AND offset < ? ORDER BY offset LIMIT ?"
    return [Record._make(row) for row in db.execute(query, (start, _BEYOND if stop is None else stop, _CHUNK))]


def chunked(take: Callable[[int], list[Record]], start: int = 0) -> Iterator[Record]:
    """Yield all records from an offset on that ``take`` returns, some at a time."""
    while found := take(start):
        yield from found
        start = found[-1].offset + 1


def rewrite(db: sqlite3.Connection, path: Path, changes: Changes) -> Rewritten:
    """Change records in place, in one transaction, and give the space back to the disk.

    Killed at any moment, all or none of the changes are there. Raises SQLite's errors, and what ``changes`` raises.
    """
    before = _size(db, path)
    count = 0
    with transaction(db):
        # Read in chunks, because SQLite does not say what a query gives whose rows are changed while it runs.
        found = iter(changes(lambda: chunked(partial(some, db))))
        while batch := list(islice(found, _CHUNK)):
            db.executemany("UPDATE records SET value = ?2 WHERE offset = ?1", batch)
            count += len(batch)
    # VACUUM is a transaction of its own, and as safe. Where another process holds the file for long, or the disk
    # has no room for the copy, the values are changed all the same and a later rewrite gives the space back.
    with contextlib.suppress(sqlite3.OperationalError):
        db.execute("VACUUM")
    return Rewritten(count, before, _size(db, path))


def _is_new(db: sqlite3.Connection, path: Path) -> bool:
    application = db.execute("PRAGMA application_id").fetchone()[0]
    if application == _APPLICATION_ID:
        return False
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if application or tables - {"records"}:
        message = f"{path} is a database of another program: choose another store or pool name"
        raise StoreError(message)
    return True


def _size(db: sqlite3.Connection, path: Path) -> int:
    """Return how many bytes the log's files take, once the write-ahead log is worked in as far as readers allow."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    files = (path, path.with_name(path.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
