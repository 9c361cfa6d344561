"""An answer in a sentence, and what may stand below one: a warning, remarks, prompts."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from .foreign import literal, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_RED = "color:var(--jp-error-color1,#d32f2f);font-weight:600"
_TICKED = re.compile(r"`([^`]+)`")
_MAGIC = re.compile(r"%\w+ [-\w]+")


class Note(str):
    """A text that displays as itself, without the quotes of a string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return printable(str(self))


def answer_html(told: str, warning: str, about: Sequence[str]) -> str:
    """Return an answer as HTML, the magics in it as code; a warning follows where it is about something."""
    items = "".join(f"<li>{escape(item)}</li>" for item in about)
    below = f"<p>⚠ {escape(warning)}</p><ul>{items}</ul>" if items else ""
    told = code_html(told)
    return literal(f"<p>{told}</p>{below}")


def code_html(told: str) -> str:
    """Return a sentence as HTML, what stands between backticks, or else the magics in it, as code."""
    told = escape(told)
    return _TICKED.sub(r"<code>\1</code>", told) if "`" in told else _MAGIC.sub(r"<code>\g<0></code>", told)


def remarks_html(remarks: Iterable[str]) -> str:
    """Return remarks as HTML, each a paragraph."""
    return literal("".join(f"<p><em>{escape(remark)}</em></p>" for remark in remarks))


def warnings_html(warnings: Iterable[str]) -> str:
    """Return what to beware of as HTML, each a paragraph in red, with a sign for those who see no colours."""
    told = "".join(f'<p class="ap-lets-pass" style="{_RED}">⚠ {escape(one)}</p>' for one in warnings)
    return literal(told) if told else ""


def prompts_html(summary: str, prompts: Iterable[tuple[str, Sequence[Mapping[str, str]]]]) -> str:
    """Return prompts as they would be sent, each a line and the messages below it, which can be folded away."""
    return literal(f"<p><strong>{escape(summary)}</strong></p>" + "".join(_folded(*prompt) for prompt in prompts))


def _folded(head: str, messages: Sequence[Mapping[str, str]]) -> str:
    texts = "".join(
        f"<div><em>{escape(message['role'])}</em></div>"
        f'<pre style="white-space:pre-wrap;word-break:normal;margin:.2em 0 .8em">{escape(message["content"])}</pre>'
        for message in messages
    )
    return f"<details open><summary>{escape(head)}</summary>{texts}</details>"
