"""A version of a file is written, unless somebody was quicker: the log's order says who."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from agentpool_jupyter.errors import FileChangedError, UserError
from agentpool_jupyter.pool.events import File, FilePiece

from .packing import PIECE, check_size, cut, digest_of_contents, packed
from .paths import checked, clash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentpool_jupyter.pool.events import Event

    from .contents import Contents
    from .entry import FileEntry
    from .version import FileMap

    Header = Callable[[], dict[str, Any]]
    """Makes what every event of a writer carries."""


class HoldsFiles(Protocol):
    """Where files are written: a pool."""

    contents: Contents

    def files_of(self, branch: str) -> FileMap:
        """Return the files of a branch as they are now."""

    def append(self, events: Sequence[Event]) -> None:
        """Store events durably, in order."""


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written."""

    path: str
    data: bytes | None
    """The new contents; None deletes the file."""
    read: int
    """The number of the version that the writer has read; 0 where it has read none."""
    turn: str = ""
    key: str = ""
    """By which the same change is known when it is made again: it counts once."""


def write(pool: HoldsFiles, branch: str, change: FileChange, header: Header) -> FileEntry:
    """Write a version of a file and return it as it was read back.

    Raises FileChangedError where another version is newer than what the writer has read, also when both were written
    at the same moment; UserError for a path or contents that cannot be, and where the writer's claim is superseded.
    """
    path = checked(change.path)
    before = pool.files_of(branch)
    if change.key and (known := before.entries.get(path)) and known.key == change.key:
        return known  # it was made before, and nobody knew
    _check(path, change, before)
    digest = ""
    fields: dict[str, Any] = {}
    if change.data is not None:
        digest = digest_of_contents(change.data)
        fields = _stored(pool, change.data, header)
        pool.contents.keep(digest, change.data)
    event = File(
        **header(),
        path=path,
        read=change.read,
        digest=digest,
        size=len(change.data or b""),
        turn=change.turn,
        key=change.key,
        **fields,
    )
    pool.append([event])
    latest = pool.files_of(branch).entries.get(path)
    if latest is not None and latest.id == event.id:
        return latest
    if latest is not None and latest.number > change.read:
        raise FileChangedError(path, change.read, latest.number, latest.agent)
    message = f"file {path!r} was not written: the run was taken up elsewhere"
    raise UserError(message)


def _check(path: str, change: FileChange, files: FileMap) -> None:
    if files.number(path) > change.read:
        raise FileChangedError(path, change.read, files.number(path), files.entries[path].agent)
    if change.read > files.number(path):
        message = f"file {path!r} has {files.number(path)} versions on this line, and no version {change.read}: read it"
        raise UserError(message)
    if change.data is None and path not in files:
        message = f"there is no file {path!r} to delete"
        raise UserError(message)
    if change.data is None:
        return
    check_size(path, change.data)
    if path not in files and (both := clash([*files, path])):
        message = f"{both[0]!r} and {both[1]!r} cannot both be files: choose another path"
        raise UserError(message)


def _stored(pool: HoldsFiles, data: bytes, header: Header) -> dict[str, Any]:
    """Return how an event holds contents; what is too large for one is stored before it."""
    if len(data) <= PIECE:
        return packed(data)
    pieces = [FilePiece(**header(), **packed(piece)) for piece in cut(data)]
    for piece in pieces:  # one at a time, so that a batch is no larger than a record
        pool.append([piece])
    return {"pieces": tuple(piece.offset for piece in pieces)}
