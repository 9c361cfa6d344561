"""Between events and the bytes of the log: JSON, so that ``kcat``, ``jq`` and Hadoop streaming read it too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Self, get_args

import msgspec

from .events import AnyEvent, Event, Unknown, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentpool_jupyter.log import Follower, Record

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(AnyEvent)
_TYPES = frozenset(kind.__struct_config__.tag for kind in get_args(AnyEvent))
# Nesting deeper than the interpreter's stack is an error of its own.
_NOT_AN_EVENT = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Bare(msgspec.Struct):
    """The least that an event of an unknown type must have."""

    id: str
    type: str
    branch: str = "main"
    run: str = ""
    agent: str = ""
    ts: int = 0


_bare_decoder = msgspec.json.Decoder(_Bare)


def encode(event: Event) -> bytes:
    """Return an event as the bytes of a record, without the place that a log gave it."""
    if event.offset != -1 or event.time:
        event = msgspec.structs.replace(event, offset=-1, time=0)
    try:
        return _encoder.encode(event)
    except UnicodeEncodeError:  # a server that cuts text by UTF-16 units may leave half a character
        return json.dumps(msgspec.to_builtins(event), ensure_ascii=False).encode(errors="replace")


def decode(record: Record) -> Event:
    """Return a record's event with its place in the log; what cannot be read comes back as Unknown or Unreadable."""
    try:
        event = _decoder.decode(record.value)
    except _NOT_AN_EVENT:
        event = _decode_loosely(record)
    return at_offset(event, record.offset, record.time)


def at_offset(event: Event, offset: int, time: int) -> Event:
    """Return the event with the place that the log gave it; changes it in place, before anyone else has seen it."""
    msgspec.structs.force_setattr(event, "offset", offset)
    msgspec.structs.force_setattr(event, "time", time)
    return event


def _decode_loosely(record: Record) -> Event:
    try:
        bare = _bare_decoder.decode(record.value)
    except _NOT_AN_EVENT:
        return Unreadable(id=f"unreadable@{record.offset}", size=len(record.value))
    if bare.type in _TYPES:  # a type that we know, with fields that we cannot read
        return Unreadable(id=f"unreadable@{record.offset}", branch=bare.branch, size=len(record.value))
    return Unknown(id=bare.id, kind=bare.type, branch=bare.branch, run=bare.run, agent=bare.agent, ts=bare.ts)


class EventFollower:
    """A live reading of a pool: iterate it for single events, or take ``batches()``."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._ready: Iterator[Event] = iter(())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        for event in self._ready:
            return event
        self._ready = map(decode, next(self._follower))
        return next(self._ready)

    def batches(self) -> Iterator[list[Event]]:
        """Yield non-empty lists of events as they arrive together."""
        for records in self._follower:
            yield [decode(record) for record in records]

    def close(self) -> None:
        """End the iteration, from any thread."""
        self._follower.close()
