"""The line of ``%similar``: options around a text that needs no quotes, and may end with a question mark."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from agentpool_jupyter.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

_WORD = re.compile(r"""(?:--[\w-]+=)?(?:"[^"]*"|'[^']*')(?!\S)|\S+""")
_QUOTED = re.compile(r"""(--[\w-]+=)?(["'])(.*)\2""", re.DOTALL)
_OPTION = re.compile(r"--[A-Za-z][\w-]*|-[A-Za-z]")
_QUESTION = re.compile(r"(\s*)%similar\s+(\S.*\?)\s*")
_TRIPLES = ('"""', "'''")
_NEAR = 0.8  # how alike a word and an option are where the word is taken for a slip
_PREFIX = 4  # characters from which on an option may be shortened: --th


def split_line(line: str, parser: Any) -> tuple[list[str], str]:
    """Return the options that a line begins and ends with, for argparse, and the text between them as it is.

    After ``--`` everything is text. Raises UserError where an option stands within the text, or nearly does.
    """
    words = list(_WORD.finditer(line))
    options = _Options(parser)
    first = options.leading(words)
    head = [_unquoted(word[0]) for word in words[:first]]
    if first < len(words) and words[first][0] == "--":
        return head, line[words[first].end() :].strip()
    rest = words[first:]
    last = len(rest)
    if rest and not _whole_quote(line[rest[0].start() : rest[-1].end()]):
        last = options.trailing(rest)
    if last:
        options.refuse_within(rest[:last])
    text = line[rest[0].start() : rest[last - 1].end()] if last else ""
    return head + [_unquoted(word[0]) for word in rest[last:]], text


class _Options:
    """The options that a parser knows."""

    def __init__(self, parser: Any) -> None:
        self._actions: dict[str, Any] = parser._option_string_actions  # noqa: SLF001 - there is no other way to ask

    def leading(self, words: Sequence[re.Match[str]]) -> int:
        """Return how many words at the beginning are options and their values."""
        at = 0
        while at < len(words) and (more := self._values(words[at][0])) is not None:
            at += 1 + more
        return min(at, len(words))

    def trailing(self, words: Sequence[re.Match[str]]) -> int:
        """Return where options begin that go on to the end."""
        for at, word in enumerate(words):
            if self._values(word[0]) is not None and self.leading(words[at:]) == len(words) - at:
                return at
        return len(words)

    def refuse_within(self, words: Sequence[re.Match[str]]) -> None:
        """Raise UserError for what looks like an option and would be searched for."""
        for at, word in enumerate(words):
            if not (shape := _OPTION.match(word[0])) or shape.end() < len(word[0].partition("=")[0]):
                continue
            if self._values(word[0]) is not None:
                message = f"{word[0]} stands within the text: put options first or last, or `--` before the text"
                raise UserError(message)
            near = difflib.get_close_matches(shape[0], self._actions, n=1, cutoff=_NEAR)
            if at == 0 or (near and shape[0].startswith("--")):
                hint = f", did you mean {near[0]}?" if near else ";"
                message = f"{word[0]} is no option{hint} put `--` before a text that has such words"
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


def spare_questions(lines: list[str]) -> list[str]:
    """Return the lines of a cell with ``%similar why an oven?`` as the call that it is; ``%similar?`` stays help.

    IPython looks for a question mark at the end of any line before it looks for magics. A cell with triple quotes is
    left alone: the line may be part of a text.
    """
    if any(quote in line for line in lines for quote in _TRIPLES):
        return lines
    return [_call(found) if (found := _QUESTION.fullmatch(line)) else line for line in lines]


def _call(found: re.Match[str]) -> str:
    return f"{found[1]}get_ipython().run_line_magic('similar', {found[2]!r})\n"


def install_questions(shell: InteractiveShell) -> None:
    """Have questions reach the magic; after cell magics, whose bodies are none of our business."""
    shell.input_transformer_manager.line_transforms.append(spare_questions)


def remove_questions(shell: InteractiveShell) -> None:
    """Take that away again."""
    transforms = shell.input_transformer_manager.line_transforms
    if spare_questions in transforms:
        transforms.remove(spare_questions)
