"""The folder of a pool's snapshots: which file is the one to read, and how another takes its place.

A file that is to be made anew is made beside the old one, under a name of its own, and is there at once when it is
whole. Who still reads the old one goes on with it. Only one process at a time changes a folder: see :data:`LOCK`.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from agentpool_jupyter.errors import SnapshotsBusyError, UserError
from agentpool_jupyter.log.files import OWN, make_folder

from .file import SnapshotFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .summary import Scale

LOCK = "snapshots.lock"
"""Held by whoever changes the folder."""
_NAME = "snapshots-{}.sqlite"
_MAKING = "snapshots.making"


def current(folder: Path) -> Path | None:
    """Return the file to read, or None."""
    return max(folder.glob(_NAME.format("*")), key=_number, default=None)


@contextlib.contextmanager
def locked(folder: Path, pool: str, patience: float) -> Iterator[None]:
    """Keep a folder for this process; raises SnapshotsBusyError where another has it too long, UserError for none."""
    try:
        make_folder(folder)
        lock = FileLock(folder / LOCK, mode=OWN).acquire(timeout=patience)
    except Timeout:
        message = f"another process makes snapshots of pool {pool!r}, or compacts it, for more than {patience:g} s"
        raise SnapshotsBusyError(message) from None
    except OSError as error:
        message = f"snapshots of pool {pool!r} cannot be kept in {folder}: {error.strerror or error}; mend that folder"
        raise UserError(message) from error
    with lock:
        yield


@contextlib.contextmanager
def making(folder: Path, scale: Scale) -> Iterator[SnapshotFile]:
    """Yield a new file, which takes the place of what is there when the block ends well."""
    path = folder / _MAKING
    _remove(path)  # what a process that was killed has left
    before = current(folder)
    try:
        with contextlib.closing(SnapshotFile(path, new=scale)) as file:
            yield file
            file.settle()
    except BaseException:
        _remove(path)
        raise
    number = max(time.time_ns(), _number(before) + 1 if before else 0)  # never one that somebody may have open
    path.rename(folder / _NAME.format(number))
    _remove_all(folder, but=number)


def sweep(folder: Path) -> None:
    """Remove files that are no longer current, which a process that was killed may leave."""
    path = current(folder)
    _remove_all(folder, but=_number(path) if path else None)


def discard(folder: Path) -> None:
    """Remove all snapshots; who reads them goes on with what is open."""
    _remove_all(folder)
    _remove(folder / _MAKING)


def _remove_all(folder: Path, but: int | None = None) -> None:
    for path in folder.glob(_NAME.format("*")):
        if _number(path) != but:
            _remove(path)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(PermissionError):  # Windows keeps what is open: the next one removes it
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _number(path: Path) -> int:
    digits = path.stem.removeprefix("snapshots-")
    return int(digits) if digits.isdecimal() else -1
