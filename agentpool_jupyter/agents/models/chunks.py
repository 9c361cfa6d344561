"""The body of a streamed chat completion: bytes to typed chunks, as leniently as its meaning allows.

Servers are many and careless. What can be read in one way only is read: a server may leave out the empty line between
two events, send an empty event, cut a character in the middle or number tokens with fractions.

Sources: HTML Living Standard, 9.2.6 "Interpreting an event stream"; OpenAI API reference, "Chat completion chunk".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

DONE = b"[DONE]"
"""The data of the event that ends a stream."""
_LEAST_ERROR = 400  # HTTP's first status that is an error: some servers put one into a chunk
_MOST_RAW = 1 << 20  # bytes of a body that is no event stream


class _Delta(msgspec.Struct):
    content: Any = None
    """Text as a rule; a list of parts with some servers."""
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: Any = None


class CallPiece(NamedTuple):
    """A piece of a call of a tool: the name comes first, then its arguments, some characters at a time."""

    place: int
    """Which of the answer's calls."""
    id: str
    name: str
    arguments: str


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None
    """In place of ``delta`` where a server does not stream."""
    finish_reason: Any = None
    error: Any = None


class Chunk(msgspec.Struct):
    """One event of the stream; unknown fields (log probabilities, say) are ignored."""

    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    """What went wrong in mid-stream, where the server says so in place of a chunk, or beside one."""
    object: Any = None
    type: Any = None
    message: Any = None
    detail: Any = None
    code: Any = None

    @property
    def whole(self) -> bool:
        """Whether it is a whole answer, of a server that does not stream."""
        return bool(self.choices) and self._choice.message is not None

    @property
    def plain(self) -> str:
        """The text of a chunk that is nothing but text, as nearly all are; empty for any other."""
        if self.usage or self.error or not self.choices:
            return ""
        choice = self.choices[0]
        delta = choice.delta
        if delta is None or choice.finish_reason or choice.error or not isinstance(delta.content, str):
            return ""
        more = delta.refusal or delta.reasoning_content or delta.reasoning or delta.tool_calls
        return "" if more else delta.content

    @property
    def text(self) -> str:
        """The new text of the first choice, or an empty string."""
        return self._said("text")

    @property
    def refusal(self) -> str:
        """What a model says in place of an answer when it refuses."""
        delta = self._delta
        return delta.refusal if delta is not None and isinstance(delta.refusal, str) else self._said("refusal")

    @property
    def calls(self) -> list[CallPiece]:
        """The pieces of calls in it; what is none is passed over."""
        found = self._delta.tool_calls if self._delta is not None else None
        pieces = []
        for place, one in enumerate(found if isinstance(found, list) else ()):
            said = one.get("function") if isinstance(one, dict) else None
            if not isinstance(said, dict):
                continue
            index, arguments = one.get("index"), said.get("arguments")
            if not isinstance(arguments, str):  # some servers send them as an object
                arguments = json.dumps(arguments) if arguments else ""
            pieces.append(
                CallPiece(
                    index if isinstance(index, int) else place,
                    str(one.get("id") or ""),
                    str(said.get("name") or ""),
                    arguments,
                )
            )
        return pieces

    @property
    def thought(self) -> int:
        """Bytes of reasoning that are no part of the answer."""
        delta = self._delta
        if delta is None:
            return 0
        thoughts = [delta.reasoning_content or delta.reasoning, self._said("thinking")]
        return sum(len(text.encode(errors="replace")) for text in thoughts if isinstance(text, str))

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended, in the server's word, in the chunk that ends it."""
        reason = self._choice.finish_reason if self.choices else None
        return str(reason) if reason and str(reason).lower() not in ("null", "none") else None

    @property
    def failure(self) -> Any:
        """What the server says went wrong, however it says so; None where nothing did."""
        if self.error or (self.choices and self._choice.error):
            return self.error or self._choice.error
        if self.choices or self.usage:
            return None
        words = next((said for said in (self.message, self.detail) if said and isinstance(said, str | list)), None)
        named = "error" in (self.object, self.type) or (isinstance(self.code, int) and self.code >= _LEAST_ERROR)
        if named or (words and self.type is None):
            return {"message": words or "no reason given", "code": self.code}
        return None

    @property
    def _choice(self) -> _Choice:
        return (self.choices or [])[0]

    @property
    def _delta(self) -> _Delta | None:
        return (self._choice.delta or self._choice.message) if self.choices else None

    def _said(self, kind: str) -> str:
        """Return the content that is of one kind: plain text is ``text``."""
        content = self._delta.content if self._delta is not None else None
        if isinstance(content, str):
            return content if kind == "text" else ""
        return "".join(_part(part, kind) for part in content) if isinstance(content, list) else ""


def _part(part: Any, kind: str) -> str:
    """Return the text of a part of that kind, else an empty string."""
    if isinstance(part, str):
        return part if kind == "text" else ""
    if not isinstance(part, dict) or not str(part.get("type", "text")).endswith(kind):
        return ""
    said = part.get(kind, part.get("text", ""))
    return said if isinstance(said, str) else "".join(_part(one, "text") for one in said or ())


_DECODER = msgspec.json.Decoder(Chunk)
_MISSHAPEN = (msgspec.DecodeError, ValueError, RecursionError)  # a UnicodeDecodeError is a ValueError


def decode(data: bytes) -> Chunk:
    """Return the chunk in an event's data; raises ValueError where it is none.

    Half a character, of UTF-8 or of a surrogate pair, is no reason to lose an answer: text may have it then.
    """
    try:
        return _DECODER.decode(data)
    except _MISSHAPEN:
        pass
    try:
        found = json.loads(data.decode(errors="replace"))
        if isinstance(found, list):  # as Google's servers wrap an error
            found = found[0] if found else {}
        return msgspec.convert(found, Chunk, strict=False)
    except _MISSHAPEN as error:
        message = f"{data[:60].decode(errors='replace')} ({error})"
        raise ValueError(message) from None


class EventSplitter:
    """Cuts the bytes of an event stream into the data of its events, wherever the network cut them."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self.raw = b""
        """What came that is no event stream: the whole body of a server that answers in JSON."""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the data of every event that this piece completes."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            yield from self._line(line.removesuffix(b"\r"))

    def finish(self) -> Iterator[bytes]:
        """Yield what a server left without the empty line that should end it; at last what is no event at all."""
        yield from self._line(self._rest.removesuffix(b"\r"))
        yield from self._line(b"")
        self._rest = b""
        if self.raw:
            yield self.raw.strip()

    def _line(self, line: bytes) -> Iterator[bytes]:
        if line.startswith(b"data:"):
            # A server that leaves out the empty line between events: what was complete is an event of its own.
            if self._data and _complete(b"\n".join(self._data)):
                yield from self._line(b"")
            self._data.append(line[5:].removeprefix(b" "))
        elif not line:
            data, self._data = b"\n".join(self._data), []
            if data.strip():
                yield data
        elif (self.raw or line.lstrip()[:1] in (b"{", b"[")) and len(self.raw) < _MOST_RAW:
            self.raw += line + b"\n"


def _complete(data: bytes) -> bool:
    if data.strip() == DONE:
        return True
    try:
        return data.rstrip().endswith(b"}") and isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False
