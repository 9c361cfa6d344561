"""Who said what, one section a turn: markdown, and escaped HTML that needs no widget and no kernel."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from .foreign import literal
from .markdown import markdown_html

if TYPE_CHECKING:
    from collections.abc import Iterable


class TurnSection(NamedTuple):
    """A turn, as people read it."""

    name: str
    remark: str
    """What is unusual about it, in a few words; empty where nothing is."""
    text: str
    colour: str


def to_markdown(sections: Iterable[TurnSection]) -> str:
    """Return sections as markdown."""
    parts = []
    for section in sections:
        head = f"### {section.name}" + (f" *({section.remark})*" if section.remark else "")
        parts.append(f"{head}\n\n{section.text.strip()}".strip())
    return "\n\n".join(parts) or "*(nothing has been said yet)*"


def to_html(sections: Iterable[TurnSection]) -> str:
    """Return sections as self-contained HTML."""
    rows = "".join(map(section_html, sections)) or "<p><em>nothing has been said yet</em></p>"
    return literal(f'<div class="agentpool-document" style="line-height:1.45">{rows}</div>')


def parts_html(sections: Iterable[TurnSection]) -> list[str]:
    """Return sections as :func:`to_html` has them, a piece of HTML each: who shows them in place changes only some."""
    return [literal(section_html(section)) for section in sections]


def section_html(section: TurnSection) -> str:
    """Return one section as HTML: its text is Markdown, all else escaped."""
    name = f'<strong style="color:{section.colour}">{escape(section.name)}</strong>'
    return block_html(section.colour, name, section.remark, markdown_html(section.text.strip()))


def block_html(colour: str, name: str, remark: str, body: str) -> str:
    """Return a block with a coloured edge; name and body are HTML, the remark is escaped."""
    aside = f" <em>({escape(remark)})</em>" if remark else ""
    return (
        f'<div style="border-left:4px solid {colour};padding:.1em .8em;margin:.7em 0"><div>{name}{aside}</div>'
        f'<div style="overflow:auto;overflow-wrap:anywhere">{body}</div></div>'
    )
