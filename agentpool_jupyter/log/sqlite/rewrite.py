"""Changing records of an SQLite log in place, in one transaction, and giving the space back to the disk."""

from __future__ import annotations

import contextlib
import sqlite3
from itertools import islice
from typing import TYPE_CHECKING

from agentpool_jupyter.log.contract import Record, Rewritten

from .database import transaction
from .records import CHUNK, some

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agentpool_jupyter.log.contract import Changes


def rewrite(db: sqlite3.Connection, path: Path, changes: Changes) -> Rewritten:
    """Apply changes through the log's writing connection; killed at any moment, all or none of them are there.

    Raises SQLite's errors, and what ``changes`` raises.
    """
    before = _size(db, path)
    count = 0
    with transaction(db):
        found = iter(changes(lambda: _read(db)))
        while batch := list(islice(found, CHUNK)):
            db.executemany("UPDATE records SET value = ?2 WHERE offset = ?1", batch)
            count += len(batch)
    # VACUUM is a transaction of its own, and as safe. Where another process holds the file for long, or the disk
    # has no room for the copy, the values are changed all the same and a later rewrite gives the space back.
    with contextlib.suppress(sqlite3.OperationalError):
        db.execute("VACUUM")
    return Rewritten(count, before, _size(db, path))


def _read(db: sqlite3.Connection) -> Iterator[Record]:
    start = 0
    # In chunks, because SQLite does not say what a query gives whose rows are changed while it runs.
    while found := some(db, start):
        yield from found
        start = found[-1].offset + 1


def _size(db: sqlite3.Connection, path: Path) -> int:
    """Return how many bytes the log's files take, once the write-ahead log is worked in as far as readers allow."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    files = (path, path.with_name(path.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
