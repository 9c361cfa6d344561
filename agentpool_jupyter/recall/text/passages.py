"""Passages: long texts cut into overlapping stretches, so that a hit is a place and not a whole book.

A text of up to ``SIZE`` characters is one passage. A longer one is cut into windows of ``SIZE`` that begin every
``STEP`` characters, at the ends of lines or words where there are any: whatever is at most ``SIZE - STEP`` long stands
whole in one of them.
"""

from __future__ import annotations

import bisect
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 2000
"""Characters of a passage, at most: about 330 words, more than most turns have."""
STEP = 1000
"""Characters from the beginning of one passage to the next one's, about."""
_REACH = 200  # how far a cut may move to find the end of a line or a word


class Passage(NamedTuple):
    """A stretch of a text."""

    start: int
    """Its first character's place in the text, from 0."""
    line: int
    """The line on which it begins, from 1."""
    text: str


def passages(text: str) -> Iterator[Passage]:
    """Yield the passages of a text in order; none for a blank one."""
    if not text.strip():
        return
    if len(text) <= SIZE:
        yield Passage(0, 1, text)
        return
    breaks = [match.start() for match in re.finditer("\n", text)]
    start = 0
    while True:
        stop = _cut(text, start + SIZE)
        part = text[start:stop]
        if part.strip():
            yield Passage(start, bisect.bisect_left(breaks, start) + 1, part)
        if stop >= len(text):
            return
        start = _cut(text, start + STEP)


def _cut(text: str, near: int) -> int:
    """Return a good place to cut at or a little before ``near``."""
    if near >= len(text):
        return len(text)
    for mark in ("\n", " "):
        found = text.rfind(mark, near - _REACH, near)
        if found >= 0:
            return found + 1
    return near
