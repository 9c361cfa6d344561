"""The document: what a line of history says, as a fold over its events.

``fold`` is a monoid homomorphism: for events ``a`` that stand before ``b`` in the log,
``fold(a + b) == merge(fold(a), fold(b))``. That one law serves live updates (merge one event), snapshots and
MapReduce (merge windows) and tests. An event that is stored twice (same id, or same turn and ``seq``) folds to
nothing, so that at-least-once delivery has exactly-once meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentpool_jupyter.display.colours import colour, colours
from agentpool_jupyter.display.foreign import printable
from agentpool_jupyter.display.sections import TurnSection, parts_html, to_html, to_markdown
from agentpool_jupyter.display.table import counted

from .events import Delta, Event, File, Message, TurnFailed, TurnFinished, TurnStarted, Unreadable, Usage
from .files.contents import no_contents
from .files.entry import FileEntry, is_sound, take, take_all
from .files.version import FileMap
from .settled import NOTHING, Settled, TurnList
from .turn import Entry, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .files.version import Read

_OF_TURNS = (Delta, TurnStarted, TurnFinished, TurnFailed)  # a union would be made anew for each event


class Document:
    """What a line of history says: its turns, in the order in which they began, and its files."""

    def __init__(self, *, pool: str = "", branch: str | None = None, at: int = -1, settled: Settled = NOTHING) -> None:
        self.pool = pool
        self.branch = branch
        """The line's last branch; None where the events were not chosen by line."""
        self.at = at
        """The last offset that it includes; -1 for none."""
        self.unreadable = 0
        """How many records could not be read as events."""
        self.places: Mapping[str, int] = {}
        """The places of the pool's agents, which say their colours; see :meth:`.Runs.places`."""
        self.contents: Read = no_contents
        """What its files hold, as its pool reads it."""
        self.read_as: Callable[[str], str] = str
        """What its turns' texts go through where people read them."""
        self._settled = settled
        self._entries: dict[str, Entry] = {}
        self._files: dict[str, FileEntry] = {}
        self._shown: dict[str, Turn] = {}  # ended turns as they were last shown: every prompt reads all turns

    def absorb(self, event: Event) -> None:
        """Merge one later event in place; events that say nothing to it only move ``at``."""
        self.at = max(self.at, event.offset)
        if isinstance(event, _OF_TURNS):
            key = event.turn
        elif isinstance(event, Message):
            key = event.id
        elif isinstance(event, File):
            if is_sound(event):
                take(self._files, event.path, FileEntry.of(event))
            return
        else:
            self.unreadable += isinstance(event, Unreadable)
            return
        entry = self._entries.get(key)
        if entry is None:
            if self._settled.knows(event.branch, key):
                return
            entry = self._entries[key] = Entry.of(event)
        entry.absorb(event)

    def join(
        self, entries: Mapping[str, Entry], unreadable: int = 0, files: Mapping[str, FileEntry] | None = None
    ) -> None:
        """Merge what a later stretch of the log knows of turns and files; the entries are not changed."""
        self.unreadable += unreadable
        take_all(self._files, files or {})
        for key, entry in entries.items():
            mine = self._entries.get(key)
            if mine is not None:
                mine.join(entry)
            elif not self._settled.knows(entry.branch, key):
                self._entries[key] = entry.clone()

    def copy(self, settled: Settled | None = None) -> Document:
        """Return a copy that later changes do not touch; ``settled`` is the document's own, loaded by itself."""
        twin = Document(pool=self.pool, branch=self.branch, at=self.at, settled=settled or self._settled)
        twin.unreadable, twin.places, twin.contents = self.unreadable, self.places, self.contents
        twin._files = dict(self._files)
        twin._entries = {key: entry.clone() for key, entry in self._entries.items()}
        twin._shown = self._shown
        return twin

    @property
    def entries(self) -> dict[str, Entry]:
        """All that is known of each turn, by id; loads everything. Treat as read-only."""
        return {key: entry for block in self._settled.blocks for key, entry in block.load()} | self._entries

    @property
    def files(self) -> FileMap:
        """The files by path: of each the version that counts here, see :class:`.FileVersion`."""
        return FileMap(dict(self._files), self.contents)

    @property
    def turns(self) -> Sequence[Turn]:
        """The turns in the order in which they began; attempts that were tried again are left out.

        A list; where the document was restored from snapshots, one that loads what is looked at.
        """
        return self._turns(hidden=False)

    @property
    def attempts(self) -> Sequence[Turn]:
        """The turns and also what is not shown: failed attempts that were tried again, turns without text."""
        return self._turns(hidden=True)

    def _turns(self, *, hidden: bool) -> Sequence[Turn]:
        turns = self._all_turns(hidden=hidden)
        return turns if self._settled.blocks else list(turns)

    def _all_turns(self, *, hidden: bool) -> TurnList:
        return TurnList(self._settled.blocks, self._entries.items(), self._show, hidden=hidden)

    def turn(self, name: str) -> Turn | None:
        """Return a turn by its name (``planner#2``) or id, or None."""
        turns = self._all_turns(hidden=False)
        return turns.named(name) or next((turn for turn in turns if turn.id == name), None)

    def ends(self, most: int) -> list[int]:
        """Return the offsets at which the latest turns ended, the latest first, ``most`` at the most.

        Blocks are loaded from the last one back, until no earlier one can hold a later end. With ``most=2``, own turns
        that ended at 50 and 25, and blocks of the offsets 0 to 29 and 30 to 39: the last block is loaded, for a turn in
        it may have ended after 25. If one ended at 38, the answer is 50 and 38, and the first block, in which nothing
        ended after 29, stays as it is.
        """
        found = [entry.end.offset for entry in self._entries.values() if entry.end and not entry.hidden]
        for block in reversed(self._settled.blocks):
            found = sorted(found, reverse=True)[:most]
            if len(found) == most and found[-1] >= block.stop:  # nothing in it, or before it, ended later
                break
            found += [entry.end.offset for _, entry in block.load() if entry.end and not entry.hidden]
        return sorted(found, reverse=True)[:most]

    @property
    def usage(self) -> Usage:
        """Tokens of all calls on this line, failed attempts included."""
        return sum((entry.usage for entry in self._entries.values() if entry.usage), self._settled.usage)

    @property
    def text(self) -> str:
        """The document as markdown."""
        return to_markdown(self._sections())

    def with_texts(self, change: Callable[[str], str]) -> Document:
        """Return a copy for people to read, each turn's text as ``change`` returns it."""
        twin = self.copy()
        twin.read_as = change
        return twin

    def _sections(self) -> list[TurnSection]:
        turns = self.turns
        tints = colours(self.places, (turn.agent for turn in turns if turn.model))
        return [
            TurnSection(turn.name, turn.remark, self.read_as(turn.text), tints.get(turn.agent, colour(None)))
            for turn in turns
        ]

    def _show(self, key: str, entry: Entry, name: str) -> Turn:
        if entry.end is None:  # a copy of this document may know how it ended
            return entry.show(key, name, self.branch)
        shown = self._shown.get(key)
        if shown is None or shown.name != name:
            shown = self._shown[key] = entry.show(key, name, self.branch)
        return shown

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document):
            return NotImplemented
        return (self.unreadable, self._files, self.entries) == (other.unreadable, other._files, other.entries)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._all_turns(hidden=False))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Document of {self.pool or 'events'} at {self.at}: {counted(len(self), 'turn')}>"

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's protocol
        printer.text(printable(self.text))  # type: ignore[attr-defined]

    def _repr_html_(self) -> str:
        return to_html(self._sections())

    @property
    def parts(self) -> list[str]:
        """Its HTML, a piece a turn; as long as nothing of a turn changes, its piece does not."""
        return parts_html(self._sections())


def fold(events: Iterable[Event]) -> Document:
    """Return the document of events that stand in log order."""
    document = Document()
    for event in events:
        document.absorb(event)
    return document


def merge(earlier: Document, later: Document) -> Document:
    """Return the document of two neighbouring stretches of a log; neither argument changes."""
    result = earlier.copy()
    result.pool = later.pool or earlier.pool
    result.branch = later.branch or earlier.branch  # the line ends where its last stretch does
    result.at = max(earlier.at, later.at)
    result.join(later.entries, later.unreadable, later.files.entries)
    return result
