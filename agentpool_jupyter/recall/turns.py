"""From a pool's events to items: turns as they finish, on all branches, each once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeGuard

import msgspec

from agentpool_jupyter.pool.events import Delta, Event, Message, TurnFailed, TurnFinished, TurnStarted

from .items import Item, pool_source
from .passages import passages

if TYPE_CHECKING:
    from collections.abc import Iterable

_LEFT_OUT = ("cancelled", "silent")  # what was stopped, or not said, is no finished turn


class Mark(msgspec.Struct, omit_defaults=True):
    """How far a pool has been read, and what must be remembered to go on from there."""

    next: int = 0
    """The first offset that has not been read."""
    last: int = 0
    """Checksum of the record before that: another one there means another pool of the same name."""
    open: dict[str, int] = {}
    """Turns that have begun and not ended, with the offset of their first event."""
    closed: list[str] = []
    """Turns that ended and are not indexed: failed, stopped, silent or blank. What comes late for them is nothing."""


def is_open(event: Event, mark: Mark) -> TypeGuard[TurnStarted | Delta]:
    """Whether an event before the mark is what a turn that was open there had begun with."""
    return isinstance(event, TurnStarted | Delta) and mark.open.get(event.turn, sys.maxsize) <= event.offset < mark.next


class _Speech:
    """A turn under way."""

    __slots__ = ("begin", "parts")

    def __init__(self, event: Event) -> None:
        self.begin = event
        self.parts: dict[int, str] = {}


class Turns:
    """Collects the events of turns until they finish; says what the document says of them.

    As in the document, the first event of each kind counts, and nothing after a turn's end does.
    """

    def __init__(self, pool: str, mark: Mark | None = None) -> None:
        self.mark = mark or Mark()
        self._source = pool_source(pool)
        self._speeches: dict[str, _Speech] = {}
        self._done = set(self.mark.closed)

    @property
    def hears(self) -> bool:
        """Whether it has the events of turns under way."""
        return bool(self._speeches)

    def reread(self, events: Iterable[Event]) -> None:
        """Take in again, after a restart, the events of the turns that were open at the mark."""
        for event in events:
            if is_open(event, self.mark):
                self._hear(event)

    def absorb(self, event: Event) -> list[Item]:
        """Take in the next event of the log and return the passages of the turn that it finished, if any."""
        self.mark.next = event.offset + 1
        if isinstance(event, Message):
            return self._finish(event.id, event, event, event.text)
        if isinstance(event, TurnStarted | Delta):
            if event.turn not in self._done:
                self._hear(event)
        elif isinstance(event, TurnFinished | TurnFailed) and event.turn not in self._done:
            speech = self._speeches.pop(event.turn, None)
            self.mark.open.pop(event.turn, None)
            if speech is not None and isinstance(event, TurnFinished) and event.reason not in _LEFT_OUT:
                text = "".join(speech.parts[seq] for seq in sorted(speech.parts))
                if text.strip():
                    return self._finish(event.turn, speech.begin, event, text)
            self._done.add(event.turn)
            self.mark.closed.append(event.turn)
        return []

    def _hear(self, event: TurnStarted | Delta) -> None:
        speech = self._speeches.get(event.turn)
        if speech is None:
            speech = self._speeches[event.turn] = _Speech(event)
            self.mark.open.setdefault(event.turn, event.offset)
        if isinstance(event, Delta):
            speech.parts.setdefault(event.seq, event.text)

    def _finish(self, key: str, begin: Event, end: Event, text: str) -> list[Item]:
        if key in self._done:
            return []
        self._done.add(key)
        return [
            Item(
                source=self._source,
                key=key,
                part=part,
                text=passage.text,
                start=passage.start,
                line=passage.line,
                agent=begin.agent,
                branch=begin.branch,
                begin=begin.offset,
                end=end.offset,
                time=begin.time,
            )
            for part, passage in enumerate(passages(text))
        ]
