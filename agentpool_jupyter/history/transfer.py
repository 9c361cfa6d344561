"""A pool as one file: gzip-compressed JSON lines, a head, records with their times, snapshots, and a checksum."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import secrets
import zlib
from base64 import b85decode, b85encode
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.errors import LogCorruptError, UserError
from agentpool_jupyter.log import Record, open_store
from agentpool_jupyter.snapshots import copies
from agentpool_jupyter.snapshots.opening import open_pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentpool_jupyter.pool import Pool

_FORMAT = 2
_BATCH = 1_000
_WRAPPED = b'{"base85":'


class ExportHead(msgspec.Struct, kw_only=True):
    """The first line: the format, and what follows."""

    agentpool: int
    pool: str
    records: int
    rows: int
    """Rows of snapshots."""


class _Times(msgspec.Struct, kw_only=True):
    """When the log took the next records: milliseconds since the epoch, then since the one before."""

    times: list[int]


class _Packed(msgspec.Struct, kw_only=True):
    """A record that is no line of JSON, in base 85."""

    base85: str


class _Row(msgspec.Struct, kw_only=True):
    """A row of the snapshots' file."""

    table: str
    row: list[Any]


class _Foot(msgspec.Struct, kw_only=True):
    sha256: str
    """Of all lines before."""


def export_pool(pool: Pool, file: str | os.PathLike[str]) -> int:
    """Write a pool, as it is now, with its snapshots to a file and return the number of its records.

    The file appears whole or not at all, and is on disk then. The same pool always gives the same bytes.
    Raises UserError where it cannot be written.
    """
    path = Path(file).expanduser()
    rows = copies.dump(pool)
    count, digest = pool.end, hashlib.sha256()
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")  # others may write to that file now
    try:
        with draft.open("wb") as raw:
            # No file name and no time in the gzip header: an export of the same pool is the same file.
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as out:
                for line in _lines(pool, count, rows):
                    digest.update(line)
                    out.write(line + b"\n")
                out.write(msgspec.json.encode(_Foot(sha256=digest.hexdigest())) + b"\n")
            raw.flush()
            os.fsync(raw.fileno())
        draft.replace(path)
        _sync_folder(path)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}; choose another file"
        raise UserError(message) from error
    finally:
        draft.unlink(missing_ok=True)
    return count


def import_pool(
    file: str | os.PathLike[str], name: str | None = None, store: str | os.PathLike[str] | None = None
) -> Pool:
    """Make a new pool of an exported file, under its own or another name, and return it, open.

    Offsets, times and snapshots are those of the pool that was exported. The whole file is checked before anything is
    stored. Raises UserError where the pool exists, LogCorruptError where the file is damaged or no export.
    """
    path = Path(file).expanduser()
    head = check_export(path)
    name = name or head.pool
    place = open_store(store)
    found = _read(path, head)
    place.restore(name, (record for record in islice(found, head.records) if isinstance(record, Record)))
    pool = open_pool(name, store)
    if (end := pool.end) != head.records:
        pool.close()
        message = f"pool {name!r} has {end} records where {path} has {head.records}: delete it and import again"
        raise LogCorruptError(message)
    if head.rows:
        copies.load(pool, ((row.table, row.row) for row in found if isinstance(row, _Row)))
    return pool


def check_export(path: Path) -> ExportHead:
    """Read an exported file to its end and return its head; raises as :func:`import_pool` does."""
    for _ in _read(path, head := _read_head(path)):
        pass
    return head


def _sync_folder(path: Path) -> None:
    """Have a file's new name on disk, too, where folders can be synced."""
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _lines(pool: Pool, count: int, rows: list[copies.Row]) -> Iterator[bytes]:
    yield msgspec.json.encode(ExportHead(agentpool=_FORMAT, pool=pool.name, records=count, rows=len(rows)))
    records = pool.log.read(0, count)
    while batch := list(islice(records, _BATCH)):
        times = [record.time for record in batch]
        yield msgspec.json.encode(_Times(times=[times[0], *(later - time for time, later in pairwise(times))]))
        yield from (_pack(record.value) for record in batch)
    yield from (msgspec.json.encode(_Row(table=table, row=row)) for table, row in rows)


def _pack(value: bytes) -> bytes:
    """Return a record as a line: as it is, which is JSON that ``jq`` reads, or wrapped where it cannot stand so."""
    plain = value.startswith(b"{") and b"\n" not in value and not value.startswith(_WRAPPED)
    return value if plain else msgspec.json.encode(_Packed(base85=b85encode(value).decode()))


def _unpack(line: bytes) -> bytes:
    return b85decode(msgspec.json.decode(line, type=_Packed).base85) if line.startswith(_WRAPPED) else line


def _read_head(path: Path) -> ExportHead:
    try:
        with gzip.open(path) as lines:
            head = msgspec.json.decode(lines.readline())
        if head["agentpool"] != _FORMAT:
            message = f"{path} was written by another version of agentpool-jupyter (format {head['agentpool']})"
            raise UserError(message)
        return msgspec.convert(head, ExportHead)
    except FileNotFoundError as error:
        message = f"there is no file {path}"
        raise UserError(message) from error
    except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError) as error:
        message = f"{path} is no export of a pool, or damaged ({error})"
        raise LogCorruptError(message) from error


def _read(path: Path, head: ExportHead) -> Iterator[Record | _Row]:
    """Yield the records of an export, then its rows; raises LogCorruptError at its first fault."""
    digest, count = hashlib.sha256(), 0
    try:
        with gzip.open(path) as lines:
            texts = (line.removesuffix(b"\n") for line in lines)
            digest.update(next(texts))
            for start in range(0, head.records, _BATCH):
                digest.update(line := next(texts))
                times = accumulate(msgspec.json.decode(line, type=_Times).times)
                for offset, time in zip(range(start, min(start + _BATCH, head.records)), times, strict=True):
                    digest.update(line := next(texts))
                    yield Record(offset, time, _unpack(line))
                    count += 1
            for _ in range(head.rows):
                digest.update(line := next(texts))
                yield msgspec.json.decode(line, type=_Row)
            foot = msgspec.json.decode(next(texts), type=_Foot)
    except (OSError, EOFError, ValueError, zlib.error, StopIteration) as error:
        message = f"{path} is damaged after {count} of {head.records} records ({error})"
        raise LogCorruptError(message) from error
    if foot.sha256 != digest.hexdigest():
        message = f"{path} is damaged: its lines do not match its checksum"
        raise LogCorruptError(message)
