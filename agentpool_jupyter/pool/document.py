"""The document: what a line of history says, as a fold over its events.

``fold`` is a monoid homomorphism: for events ``a`` that stand before ``b`` in the log,
``fold(a + b) == merge(fold(a), fold(b))``. That one law serves live updates (merge one event), snapshots and
MapReduce (merge windows) and tests. An event that is stored twice (same id, or same turn and ``seq``) folds to
nothing, so that at-least-once delivery has exactly-once meaning.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Literal

import msgspec

from .events import Delta, Event, Message, TurnFailed, TurnFinished, TurnStarted, Unreadable, Usage
from .render import to_html, to_markdown

if TYPE_CHECKING:
    from collections.abc import Iterable

Status = Literal["running", "finished", "failed", "cancelled"]


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What one agent said in one go; a person's message is a finished turn."""

    id: str
    name: str
    """``planner#2``: the second turn of ``planner`` on this line of history."""
    agent: str
    text: str
    status: Status
    start: int
    """Offset of its first event."""
    end: int | None
    """Offset of the event that ended it; None while it runs, or where a rollback cut it off."""
    seen: int = 0
    """One past the last offset that its agent had read."""
    usage: Usage | None = None
    cost: float | None = None
    """US dollars, where known."""
    model: str = ""
    """Who computed it; empty for a message."""
    reason: str = ""
    """The finish reason, or the kind of failure."""
    error: str = ""
    attempt: int = 1
    run: str = ""
    branch: str = "main"
    time: int = 0
    """When it began, in milliseconds since the epoch (the log's clock)."""
    context: dict[str, object] = {}
    """What its prompt was made of."""


class _Entry:
    """All that is known of one turn. Settled entries never change again and may be shared."""

    __slots__ = ("agent", "begin", "branch", "end", "first", "parts", "run", "shown", "text", "time")

    def __init__(self, event: Event) -> None:
        self.agent = event.agent
        self.run = event.run
        self.branch = event.branch
        self.first = event.offset
        self.time = event.time
        self.begin: TurnStarted | None = None
        self.end: TurnFinished | TurnFailed | Message | None = None
        self.parts: dict[int, str] = {}
        self.text: str | None = None  # all parts as one, once they are known to be all
        self.shown: Turn | None = None  # as it was last shown, once settled: every prompt reads all turns

    def absorb(self, event: Event) -> None:
        """Take in a later event; the first of each kind counts, and nothing after the end does."""
        if self.end is not None:
            return
        if isinstance(event, Delta):
            self.parts.setdefault(event.seq, event.text)
        elif isinstance(event, TurnStarted):
            self.begin = self.begin or event
        elif isinstance(event, TurnFinished | TurnFailed | Message):
            self.end = event
            self._settle()

    def join(self, later: _Entry) -> None:
        """Take in what a later window knows of the same turn."""
        if self.end is None:
            self.begin = self.begin or later.begin
            if later.text is not None:  # complete by itself: the earlier parts can only be the same ones
                self.parts, self.text = {}, later.text
            else:
                self.parts = later.parts | self.parts
            self.end = later.end
            self._settle()

    def _settle(self) -> None:
        if isinstance(self.end, TurnFinished) and self.text is None:
            count = self.end.deltas
            if count >= 0 and all(i in self.parts for i in range(count)):
                self.text = "".join(self.parts[i] for i in range(count))
                self.parts = {}

    def whole_text(self) -> str:
        if self.text is not None:
            return self.text
        if isinstance(self.end, Message):
            return self.end.text
        return "".join(self.parts[i] for i in sorted(self.parts))

    def clone(self) -> _Entry:
        if self.end is not None:
            return self
        twin = copy(self)
        twin.parts = dict(self.parts)
        return twin

    def key(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__ if name != "shown")

    @property
    def hidden(self) -> bool:
        """Kept in the history but not shown: an attempt that is tried again, a Python agent that had nothing to say."""
        match self.end:
            case TurnFailed(retriable=True) | TurnFinished(reason="silent"):
                return True
            case _:
                return False

    def status(self, tip: str | None) -> Status:
        match self.end:
            case TurnFailed():
                return "failed"
            case TurnFinished(reason="cancelled"):
                return "cancelled"
            case None:
                # A turn that began before a fork and had not ended there is cut off on the new line.
                return "running" if tip in (None, self.branch) else "cancelled"
            case _:
                return "finished"


class Document:
    """What a line of history says: its turns, in the order in which they began."""

    def __init__(self, *, pool: str = "", branch: str | None = None, at: int = -1) -> None:
        self.pool = pool
        self.branch = branch
        """The line's last branch; None where the events were not chosen by line."""
        self.at = at
        """The last offset that it includes; -1 for none."""
        self.unreadable = 0
        """How many records could not be read as events."""
        self._entries: dict[str, _Entry] = {}

    def absorb(self, event: Event) -> None:
        """Merge one later event in place; events that say nothing about turns only move ``at``."""
        self.at = max(self.at, event.offset)
        if isinstance(event, Delta | TurnStarted | TurnFinished | TurnFailed):
            key = event.turn
        elif isinstance(event, Message):
            key = event.id
        else:
            self.unreadable += isinstance(event, Unreadable)
            return
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(event)
        entry.absorb(event)

    def copy(self) -> Document:
        """Return a document that later changes to this one do not touch; settled turns are shared."""
        twin = Document(pool=self.pool, branch=self.branch, at=self.at)
        twin.unreadable = self.unreadable
        twin._entries = {key: entry.clone() for key, entry in self._entries.items()}
        return twin

    @property
    def turns(self) -> list[Turn]:
        """The turns in the order in which they began; attempts that were tried again are left out."""
        return self._turns(hidden=False)

    @property
    def attempts(self) -> list[Turn]:
        """The turns and also what is not shown: failed attempts that were tried again, turns without text."""
        return self._turns(hidden=True)

    def _turns(self, *, hidden: bool) -> list[Turn]:
        counts: dict[str, int] = {}
        turns = []
        for key, entry in sorted(self._entries.items(), key=lambda item: item[1].first):
            shown = not entry.hidden
            number = counts.get(entry.agent, 0) + 1
            if shown:
                counts[entry.agent] = number
            if shown or hidden:
                turns.append(self._turn(key, entry, f"{entry.agent}#{number}"))
        return turns

    def turn(self, name: str) -> Turn | None:
        """Return a turn by its name (``planner#2``) or id, or None."""
        return next((turn for turn in self.turns if name in (turn.name, turn.id)), None)

    @property
    def usage(self) -> Usage:
        """Tokens of all calls on this line, failed attempts included."""
        total = Usage()
        for entry in self._entries.values():
            if isinstance(entry.end, TurnFinished | TurnFailed) and entry.end.usage:
                total += entry.end.usage
        return total

    @property
    def text(self) -> str:
        """The document as markdown."""
        return to_markdown(self.turns)

    def _turn(self, key: str, entry: _Entry, name: str) -> Turn:
        if entry.shown is not None and entry.shown.name == name:
            return entry.shown
        begin, end = entry.begin, entry.end
        finished = end if isinstance(end, TurnFinished) else None
        failed = end if isinstance(end, TurnFailed) else None
        turn = Turn(
            id=key,
            name=name,
            agent=entry.agent,
            text=entry.whole_text(),
            status=entry.status(self.branch),
            start=entry.first,
            end=end.offset if end else None,
            seen=begin.seen if begin else entry.first,
            usage=finished.usage if finished else failed.usage if failed else None,
            cost=finished.cost if finished else None,
            model=begin.model if begin else "",
            reason=finished.reason if finished else failed.kind if failed else "",
            error=failed.error if failed else "",
            attempt=begin.attempt if begin else 1,
            run=entry.run,
            branch=entry.branch,
            time=entry.time,
            context=begin.context if begin else {},
        )
        if end is not None:
            entry.shown = turn
        return turn

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document):
            return NotImplemented
        mine = {key: entry.key() for key, entry in self._entries.items()}
        theirs = {key: entry.key() for key, entry in other._entries.items()}
        return (mine, self.unreadable) == (theirs, other.unreadable)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self.turns)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Document of {self.pool or 'events'} at {self.at}: {len(self)} turns>"

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython's protocol
        printer.text(self.text)  # type: ignore[attr-defined]

    def _repr_html_(self) -> str:
        return to_html(self.turns)


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
    result.unreadable += later.unreadable
    result.at = max(earlier.at, later.at)
    for key, entry in later._entries.items():  # noqa: SLF001 - the other half of the class
        mine = result._entries.get(key)  # noqa: SLF001
        if mine is None:
            result._entries[key] = entry.clone()  # noqa: SLF001
        else:
            mine.join(entry)
    return result
