"""A shelf in one SQLite file: texts and the hashes of their shingles on disk, buckets in memory.

Every process builds its buckets from the file when it first needs them, and takes in what any process has added since
by the items' growing numbers; those of one question only when it is asked. A row carries checksums of its hashes
and its text, because a flipped bit inside a value is nothing that SQLite would notice.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import filelock
import msgspec
import numpy as np

from agentpool_jupyter.errors import IndexUnavailableError

from .buckets import Buckets
from .items import Item, Source, decode, encode
from .shelf import DamagedError, Sharing, Shelf
from .shingles import shingles
from .signatures import hash_shingles, shingle_keys, stamp_text
from .sketches import Sketches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from numpy.typing import NDArray

    from .signatures import Hashes, Keys

_APPLICATION_ID = 0x41504C53  # "APLS"
_BUSY_SECONDS = 60.0
_BATCH = 500  # items signed and inserted together
_SCHEMA = """
CREATE TABLE about (stamp TEXT NOT NULL);
CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, mark BLOB NOT NULL);
CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, key TEXT NOT NULL, part INTEGER NOT NULL,
    hashes BLOB NOT NULL, hashes_sum INTEGER NOT NULL, body BLOB NOT NULL, body_sum INTEGER NOT NULL,
    UNIQUE (source, key, part));
"""
_TRANSIENT = ("locked", "busy", "unable to open", "disk is full", "readonly", "read-only", "disk I/O error")


class _Loaded(NamedTuple):
    """Items as the buckets need them."""

    hashes: Hashes
    """Of all their shingles, one item after the other."""
    lengths: NDArray[np.int64]
    ids: Keys


class SqliteShelf(Shelf):
    """A shelf in the file at ``path``, which is made if need be; see :class:`~.shelf.Shelf`."""

    _sketches: Sketches
    _sketches_to: int  # the last item that is in
    _shingles: Buckets
    _shingles_to: int

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = str(path)
        self.notes = []
        self._lock = threading.RLock()
        self._stamp = stamp_text()
        self._forget()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot make the folder {path.parent} for the index: {error.strerror}; choose another place"
            raise IndexUnavailableError(message) from error
        self._guard = filelock.FileLock(f"{path}.lock")
        with self._errors(), self._guard:
            try:
                self._db = self._open()
            except DamagedError as error:
                self._set_aside(f"{error}")
                self._db = self._open()

    # What stands in the file -------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        with self._errors():
            db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                self._check(db)
            except BaseException:
                db.close()
                raise
        self._file = os.stat(self.path).st_ino  # noqa: PTH116 - beside the sqlite module's own path
        return db

    def _check(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read from the log again
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            with _transaction(db):
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                db.execute("INSERT INTO about VALUES (?)", (self._stamp,))
            db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        found = db.execute("SELECT stamp FROM about").fetchone()
        if found is None or found[0] != self._stamp:
            message = f"was made with other settings or versions ({_difference(found and found[0], self._stamp)})"
            raise DamagedError(message)

    def _set_aside(self, why: str) -> None:
        """Move the file away, unless another process has put a new one there meanwhile."""
        self.notes.append(f"the index {self.path} {why}: rebuilt from the log; the old one is {self._aside.name}")
        with suppress(FileNotFoundError):
            if getattr(self, "_file", None) in (None, self.path.stat().st_ino):
                self.path.replace(self._aside)
                for suffix in ("-wal", "-shm"):
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    @property
    def _aside(self) -> Path:
        return self.path.with_name(self.path.name + ".old")

    def clear(self, why: str) -> None:
        """See :meth:`Shelf.clear`."""
        with self._lock, self._errors(), self._guard:
            self._db.close()
            self._set_aside(why)
            self._file_forgotten()
            self._db = self._open()

    def _file_forgotten(self) -> None:
        del self._file
        self._forget()

    # Reading and writing -----------------------------------------------------------------------------------

    def mark(self, source: Source) -> bytes | None:
        """See :meth:`Shelf.mark`."""
        with self._lock, self._errors():
            row = self._db.execute("SELECT mark FROM sources WHERE name = ?", (source,)).fetchone()
        return row and bytes(row[0])

    def sources(self) -> list[Source]:
        """See :meth:`Shelf.sources`."""
        with self._lock, self._errors():
            return [Source(row[0]) for row in self._db.execute("SELECT name FROM sources ORDER BY name")]

    def put(self, source: Source, mark: bytes, items: Sequence[Item]) -> None:
        """See :meth:`Shelf.put`."""
        for first in range(0, len(items), _BATCH):
            self._insert(source, items[first : first + _BATCH])
        with self._lock, self._errors(), self._writing() as db:
            db.execute("UPDATE sources SET mark = ? WHERE id = ?", (mark, self._source(source)))

    def _insert(self, source: Source, items: Sequence[Item]) -> None:
        sets = [shingles(item.text) for item in items]
        kept = [(item, one) for item, one in zip(items, sets, strict=True) if one]
        rows = []
        for (item, _), hashes in zip(kept, hash_shingles([one for _, one in kept]), strict=True):
            row, body = hashes.astype("<u8").tobytes(), encode(item)
            rows.append((item.key, item.part, row, zlib.crc32(row), body, zlib.crc32(body)))
        with self._lock, self._errors(), self._writing() as db:
            number = self._source(source)
            db.executemany(
                "INSERT OR IGNORE INTO items (source, key, part, hashes, hashes_sum, body, body_sum) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((number, *row) for row in rows),
            )

    def _source(self, source: Source) -> int:
        # An empty mark: a source whose items are there and whose mark is not is read again from its beginning.
        self._db.execute("INSERT OR IGNORE INTO sources (name, mark) VALUES (?, x'')", (source,))
        return int(self._db.execute("SELECT id FROM sources WHERE name = ?", (source,)).fetchone()[0])

    def drop(self, source: Source) -> None:
        """See :meth:`Shelf.drop`."""
        with self._lock, self._errors(), self._writing() as db:
            db.execute("DELETE FROM items WHERE source = (SELECT id FROM sources WHERE name = ?)", (source,))
            db.execute("DELETE FROM sources WHERE name = ?", (source,))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with _transaction(self._db):
            found = self._db.execute("SELECT stamp FROM about").fetchone()
            if found is None or found[0] != self._stamp:
                message = "was made anew with other settings or versions by another process"
                raise DamagedError(message)
            yield self._db

    # Finding -----------------------------------------------------------------------------------------------

    def near(self, query: AbstractSet[str]) -> Keys:
        """See :meth:`Shelf.near`."""
        with self._lock, self._errors():
            if loaded := self._load(self._sketches_to):
                self._sketches.add(loaded.hashes, loaded.lengths, loaded.ids)
                self._sketches_to = int(loaded.ids[-1])
            return self._sketches.find(query)

    def sharing(self, query: AbstractSet[str], least: int = 1) -> Sharing:
        """See :meth:`Shelf.sharing`."""
        with self._lock, self._errors():
            if loaded := self._load(self._shingles_to):
                self._shingles.add(shingle_keys(loaded.hashes), np.repeat(loaded.ids, loaded.lengths))
                self._shingles_to = int(loaded.ids[-1])
            return Sharing(*self._shingles.count(shingle_keys(hash_shingles([query])[0]), least))

    def _forget(self) -> None:
        self._sketches, self._sketches_to = Sketches(), 0
        self._shingles, self._shingles_to = Buckets(), 0

    def _load(self, after: int) -> _Loaded | None:
        """Return what was added after an id, by whatever process; None for nothing."""
        rows = self._db.execute(
            "SELECT id, hashes, hashes_sum FROM items WHERE id > ? ORDER BY id", (after,)
        ).fetchall()
        if not rows:
            return None
        if any(zlib.crc32(hashes) != total for _, hashes, total in rows):
            raise DamagedError(_BAD_ROW)
        return _Loaded(
            np.frombuffer(b"".join(row[1] for row in rows), "<u8").astype(np.uint64, copy=False),
            np.fromiter((len(row[1]) // 8 for row in rows), np.int64),
            np.fromiter((row[0] for row in rows), np.uint32),
        )

    def fetch(self, ids: Sequence[int]) -> list[tuple[int, Item]]:
        """See :meth:`Shelf.fetch`."""
        marks = ",".join("?" * len(ids))
        with self._lock, self._errors():
            rows = self._db.execute(
                f"SELECT id, body, body_sum FROM items WHERE id IN ({marks})",  # noqa: S608 - only question marks
                [int(one) for one in ids],
            ).fetchall()
            if any(zlib.crc32(body) != total for _, body, total in rows):
                raise DamagedError(_BAD_ROW)
            items = {number: decode(body) for number, body, _ in rows}
        return [(int(one), items[one]) for one in ids if one in items]

    def __len__(self) -> int:
        with self._lock, self._errors():
            return int(self._db.execute("SELECT count(*) FROM items").fetchone()[0])

    # The library's patterns: beside the index, because they cannot be read from any log ---------------------

    @property
    def _roster(self) -> Path:
        return self.path.with_name(self.path.name + ".library.json")

    def patterns(self) -> list[str]:
        """See :meth:`Shelf.patterns`."""
        try:
            return list(msgspec.json.decode(self._roster.read_bytes(), type=list[str]))
        except FileNotFoundError:
            return []
        except msgspec.DecodeError:
            self.notes.append(f"{self._roster} is damaged: add the library's paths again")
            return []

    def set_patterns(self, patterns: Sequence[str]) -> None:
        """See :meth:`Shelf.set_patterns`."""
        fresh = self._roster.with_name(f"{self._roster.name}.{os.getpid()}")
        with self._errors():
            fresh.write_text(json.dumps(list(patterns), indent=1))
            fresh.replace(self._roster)

    def close(self) -> None:
        """See :meth:`Shelf.close`."""
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
            raise DamagedError(_BAD_ROW) from error
        except OSError as error:
            message = f"cannot use the index {self.path}: {error.strerror}; check the disk and the permissions"
            raise IndexUnavailableError(message) from error


_BAD_ROW = "was damaged (a row does not match its checksum)"


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _difference(found: str | None, wanted: str) -> str:
    """Return in words how two stamps differ."""
    try:
        old, new = json.loads(found or ""), json.loads(wanted)
        return ", ".join(f"{name} {old.get(name)} and not {new[name]}" for name in new if old.get(name) != new[name])
    except (ValueError, AttributeError):
        return "its stamp cannot be read"
