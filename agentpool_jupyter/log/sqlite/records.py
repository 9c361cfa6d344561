"""The table of records, which is all that a pool's file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.errors import StoreError
from agentpool_jupyter.log.contract import Record

from .database import connect

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

CHUNK = 2000
"""Records a query: long enough to be quick, short enough never to hold back a checkpoint."""
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
    """Return the first records of a range, at most :data:`CHUNK`."""
    query = "SELECT offset, time, value FROM records WHERE offset >= ? AND offset < ? ORDER BY offset LIMIT ?"
    return [Record._make(row) for row in db.execute(query, (start, _BEYOND if stop is None else stop, CHUNK))]


def _is_new(db: sqlite3.Connection, path: Path) -> bool:
    application = db.execute("PRAGMA application_id").fetchone()[0]
    if application == _APPLICATION_ID:
        return False
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if application or tables - {"records"}:
        message = f"{path} is a database of another program: choose another store or pool name"
        raise StoreError(message)
    return True
