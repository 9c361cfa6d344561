"""What a pool asks of its snapshots; made and kept by :mod:`agentpool_jupyter.snapshots`, which stands above.

A pool without snapshots works the same, in time that grows with its length.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from .claims import unfenced
from .codec import decode
from .document import Document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agentpool_jupyter.log import Log, Record

    from .branches import Segment
    from .events import Event


PoolT = TypeVar("PoolT")
"""What has the snapshots, and is handed to them when it has stored something."""


class Chronicle(NamedTuple):
    """The records below an offset that forks, heads, tags and runs are folded from."""

    end: int
    records: Iterable[Record]


class Snapshots(Generic[PoolT]):
    """No snapshots: everything is read from the log."""

    @property
    def problem(self) -> Exception | None:
        """Why the last ones that were to be taken by themselves were not; None where all is well."""
        return None

    def chronicle(self, log: Log) -> Chronicle:  # noqa: ARG002 - for those that have one
        """Return what is known without reading the whole log."""
        return Chronicle(0, ())

    def document(self, log: Log, line: Sequence[Segment], fences: Mapping[str, int]) -> Document:
        """Return the document of a line, without what was written too late for its claim (:mod:`.claims`)."""
        document = Document()
        last = dict(line)
        for event in map(decode, unfenced(log.read(0, line[-1].last + 1), fences)):
            if event.offset <= last.get(event.branch, -1):
                document.absorb(event)
        return document

    def lengths(self, log: Log, lines: Mapping[str, Sequence[Segment]], fences: Mapping[str, int]) -> dict[str, int]:
        """Return how many turns the documents of several lines have; they are read at once."""
        own: defaultdict[str, Document] = defaultdict(Document)
        for event in map(decode, unfenced(log.read(0, max(line[-1].last for line in lines.values()) + 1), fences)):
            own[event.branch].absorb(event)
        entries = {branch: document.entries.values() for branch, document in own.items()}
        begun = {branch: sorted(entry.first for entry in found) for branch, found in entries.items()}
        hidden = {
            branch: sorted(one.end.offset for one in found if one.end and one.hidden)
            for branch, found in entries.items()
        }

        def length(branch: str, last: int) -> int:
            return bisect_right(begun.get(branch, ()), last) - bisect_right(hidden.get(branch, ()), last)

        return {name: sum(length(*segment) for segment in line) for name, line in lines.items()}

    def heed(self, pool: PoolT, events: Sequence[Event]) -> None:
        """Take note of what was stored just now."""

    def look_again(self, end: int) -> None:
        """Take note that snapshots were made, up to offset ``end``, or removed: 0."""

    def close(self) -> None:
        """Let go of files and background work; twice is fine."""


NO_SNAPSHOTS: Snapshots[Any] = Snapshots()
