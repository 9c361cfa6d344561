"""Documents from snapshots: a few summaries, and the log for the rest.

For example, with windows of 64 offsets, three of which make a larger one, and summaries up to offset 1,000: a line is
``main`` up to offset 299, where ``idea`` left it, and ``idea`` from there to offset 700. Its document is made of

====== ============ =============================================
main     0 to 191   one summary of level 1
main   192 to 255   one of level 0
main   256 to 299   from the log: a summary of 256 to 319 would say what ``main`` said after the fork, too
idea   256 to 383   two of level 0; below 300 there is nothing of ``idea``
idea   384 to 575   one of level 1
idea   576 to 639   one of level 0
idea   640 to 700   from the log: a summary of 640 to 703 would say too much
====== ============ =============================================

What ``main`` gives is the same at all positions of ``idea``, and kept.
"""

from __future__ import annotations

import threading
import warnings
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from agentpool_jupyter.errors import SnapshotError, SnapshotWarning
from agentpool_jupyter.pool.claims import unfenced
from agentpool_jupyter.pool.codec import decode
from agentpool_jupyter.pool.document import Document, fold
from agentpool_jupyter.pool.settled import Settled

from .summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from agentpool_jupyter.log import Log
    from agentpool_jupyter.pool import Event
    from agentpool_jupyter.pool.branches import Segment

    _Read = Callable[[str, int, int], Iterator[Event]]
    from agentpool_jupyter.pool.events import Usage
    from agentpool_jupyter.pool.turn import Entry

    from .file import SnapshotFile

_KEPT = 64  # documents of what lines have in common


class Source:
    """What documents are restored from: a file, and the log that it was made of. Any thread may use it."""

    # A line that left other branches has the same behind it at most of its positions, and that never changes: the
    # document of what was left is kept, and the next position goes on from there.

    def __init__(self, file: SnapshotFile, log: Log, fences: Mapping[str, int]) -> None:
        self.file = file
        self._read = partial(_on_branch, log, fences)
        self._lock = threading.Lock()
        self._kept: dict[tuple[Segment, ...], tuple[Document, _Restored]] = {}

    def restore(self, line: Sequence[Segment]) -> Document:
        """Return the document of a line, from the summaries as far as they go and the log after them."""
        # For each branch, at most ``2 * (fan - 1)`` summaries of each level, and less than one window of the log.
        # A branch has no events before its line came to it: one that begins behind the position has none at all.
        trail = (*line[:1], *(segment for before, segment in pairwise(line) if before.last < segment.last))
        document, settled = self._behind(trail[:-1])
        self._go_on(document, settled, trail, len(trail) - 1)
        return document

    def _behind(self, trail: tuple[Segment, ...]) -> tuple[Document, _Restored]:
        """Return the document of what was left, and its blocks, for the caller to change."""
        with self._lock:
            known = max((kept for kept in self._kept if trail[: len(kept)] == kept), key=len, default=())
            if known:
                kept, blocks = self._kept[known] = self._kept.pop(known)  # used last
        settled = blocks.copy() if known else _Restored(self.file, self._read)
        document = kept.copy(settled) if known else Document(settled=settled)
        for at in range(len(known), len(trail)):
            self._go_on(document, settled, trail, at)
            if len(trail) - at <= _KEPT:
                self._keep(trail[: at + 1], document, settled)
        return document, settled

    def _keep(self, trail: tuple[Segment, ...], document: Document, settled: _Restored) -> None:
        if trail[-1].last >= self.file.anchor.end + self.file.scale.window:  # much of it may be of the log
            return
        own = settled.copy()
        with self._lock:
            self._kept[trail] = document.copy(own), own
            for oldest in list(self._kept)[:-_KEPT]:
                del self._kept[oldest]

    def _go_on(self, document: Document, settled: _Restored, trail: tuple[Segment, ...], at: int) -> None:
        """Merge what a trail's segment says into the document of those before it."""
        file = self.file
        branch, last = trail[at]
        start = file.scale.full(trail[at - 1].last + 1) if at else 0
        stop = max(start, file.scale.full(min(file.anchor.end, last + 1)))
        for found in _cover(file, branch, start, stop):
            if isinstance(found, Summary):
                document.join(found.open, found.unreadable, found.files)
                settled.add(found)
            else:
                for event in self._read(branch, found.start, found.stop):
                    document.absorb(event)
        for event in self._read(branch, stop, last + 1):
            document.absorb(event)


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


def _on_branch(log: Log, fences: Mapping[str, int], branch: str, start: int, stop: int) -> Iterator[Event]:
    return (event for event in map(decode, unfenced(log.read(start, stop), fences)) if event.branch == branch)


def warn(error: SnapshotError) -> None:
    """Tell that snapshots are passed over."""
    text = f"{error}; the log is read instead, which is slower. `%snapshot` (or snapshot(pool)) makes it anew"
    warnings.warn(text, SnapshotWarning, stacklevel=2)


class _Block:
    """The turns that a window has whole; loaded once, when somebody looks at them."""

    def __init__(self, file: SnapshotFile, read: _Read, summary: Summary) -> None:
        self._file = file
        self._read = read
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
                    self._file.refuse("is damaged: turns are missing")
            except SnapshotError as error:
                warn(error)
                entries = fold(self._read(self.branch, self.start, self.stop)).entries
                self._loaded = [(key, entry) for key, entry in entries.items() if entry.whole]
        return self._loaded


class _Restored(Settled):
    """The blocks that a restored document stands on."""

    def __init__(self, file: SnapshotFile, read: _Read, summaries: Iterable[Summary] = ()) -> None:
        self._file = file
        self._read = read
        self._summaries: list[Summary] = []
        self._blocks: list[_Block] = []
        self._reach: dict[str, int] = {}
        self._keys: dict[str, set[str]] = {}
        for summary in summaries:
            self.add(summary)

    @property
    def blocks(self) -> Sequence[_Block]:  # type: ignore[override]
        return self._blocks

    def add(self, summary: Summary) -> None:
        """Add the line's next block."""
        block = _Block(self._file, self._read, summary)
        self._summaries.append(msgspec.structs.replace(summary, open={}, files={}))  # which are the document's now
        self._blocks.append(block)
        self._reach[summary.branch] = block.stop

    def copy(self) -> _Restored:
        """Return the same blocks, with nothing loaded."""
        return _Restored(self._file, self._read, self._summaries)

    def knows(self, branch: str, turn: str) -> bool:
        """Return whether a turn ended before where the branch's blocks do."""
        if branch not in self._reach:
            return False
        if branch not in self._keys:
            try:
                end = self._file.ended(branch, turn)
            except SnapshotError as error:
                warn(error)
                loaded = (block.load() for block in self._blocks if block.branch == branch)
                self._keys[branch] = {key for turns in loaded for key, _ in turns}
            else:
                return end is not None and end < self._reach[branch]
        return turn in self._keys[branch]
