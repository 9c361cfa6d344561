"""Positions as people write them: ``120``, ``planner#2``, ``-3``, ``14:05``, ``10m``, a branch or a tag."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from agentpool_jupyter.errors import PositionError

from .branches import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .branches import Branches
    from .document import Document
    from .events import Event

_OFFSET = re.compile(r"[0-9]+")
_BACK = re.compile(r"-[0-9]+")
_DIGITS = 40  # more than any pool's offsets have; Python refuses to read very long numbers
_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Readable(Protocol):
    """What positions are looked up in: a pool, as it is now."""

    name: str

    @property
    def end(self) -> int:
        """One past the last offset."""

    @property
    def lineage(self) -> Branches:
        """The forks, heads and tags."""

    def events(self, start: int, stop: int) -> Iterator[Event]:
        """Yield the stored events, ``start <= offset < stop``."""

    def document(self) -> Document:
        """Return the document of the current line."""

    def offset_at(self, time: int) -> int:
        """Return the first offset that the log took at or after ``time`` (milliseconds since the epoch)."""


def find_position(pool: Readable, text: str, *, begun: bool = False) -> Position:
    """Return the position that a text means in a pool now; raises PositionError, which names the nearest ones.

    With ``begun`` a time at which there was nothing yet is an error, too.
    """
    branches = pool.lineage
    text = branches.known(text)
    if _OFFSET.fullmatch(text):
        return _offset(pool, int(text[:_DIGITS]))
    if _BACK.fullmatch(text):
        return Position(branches.head, _turns_back(pool.document(), int(text[1:_DIGITS])))
    if text in branches:
        return Position(text, pool.end - 1)
    if text in branches.tags:
        tag = branches.tags[text]
        return Position(tag.branch, tag.at)
    moment = _moment(text)
    known = [*branches, *branches.tags]
    at = _turn_end(pool.document(), text, known) if moment is None else pool.offset_at(moment) - 1
    if at < 0 and begun and (first := next(iter(pool.events(0, 1)), None)):
        message = (
            f"{text!r} is before the beginning of pool {pool.name!r}, which is of {clock(first.time)}: "
            "name a later time, or a turn"
        )
        raise PositionError(message)
    return Position(branches.head, at)


def _offset(pool: Readable, offset: int) -> Position:
    if offset >= (end := pool.end):
        last = f"the last offset is {end - 1}" if end else "it is empty"
        message = f"pool {pool.name!r} has no offset {offset}: {last}"
        raise PositionError(message)
    branches = pool.lineage  # as it is at that end, or later
    (event,) = pool.events(offset, offset + 1)
    # Right after that event means a line that includes it, even where that line was abandoned.
    here = Position(branches.head, offset)
    included = any(True for _ in branches.on_line([event], here))
    known = event.branch in branches
    return here if included or not known else Position(event.branch, offset)


def _turns_back(document: Document, count: int) -> int:
    ends = document.ends(count + 1)
    if count > len(ends):
        there = f"has {len(ends)} finished turn{'s' * (len(ends) > 1)}" if ends else "has no finished turn"
        message = f"cannot go {count} turn{'s' * (count > 1)} back: this line {there}"
        raise PositionError(message)
    if count < len(ends):
        return ends[count]
    return document.turns[0].start - 1 if document.turns else -1


def _turn_end(document: Document, name: str, others: list[str]) -> int:
    turn = document.turn(name)
    if turn is None:
        known = [turn.name for turn in document.turns]
        near = difflib.get_close_matches(name, [*known, *others], n=3, cutoff=0.4) or known[-3:] or others[:3]
        message = f"no position {name!r} on this line; nearest: {', '.join(near)}"
        raise PositionError(message)
    return document.at if turn.end is None else turn.end


def clock(time: int) -> str:
    """Return a time (ms) as people write it: of today the time alone, else with its day. It is a position as well."""
    try:
        when, now = datetime.fromtimestamp(time // 1000, UTC).astimezone(), datetime.now().astimezone()
    except (OverflowError, ValueError, OSError):  # of a clock that is far off
        return f"{time} ms"
    return f"{when:%H:%M:%S}" if when.date() == now.date() and when <= now else f"{when:%Y-%m-%dT%H:%M:%S}"


def _moment(text: str) -> int | None:
    """Return a time in milliseconds since the epoch, or None where the text is no time."""
    try:
        if ago := _AGO.fullmatch(text):
            when = (
                datetime.now().astimezone().timestamp() - timedelta(**{_UNITS[ago[2]]: float(ago[1])}).total_seconds()
            )
        elif clock := _CLOCK.fullmatch(text):
            when = _latest(int(clock[1]), int(clock[2]), int(clock[3] or 0), text)
        else:
            when = datetime.fromisoformat(text).astimezone().timestamp()
        return max(0, int(when * 1000))
    except OverflowError:  # before the calendar begins
        return 0
    except ValueError:
        return None


def _latest(hour: int, minute: int, second: int, text: str) -> float:
    """Return when a clock here last showed a time, in seconds since the epoch.

    On a day when the clock is put back, it shows some times twice; the later one counts, once it has come.
    """
    now = datetime.now()  # noqa: DTZ005 - of a time without a zone Python asks the system, day by day
    try:
        today = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    except ValueError as error:
        message = f"{text!r} is no time of day: use hours 0 to 23 and minutes 0 to 59"
        raise PositionError(message) from error
    times = [day.replace(fold=fold).timestamp() for day in (today, today - timedelta(days=1)) for fold in (0, 1)]
    return max(time for time in times if time <= now.timestamp())
