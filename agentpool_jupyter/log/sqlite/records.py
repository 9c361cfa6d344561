"""The table of records, which is all that a pool's file holds: made, checked, read in chunks, rewritten."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import warnings
from contextlib import closing
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import LogCorruptError, StoreError, StoreWarning
from agentpool_jupyter.log.contract import Record, Rewritten

from .database import beside, connect, connect_to_read, size, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from agentpool_jupyter.log.contract import Changes

_CHUNK = 2000  # records a query: long enough to be quick, short enough never to hold back a checkpoint
_ROWS = 256  # a statement; SQLite once took no more than 999 values
_BUSY_SECONDS = 60.0  # for which processes that open the same file at the same moment are waited for
_PAUSE_SECONDS = 0.01
_MARK_SECONDS = 1.0
_APPLICATION_ID = 0x41504F4C  # "APOL", so that `file` and we can tell a pool from another database
_BEYOND = 2**63 - 1  # above all offsets
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS records (offset INTEGER PRIMARY KEY, time INTEGER NOT NULL, value BLOB NOT NULL);
PRAGMA application_id = {_APPLICATION_ID};
"""


def open_records(path: Path) -> sqlite3.Connection:
    """Open a pool's file, made if need be.

    Raises StoreError for another program's database and for one to which somebody has added what acts by itself,
    LogCorruptError where the file and what lies beside it do not belong together, and SQLite's errors.
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return _open(path)
        except sqlite3.OperationalError as error:
            # SQLite does not wait by itself where several processes make a file, or bring it up, at the same moment.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_SECONDS)


def _open(path: Path) -> sqlite3.Connection:
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


def open_to_read(path: Path) -> tuple[sqlite3.Connection, object]:
    """Open a pool's file that cannot be written; see :func:`.database.connect_to_read`, and :func:`open_records`."""
    db, held = connect_to_read(path)
    _is_new(db, path)
    return db, held


def check_together(path: Path) -> None:
    """Tell where a file was put back beside what another one has left, or was copied without what belongs to it.

    A pool's file says whether it is in use (:func:`mark`), and then a file lies beside it. Raises LogCorruptError
    where the two make no log, before anything is written: SQLite would work the one into the other. Warns where they
    do, and yet may not be what somebody wants.
    """
    wal = beside(path)
    in_use = _in_use(path)
    if in_use and not wal.exists() and _in_use(path):  # else it was closed in this moment
        message = (
            f"{path} was copied or moved while it was in use, without {wal.name}: what was written last may be "
            "missing; copy both files, or use `%pool export`"
        )
        warnings.warn(message, StoreWarning, stacklevel=3)
    if in_use or not (size(path) and size(wal)):
        return
    with closing(connect(path, "ro")) as both:
        try:
            count, last = both.execute("SELECT count(*), max(offset) FROM records").fetchone()
            sound = count == (-1 if last is None else last) + 1
            sound = sound and both.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            wanted = marked(both)
        except sqlite3.OperationalError:  # whoever opens it tells
            return
        except sqlite3.DatabaseError:
            sound = wanted = False
    if not sound:
        message = (
            f"{path} does not belong to {wal.name}, which another file of that name has left beside it: "
            "move that away and open the pool again"
        )
        raise LogCorruptError(message)
    deadline = time.monotonic() + _MARK_SECONDS
    while wanted and not _in_use(path):  # another process may be about to note it
        if time.monotonic() > deadline:
            message = (
                f"{wal.name} lies beside {path}, which does not know of it: if you have put that back from a copy, "
                "what it had may be replaced by that; then put it back again, with nothing beside it"
            )
            warnings.warn(message, StoreWarning, stacklevel=3)
            return
        time.sleep(_PAUSE_SECONDS)


def _in_use(path: Path) -> bool:
    """Return what a file says alone, without what lies beside it."""
    try:
        with closing(connect(path, "ro", "&immutable=1")) as alone:
            return marked(alone)
    except sqlite3.Error:  # not there, or being made in this moment
        return False


def mark(db: sqlite3.Connection, *, in_use: bool) -> None:
    """Note in the file, which keeps it in its head, whether something may lie beside it that belongs to it."""
    db.execute(f"PRAGMA user_version = {in_use:d}")


def marked(db: sqlite3.Connection) -> bool:
    """Return whether a file is noted as in use."""
    return bool(db.execute("PRAGMA user_version").fetchone()[0])


def work_in(db: sqlite3.Connection) -> bool:
    """Have all that was written in the one file, if nobody reads at this moment; return whether it is."""
    _, written, done = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return bool(written == done)


def insert(db: sqlite3.Connection, records: Sequence[Record]) -> None:
    """Add records, up to 256 with one statement.

    SQLite gives up the interpreter's lock for each statement, and for each row of ``executemany``; where another thread
    computes, such as the one that reads what models say, it comes back 5 ms later.
    """
    start = 0
    while left := len(records) - start:
        count = min(_ROWS, 1 << left.bit_length() - 1)  # few statements, so that SQLite need not read them again
        rows = ", ".join(["(?, ?, ?)"] * count)
        db.execute(f"INSERT INTO records VALUES {rows}", list(chain.from_iterable(records[start : start + count])))  # noqa: S608
        start += count


def some(db: sqlite3.Connection, start: int, stop: int | None = None) -> list[Record]:
    """Return the first records of a range, no more than can be had at once."""
    # The types are ours only as long as nobody else has written to the file.
    query = (
        "SELECT offset, CAST(time AS INTEGER), CAST(value AS BLOB) FROM records "
        "WHERE offset >= ? AND offset < ? ORDER BY offset LIMIT ?"
    )
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
    there = set(db.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
    tables = {name for kind, name in there if kind == "table"}
    if application not in (0, _APPLICATION_ID) or tables - {"records"}:
        message = f"{path} is a database of another program: choose another store or pool name"
        raise StoreError(message)
    if foreign := sorted(f"{kind} {name}" for kind, name in there if kind in ("trigger", "view")):
        message = f"{path} is not as we made it, it has {', '.join(foreign)}: remove that with `sqlite3`"
        raise StoreError(message)
    if tables:
        ((last, pages),) = db.execute(
            "SELECT (SELECT max(offset) FROM records), page_count * page_size FROM pragma_page_count, pragma_page_size"
        )
        if last is not None and last > pages:
            message = f"{path} is not as we made it: it has an offset {last}, and room for no more than {pages} records"
            raise LogCorruptError(message)
    return bool(application == 0)


def _size(db: sqlite3.Connection, path: Path) -> int:
    """Return how many bytes the log's files take, once the write-ahead log is worked in as far as readers allow."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return size(path) + size(beside(path))
