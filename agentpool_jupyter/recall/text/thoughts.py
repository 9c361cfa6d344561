"""Thoughts: a text cut into its sentences and lines, which is what people and agents say again.

A whole turn is seldom said twice; one of its thoughts is. A thought is also the unit that one can ask about: of a text
of ten thoughts, another text that has one of them contains but a tenth.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from .shingles import shingles, tokens

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

LEAST = 8
"""Words below which a sentence is taken together with the next: ``I agree.`` stands everywhere and says nothing."""
MOST = 300
"""Characters after which a text without full stops is cut."""
_ELLIPSIS = "[…]"
_PIECE = re.compile(
    rf".{{1,{MOST}}}?(?:[.!?…][\"')\]]*\s+|[。！？]|\n+|\Z)|.{{1,{MOST}}}(?=\s)\s*|.{{1,{MOST}}}",  # noqa: RUF001 - Chinese signs
    re.DOTALL,
)


def thoughts(text: str) -> list[str]:
    """Return the thoughts of a text in order; together they are the text."""
    found: list[str] = []
    short = False
    for piece in _PIECE.findall(text):
        if short:
            found[-1] += piece
        else:
            found.append(piece)
        short = len(tokens(found[-1])) < LEAST
    if short and len(found) > 1:
        end = found.pop()
        found[-1] += end
    return found


class Excerpt(NamedTuple):
    """A part of a text."""

    start: int
    """Its first character."""
    text: str
    """With ``[…]`` where something was left out."""
    line: int
    """The line on which what is alike begins, from 0."""


def around(text: str, query: AbstractSet[str], most: int) -> Excerpt:
    """Return the thoughts about that which has most of a query's shingles, in about ``most`` characters."""
    whole = len(text.strip()) <= most
    if whole and "\n" not in text:
        return Excerpt(len(text) - len(text.lstrip()), text.strip(), 0)
    parts = thoughts(text)
    first = last = max(range(len(parts)), key=lambda i: len(shingles(parts[i]) & query))
    line = text.count("\n", 0, len("".join(parts[:first])) + _begin(parts[first], query))
    if whole:
        return Excerpt(len(text) - len(text.lstrip()), text.strip(), line)
    room = most - len(parts[first])
    while True:
        if last + 1 < len(parts) and len(parts[last + 1]) <= room:
            last += 1
            room -= len(parts[last])
        elif first > 0 and len(parts[first - 1]) <= room:
            first -= 1
            room -= len(parts[first])
        else:
            break
    shown = "".join(parts[first : last + 1])
    before, after = _ELLIPSIS if first else "", _ELLIPSIS if last + 1 < len(parts) else ""
    start = len("".join(parts[:first])) + len(shown) - len(shown.lstrip())
    return Excerpt(start, " ".join(filter(None, (before, shown.strip(), after))), line)


def _begin(part: str, query: AbstractSet[str]) -> int:
    """Return where a thought's first line begins without which it has less of a query's shingles."""
    begin, shared = 0, shingles(part) & query
    while shared and (after := part.find("\n", begin) + 1) and shared <= shingles(part[after:]):
        begin = after
    return begin
