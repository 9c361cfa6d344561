"""Documents from snapshots: a few summaries, and the log for the rest."""

from __future__ import annotations

import warnings
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import SnapshotError, SnapshotWarning
from agentpool_jupyter.pool.codec import decode
from agentpool_jupyter.pool.document import Document, fold
from agentpool_jupyter.pool.settled import Settled
from agentpool_jupyter.pool.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentpool_jupyter.log import Log
    from agentpool_jupyter.pool import Event
    from agentpool_jupyter.pool.branches import Segment
    from agentpool_jupyter.pool.events import Usage
    from agentpool_jupyter.pool.turn import Entry

    from .file import SnapshotFile


_ENDS = 256
_TURNS = 65_536


class Source:
    """What documents are restored from: a file, the log that it was made of, and what was read of both lately.

    Most positions have the same branches behind them. Where a line leaves one, the part of the log behind its last full
    window never changes, and neither does where a turn ended, as far as the file reached.
    """

    def __init__(self, file: SnapshotFile, log: Log) -> None:
        self.file = file
        self.log = log
        self._folded = lru_cache(_ENDS)(lambda branch, start, stop: fold(_on_branch(log, branch, start, stop)))
        self._ended = lru_cache(_TURNS)(lambda _end, branch, turn: file.ended(branch, turn))

    def join(self, document: Document, branch: str, start: int, stop: int) -> None:
        """Merge the events of a branch in a stretch of the log into a document."""
        folded = self._folded(branch, start, stop)
        document.join(folded.entries, folded.unreadable)

    def ended(self, branch: str, turn: str, end: int) -> int | None:
        """Return where a turn ended, None where it did not below ``end``, up to which the file reached."""
        return self._ended(end, branch, turn)


def restore(source: Source, line: Sequence[Segment]) -> Document:
    """Return the document of a line, from the summaries as far as they go and the log after them.

    Reads at most ``2 * (fan - 1)`` summaries of each level for each branch of the line, and less than one window of the
    log for the last one. For those before, a window each, once.
    """
    file, log, end = source.file, source.log, source.file.anchor.end
    settled = _Restored(source, end)
    document = Document(settled=settled)
    # A branch has no events before its line came to it: those that would begin behind the position have none at all.
    line = [*line[:1], *(segment for before, segment in pairwise(line) if before.last < segment.last)]
    start = 0
    for branch, last in line:
        stop = max(start, file.scale.full(min(end, last + 1)))
        for found in _cover(file, branch, start, stop):
            if isinstance(found, Summary):
                document.join(found.open, found.unreadable)
                settled.add(_Block(file, log, found))
            else:
                source.join(document, branch, found.start, found.stop)
        if branch != line[-1].branch:
            source.join(document, branch, stop, last + 1)
        else:
            for event in _on_branch(log, branch, stop, last + 1):
                document.absorb(event)
        start = file.scale.full(last + 1)
    return document


def _cover(file: SnapshotFile, branch: str, start: int, stop: int) -> Iterator[Summary | range]:
    """Yield what makes up a stretch of whole windows: summaries, and ranges that have to be read from the log."""
    span = file.scale.span
    while start < stop:
        level = 0
        while start % span(level + 1) == 0 and start + span(level + 1) <= stop:
            level += 1
        yield from _window(file, branch, level, start // span(level))
        start += span(level)


def _window(file: SnapshotFile, branch: str, level: int, window: int) -> Iterator[Summary | range]:
    try:
        summary = file.head(branch, level, window)
        broken = summary is None and file.has_gap(branch, level, window)
    except SnapshotError as error:
        warn(error)
        summary, broken = None, True
    if summary is not None:
        yield summary
    elif broken and level:
        for child in range(window * file.scale.fan, (window + 1) * file.scale.fan):
            yield from _window(file, branch, level - 1, child)
    elif broken:
        yield file.scale.offsets(0, window)


def _on_branch(log: Log, branch: str, start: int, stop: int) -> Iterator[Event]:
    return (event for event in map(decode, log.read(start, stop)) if event.branch == branch)


def warn(error: SnapshotError) -> None:
    """Tell that snapshots are passed over."""
    text = f"{error}; the log is read instead, which is slower. `%snapshot` (or snapshot(pool)) makes it anew"
    warnings.warn(text, SnapshotWarning, stacklevel=2)


class _Block:
    """The turns that a window has whole; loaded once, when somebody looks at them."""

    def __init__(self, file: SnapshotFile, log: Log, summary: Summary) -> None:
        self._file = file
        self._log = log
        self.branch = summary.branch
        offsets = file.scale.offsets(summary.level, summary.window)
        self.start, self.stop = offsets.start, offsets.stop
        self.counts = summary.counts
        self.hidden = summary.hidden
        self.usage: Usage = summary.usage
        self._loaded: list[tuple[str, Entry]] | None = None

    def load(self) -> list[tuple[str, Entry]]:
        """Return the turns by id, in the order in which they began."""
        if self._loaded is None:
            try:
                self._loaded = self._file.settled(self.branch, self.start, self.stop)
                if len(self._loaded) != sum(self.counts.values()) + self.hidden:
                    message = f"{self._file.path} is damaged: turns are missing"
                    raise SnapshotError(message)  # noqa: TRY301 - like other damage
            except SnapshotError as error:
                warn(error)
                entries = fold(_on_branch(self._log, self.branch, self.start, self.stop)).entries
                self._loaded = [(key, entry) for key, entry in entries.items() if entry.whole]
        return self._loaded


class _Restored(Settled):
    """The blocks that a restored document stands on."""

    def __init__(self, source: Source, end: int) -> None:
        self._source = source
        self._end = end
        self._blocks: list[_Block] = []
        self._reach: dict[str, int] = {}
        self._read: dict[str, set[str]] = {}

    @property
    def blocks(self) -> Sequence[_Block]:  # type: ignore[override]
        return self._blocks

    def add(self, block: _Block) -> None:
        """Add the line's next block."""
        self._blocks.append(block)
        self._reach[block.branch] = block.stop

    def knows(self, branch: str, turn: str) -> bool:
        """Return whether a turn ended before where the branch's blocks do."""
        if branch not in self._reach:
            return False
        if branch not in self._read:
            try:
                end = self._source.ended(branch, turn, self._end)
            except SnapshotError as error:
                warn(error)
                self._read[branch] = {
                    turn for block in self._blocks if block.branch == branch for turn, _ in block.load()
                }
            else:
                return end is not None and end < self._reach[branch]
        return turn in self._read[branch]
