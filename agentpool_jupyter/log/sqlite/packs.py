"""Packs: neighbouring records in one row, compressed; they take a fifth of the space, and are read as before.

A record stands in a pack or in the table of records. It goes from there to here, and is changed, in one transaction:
whoever reads at that moment, or is killed, finds it in one of the two, as it was.
"""

from __future__ import annotations

import sqlite3
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from agentpool_jupyter.log.contract import Record

from .database import transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Row = tuple[int, int, bytes]
    """What a record consists of. Many are held as plain tuples, which the garbage collector soon leaves alone: as many
    records would have it look through all that the process has, again and again."""

MOST = 1_024
"""Records of a pack: more would be compressed no better, and take longer to read one of."""
_LEAST = 64  # fewer would save no page
_BYTES = 256 * 1024  # of values in a pack, after which it takes no more
_LARGE = 1024 * 1024  # a value that gains little from having neighbours
_UNPACKED = 2 * (_BYTES + _LARGE)  # what a pack that we made is never larger than

SCHEMA = """
CREATE TABLE IF NOT EXISTS packs (
    last INTEGER PRIMARY KEY, first INTEGER NOT NULL, earliest INTEGER NOT NULL, data BLOB NOT NULL);
"""

_content = msgspec.msgpack.Decoder(tuple[list[int], list[bytes]])  # times and values


class Pack(NamedTuple):
    """Where a pack stands."""

    first: int
    """Its first offset."""
    last: int
    """Its last one; there are no gaps."""


def find(db: sqlite3.Connection, start: int) -> Pack | None:
    """Return the first pack that ends at or after an offset."""
    return _pack(db, "last >= ? ORDER BY last", start)


def before(db: sqlite3.Connection, time: int) -> Pack | None:
    """Return the last pack in which a record was taken before a time."""
    return _pack(db, "earliest < ? ORDER BY last DESC", time)


def last(db: sqlite3.Connection) -> int:
    """Return the last offset that is in a pack, -1 where there is none."""
    rows = _rows(db, "SELECT max(last) FROM packs")
    return -1 if not rows or rows[0][0] is None else int(rows[0][0])


def count(db: sqlite3.Connection) -> tuple[int, int]:
    """Return how many packs there are, and how many records they say that they hold."""
    rows = _rows(db, "SELECT count(*), coalesce(sum(last - first + 1), 0) FROM packs")
    return rows[0] if rows else (0, 0)


def read(db: sqlite3.Connection, pack: Pack, start: int = 0, stop: int | None = None) -> list[Row]:
    """Return the rows of a pack that are in a range; raises sqlite3.DatabaseError where it is not as we made it."""
    ((data,),) = _rows(db, "SELECT CAST(data AS BLOB) FROM packs WHERE last = ?", pack.last)
    try:
        times, values = _content.decode(zlib.decompressobj().decompress(data, _UNPACKED))
    except (zlib.error, msgspec.DecodeError) as error:
        message = f"the pack of records {pack.first} to {pack.last} cannot be read: {error}"
        raise sqlite3.DatabaseError(message) from error
    if not len(times) == len(values) == pack.last - pack.first + 1:
        message = f"the pack of records {pack.first} to {pack.last} holds {len(values)}"
        raise sqlite3.DatabaseError(message)
    first, stop = max(start, pack.first), pack.last + 1 if stop is None else min(stop, pack.last + 1)
    part = slice(first - pack.first, max(first, stop) - pack.first)
    return list(zip(range(first, stop), times[part], values[part], strict=True))


def put(db: sqlite3.Connection, records: Iterable[Record]) -> None:
    """Store records that are in neither table, in packs as far as they can be; within a transaction."""
    for run in _runs(records):
        if len(run) < _LEAST:
            db.executemany("INSERT INTO records VALUES (?, ?, ?)", run)
        else:
            _add(db, run)


def change(db: sqlite3.Connection, values: Mapping[int, bytes]) -> None:
    """Give records that are in packs other values, and pass over those that are not; within a transaction."""
    done = -1
    for offset in sorted(values):
        pack = find(db, offset) if offset > done else None
        if pack and pack.first <= offset:
            rows = read(db, pack)
            db.execute("DELETE FROM packs WHERE last = ?", (pack.last,))
            put(db, (Record(offset, time, values.get(offset, value)) for offset, time, value in rows))
            done = pack.last


def pack(db: sqlite3.Connection) -> bool:
    """Put the oldest records behind all packs into one, in a transaction of its own; return whether there were enough.

    Then the space is given back to the disk. (A file of an older version cannot do that before it is rewritten: its
    space is used for what is stored later.)
    """
    small = "FROM records WHERE offset > ? AND length(value) <= ? ORDER BY offset LIMIT ?"
    with transaction(db):
        start = last(db)
        more = len(db.execute(f"SELECT 1 {small}", (start, _LARGE, _LEAST)).fetchall()) == _LEAST
        if more:
            rows = db.execute(
                f"SELECT offset, CAST(time AS INTEGER), CAST(value AS BLOB) {small}",
                (start, _LARGE, MOST),
            )
            run = next(_runs(map(Record._make, rows)))  # no more than a pack is ever read
            rows.close()
            db.execute("DELETE FROM records WHERE offset BETWEEN ? AND ?", (run[0].offset, run[-1].offset))
            _add(db, run)
    if more:
        db.executescript("PRAGMA incremental_vacuum")  # `execute` would take the first of its steps only
    return more


def _add(db: sqlite3.Connection, run: Sequence[Record]) -> None:
    _, times, values = zip(*run, strict=True)
    data = zlib.compress(msgspec.msgpack.encode((times, values)))
    db.execute("INSERT INTO packs VALUES (?, ?, ?, ?)", (run[-1].offset, run[0].offset, min(times), data))


def _runs(records: Iterable[Record]) -> Iterator[Sequence[Record]]:
    """Cut records into stretches, each of which may be a pack: without gaps, and of a size."""
    run: list[Record] = []
    size = 0
    for record in records:
        large = len(record.value) > _LARGE
        if run and (large or size > _BYTES or len(run) == MOST or record.offset != run[-1].offset + 1):
            yield run
            run, size = [], 0
        run.append(record)
        size += len(record.value)
        if large:
            yield run
            run, size = [], 0
    if run:
        yield run


def _pack(db: sqlite3.Connection, which: str, value: int) -> Pack | None:
    rows = _rows(db, f"SELECT CAST(first AS INTEGER), last FROM packs WHERE {which} LIMIT 1", value)  # noqa: S608 - ours
    return Pack(*rows[0]) if rows else None


def _rows(db: sqlite3.Connection, query: str, *values: object) -> list[Any]:
    """Return what a query finds; nothing in a file of an older version that cannot be written, which has no packs."""
    try:
        return db.execute(query, values).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table: packs" in str(error):
            return []
        raise
