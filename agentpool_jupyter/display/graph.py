"""The lines of a graph of branches, as text and as escaped HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class GraphLine(NamedTuple):
    """One line, from left to right."""

    drawn: str
    """The branches, and what is said of the place."""
    name: str
    """Who it tells of, in their colour."""
    colour: str
    text: str
    labels: str
    """What stands at that place."""


def graph_to_text(lines: Sequence[GraphLine], empty: str) -> str:
    """Return lines as text; ``empty`` where there are none."""
    return "\n".join(f"{line.drawn}{line.name}{line.text}{line.labels}".rstrip() for line in lines) or empty


def graph_to_html(lines: Sequence[GraphLine], empty: str) -> str:
    """Return lines as HTML, everything in it escaped; ``empty`` where there are none."""
    body = "\n".join(map(_line, lines))
    return f'<pre style="line-height:1.25">{body}</pre>' if body else f"<em>{escape(empty)}</em>"


def _line(line: GraphLine) -> str:
    name = f'<strong style="color:{line.colour}">{escape(line.name)}</strong>' if line.name else ""
    labels = f"  <strong>{escape(line.labels.strip())}</strong>" if line.labels else ""
    return f'<span style="opacity:.6">{escape(line.drawn)}</span>{name}{escape(line.text)}{labels}'
