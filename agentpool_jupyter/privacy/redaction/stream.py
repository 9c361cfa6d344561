"""Text that comes in pieces, without identifiers: what may be the beginning of one waits until that is known.

A text is cut where no identifier can go on: at the end of a line, and between two words neither of which has a digit
(numbers may be set apart by spaces). The parts are redacted one by one. So the result is the same however the text
came in, and a word of prose waits for the next one only. For example::

    Write to ada@exa | mple.org or call +49 30 | 123 4567 soon, please.
    → "Write " | "to <email 1> or " | "" and in the end "call <phone 1> soon, please."
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ALONE = "[\u3000-\u9fff\uac00-\ud7af\uff00-\uffef]"  # a letter of a script that is written without spaces is a word
# A word with the spaces behind it, up to the end of its line.
_WORD = re.compile(rf"(?:{_ALONE}|[^\s{_ALONE[1:-1]}]+)?(?:[^\S\n]*\n|[^\S\n]+|(?<=\S))")
_WHOLE = re.compile(rf"(?:\s|{_ALONE})\Z")
_DIGIT = re.compile(r"\d")


class RedactedStream:
    """Redacts a text that comes in pieces; what :meth:`feed` returned stands."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self.held = ""
        """What has come in and waits, as it came."""
        self._enough = 0  # characters from which on it is looked at again: a line of numbers alone may be long

    def feed(self, piece: str) -> str:
        """Take in a piece, and return what is certain now, without identifiers."""
        self.held += piece
        if len(self.held) < self._enough and "\n" not in piece:
            return ""
        *certain, self.held = parts_of(self.held)
        self._enough = len(self.held) + len(self.held) // 8
        return "".join(map(self._redact, certain))

    def close(self) -> str:
        """Return what had waited: nothing more comes."""
        rest, self.held = self.held, ""
        return redact_text(rest, self._redact)


def redact_text(text: str, redact: Callable[[str], str]) -> str:
    """Return a whole text as a stream of it is redacted."""
    return "".join(map(redact, parts_of(text, whole=True)))


def parts_of(text: str, *, whole: bool = False) -> list[str]:
    """Return a text in parts none of which ends within an identifier.

    Unless it is ``whole``, the last part may yet grow; it may be empty.

    >>> parts_of("Call 030 123 456 now, or write.")
    ['Call 030 123 456 now, ', 'or write.']
    >>> parts_of("Call 030 123 456 now, or write.", whole=True)
    ['Call 030 123 456 now, ', 'or ', 'write.']
    """
    words = [word for word in _WORD.findall(text) if word]
    parts, part = [], ""
    for left, (before, after) in zip(range(len(words) - 1, -1, -1), pairwise(["", *words]), strict=True):
        numeric = _DIGIT.search(before) or _DIGIT.search(after)
        known = whole or left or _WHOLE.search(after)  # else it may get digits yet
        if part and ("\n" in before or (known and not numeric)):
            parts.append(part)
            part = ""
        part += after
    return [*parts, part, ""] if part.endswith("\n") and not whole else [*parts, part]
