"""An index in one SQLite file: texts and the hashes of their shingles on disk, buckets in memory.

Every process builds its buckets from the file when it first needs them, and takes in what any process has added since
by the items' growing numbers; those of one question only when it is asked. What a bulk job has made comes with its
buckets, sorted arrays that are taken as they are, which is ten times as quick; of what is followed live they are made
here. A row carries checksums of its values, because a flipped bit inside a value is nothing that SQLite would notice.
"""

from __future__ import annotations

import threading
import zlib
from typing import TYPE_CHECKING

import numpy as np

from agentpool_jupyter.recall.text.shingles import shingles
from agentpool_jupyter.recall.text.signatures import BANDS, band_keys, bands_of, hash_shingles, shingle_keys

from .backend import Backend, DamagedError
from .buckets import Buckets, numbered
from .index_file import BAD_ROW, IndexFile, read_places, write_places
from .items import Item, Source, decode, encode

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from numpy.typing import NDArray

    from agentpool_jupyter.recall.text.signatures import Hashes, Keys

    from .backend import Bulk
    from .buckets import Postings

    Loaded = tuple[Hashes, NDArray[np.int64], Keys]
    """The hashes of the shingles of items, one item after the other; how many each has; the items' ids."""

_BATCH = 500  # items signed and inserted together
_MOST = 1_000_000  # postings in a row: a value of SQLite's holds a billion bytes
_NO_ID = 2**32  # above all ids
_BANDS, _SHINGLES = "bands", "shingles"
_HERE = "here"  # the store in whose folder the file is
_ANY = ""  # documents are of no store


class SqliteBackend(Backend):
    """Keeps an index in a file at ``path`` (:class:`~.index_file.IndexFile`), made if need be.

    Pools are those of a ``store``, by whatever name: several may share a file, and its documents.
    """

    def __init__(self, path: Path, store: str = _HERE) -> None:
        self._store = store
        self.url = str(path)
        self.notes = []
        self._lock = threading.RLock()
        self._buckets: dict[str, tuple[Buckets, int]] = {}  # by kind, with the last item that is in
        self._file = IndexFile(path, self._tell)
        self._places = path.with_name(f"{path.name}.library.json")

    def _tell(self, note: str) -> None:
        self.notes.append(note)  # another list at times: whoever reads the notes takes theirs away

    def clear(self, why: str) -> None:
        """See :meth:`Backend.clear`."""
        with self._lock:
            self._file.renew(why)
            self._buckets.clear()

    def mark(self, source: Source) -> bytes | None:
        """See :meth:`Backend.mark`."""
        with self._file.reading() as db:
            return self._mark(db, source)

    def sources(self) -> list[Source]:
        """See :meth:`Backend.sources`."""
        with self._file.reading() as db:
            rows = db.execute("SELECT name FROM sources WHERE store IN (?, ?) ORDER BY name", (_ANY, self._store))
            return [Source(row[0]) for row in rows]

    def put(self, source: Source, mark: bytes, items: Sequence[Item]) -> None:
        """See :meth:`Backend.put`."""
        for first in range(0, len(items), _BATCH):
            self._insert(source, items[first : first + _BATCH])
        with self._file.writing() as db:
            db.execute("UPDATE sources SET mark = ? WHERE id = ?", (mark, self._number(db, source)))

    def _insert(self, source: Source, items: Sequence[Item]) -> None:
        kept = [(item, found) for item in items if (found := shingles(item.text))]
        hashes = hash_shingles([found for _, found in kept])
        rows = [_row(item, one) for (item, _), one in zip(kept, hashes, strict=True)]
        with self._file.writing() as db:
            number = self._number(db, source)
            insert = "INSERT OR IGNORE INTO items VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)"
            db.executemany(insert, ((number, *row) for row in rows))

    def put_bulk(self, bulk: Bulk) -> None:
        """See :meth:`Backend.put_bulk`; all of it is stored at once, or nothing."""
        with self._file.writing() as db:
            mark = bulk.settle(self._mark(db, bulk.source))
            source = self._number(db, bulk.source)
            there = set(db.execute("SELECT key, part FROM items WHERE source = ?", (source,)))
            fresh = np.array([(item.key, item.part) not in there for item in bulk.items], dtype=bool)
            last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'items'").fetchone()
            ids = np.where(fresh, np.cumsum(fresh) + (last[0] if last else 0), 0).astype(np.uint32)
            rows = zip(ids.tolist(), bulk.items, bulk.hashes, strict=True)
            insert = "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            db.executemany(insert, ((number, source, *_row(item, one)) for number, item, one in rows if number))
            if fresh.any():
                for kind, postings in ((_BANDS, bulk.bands), (_SHINGLES, bulk.shingles)):
                    _write_buckets(db, source, kind, numbered(postings, ids), ids[fresh])
            db.execute("UPDATE sources SET mark = ? WHERE id = ?", (mark, source))

    def expect(self, sources: Iterable[Source]) -> None:
        """See :meth:`Backend.expect`."""
        with self._file.writing() as db:
            for source in sources:
                self._number(db, source)

    def empty(self, source: Source) -> None:
        """See :meth:`Backend.empty`."""
        with self._file.writing() as db:
            self._empty(db, source)

    def drop(self, *sources: Source) -> None:
        """See :meth:`Backend.drop`."""
        with self._file.writing() as db:
            for source in sources:
                db.execute("DELETE FROM sources WHERE id = ?", (self._empty(db, source),))
        self._file.clean()

    def _empty(self, db: sqlite3.Connection, source: Source) -> int:
        number = self._number(db, source)
        for table in ("items", "buckets"):
            db.execute(f"DELETE FROM {table} WHERE source = ?", (number,))  # noqa: S608 - ours
        db.execute("UPDATE sources SET mark = x'' WHERE id = ?", (number,))
        return number

    def _mark(self, db: sqlite3.Connection, source: Source) -> bytes | None:
        row = db.execute("SELECT mark FROM sources WHERE store = ? AND name = ?", self._name(source)).fetchone()
        return row and bytes(row[0])

    def _number(self, db: sqlite3.Connection, source: Source) -> int:
        # An empty mark: a source whose items are there and whose mark is not is read again from its beginning.
        name = self._name(source)
        db.execute("INSERT OR IGNORE INTO sources (store, name, mark) VALUES (?, ?, x'')", name)
        return int(db.execute("SELECT id FROM sources WHERE store = ? AND name = ?", name).fetchone()[0])

    def _name(self, source: Source) -> tuple[str, Source]:
        return (self._store if source.startswith("pool:") else _ANY), source

    def near(self, query: AbstractSet[str]) -> Keys:
        """See :meth:`Backend.near`."""
        with self._lock:
            return np.unique(self._up_to_date(_BANDS).find(bands_of(query)))

    def sharing(self, query: AbstractSet[str], least: int = 1) -> tuple[Keys, NDArray[np.int64]]:
        """See :meth:`Backend.sharing`."""
        with self._lock:
            return self._up_to_date(_SHINGLES).count(shingle_keys(hash_shingles([query])[0]), least)

    def _up_to_date(self, kind: str) -> Buckets:
        """Return the buckets of a kind, after taking in what any process has added since."""
        buckets, after = self._buckets.get(kind, (Buckets(), 0))
        with self._file.reading(several=True) as db:
            newest = _newest(db)
            if newest <= after:
                return buckets
            loaded = _load(db, after)
            query = "SELECT postings, postings_sum FROM buckets WHERE kind = ? AND last > ? ORDER BY id"
            rows = db.execute(query, (kind, after)).fetchall()
        found = b"".join(_checked(values, total) for values, total in rows)
        buckets.merge(np.frombuffer(found, "<u8").astype(np.uint64, copy=False))
        if loaded:
            hashes, lengths, ids = loaded
            if kind == _BANDS:
                buckets.add(band_keys(hashes, lengths).ravel(), np.repeat(ids, BANDS))
            else:
                buckets.add(shingle_keys(hashes), np.repeat(ids, lengths))
        self._buckets[kind] = buckets, newest
        return buckets

    def fetch(self, ids: Sequence[int]) -> list[tuple[int, Item]]:
        """See :meth:`Backend.fetch`."""
        marks = ",".join("?" * len(ids))
        with self._file.reading() as db:
            rows = db.execute(
                f"SELECT items.id, body, body_sum FROM items JOIN sources ON sources.id = items.source "  # noqa: S608 - ours
                f"WHERE items.id IN ({marks}) AND store IN (?, ?)",
                [*map(int, ids), _ANY, self._store],
            ).fetchall()
            items = {number: decode(_checked(body, total)) for number, body, total in rows}
        return [(int(one), items[one]) for one in ids if one in items]

    def __len__(self) -> int:
        with self._file.reading() as db:
            return int(db.execute("SELECT count(*) FROM items").fetchone()[0])

    def places(self) -> list[str]:
        """See :meth:`Backend.places`."""
        return read_places(self._places, self._tell)

    def set_places(self, places: Sequence[str]) -> None:
        """See :meth:`Backend.set_places`."""
        write_places(self._places, places)

    def close(self) -> None:
        """See :meth:`Backend.close`."""
        self._file.close()


def _row(item: Item, hashes: Hashes) -> tuple[str, int, bytes, int, bytes, int]:
    values, body = hashes.astype("<u8").tobytes(), encode(item)
    return item.key, item.part, values, zlib.crc32(values), body, zlib.crc32(body)


def _checked(value: bytes, total: int) -> bytes:
    if zlib.crc32(value) != total:
        raise DamagedError(BAD_ROW)
    return value


def _newest(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT max(id) FROM items").fetchone()[0] or 0)


def _load(db: sqlite3.Connection, after: int) -> Loaded | None:
    """Return what was added after an id, by whatever process, without buckets of its own; None for nothing."""
    with_buckets = db.execute("SELECT DISTINCT first, last FROM buckets WHERE last > ? ORDER BY first", (after,))
    rows = []
    for first, last in [*with_buckets, (_NO_ID, _NO_ID)]:
        query = "SELECT id, hashes, hashes_sum FROM items WHERE id > ? AND id < ? ORDER BY id"
        rows += db.execute(query, (after, first)).fetchall()
        after = last
    if not rows:
        return None
    return (
        np.frombuffer(b"".join(_checked(row[1], row[2]) for row in rows), "<u8").astype(np.uint64, copy=False),
        np.fromiter((len(row[1]) // 8 for row in rows), np.int64),
        np.fromiter((row[0] for row in rows), np.uint32),
    )


def _write_buckets(db: sqlite3.Connection, source: int, kind: str, postings: Postings, ids: Keys) -> None:
    """Store the buckets of new items, whose ids grow."""
    for first in range(0, len(postings), _MOST):
        values = postings[first : first + _MOST].astype("<u8").tobytes()
        row = (source, kind, int(ids[0]), int(ids[-1]), values, zlib.crc32(values))
        db.execute("INSERT INTO buckets VALUES (NULL, ?, ?, ?, ?, ?, ?)", row)
