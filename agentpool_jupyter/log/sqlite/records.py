"""A pool's file, which is records, packed (:mod:`.packs`) or not: made, checked, read in chunks, rewritten."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import time
import warnings
from contextlib import closing
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import LogCorruptError, StoreError, StoreWarning
from agentpool_jupyter.log.contract import Record, Rewritten

from . import packs
from .database import beside, connect, connect_to_read, size, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from agentpool_jupyter.log.contract import Changes

    from .packs import Row

_CHUNK = 2000  # records a query: long enough to be quick, short enough never to hold back a checkpoint
_ROWS = 256  # a statement; SQLite once took no more than 999 values
_BUSY_SECONDS = 60.0  # for which processes that open the same file at the same moment are waited for
_PAUSE_SECONDS = 0.01
_MARK_SECONDS = 1.0
_APPLICATION_ID = 0x41504F4C  # "APOL", so that `file` and we can tell a pool from another database
_EPOCH = 1_577_836_800  # 2020: until 2088 such seconds are numbers that the head of a file takes
_TABLES = {"records", "packs"}
_BEYOND = 2**63 - 1  # above all offsets
_GIVES_BACK = "PRAGMA auto_vacuum = INCREMENTAL"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS records (offset INTEGER PRIMARY KEY, time INTEGER NOT NULL, value BLOB NOT NULL);
{packs.SCHEMA}
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
        tables = _tables(db, path)  # first, because the journal's mode is kept in the file, which may be another's
        if not tables:  # it has an effect before anything is in the file, and when all of it is written anew
            db.execute(_GIVES_BACK)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if tables < _TABLES:  # it is new, or of an older version
            db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def open_to_read(path: Path) -> tuple[sqlite3.Connection, object]:
    """Open a pool's file that cannot be written; see :func:`.database.connect_to_read`, and :func:`open_records`."""
    db, held = connect_to_read(path)
    _tables(db, path)
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
            both.execute("BEGIN")  # all is read as of one moment: another process may be writing
            ((rows,),) = both.execute("SELECT count(*) FROM records")
            sound = rows + packs.count(both)[1] == end(both)
            sound = sound and both.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            # What is stored while nobody has noted the file as in use is stored in another one.
            wanted = marked(both) or _end_alone(path) not in (None, end(both))
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
        return _alone(path) > 0
    except sqlite3.Error:  # not there, or being made in this moment
        return False


def _alone(path: Path) -> int:
    """Return what a file itself has in its head (:func:`_state`).

    While somebody reads, what was written is worked in only in part, and the head can say that the file is longer than
    it is, which SQLite takes for damage, but not for who may write its schema. To read the bytes without SQLite would
    take away the locks of this process (https://sqlite.org/howtocorrupt.html, 2.2).
    """
    with closing(connect(path, "ro", "&immutable=1")) as alone:
        alone.execute("PRAGMA writable_schema = ON")
        return _state(alone)


def _end_alone(path: Path) -> int | None:
    """Return the end of a file without what lies beside it, None where that was worked in in part."""
    with closing(connect(path, "ro", "&immutable=1")) as alone:
        try:
            return end(alone)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return None


def _state(db: sqlite3.Connection) -> int:
    """Return what a file keeps in its head: the number of its session, negative where nobody has it in use."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def mark(db: sqlite3.Connection, *, in_use: bool) -> None:
    """Note in the file, which keeps it in its head, whether something may lie beside it that belongs to it.

    Each time that it comes into use is a session. Their numbers rise with time, for all files: see :func:`same`. Within
    a transaction, lest two processes do it at once.
    """
    session = abs(_state(db))
    if in_use:
        now = int(time.time()) - _EPOCH
        session = max(session + 1, now - now % 256 + secrets.randbelow(256))  # others begin sessions in these minutes
    db.execute(f"PRAGMA user_version = {session if in_use else -session}")


def marked(db: sqlite3.Connection) -> bool:
    """Return whether a file is noted as in use."""
    return _state(db) > 0


def same(db: sqlite3.Connection, path: Path, before: int) -> int | None:
    """Return the session that a file itself names if it can be the one that is open, else None.

    ``before`` is what it named the last time. SQLite does not notice where a copy is written over an open file (`cp`),
    and mixes both. The file's own pages are those of some moment between ``before`` and now; a copy is of an earlier
    session, or of one that this file never had. For example, 70 was there before, and what is open is of session 72:
    a file that says 70, 71 or 72 was only worked in since, one that says 50 or 90 is another.
    """
    deadline = time.monotonic() + _MARK_SECONDS
    while True:
        try:
            session = abs(_alone(path))
            break
        except sqlite3.OperationalError:  # of the disk: whoever uses the file is told
            return before
        except sqlite3.DatabaseError:
            if time.monotonic() > deadline:
                return None
            time.sleep(_PAUSE_SECONDS)  # it may be being worked in
    return session if before <= session <= abs(_state(db)) else None


def work_in(db: sqlite3.Connection) -> bool:
    """Have all that was written in the one file, if nobody reads at this moment; return whether it is."""
    _, written, done = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return bool(written == done)


def end(db: sqlite3.Connection) -> int:
    """Return one past the last offset; within a transaction where others may write."""
    ((last,),) = db.execute("SELECT max(offset) FROM records")
    return max(-1 if last is None else int(last), packs.last(db)) + 1


def offset_at(db: sqlite3.Connection, time: int) -> int:
    """Return one past the last record that was taken before a time; within a transaction where others may write."""
    query = "SELECT offset FROM records WHERE time < ? ORDER BY offset DESC LIMIT 1"
    last = [offset for (offset,) in db.execute(query, (time,))]
    if pack := packs.before(db, time):
        last += [offset for offset, taken, _ in packs.read(db, pack) if taken < time]
    return max(last, default=-1) + 1


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


def some(db: sqlite3.Connection, start: int, stop: int | None = None) -> list[Row]:
    """Return the first rows of a range, no more than can be had at once; in a transaction where others may write."""
    stop = _BEYOND if stop is None else stop
    pack = packs.find(db, start)
    rows: list[Row] = []
    if not pack or start < pack.first:
        # The types are ours only as long as nobody else has written to the file.
        query = (
            "SELECT offset, CAST(time AS INTEGER), CAST(value AS BLOB) FROM records "
            "WHERE offset >= ? AND offset < ? ORDER BY offset LIMIT ?"
        )
        until = min(stop, pack.first) if pack else stop
        rows = db.execute(query, (start, until, _CHUNK)).fetchall()
    if rows or not pack:
        return rows
    return packs.read(db, pack, start, stop)


def chunked(take: Callable[[int], list[Row]], start: int = 0) -> Iterator[Record]:
    """Yield all records from an offset on whose rows ``take`` returns, some at a time."""
    while found := take(start):
        yield from map(Record._make, found)
        start = found[-1][0] + 1


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
            packs.change(db, dict(batch))
            count += len(batch)
    # VACUUM is a transaction of its own, and as safe. Where another process holds the file for long, or the disk
    # has no room for the copy, the values are changed all the same and a later rewrite gives the space back.
    with contextlib.suppress(sqlite3.OperationalError):
        while packs.pack(db):
            pass
        db.execute(_GIVES_BACK)
        db.execute("VACUUM")
    return Rewritten(count, before, _size(db, path))


def _tables(db: sqlite3.Connection, path: Path) -> set[str]:
    """Return which of our tables a file has; raises StoreError and LogCorruptError where it is none of ours."""
    application = db.execute("PRAGMA application_id").fetchone()[0]
    there = set(db.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
    tables = {name for kind, name in there if kind == "table"}
    if application not in (0, _APPLICATION_ID) or (tables - _TABLES and not application):
        message = f"{path} is a database of another program: choose another store or pool name"
        raise StoreError(message)
    if unknown := sorted(tables - _TABLES):
        message = (
            f"{path} has tables that this version does not know ({', '.join(unknown)}): a newer version wrote it, "
            "which you need to read it, or another program has added them"
        )
        raise StoreError(message)
    if foreign := sorted(f"{kind} {name}" for kind, name in there if kind in ("trigger", "view")):
        message = f"{path} is not as we made it, it has {', '.join(foreign)}: remove that with `sqlite3`"
        raise StoreError(message)
    if "records" in tables:
        ((room,),) = db.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        room += packs.MOST * packs.count(db)[0]
        if (last := end(db) - 1) > room:
            message = f"{path} is not as we made it: it has an offset {last}, and room for no more than {room} records"
            raise LogCorruptError(message)
    return tables


def _size(db: sqlite3.Connection, path: Path) -> int:
    """Return how many bytes the log's files take, once the write-ahead log is worked in as far as readers allow."""
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return size(path) + size(beside(path))
