"""Prompts as they would be sent, under a line on each."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class PromptView(NamedTuple):
    """What one agent would be asked."""

    head: str
    messages: Sequence[tuple[str, str]]
    """Role and text of each."""


def prompts_text(summary: str, prompts: Iterable[PromptView]) -> str:
    """Return prompts as text, below a summary."""
    asked = [
        "\n".join([f"=== {prompt.head}", *(f"--- {role}\n{text}" for role, text in prompt.messages)])
        for prompt in prompts
    ]
    return "\n\n".join([summary, *asked])


def prompts_html(summary: str, prompts: Iterable[PromptView]) -> str:
    """Return prompts as HTML, each of which can be folded away."""
    return f"<p><strong>{escape(summary)}</strong></p>" + "".join(map(_prompt, prompts))


def _prompt(prompt: PromptView) -> str:
    messages = "".join(
        f'<div><em>{escape(role)}</em></div><pre style="white-space:pre-wrap;margin:.2em 0 .8em">{escape(text)}</pre>'
        for role, text in prompt.messages
    )
    return f"<details open><summary>{escape(prompt.head)}</summary>{messages}</details>"
