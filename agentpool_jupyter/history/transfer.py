"""A pool as one file: gzip-compressed JSON lines, one record a line between a head and a checksum."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from base64 import b85decode, b85encode
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.errors import LogCorruptError, UserError
from agentpool_jupyter.pool import open_pool

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from agentpool_jupyter.pool import Pool

_FORMAT = 1
_BATCH = 1_000
_WRAPPED = b'{"base85":'


class _Head(msgspec.Struct, kw_only=True):
    agentpool: int
    pool: str
    records: int


class _Packed(msgspec.Struct, kw_only=True):
    """A record that is no line of JSON, in base 85."""

    base85: str


class _Foot(msgspec.Struct, kw_only=True):
    sha256: str


def export_pool(pool: Pool, file: str | os.PathLike[str]) -> int:
    """Write a pool, as it is now, to a file and return the number of its records.

    The file appears whole or not at all. The same records always give the same bytes.
    """
    path = Path(file).expanduser()
    count, digest = pool.end, hashlib.sha256()
    draft = path.with_name(path.name + ".part")
    try:
        # No file name and no time in the gzip header: an export of the same pool is the same file.
        with draft.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as out:
            out.write(msgspec.json.encode(_Head(agentpool=_FORMAT, pool=pool.name, records=count)) + b"\n")
            for value in pool.records(0, count):
                digest.update(value)
                out.write(_pack(value) + b"\n")
            out.write(msgspec.json.encode(_Foot(sha256=digest.hexdigest())) + b"\n")
        draft.replace(path)
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

    The whole file is checked before anything is stored. Raises UserError where the pool exists, LogCorruptError
    where the file is damaged or no export.
    """
    path = Path(file).expanduser()
    for _ in _read(path, head := _read_head(path)):
        pass
    pool = open_pool(name or head.pool, store)
    if pool.end:
        pool.close()
        message = f"pool {pool.name!r} exists and is not empty: import under another name"
        raise UserError(message)
    for batch in _batches(_read(path, head)):
        pool.append_records(batch)
    return pool


def _pack(value: bytes) -> bytes:
    """Return a record as a line: as it is, which is JSON that ``jq`` reads, or wrapped where it cannot stand so."""
    plain = value.startswith(b"{") and b"\n" not in value and not value.startswith(_WRAPPED)
    return value if plain else msgspec.json.encode(_Packed(base85=b85encode(value).decode()))


def _unpack(line: bytes) -> bytes:
    line = line.removesuffix(b"\n")
    return b85decode(msgspec.json.decode(line, type=_Packed).base85) if line.startswith(_WRAPPED) else line


def _read_head(path: Path) -> _Head:
    try:
        with gzip.open(path) as lines:
            head = msgspec.json.decode(lines.readline(), type=_Head)
    except FileNotFoundError as error:
        message = f"there is no file {path}"
        raise UserError(message) from error
    except (OSError, EOFError, zlib.error, msgspec.DecodeError) as error:
        message = f"{path} is no export of a pool, or damaged ({error})"
        raise LogCorruptError(message) from error
    if head.agentpool > _FORMAT:
        message = f"{path} was written by a newer version of agentpool-jupyter: update to read it"
        raise UserError(message)
    return head


def _read(path: Path, head: _Head) -> Iterator[bytes]:
    """Yield the records of an export; raises LogCorruptError at its first fault."""
    digest, count = hashlib.sha256(), 0
    try:
        with gzip.open(path) as lines:
            lines.readline()
            for _ in range(head.records):
                value = _unpack(lines.readline())
                digest.update(value)
                count += 1
                yield value
            foot = msgspec.json.decode(lines.readline(), type=_Foot)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        message = f"{path} is damaged after {count} of {head.records} records ({error})"
        raise LogCorruptError(message) from error
    if foot.sha256 != digest.hexdigest():
        message = f"{path} is damaged: its records do not match its checksum"
        raise LogCorruptError(message)


def _batches(values: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for value in values:
        batch.append(value)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
