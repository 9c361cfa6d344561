"""Temporary files of jobs: claimed while anybody uses them, swept later where nobody could remove them any more.

A claim is a lock (``flock``) on a file that is called as they are: ``agentpool-job-7.lock`` beside
``agentpool-job-7``. A child that is given the open file goes on holding it when its parent is killed. Whoever claims
something in the same folder first removes what is claimed by nobody.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = ".lock"
_PLAIN = re.compile(
    r"[\w./+-]+", re.ASCII
)  # no sign that a shell, a pattern of files or a URI takes for more than it is
_PLACES = ("/tmp", "/var/tmp")  # noqa: S108 - folders are made there with names that nobody can guess, for this user only


@contextmanager
def claim(folder: Path, kind: str, key: str) -> Iterator[int]:
    """Claim all names in a folder that begin with ``kind`` and ``key``, and remove what has them in the end.

    Yields the number of the open file, for ``pass_fds``. Of the same kind, what nobody claims is removed first.
    """
    sweep(folder, kind)
    lock = folder / f"{kind}{key}{_LOCK}"
    claimed = _claim(lock)
    try:
        yield claimed
    finally:
        _remove(lock)
        os.close(claimed)


def _claim(lock: Path) -> int:
    while True:
        claimed = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError, ImportError):  # a disk without locks, on which nobody can sweep; Windows, without jobs
            import fcntl  # noqa: PLC0415 - as said

            fcntl.flock(claimed, fcntl.LOCK_EX)
        if lock.exists():
            return claimed
        os.close(claimed)  # somebody swept it before it was claimed


def sweep(folder: Path, kind: str) -> None:
    """Remove what begins with ``kind`` and is claimed by nobody, as a process leaves it that was killed."""
    for lock in folder.glob(f"{glob.escape(kind)}*{_LOCK}"):
        with suppress(OSError, ImportError):  # another user's, claimed, or swept by another meanwhile
            import fcntl  # noqa: PLC0415 - as above

            found = os.open(lock, os.O_RDWR)
            try:
                fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(lock)
            finally:
                os.close(found)


def _remove(lock: Path) -> None:
    """Remove what a lock is for, and then itself."""
    name = lock.name.removesuffix(_LOCK)
    for path in lock.parent.glob(f"{glob.escape(name)}*"):
        if path != lock:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    lock.unlink(missing_ok=True)


class Scratch(NamedTuple):
    """Folders for temporary files, whose paths are plain."""

    folder: Path
    """For a few small files; it is what it is called, without links."""
    bulk: Path
    """For what may be large: where the user wants such files (``TMPDIR``), by a link where that has an odd name."""
    claims: list[int]
    """Open files that claim both, for ``pass_fds``."""


@contextmanager
def temporary(kind: str, key: str) -> Iterator[Scratch]:
    """Yield new folders, which are removed in the end."""
    home = Path(tempfile.gettempdir())
    places = [home] if is_plain(home) else [Path(place) for place in _PLACES if os.access(place, os.W_OK | os.X_OK)]
    place = next(iter(places), home)
    folder = place / f"{kind}{key}"
    with claim(place, kind, key) as claimed:
        folder.mkdir(mode=0o700)
        bulk = folder / "bulk"
        if place == home:
            bulk.mkdir()
            yield Scratch(folder, bulk, [claimed])
            return
        with claim(home, kind, key) as other:
            bulk.symlink_to(home / folder.name)
            bulk.resolve().mkdir(mode=0o700)
            yield Scratch(folder, bulk, [claimed, other])


def is_plain(path: Path | str) -> bool:
    """Whether a path is taken by everybody for what it is; mrjob, shells, Spark and Hadoop take many for patterns."""
    return bool(_PLAIN.fullmatch(str(path)))


class Links:
    """Gives plain names to paths that have none, by symbolic links in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def plain(self, path: Path) -> Path:
        """Return a path, or a link to it."""
        if is_plain(path):
            return path
        self._count += 1
        link = self._folder / f"link{self._count}"
        link.symlink_to(path)
        return link
