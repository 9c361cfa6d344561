"""Documents from snapshots: a few summaries, and the log for the rest."""

from __future__ import annotations

import warnings
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


def restore(file: SnapshotFile, log: Log, line: Sequence[Segment], end: int) -> Document:
    """Return the document of a line, from the summaries below offset ``end`` and the log after them.

    Reads at most ``fan - 1`` summaries of each level and less than one window of the log, for each branch of the line.
    """
    settled = _Restored(file, log)
    document = Document(settled=settled)
    for branch, last in line:
        stop = file.scale.full(min(end, last + 1))
        for found in _cover(file, branch, stop):
            if isinstance(found, Summary):
                document.join(found.open, found.unreadable)
                settled.add(_Block(file, log, found))
            else:
                for event in _on_branch(log, branch, found.start, found.stop):
                    document.absorb(event)
        for event in _on_branch(log, branch, stop, last + 1):
            document.absorb(event)
    return document


def _cover(file: SnapshotFile, branch: str, stop: int) -> Iterator[Summary | range]:
    """Yield what makes up the offsets below ``stop``: summaries, and ranges that have to be read from the log."""
    span = file.scale.span
    level = 0
    while span(level + 1) <= stop:
        level += 1
    start = 0
    while start < stop:
        while start + span(level) > stop:
            level -= 1
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

    def __init__(self, file: SnapshotFile, log: Log) -> None:
        self._file = file
        self._log = log
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
                end = self._file.ended(branch, turn)
            except SnapshotError as error:
                warn(error)
                self._read[branch] = {
                    turn for block in self._blocks if block.branch == branch for turn, _ in block.load()
                }
            else:
                return end is not None and end < self._reach[branch]
        return turn in self._read[branch]
