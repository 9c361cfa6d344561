"""A pool's snapshots as the pool asks for them: opened when needed, checked against the log, passed over if unsound."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import SnapshotError
from agentpool_jupyter.pool.snapshots import Chronicle, Snapshots

from .background import Background
from .file import SnapshotFile, open_sound
from .folder import current
from .restore import Source, warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from agentpool_jupyter.log import Log
    from agentpool_jupyter.pool import Document, Event, Pool
    from agentpool_jupyter.pool.branches import Segment

    from .background import Build


class PoolSnapshots(Snapshots["Pool"]):
    """The snapshots in a folder of one pool; ``build`` makes new ones every so many events, 0 for never."""

    def __init__(self, folder: Path, every: int, build: Build) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._file: SnapshotFile | None = None
        self._source: Source | None = None
        self._background = Background(every, build)

    def file(self, log: Log) -> SnapshotFile | None:
        """Return the open file, or None where there is none that can be used; says so once for each file."""
        with self._lock:
            while (path := current(self._folder)) != self._path:
                self._path, self._file = path, None
                try:
                    self._file = open_sound(path, log) if path else None
                except SnapshotError as error:
                    for _ in log.read(max(0, log.end() - 1)):  # says so where it is the log that has moved on
                        pass
                    if current(self._folder) == path:  # else it was replaced in this moment
                        warn(error)
            return self._file

    def chronicle(self, log: Log) -> Chronicle:
        """Return what branches and runs are folded from, as far as the summaries go."""
        if file := self.file(log):
            try:
                chronicle = Chronicle(file.anchor.end, list(file.chronicle()))
            except SnapshotError as error:
                self._pass_over(error)
            else:
                self._background.reached = chronicle.end
                return chronicle
        return super().chronicle(log)

    def document(self, log: Log, line: Sequence[Segment], fences: Mapping[str, int]) -> Document:
        """Return the document of a line, from summaries as far as they go."""
        if file := self.file(log):
            try:
                return self._source_of(file, log, fences).restore(line)
            except SnapshotError as error:
                self._pass_over(error)
        return super().document(log, line, fences)

    def lengths(self, log: Log, lines: Mapping[str, Sequence[Segment]], fences: Mapping[str, int]) -> dict[str, int]:
        """Return how many turns the documents of several lines have, from summaries as far as they go."""
        # A line takes as long as a window or so of the log does: beyond that all of the log is read at once, once.
        if (file := self.file(log)) and len(lines) * file.scale.window < log.end():
            return {name: len(self.document(log, line, fences)) for name, line in lines.items()}
        return super().lengths(log, lines, fences)

    def heed(self, pool: Pool, events: Sequence[Event]) -> None:
        """Make new snapshots in the background when there is enough that is new, or a run has ended."""
        self._background.heed(pool, events)

    def look_again(self, end: int) -> None:
        """Take a file that was passed over for sound again, and count what is new from ``end``."""
        with self._lock:
            if self._file is None:
                self._path = None
        self._background.reached = end

    @property
    def problem(self) -> Exception | None:
        """See :attr:`Snapshots.problem`."""
        return self._background.problem

    def close(self) -> None:
        """Let go of the file, which stays open for documents that still need it, and of background work."""
        self._background.close()
        with self._lock:
            self._path = self._file = self._source = None

    def _source_of(self, file: SnapshotFile, log: Log, fences: Mapping[str, int]) -> Source:
        if self._source is None or self._source.file is not file:
            self._source = Source(file, log, fences)
        return self._source

    def _pass_over(self, error: SnapshotError) -> None:
        warn(error)
        self._background.distrusted = True
        with self._lock:
            self._file = None  # until there is another file


def status(pool: Pool) -> tuple[int, int]:
    """Return how far a pool's snapshots reach, and their bytes; raises SnapshotError where they cannot be used."""
    path = current(pool.store.derived(pool.name))
    if path is None:
        return 0, 0
    file = open_sound(path, pool.log)
    file.verify()
    return file.anchor.end, file.size
