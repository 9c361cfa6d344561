"""A pool as one file: gzip-compressed JSON lines, a head, records with their times, and a checksum.

Whoever wrote it is a stranger: no line is read to its end that is longer than any of ours, and snapshots, which earlier
versions wrote into it, are passed over and made anew of the records.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import secrets
import warnings
import zlib
from base64 import b85decode, b85encode
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from agentpool_jupyter.errors import AgentPoolError, LogCorruptError, SnapshotWarning, UserError
from agentpool_jupyter.log import Record, open_store
from agentpool_jupyter.log.files import own, publish
from agentpool_jupyter.snapshots.build import snapshot
from agentpool_jupyter.snapshots.opening import open_pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentpool_jupyter.pool import Pool

_FORMAT = 2
_BATCH = 1_000
_WRAPPED = b'{"base85":'
_LONGEST = 128 * 1024 * 1024  # bytes of a record's line: a few megabytes of zeros make gigabytes
_SHORT = 64 * 1024  # bytes of any other line that is decoded
_LATEST = 2**53  # milliseconds that a clock may say
_DAMAGE = (
    OSError, EOFError, ValueError, TypeError, KeyError, OverflowError, RecursionError, MemoryError, StopIteration,
    zlib.error,
)  # fmt: skip


class ExportHead(msgspec.Struct, kw_only=True):
    """The first line: the format, and what follows."""

    agentpool: int
    pool: str
    records: Annotated[int, msgspec.Meta(ge=0)]
    rows: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Lines that come after the records, of snapshots: earlier versions wrote them."""


class _Times(msgspec.Struct, kw_only=True):
    """When the log took the next records: milliseconds since the epoch, then since the one before."""

    times: list[int]


class _Packed(msgspec.Struct, kw_only=True):
    """A record that is no line of JSON, in base 85."""

    base85: str


class _Foot(msgspec.Struct, kw_only=True):
    sha256: str
    """Of all lines before."""


def export_pool(pool: Pool, file: str | os.PathLike[str], *, overwrite: bool = False) -> int:
    """Write a pool, as it is now, to a file that only this user can read, and return the number of its records.

    The file appears whole or not at all, and is on disk then. The same pool always gives the same bytes.
    Raises UserError where it cannot be written, or is there already and not to be overwritten.
    """
    path = Path(file).expanduser()
    taken = f"there is a file {path} already: choose another name, or write over it (`--overwrite`, overwrite=True)"
    if not overwrite and path.exists():
        raise UserError(taken)
    count, digest = pool.end, hashlib.sha256()
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")  # others may write to that file now
    try:
        with open(draft, "wb", opener=own) as raw:
            # No file name and no time in the gzip header: an export of the same pool is the same file.
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as out:
                for line in _lines(pool, count):
                    digest.update(line)
                    out.write(line + b"\n")
                out.write(msgspec.json.encode(_Foot(sha256=digest.hexdigest())) + b"\n")
            raw.flush()
            os.fsync(raw.fileno())
        if overwrite:
            draft.replace(path)
        elif not publish(draft, path):  # made by another meanwhile
            raise UserError(taken)
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

    Offsets and times are those of the pool that was exported; its snapshots are made anew. What a person has agreed to
    beforehand there is revoked, for that may be another person. The whole file is checked before anything is stored.
    Raises UserError where the pool exists, LogCorruptError where the file is damaged or no export.
    """
    path = Path(file).expanduser()
    head = check_export(path)
    name = name or head.pool
    place = open_store(store)
    place.restore(name, _read(path, head))
    pool = open_pool(name, store)
    for grant in pool.grants:
        pool.revoke(grant.id)
    try:
        snapshot(pool, engine="inline")
    except AgentPoolError as error:
        text = f"pool {name!r} is imported, but its snapshots could not be made: {error}; `%snapshot` tries it again"
        warnings.warn(text, SnapshotWarning, stacklevel=2)
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


def _lines(pool: Pool, count: int) -> Iterator[bytes]:
    yield msgspec.json.encode(ExportHead(agentpool=_FORMAT, pool=pool.name, records=count))
    records = pool.log.read(0, count)
    while batch := list(islice(records, _BATCH)):
        times = [record.time for record in batch]
        yield msgspec.json.encode(_Times(times=[times[0], *(later - time for time, later in pairwise(times))]))
        yield from (_pack(record.value) for record in batch)


def _pack(value: bytes) -> bytes:
    """Return a record as a line: as it is, which is JSON that ``jq`` reads, or wrapped where it cannot stand so."""
    plain = value.startswith(b"{") and b"\n" not in value and not value.startswith(_WRAPPED)
    return value if plain else msgspec.json.encode(_Packed(base85=b85encode(value).decode()))


def _unpack(line: bytes) -> bytes:
    return b85decode(msgspec.json.decode(line, type=_Packed).base85) if line.startswith(_WRAPPED) else line


def _read_head(path: Path) -> ExportHead:
    try:
        with gzip.open(path) as lines:
            head = msgspec.json.decode(_line(lines, _SHORT))
        if head["agentpool"] != _FORMAT:
            message = f"{path} was written by another version of agentpool-jupyter (format {head['agentpool']})"
            raise UserError(message)
        return msgspec.convert(head, ExportHead)
    except FileNotFoundError as error:
        message = f"there is no file {path}"
        raise UserError(message) from error
    except _DAMAGE as error:
        message = f"{path} is no export of a pool, or damaged ({error})"
        raise LogCorruptError(message) from error


def _read(path: Path, head: ExportHead) -> Iterator[Record]:
    """Yield the records of an export; raises LogCorruptError at its first fault."""
    digest, count = hashlib.sha256(), 0

    def line(longest: int) -> bytes:
        text = _line(lines, longest)
        digest.update(text)
        return text

    try:
        with gzip.open(path) as lines:
            line(_SHORT)
            for start in range(0, head.records, _BATCH):
                time = 0
                steps = msgspec.json.decode(line(_SHORT), type=_Times).times
                for offset, step in zip(range(start, min(start + _BATCH, head.records)), steps, strict=True):
                    time += step
                    if not 0 <= time < _LATEST:
                        raise ValueError(time)
                    yield Record(offset, time, _unpack(line(_LONGEST)))
                    count += 1
            for _ in range(head.rows):
                line(_LONGEST)
            foot = msgspec.json.decode(_line(lines, _SHORT), type=_Foot)
    except _DAMAGE as error:
        message = f"{path} is damaged after {count} of {head.records} records ({error})"
        raise LogCorruptError(message) from error
    if foot.sha256 != digest.hexdigest():
        message = f"{path} is damaged: its lines do not match its checksum"
        raise LogCorruptError(message)


def _line(lines: gzip.GzipFile, longest: int) -> bytes:
    """Return the next line; raises ValueError for one that is too long, or has no end."""
    text = lines.readline(longest + 1)
    if not text.endswith(b"\n"):
        message = f"a line of more than {longest:,} bytes" if len(text) > longest else "it breaks off"
        raise ValueError(message)
    return text[:-1]
