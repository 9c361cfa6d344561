"""Prompts as they would be sent, under a line on each."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def prompts_html(summary: str, prompts: Iterable[tuple[str, Sequence[Mapping[str, str]]]]) -> str:
    """Return prompts as HTML, each a line and the messages below it, which can be folded away."""
    return f"<p><strong>{escape(summary)}</strong></p>" + "".join(_folded(*prompt) for prompt in prompts)


def _folded(head: str, messages: Sequence[Mapping[str, str]]) -> str:
    texts = "".join(
        f"<div><em>{escape(message['role'])}</em></div>"
        f'<pre style="white-space:pre-wrap;margin:.2em 0 .8em">{escape(message["content"])}</pre>'
        for message in messages
    )
    return f"<details open><summary>{escape(head)}</summary>{texts}</details>"
