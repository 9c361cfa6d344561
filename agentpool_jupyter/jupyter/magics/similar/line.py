"""The line of ``%similar``: options around a text that needs no quotes."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD = re.compile(r"""(?:--[\w-]+=)?(?:"[^"]*"|'[^']*')(?!\S)|\S+""")
_QUOTED = re.compile(r"""(--[\w-]+=)?(["'])(.*)\2""", re.DOTALL)
_OPTION = re.compile(r"--[A-Za-z][\w-]*|-[A-Za-z]")
_NEAR = 0.8  # how alike a word and an option are where the word is taken for a slip
_PREFIX = 4  # characters from which on an option may be shortened: --th


class Split(NamedTuple):
    """A line, taken apart."""

    options: list[str]
    """Words for argparse."""
    text: str
    """The rest, exactly as it was written."""


class _Word(NamedTuple):
    text: str
    start: int
    end: int


def split_line(line: str, parser: Any) -> Split:
    """Return the options that a line begins and ends with, and the text between them as it is.

    After ``--`` everything is text. Raises UserError where an option stands within the text, or nearly does.
    """
    words = [_Word(found[0], *found.span()) for found in _WORD.finditer(line)]
    options = _Options(parser)
    first = options.leading(words)
    head = [_unquoted(word.text) for word in words[:first]]
    if first < len(words) and words[first].text == "--":
        return Split(head, line[words[first].end :].strip())
    rest = words[first:]
    last = len(rest)
    if rest and not _whole_quote(line[rest[0].start : rest[-1].end]):
        last = options.trailing(rest)
    if last:
        options.refuse_within(rest[:last])
    text = line[rest[0].start : rest[last - 1].end] if last else ""
    return Split(head + [_unquoted(word.text) for word in rest[last:]], text)


class _Options:
    """The options that a parser knows."""

    def __init__(self, parser: Any) -> None:
        self._actions: dict[str, Any] = {
            name: action
            for action in parser._actions  # noqa: SLF001 - argparse has no other way to ask
            for name in action.option_strings
        }

    def leading(self, words: Sequence[_Word]) -> int:
        """Return how many words at the beginning are options and their values."""
        at = 0
        while at < len(words) and (more := self._values(words[at].text)) is not None:
            at += 1 + more
        return min(at, len(words))

    def trailing(self, words: Sequence[_Word]) -> int:
        """Return where options begin that go on to the end."""
        for at, word in enumerate(words):
            if self._values(word.text) is not None and self.leading(words[at:]) == len(words) - at:
                return at
        return len(words)

    def refuse_within(self, words: Sequence[_Word]) -> None:
        """Raise UserError for what looks like an option and would be searched for."""
        for at, word in enumerate(words):
            if not (shape := _OPTION.match(word.text)) or shape.end() < len(word.text.partition("=")[0]):
                continue
            if self._values(word.text) is not None:
                message = f"{word.text} stands within the text: put options first or last, or `--` before the text"
                raise UserError(message)
            near = difflib.get_close_matches(shape[0], self._actions, n=1, cutoff=_NEAR)
            if at == 0 or (near and shape[0].startswith("--")):
                hint = f", did you mean {near[0]}?" if near else ";"
                message = f"{word.text} is no option{hint} put `--` before a text that has such words"
                raise UserError(message)

    def _values(self, word: str) -> int | None:
        """Return how many further words an option takes; None for a word that is no option."""
        name, equals, _ = word.partition("=")
        found = self._actions.get(name)
        if found is None and len(name) >= _PREFIX and name.startswith("--"):
            longer = {id(action): action for known, action in self._actions.items() if known.startswith(name)}
            found = next(iter(longer.values())) if len(longer) == 1 else None
        if found is None:
            return 0 if re.fullmatch(r"-k\d+", word) else None
        return 0 if equals or found.nargs == 0 else 1


def _whole_quote(text: str) -> bool:
    return len(text) > 1 and text[0] in "\"'" and text[0] == text[-1] and text[0] not in text[1:-1]


def _unquoted(word: str) -> str:
    found = _QUOTED.fullmatch(word)
    return (found[1] or "") + found[3] if found else word
