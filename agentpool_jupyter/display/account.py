"""An account of something in parts, each below a title: plain text that is complete, and HTML that folds away."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from .foreign import literal, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .table import Table

_PRE = "white-space:pre-wrap;overflow-wrap:anywhere;margin:.2em 0 .6em 1em;word-break:normal"


class Part(NamedTuple):
    """One part of an account."""

    title: str
    body: str | Table = ""
    """What is said of it; a part without is its title alone."""
    drawn: str = ""
    """HTML that shows the same better than the body; it has been escaped."""
    shut: bool = False
    """Folded away in a page, where it is opened by a click."""


def account_text(head: str, parts: Iterable[Part]) -> str:
    """Return an account as text, all of it."""
    return printable("\n\n".join([head, *map(_text, parts)]))


def _text(part: Part) -> str:
    body = part.body if isinstance(part.body, str) else repr(part.body)
    return "\n".join([part.title, *(f"    {line}".rstrip() for line in body.splitlines())])


def account_html(head: str, parts: Sequence[Part]) -> str:
    """Return an account as HTML; all texts in it are escaped, and no script is needed."""
    return literal(
        f'<div class="agentpool-trace" style="line-height:1.4"><p><strong>{escape(printable(head))}</strong></p>'
        f"{''.join(map(_html, parts))}</div>"
    )


def _html(part: Part) -> str:
    if not (part.body or part.drawn):
        return f"<p>{escape(printable(part.title))}</p>"
    if part.drawn:
        inner = part.drawn
    elif isinstance(part.body, str):
        inner = f'<pre style="{_PRE}">{escape(printable(part.body))}</pre>'
    else:
        inner = part.body._repr_html_()
    return f"<details{'' if part.shut else ' open'}><summary>{escape(printable(part.title))}</summary>{inner}</details>"
