"""An answer as it comes in: its text, the count of its tokens, and whether it ended as an answer should.

That a server answers with status 200 does not say that it answers: it may tell a failure in mid-stream, or in the
reason that it gives for the end, or break off. What is none of the ends below is no answer.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.pool.events import Usage
from agentpool_jupyter.pool.words import FILTERED, LENGTH, REFUSED

from .chunks import DONE, EventSplitter, decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .chunks import CallPiece

STOP = "stop"
CALLS = "tool_calls"
ENDS = {
    STOP: "stop end_turn eos eos_token stop_sequence stop_token complete completed finish_reason_unspecified",
    CALLS: "tool_calls tool_call tool_use function_call",
    LENGTH: "length max_tokens max_output_tokens model_length token_limit model_context_window_exceeded",
    FILTERED: "content_filter content_filtered safety recitation blocklist prohibited_content spii sensitive",
    REFUSED: "refusal refused",
}
"""The ends of an answer in our words, and what servers call them (OpenAI, Anthropic, Google, Mistral, Cohere, Zhipu,
text-generation-inference). Any other reason is a failure of the server's: ``error``, ``network_error``, ``abort`` …"""
_ENDS = {theirs: ours for ours, names in ENDS.items() for theirs in names.split()}
_MOST_TOKENS = 10_000_000  # more than any model reads or writes in one call: a count above it is none
LONGEST_TOKEN = 64
"""Bytes that no answer's tokens have on average: a count by which they had is not that of the whole answer."""
_HIGH = re.compile("[\ud800-\udbff]$")  # the first half of a surrogate pair, which stands for one character


class BadAnswerError(Exception):
    """The server told a failure, or what no server should say; ``told`` is the failure in its own words or data."""

    def __init__(self, told: Any, kind: str) -> None:
        super().__init__(str(told))
        self.kind = kind
        """``server``, ``malformed`` or ``cut``, as of ModelError."""
        self.told = told


@dataclass
class AskedCall:
    """A call of a tool as a model asks for it."""

    id: str = ""
    name: str = ""
    arguments: str = ""
    """JSON, as far as it has come, if the model wrote any."""


class Answer:
    """One answer, piece by piece.

    An answer ends with a reason out of :data:`ENDS`. Servers that give none must at least say that the stream is done,
    and that behind a whole sentence or a count of tokens: what ends in ``The rent is`` was cut.
    """

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._half = ""  # of a character
        self._last = ""
        self._refused = False
        self._counted: Usage | None = None
        self._unsaid = False  # something came after the latest count
        self.done = False
        """The server said that nothing more comes."""
        self.reason: str | None = None
        """Why it ended, in our words."""
        self.pieces = 0
        """How many chunks had text or thoughts: as a rule one token each, never less."""
        self.bytes = 0
        """Of text and thoughts."""
        self.thought = 0
        """Of thoughts alone."""
        self.hidden = 0
        """Tokens of thoughts that were counted and not sent."""
        self.calls: dict[int, AskedCall] = {}
        """The calls of tools that it asks for, by their place; whole once it has ended."""

    @property
    def usage(self) -> Usage | None:
        """The tokens of the whole answer; None where the server did not count them all, or not credibly."""
        usage = self._counted
        if usage is None or self._unsaid or self.bytes > usage.completion * LONGEST_TOKEN:
            return None
        return usage

    @property
    def prompt_tokens(self) -> int | None:
        """The tokens of the prompt, where the server has counted those."""
        return self._counted.prompt if self._counted else None

    def feed(self, piece: bytes) -> Iterator[str]:
        """Yield the text in more of the body, empty for a thought; raises BadAnswerError."""
        for data in self._splitter.feed(piece):
            yield from self._take(data)

    def finish(self) -> Iterator[str]:
        """Yield the text that was still held back at the body's end; raises BadAnswerError where it is no end."""
        for data in self._splitter.finish():
            yield from self._take(data)
        if self._half:
            self._half = ""
            yield "\ufffd"
        if self.calls and (
            self.reason == STOP or (self.reason is None and self.done)
        ):  # with some servers a stop is it
            self.reason = CALLS
        if self.reason is None:
            if not (self.done and self._last and (_ends_sentence(self._last) or self.usage)):
                told = "the stream broke off before the answer was complete"
                raise BadAnswerError(told, "cut")
            self.reason = STOP
        if self._refused and self.reason == STOP:
            self.reason = REFUSED

    def _take(self, data: bytes) -> Iterator[str]:
        if self.done or data.strip() == DONE:
            self.done = True
            return
        try:
            chunk = decode(data)
        except ValueError as error:
            if self.reason is not None:  # what stands behind the end does not matter
                return
            told = f"a piece of the stream is not what the protocol says: {error}"
            raise BadAnswerError(told, "malformed") from None
        if (plain := chunk.plain) and plain.isascii() and not self._half:
            self.pieces += 1
            self.bytes += len(plain)
            self._unsaid, self._refused, self._last = True, False, plain
            yield plain
            return
        text, refusal = chunk.text, chunk.refusal
        asked = "".join(self._take_call(piece) for piece in chunk.calls)
        self._weigh(text + refusal + asked, chunk.thought)
        self._count(chunk.usage)
        if chunk.failure:
            raise BadAnswerError(chunk.failure, "server")
        self._refused = (self._refused or bool(refusal)) and not text
        if text or refusal or chunk.thought:
            whole = self._whole_characters(text or refusal)
            self._last = whole or self._last
            yield whole
        self._end(chunk.finish_reason or (STOP if chunk.whole else None))

    def _take_call(self, piece: CallPiece) -> str:
        """Take in a piece of a call, and return what was new in it."""
        call = self.calls.setdefault(piece.place, AskedCall())
        call.id, call.name = call.id or piece.id, call.name or piece.name
        call.arguments += piece.arguments
        return piece.name + piece.arguments

    def _end(self, reason: str | None) -> None:
        if reason is None:
            return
        self.reason = _ENDS.get(reason.lower())
        if self.reason is None:
            told = f"the server ended the answer with {reason!r}"
            raise BadAnswerError(told, "server")

    def _weigh(self, said: str, thought: int) -> None:
        if said or thought:
            self.pieces += 1
            self.bytes += len(said.encode(errors="replace")) + thought
            self.thought += thought
            self._unsaid = True

    def _whole_characters(self, text: str) -> str:
        """Return a text with the halves of a surrogate pair joined; a half that stays alone becomes U+FFFD."""
        if not self._half and text.isascii():
            return text
        text = self._half + text
        self._half = text[-1:] if _HIGH.search(text) else ""
        text = text.removesuffix(self._half) if self._half else text
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text

    def _count(self, usage: Any) -> None:
        """Take in a count: of the whole, or as far as it has come. Some servers send one with every chunk."""
        if not isinstance(usage, dict):
            return
        prompt, completion = _number(usage, "prompt_tokens"), _number(usage, "completion_tokens")
        if not prompt:
            return
        said = completion or 0
        reasoning = _number(usage.get("completion_tokens_details"), "reasoning_tokens") or 0
        # Some servers count reasoning in the total alone, or only beside what they call completion.
        completion = max(
            said, (_number(usage, "total_tokens") or 0) - prompt, said + reasoning if reasoning > said else 0
        )
        cached = _number(usage.get("prompt_tokens_details"), "cached_tokens") or 0
        self._counted = Usage(prompt=prompt, completion=completion, cached=min(cached, prompt))
        self.hidden = 0 if self.thought else max(min(reasoning, completion), completion - said)
        self._unsaid = False


def _ends_sentence(text: str) -> bool:
    """Return whether a text may end here: behind any mark, in any alphabet, but a comma or a dash."""
    last = text.rstrip()[-1:]
    return bool(last) and unicodedata.category(last)[0] in "PS" and unicodedata.category(last) != "Pd" and last != ","


def _number(counts: Any, name: str) -> int | None:
    """Return a number of tokens that can be believed, None for any other."""
    value = counts.get(name) if isinstance(counts, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return math.ceil(value) if 0 <= value <= _MOST_TOKENS else None
