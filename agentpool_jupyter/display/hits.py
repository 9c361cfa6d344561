"""What a search found: hits, each with its score, its source and its passage, as lines, a table or rows of widgets."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from .foreign import literal, printable
from .markdown import markdown_html, markdown_words
from .table import clip

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDGETS = "agentpool-hits"
"""The class that the table of widgets has."""
_SHOWN = 160  # characters of a hit's text in a table
_INK = "var(--jp-content-font-color1, inherit)"
_QUIET = "var(--jp-content-font-color2, GrayText)"
_LINE = "var(--jp-border-color2, rgba(128, 128, 128, .3))"
_ACCENT = "var(--jp-brand-color1, #1976d2)"
_BAR = "display:block;height:4px;border-radius:2px"
_WHOLE = "max-height:20em;overflow:auto"
_ROW = "display:grid;grid-template-columns:7em minmax(7em, 11em) 1fr;gap:.2em 1em;line-height:1.4;padding:.3em 0"
_BAD = "var(--jp-error-color1, #d32f2f)"
_CELL = "text-align:left;vertical-align:top;padding:.35em .7em"


class Hit(NamedTuple):
    """One passage that was found, as it is shown."""

    text: str
    """The whole passage."""
    excerpt: str
    """What of it is shown, in a line or two."""
    score: float
    question: str
    """Which question the score answers: ``resembles`` or ``contained``."""
    resembles: float
    contained: float
    source: str
    """Where it is from, in a few words."""
    title: str
    """The same in full; shows on hovering."""
    markdown: bool = False
    """Whether the text is Markdown: what an agent said, or a file that says so."""


def hits_text(hits: Sequence[Hit], about: str, notes: Sequence[str]) -> str:
    """Return hits as lines, below what was asked and above the notes on the index."""
    rows = [(f"{hit.score:.2f}", hit.question, hit.source, clip(hit.excerpt, _SHOWN)) for hit in hits]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    lines = ["  ".join([*map(str.ljust, row[:3], widths), row[3]]) for row in rows]
    told = [*filter(None, [about]), *(lines or ["nothing alike"]), *(f"note: {note}" for note in notes)]
    return printable("\n".join(told))


def hits_html(hits: Sequence[Hit], about: str, notes: Sequence[str]) -> str:
    """Return hits as a table, below what was asked and above the notes on the index."""
    head = "".join(f'<th style="{_CELL}">{name}</th>' for name in ("score", "from", "text"))
    rows = "".join(
        f'<tr><td style="{_CELL};white-space:nowrap">{score_html(hit)}</td>'
        f'<td style="{_CELL};min-width:9em;overflow-wrap:anywhere">{source_html(hit)}</td>'
        f'<td style="{_CELL};width:100%">{passage_html(hit)}</td></tr>'
        for hit in hits
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return literal(head_html(len(hits), about) + (table if rows else "") + notes_html(notes))


def hit_html(hit: Hit) -> str:
    """Return a hit by itself."""
    return literal(f"<div>{score_html(hit)} {source_html(hit)}</div>{passage_html(hit)}")


def row_html(hit: Hit, error: str = "") -> str:
    """Return a hit as a row of a table of widgets; what went wrong stands below it."""
    told = f'<div role="alert" style="grid-column:1/-1;color:{_BAD}">{escape(error)}</div>' if error else ""
    return (
        f'<div style="{_ROW}"><div>{score_html(hit)}</div>'
        f'<div style="overflow-wrap:anywhere">{source_html(hit)}</div><div>{passage_html(hit)}</div>{told}</div>'
    )


def head_html(count: int, about: str) -> str:
    """Return how much was found, and what was asked, above a table."""
    found = f"{count} found" if count else "nothing alike"
    asked = f' <span style="color:{_QUIET}">{escape(about)}</span>' if about else ""
    return f'<div style="color:{_INK};margin:.2em 0;overflow-wrap:anywhere"><strong>{found}</strong>{asked}</div>'


def notes_html(notes: Sequence[str]) -> str:
    """Return the notes on the index, below a table."""
    return "".join(f'<div style="color:{_QUIET}"><em>{escape(note)}</em></div>' for note in notes)


def score_html(hit: Hit) -> str:
    """Return a hit's score as a number, a bar and the question that it answers."""
    both = f"resembles {hit.resembles:.4f}, contained {hit.contained:.4f}"
    bar = f'<span style="{_BAR};background:{_ACCENT};width:{hit.score:.0%}"></span>'
    return (
        f'<span title="{both}" style="display:inline-block;width:7em;line-height:1.3;color:{_INK}">'
        f'<strong>{hit.score:.2f}</strong> <span style="color:{_QUIET};font-size:85%">{hit.question}</span>'
        f'<span style="{_BAR};background:{_LINE};margin-top:2px">{bar}</span></span>'
    )


def source_html(hit: Hit) -> str:
    """Return where a hit is from; the whole path or the offset shows on hovering."""
    return f'<span title="{escape(hit.title)}" style="color:{_INK}">{escape(hit.source)}</span>'


def passage_html(hit: Hit) -> str:
    """Return a hit's text in a line or two; the whole of a longer one unfolds."""
    clipped = escape(clip(markdown_words(hit.excerpt) if hit.markdown else hit.excerpt, _SHOWN))
    if len(hit.text) <= _SHOWN and "\n" not in hit.text.strip():
        said = markdown_html(hit.excerpt) if hit.markdown else clipped
        return f'<div style="color:{_INK};overflow-wrap:anywhere">{said}</div>'
    whole, wrap = (markdown_html(hit.text), "") if hit.markdown else (escape(hit.text), "white-space:pre-wrap;")
    return (
        f'<details style="color:{_INK};overflow-wrap:anywhere"><summary style="cursor:pointer">{clipped}</summary>'
        f'<div style="{wrap}{_WHOLE};border-left:3px solid {_LINE};margin:.4em 0;padding-left:.7em">{whole}</div>'
        "</details>"
    )
