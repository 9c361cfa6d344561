"""Messages of other systems, as they come, and the events that say the same in a pool.

A message is a mapping with ``content`` (or ``text``), and ``role`` or ``name``, maybe ``time``, ``model`` and
``usage``: that is OpenAI's form, and near enough to that of most. Whoever wrote it is a stranger: what it holds is
checked, and what cannot be meant is told with its place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from agentpool_jupyter.errors import UserError
from agentpool_jupyter.pool.events import MAIN, Delta, Event, Message, TurnFinished, TurnStarted, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MOST_TEXT = 4_000_000
"""Characters of one message."""
PEOPLE = {"user": "you", "human": "you", "system": "system", "developer": "system", "tool": "tool", "function": "tool"}
"""Roles that are no agent's, and what they are called."""
IMPORTED = "imported"
"""The model of a turn whose own is not known."""
_NAME = 80  # characters of a name
_UNFIT = re.compile(r"[\s#\x00-\x1f\x7f-\x9f]+")
_SECONDS, _MILLIS, _MICROS = 1e11, 1e14, 1e17  # a number of seconds, of milliseconds, of microseconds since the epoch
_LATEST = 2**53  # milliseconds that a clock may say


class TranscriptMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of another system."""

    agent: str
    text: str
    person: bool
    """A person's, or a tool's: nobody was asked for it."""
    time: int | None = None
    """When it was said, in milliseconds since the epoch."""
    model: str = ""
    usage: Usage | None = None
    read: tuple[int, ...] | None = None
    """The numbers of the messages, from 0, that its author had read; None is all before it."""


def read_message(raw: object, where: str) -> TranscriptMessage:
    """Return a message as it is meant; raises UserError, which begins with ``where``, for one that is none."""
    if not isinstance(raw, Mapping):
        message = f"{where} is no message but {type(raw).__name__}: it needs `content`, and `role` or `name`"
        raise UserError(message)
    role, name = raw.get("role"), raw.get("name")
    if not isinstance(role, str) and not isinstance(name, str):
        message = f"{where} has neither `role` nor `name`"
        raise UserError(message)
    role = role.lower() if isinstance(role, str) else ""
    text = _text(raw, where)
    if len(text) > MOST_TEXT:
        message = f"{where} has {len(text):,} characters, and {MOST_TEXT:,} is the most: leave it out or shorten it"
        raise UserError(message)
    called = name if isinstance(name, str) and name.strip() else PEOPLE.get(role, role)
    model = raw.get("model")
    return TranscriptMessage(
        agent=fit_name(called),
        text=text,
        person=role in PEOPLE,
        time=_time(raw, where),
        model=_clean(model)[:_NAME] if isinstance(model, str) else "",
        usage=_usage(raw.get("usage")),
    )


def events_of(
    messages: Sequence[TranscriptMessage], new_id: Callable[[], str], *, start: int, now: int, branch: str = MAIN
) -> Iterator[Event]:
    """Yield the events that say what messages say, for a log whose next offset is ``start``.

    An agent's message becomes a turn, which had read what :attr:`TranscriptMessage.read` says; others are messages.
    """
    ids: list[str] = []
    offset = start
    for message in messages:
        key = new_id()
        header: dict[str, Any] = {"branch": branch, "agent": message.agent, "ts": message.time or now}
        if message.person:
            yield Message(id=key, **header, text=message.text or " ")
            ids.append(key)
            offset += 1
            continue
        read = {"since": 0} if message.read is None else {"also": [ids[number] for number in message.read]}
        model = message.model or IMPORTED
        yield TurnStarted(id=new_id(), **header, turn=key, model=model, seen=offset, context=read)
        said = [Delta(id=new_id(), **header, turn=key, seq=0, text=message.text)] if message.text else []
        yield from said
        yield TurnFinished(id=new_id(), **header, turn=key, usage=message.usage, deltas=len(said))
        ids.append(key)
        offset += 2 + len(said)


def fit_name(name: str) -> str:
    """Return a name as a turn can have it: without spaces, ``#`` and what a terminal would obey."""
    return _UNFIT.sub("_", _clean(name).strip())[:_NAME] or "somebody"


def _clean(text: str) -> str:
    """Return a text that can be stored: half a character is a question mark."""
    return text.encode(errors="replace").decode()


def _text(raw: Mapping[str, Any], where: str) -> str:
    content = raw.get("content", raw.get("text", raw.get("parts")))
    calls = raw.get("tool_calls")
    if content is None and calls is None:
        message = f"{where} has no `content`"
        raise UserError(message)
    texts = [_content(content, where), *(_called(call) for call in (calls if isinstance(calls, list) else []))]
    return _clean("\n".join(filter(None, texts)))


def _content(content: object, where: str) -> str:
    """Return the text of a content, which may be a list of parts; what is no text is named."""
    parts = content if isinstance(content, list) else [content]
    return "\n".join(filter(None, (_part(part, where) for part in parts)))


def _part(part: object, where: str) -> str:
    match part:
        case None:
            text = ""
        case str(text) | {"text": str(text)} | {"content": str(text)}:
            pass
        case {"type": "tool_call", **call}:
            text = _called(call)
        case {"response": response}:  # what a tool answered
            text = response if isinstance(response, str) else _plain(response)
        case {"type": str(kind)}:
            text = f"[{kind}]"
        case _:
            message = f"the content of {where} is neither text nor a list of parts, but has {type(part).__name__}"
            raise UserError(message)
    return text


def _plain(value: object) -> str:
    """Return data as JSON; what JSON does not have is named."""
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return f"[{type(value).__name__}]"


def _called(call: object) -> str:
    """Return a call of a tool as words."""
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        return "[call]"
    arguments = function.get("arguments", "")
    told = arguments if isinstance(arguments, str) else _plain(arguments)
    return f"[calls {function.get('name', '?')}({told})]"


def _time(raw: Mapping[str, Any], where: str) -> int | None:
    value = next((raw[key] for key in ("time", "timestamp", "created_at") if raw.get(key) is not None), None)
    if value is None:
        return None
    found = math.nan
    with suppress(ValueError, OverflowError, OSError):
        if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
            found = datetime.fromisoformat(value).astimezone().timestamp() * 1000
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            found = _millis(float(value))
    if not 0 <= found < _LATEST:
        message = f"{where} has a time that is none: {str(value)[:40]!r}; use seconds since 1970, or 2026-05-01T14:05"
        raise UserError(message)
    return int(found)


def _millis(number: float) -> float:
    """Return a number of seconds, milliseconds, microseconds or nanoseconds since the epoch in milliseconds."""
    if number < _SECONDS:
        return number * 1e3
    return number if number < _MILLIS else number / 1e3 if number < _MICROS else number / 1e6


def _usage(raw: object) -> Usage | None:
    if not isinstance(raw, Mapping):
        return None

    def count(*names: str) -> int:
        found = next((raw[name] for name in names if name in raw), 0)
        return found if isinstance(found, int) and 0 <= found < _LATEST else 0

    return Usage(prompt=count("prompt_tokens", "input_tokens"), completion=count("completion_tokens", "output_tokens"))
