"""Files of a pool in a folder of this machine, and what was changed there by hand back in the pool.

A file in the folder says which versions were written there, so that what somebody has changed since is known: it is
neither overwritten by the next checkout nor taken for what the pool has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from agentpool_jupyter.errors import FileChangedError, UserError

from .folder import Folder
from .packing import check_size, digest_of_contents
from .paths import OURS, clash, is_path
from .writing import FileChange, write

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from .version import FileMap, FileVersion
    from .writing import Header, HoldsFiles

_LIST = f"{OURS}-files.json"
_NAMED = 5  # files that a message names
_MOST_FILES = 10_000  # of a folder that is taken in, and its bytes: a home folder that somebody names is a mistake
_MOST_BYTES = 200_000_000


class _Written(msgspec.Struct, frozen=True):
    """A version as it was written into a folder."""

    number: int
    digest: str


class _List(msgspec.Struct, omit_defaults=True):
    """What stands in a folder's list."""

    pool: str = ""
    files: dict[str, _Written] = {}


class Checkout(NamedTuple):
    """What a checkout did; displays itself."""

    folder: Path
    written: list[str]
    removed: list[str]
    """Files of an earlier checkout that the pool does not have at this position."""
    same: int
    """How many files were there already."""

    def __repr__(self) -> str:
        parts = [f"{len(self.written):,} files written to {self.folder}", f"{self.same:,} were there already"]
        if self.removed:
            parts.append(f"removed: {_some(self.removed)}")
        return "; ".join(parts)


class Checkin(NamedTuple):
    """What a checkin recorded; displays itself."""

    added: list[str]
    changed: list[str]
    deleted: list[str]
    passed_over: list[str]
    """What cannot be a file of a pool: links, and names that not every system takes."""

    def __repr__(self) -> str:
        told = [f"{what}: {_some(names)}" for what, names in self._asdict().items() if names]
        return "; ".join(told).replace("passed_over", "passed over") or "nothing has changed"


def check_out(
    files: Mapping[str, FileVersion], folder: str | os.PathLike[str], *, pool: str = "", overwrite: bool = False
) -> Checkout:
    """Write files into a folder, and remove those that an earlier checkout wrote there and that are no more.

    Raises UserError, before anything is changed, where a file there is not as a checkout has left it, unless
    ``overwrite`` is set; and where a folder, a link or the like stands in a file's way.
    """
    place = Folder(folder, make=True)
    before = _read_list(place)
    told = _List(pool, {path: _Written(one.number, one.digest) for path, one in files.items()})
    if both := clash(files):
        message = f"{both[0]!r} and {both[1]!r} cannot both be in a folder: delete one of them in the pool"
        raise UserError(message)
    due, foreign = [], []
    for path in sorted(files.keys() | before.files.keys()):
        state = _state(place, path, overwrite=overwrite)
        if state != (told.files[path].digest if path in files else ""):
            due.append(path)
            left = before.files.get(path)
            if not overwrite and state not in ("", left.digest if left else ""):
                foreign.append(path)
    if foreign:
        message = (
            f"{_some(foreign)} in {place.root} was not written there by a checkout, or was changed since: "
            "`pool.checkin` keeps the changes, `overwrite=True` loses them, or name another folder"
        )
        raise UserError(message)
    removed = [path for path in due if path not in files]
    for path in removed:  # first: a folder may have to make room for a file
        place.remove(path)
    written = [path for path in due if path in files]
    for path in written:
        place.write(path, files[path].data)
    place.write(_LIST, msgspec.json.encode(told))
    return Checkout(place.root, written, removed, len(files) - len(written))


def check_in(
    pool: HoldsFiles, branch: str, folder: str | os.PathLike[str], header: Header, *, name: str = ""
) -> Checkin:
    """Record what was changed in a folder since a checkout: files that came, changed or went.

    Without a checkout all of the folder's files are new, and none is deleted. Raises FileChangedError, before anything
    is recorded, where the pool has another version of a changed file than the one that was checked out: check out
    again, into another folder, and carry the changes over.
    """
    place = Folder(folder, make=False)
    before = _read_list(place)
    if before.pool and name and before.pool != name:
        message = f"{place.root} holds files of pool {before.pool!r}, not of {name!r}: check out into another folder"
        raise UserError(message)
    here, passed_over = _look(place)
    files = pool.files_of(branch)
    changes = _changes(here, before.files, files)
    for change in changes:
        entry = files.entries.get(change.path)
        left = before.files.get(change.path)
        if change.path in files and entry and (left is None or entry.digest != left.digest):
            raise FileChangedError(change.path, left.number if left else 0, entry.number, entry.agent)
        if change.data is not None:
            check_size(change.path, change.data)
    for change in changes:
        write(pool, branch, change, header)
    _note(place, name, here, before.files, pool.files_of(branch))
    return Checkin(
        [change.path for change in changes if change.data is not None and change.path not in files],
        [change.path for change in changes if change.data is not None and change.path in files],
        [change.path for change in changes if change.data is None],
        passed_over,
    )


def _look(place: Folder) -> tuple[dict[str, bytes], list[str]]:
    """Return the files that a folder has, and what cannot be a file of a pool; raises UserError for a large folder."""
    here: dict[str, bytes] = {}
    passed_over, size = [], 0
    for path, fits in place.walk():
        if not fits:
            passed_over.append(path)
            continue
        here[path] = place.read(path) or b""
        size += len(here[path])
        if len(here) > _MOST_FILES or size > _MOST_BYTES:
            most = f"{_MOST_FILES:,} files, or {_MOST_BYTES:,} bytes"
            message = f"{place.root} has more than {most}: name a folder of a checkout"
            raise UserError(message)
    return here, passed_over


def _changes(here: Mapping[str, bytes], before: Mapping[str, _Written], files: FileMap) -> list[FileChange]:
    """Return what is to be written, so that the pool has what a folder has."""
    changes = []
    for path, data in here.items():
        digest, left = digest_of_contents(data), before.get(path)
        theirs = files[path].digest if path in files else None
        if digest != theirs and (left is None or left.digest != digest):
            changes.append(FileChange(path=path, data=data, read=files.number(path)))
    changes += [
        FileChange(path=path, data=None, read=files.number(path))
        for path in before
        if path not in here and path in files
    ]
    return changes


def _note(place: Folder, pool: str, here: Mapping[str, bytes], before: Mapping[str, _Written], files: FileMap) -> None:
    """Write a folder's list anew: what it has of the pool as it is now, and what it still has of an earlier version."""
    kept = {}
    for path, data in here.items():
        if path in files and files[path].digest == digest_of_contents(data):
            kept[path] = _Written(files[path].number, files[path].digest)
        elif path in before:
            kept[path] = before[path]
    place.write(_LIST, msgspec.json.encode(_List(pool, kept)))


def _state(place: Folder, path: str, *, overwrite: bool) -> str:
    """Return the digest of what a folder has at a path; empty for nothing."""
    if overwrite and place.is_link(path):
        return "a link"
    data = place.read(path)
    return "" if data is None else digest_of_contents(data)


def _read_list(place: Folder) -> _List:
    data = place.read(_LIST)
    if data is None:
        return _List()
    try:
        found = msgspec.json.decode(data, type=_List)
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"{place.root / _LIST} is damaged ({error}): remove it, or check out into another folder"
        raise UserError(message) from None
    found.files = {path: one for path, one in found.files.items() if is_path(path)}
    return found


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_NAMED]) + (f" and {len(listed) - _NAMED:,} more" if len(listed) > _NAMED else "")
