"""``ap.from_messages`` and ``%pool import``: transcripts of other systems become turns of a pool."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.log import Record, open_store
from agentpool_jupyter.pool.codec import encode
from agentpool_jupyter.pool.events import IdSource, now_ms
from agentpool_jupyter.snapshots.opening import open_pool

from .messages import TranscriptMessage, events_of, read_message
from .spans import messages_of_spans

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from agentpool_jupyter.pool import Pool

MOST_BYTES = 256 * 1024 * 1024
"""Bytes of a file."""
MOST_MESSAGES = 200_000
_SPANS = "resourceSpans"
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_GZIP = b"\x1f\x8b"
_T = TypeVar("_T")


def from_messages(pool: Pool, messages: Iterable[Any], *, branch: str | None = None) -> list[str]:
    """Bring messages of another system into a pool, at the end of a line, and return the ids of their turns.

    Each is a mapping with ``content``, and ``role`` or ``name``, maybe ``time`` (ISO, or since 1970), ``model`` and
    ``usage``. Those of agents become turns that had read all before them; those of ``user``, ``system`` and ``tool``
    are messages. All of them are checked before the first is stored. Raises UserError, which names the place, and
    PositionError for a branch that is not there.
    """
    found = [read_message(raw, f"message {number}") for number, raw in enumerate(_few(messages), 1)]
    branch = pool.lineage.check(pool.branch if branch is None else branch)
    events = list(events_of(found, pool.new_id, start=pool.end, now=now_ms(), branch=branch))
    pool.append(events)
    return list(dict.fromkeys(getattr(event, "turn", event.id) for event in events))


def import_transcript(
    file: str | os.PathLike[str], name: str | None = None, store: str | os.PathLike[str] | None = None
) -> Pool:
    """Make a new pool of a transcript of another system, and return it, open; its name is the file's (or ``name``).

    A file holds a list of messages as JSON (or a mapping with ``messages``), one message a line, or spans as OTLP JSON,
    whole or one request a line; at most :data:`MOST_BYTES` and :data:`MOST_MESSAGES`. The log's times are those of the
    messages, as far as they have some. All of it is checked before anything is stored. Raises UserError where it cannot
    be read, with the place, or where the pool exists.
    """
    path = Path(file).expanduser()
    messages = read_transcript(path)
    name = name or _UNFIT.sub("-", path.name.split(".")[0]).strip("-._")[:80] or "imported"
    place = open_store(store)
    place.restore(name, _records(messages))
    return open_pool(name, store)


def is_transcript(file: str | os.PathLike[str]) -> bool:
    """Return whether a file is no export of ours, which are compressed; where it is not there, False."""
    try:
        with Path(file).expanduser().open("rb") as lines:
            return lines.read(2) != _GZIP
    except OSError:
        return False


def read_transcript(path: Path) -> list[TranscriptMessage]:
    """Return the messages of a file; raises UserError, which names the line."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            message = f"{path} has {size:,} bytes, and {MOST_BYTES:,} is the most: split it"
            raise UserError(message)
        data = path.read_bytes()
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise UserError(message) from error
    whole = _whole(data)
    rows: Sequence[tuple[str, object]] = list(_lines(data, path) if whole is None else [(str(path), whole)])
    if spans := [row for _, row in rows if isinstance(row, dict) and _SPANS in row]:
        return _some(messages_of_spans(spans, str(path)), path)
    found = [read_message(raw, place) for place, raw in _few(_flat(rows))]
    return _some(found, path)


def _whole(data: bytes) -> object | None:
    """Return what a file is as one JSON value; None where it is not one."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, list | dict) else None


def _lines(data: bytes, path: Path) -> Iterator[tuple[str, object]]:
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield f"line {number} of {path}", msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            message = f"line {number} of {path} is no JSON ({error}): a transcript is JSON, or one JSON value a line"
            raise UserError(message) from None


def _flat(rows: Iterable[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    """Yield messages with their places; a row may be one, a list of them, or a mapping that has such a list."""
    for place, row in rows:
        inner = row.get("messages", row) if isinstance(row, dict) else row
        if isinstance(inner, list):
            yield from ((f"message {number} of {place}", one) for number, one in enumerate(inner, 1))
        else:
            yield place, inner


def _few(messages: Iterable[_T]) -> Iterator[_T]:
    for number, one in enumerate(messages, 1):
        if number > MOST_MESSAGES:
            message = f"there are more than {MOST_MESSAGES:,} messages, which is the most: make several pools"
            raise UserError(message)
        yield one


def _some(messages: list[TranscriptMessage], path: Path) -> list[TranscriptMessage]:
    if not messages:
        message = f"{path} has no messages: none in its list, or no span in it that asked a model"
        raise UserError(message)
    return messages


def _records(messages: Sequence[TranscriptMessage]) -> Iterator[Record]:
    """Yield the records of a new log, whose times do not run backwards."""
    now = now_ms()
    first = next((message.time for message in messages if message.time is not None), now)
    last = 0
    for offset, event in enumerate(events_of(messages, IdSource(), start=0, now=first)):
        last = max(last, min(event.ts, now))
        yield Record(offset, last, encode(event))
