"""Who said what, one section a turn: markdown, and escaped HTML that needs no widget and no kernel."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from .foreign import literal, printable
from .markdown import markdown_html
from .table import counted

if TYPE_CHECKING:
    from collections.abc import Iterable


_RENDERED = 200  # turns whose Markdown is drawn: a thousand take a page, and who makes it, the better part of a second


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
    """Return sections as self-contained HTML; of very many, the earlier ones are folded away, as they were written."""
    sections = list(sections)
    earlier, latest = sections[:-_RENDERED], sections[-_RENDERED:]
    rows = "".join(map(section_html, latest)) or "<p><em>nothing has been said yet</em></p>"
    if earlier:
        summary = f"<summary>{counted(len(earlier), 'earlier turn')}, as they were written</summary>"
        rows = f"<details>{summary}{''.join(map(_as_written, earlier))}</details>{rows}"
    return literal(f'<div class="agentpool-document" style="line-height:1.45">{rows}</div>')


def parts_html(sections: Iterable[TurnSection]) -> list[str]:
    """Return sections as :func:`to_html` has them, a piece of HTML each: who shows them in place changes only some."""
    return [literal(section_html(section)) for section in sections]


def section_html(section: TurnSection) -> str:
    """Return one section as HTML: its text is Markdown, all else escaped."""
    return block_html(section.colour, _name(section), section.remark, markdown_html(section.text.strip()))


def _as_written(section: TurnSection) -> str:
    body = f'<div style="white-space:pre-wrap">{escape(printable(section.text.strip()))}</div>'
    return block_html(section.colour, _name(section), section.remark, body)


def _name(section: TurnSection) -> str:
    return f'<strong style="color:{section.colour}">{escape(section.name)}</strong>'


def block_html(colour: str, name: str, remark: str, body: str) -> str:
    """Return a block with a coloured edge; name and body are HTML, the remark is escaped."""
    aside = f" <em>({escape(remark)})</em>" if remark else ""
    return (
        f'<div style="border-left:4px solid {colour};padding:.1em .8em;margin:.7em 0;overflow:auto;'
        f'overflow-wrap:anywhere"><div>{name}{aside}</div>{body}</div>'
    )
