"""From a pool's events to items: turns as they finish, on all branches, each once."""

from __future__ import annotations

import msgspec

from agentpool_jupyter.pool.events import Delta, Event, Message, TurnFailed, TurnFinished, TurnStarted
from agentpool_jupyter.pool.gather import Gathered
from agentpool_jupyter.pool.words import UNSAID

from .backends.items import Item, pool_source
from .text.passages import passages

_LATE = 1000  # turns after whose end a writer's second attempts may still come, which are nothing


class OpenTurn(Gathered, omit_defaults=True):
    """A turn under way: where it began, and what has been said so far."""

    begin: int
    """Offset of its first event."""
    agent: str
    branch: str
    time: int

    @classmethod
    def of(cls, event: Event) -> OpenTurn:
        """Return the turn that an event begins, without what the event says."""
        return cls(event.offset, event.agent, event.branch, event.time)


class Mark(msgspec.Struct, omit_defaults=True):
    """How far a pool has been read, and all that is needed to go on from there without what came before."""

    next: int = 0
    """The first offset that has not been read."""
    last: int = 0
    """Checksum of the record before that: another one there means another pool of the same name."""
    open: dict[str, OpenTurn] = {}
    """Turns that have begun and not ended."""
    closed: list[str] = []
    """The latest turns that ended and are not indexed: failed, stopped, silent or blank."""


encode_mark = msgspec.json.Encoder().encode
"""Returns a mark as it is stored."""
_decoder = msgspec.json.Decoder(Mark)


def decode_mark(raw: bytes | None) -> Mark:
    """Return a stored mark, the beginning for none; raises msgspec.DecodeError where it is damaged."""
    return _decoder.decode(raw) if raw else Mark()


def latest(closed: list[str]) -> list[str]:
    """Return those of the turns in :attr:`Mark.closed` that are kept."""
    return closed[-_LATE:]


class TurnCollector:
    """Collects the events of turns until they finish; as in the document, nothing after a turn's end counts."""

    def __init__(self, pool: str, mark: Mark | None = None) -> None:
        self.mark = mark or Mark()
        self._source = pool_source(pool)
        self._done = set(self.mark.closed)

    def absorb(self, event: Event) -> list[Item]:
        """Take in the next event of the log and return the passages of the turn that it finished, if any."""
        self.mark.next = event.offset + 1
        if isinstance(event, Message):
            return self._finish(event.id, OpenTurn.of(event), event, event.text)
        if isinstance(event, (TurnStarted, Delta)):
            if event.turn not in self._done:
                turn = self.mark.open.get(event.turn)
                if turn is None:
                    turn = self.mark.open[event.turn] = OpenTurn.of(event)
                if isinstance(event, Delta):
                    turn.add(event)
        elif isinstance(event, TurnFinished | TurnFailed) and event.turn not in self._done:
            ended = self.mark.open.pop(event.turn, None)
            if ended is not None and isinstance(event, TurnFinished) and event.reason not in UNSAID:
                text = ended.so_far()
                if text.strip():
                    return self._finish(event.turn, ended, event, text)
            self._done.add(event.turn)
            self.mark.closed = latest([*self.mark.closed, event.turn])
        return []

    def _finish(self, key: str, turn: OpenTurn, end: Event, text: str) -> list[Item]:
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
                agent=turn.agent,
                branch=turn.branch,
                begin=turn.begin,
                end=end.offset,
                time=turn.time,
            )
            for part, passage in enumerate(passages(text))
        ]
