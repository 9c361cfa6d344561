"""A pool's snapshots as the pool asks for them: opened when needed, checked against the log, passed over if unsound."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from filelock import FileLock

from agentpool_jupyter.errors import SnapshotError
from agentpool_jupyter.pool.snapshots import Chronicle, Snapshots

from .background import Background
from .file import Anchor, SnapshotFile
from .restore import restore, warn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agentpool_jupyter.log import Log
    from agentpool_jupyter.pool import Document, Event, Pool
    from agentpool_jupyter.pool.branches import Segment

NAME = "snapshots.sqlite"
LOCK = "snapshots.lock"
"""Held by whoever changes or removes the file."""


def anchor(log: Log, end: int) -> Anchor:
    """Return what ties summaries that end at ``end`` to a log."""
    first, last = (crc32(next(iter(log.read(at, at + 1))).value) for at in (0, end - 1))
    return Anchor(end, first, last)


class PoolSnapshots(Snapshots):
    """The snapshots in a folder of one pool; ``every`` so many events new ones are made, 0 for never."""

    def __init__(self, folder: Path, every: int) -> None:
        self.path = folder / NAME
        self._file: SnapshotFile | None = None
        self._inode = 0
        self._background = Background(every)

    def file(self, log: Log) -> SnapshotFile | None:
        """Return the open file, or None where there is none that can be used; says so once for each file."""
        try:
            inode = self.path.stat().st_ino
        except OSError:
            self._file, self._inode = None, 0
            return None
        if inode != self._inode:
            self._file, self._inode = None, inode
            try:
                file = SnapshotFile(self.path)
                check(file, log)
                self._file = file
            except SnapshotError as error:
                warn(error)
        return self._file

    def chronicle(self, log: Log) -> Chronicle:
        """Return what branches and runs are folded from, as far as the summaries go."""
        file = self.file(log)
        made = file.anchor if file else None
        try:
            return Chronicle(made.end, list(file.chronicle())) if file and made else super().chronicle(log)
        except SnapshotError as error:
            self._pass_over(error)
            return super().chronicle(log)

    def document(self, log: Log, line: Sequence[Segment]) -> Document:
        """Return the document of a line, from summaries as far as they go."""
        file = self.file(log)
        try:
            made = file.anchor if file else None
            return restore(file, log, line, made.end) if file and made else super().document(log, line)
        except SnapshotError as error:
            self._pass_over(error)
            return super().document(log, line)

    def heed(self, pool: Pool, events: Sequence[Event]) -> None:
        """Make new snapshots in the background when there is enough that is new, or a run has ended."""
        self._background.heed(pool, events)

    def close(self) -> None:
        """Let go of the file, which stays open for documents that still need it, and of background work."""
        self._background.close()
        self._file, self._inode = None, 0

    def _pass_over(self, error: SnapshotError) -> None:
        warn(error)
        self._file = None  # until there is another file


def check(file: SnapshotFile, log: Log) -> None:
    """Raise SnapshotError where a file does not hold what it should, or was made of another log."""
    file.check()
    made = file.anchor
    if made is not None and (made.end > log.end() or anchor(log, made.end) != made):
        message = f"{file.path} was made of another log of that name"
        raise SnapshotError(message)


def status(pool: Pool) -> tuple[int, int]:
    """Return how far a pool's snapshots reach, and their bytes; raises SnapshotError where they cannot be used."""
    path = pool.store.derived(pool.name) / NAME
    if not path.exists():
        return 0, 0
    file = SnapshotFile(path)
    try:
        check(file, pool.log)
        file.verify()
        made = file.anchor
    finally:
        file.close()
    return made.end if made else 0, path.stat().st_size


def forget(pool: Pool) -> None:
    """Remove a pool's snapshots, when nobody builds any; what is open is passed over from then on."""
    path = pool.store.derived(pool.name) / NAME
    if not path.parent.exists():
        return
    with FileLock(path.parent / LOCK):
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
