"""What a release protects and what it cost: as lines, or as a small table with two pictures."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.display.colours import PALETTE
from agentpool_jupyter.display.foreign import literal, printable
from agentpool_jupyter.display.table import Table, clip

if TYPE_CHECKING:
    from collections.abc import Sequence

_BARS = 24
_WIDTH, _HEIGHT = 260, 70
_TEXT_BAR = 20
_CELL = 60  # characters of a cell that are shown
_INK = "var(--jp-content-font-color1, currentColor)"
_QUIET = "var(--jp-content-font-color2, GrayText)"
_LINE = "var(--jp-border-color2, rgba(128, 128, 128, .3))"


class Facts(NamedTuple):
    """What is shown of a release."""

    reached: str
    """What it protects: ``k = 5``."""
    wanted: str
    """What was asked for."""
    lines: Sequence[tuple[str, str]]
    """What there is to say in words, each under a head."""
    loss: Sequence[tuple[str, float]]
    """How much of each column is lost, 0 to 1."""
    sizes: Sequence[int]
    """Rows of each class, ascending."""
    notes: Sequence[str]


class Bar(NamedTuple):
    """So many classes have ``low`` to ``high`` rows."""

    low: int
    high: int
    classes: int


def bars(sizes: Sequence[int]) -> list[Bar]:
    """Return how many classes are how large, in ranges of which each is as wide as the others."""
    low, high = sizes[0], sizes[-1]
    step = max(1, -(-(high - low + 1) // _BARS))
    counts = [0] * (1 + (high - low) // step)
    for size in sizes:
        counts[(size - low) // step] += 1
    return [Bar(low + i * step, low + (i + 1) * step - 1, count) for i, count in enumerate(counts)]


def release_text(facts: Facts) -> str:
    """Return all of it as text."""
    width = max(len(name) for name, _ in (*facts.lines, *facts.loss))
    lines = [f"{facts.reached}  (asked: {facts.wanted})"]
    lines += [f"{name:{width}}  {told}" for name, told in facts.lines]
    lines += ["", "lost of each column"]
    lines += [f"{name:{width}}  {share:6.1%}  {'█' * round(share * _TEXT_BAR)}".rstrip() for name, share in facts.loss]
    lines += [f"note: {note}" for note in facts.notes]
    return printable("\n".join(lines))


def release_html(facts: Facts) -> str:
    """Return all of it as HTML: what is reached, the sizes of classes drawn, and what is lost of each column."""
    rows = "".join(
        f'<tr><td style="text-align:left;color:{_QUIET}">{escape(name)}</td>'
        f'<td style="text-align:left">{escape(told)}</td></tr>'
        for name, told in facts.lines
    )
    notes = "".join(f'<div style="color:{_QUIET}"><em>{escape(note)}</em></div>' for note in facts.notes)
    return literal(
        f'<div style="color:{_INK}"><strong>{escape(facts.reached)}</strong> '
        f'<span style="color:{_QUIET}">asked: {escape(facts.wanted)}</span></div>'
        f'<div style="display:flex;flex-wrap:wrap;gap:1.5em;align-items:flex-start;margin:.4em 0">'
        f"<table><tbody>{rows}</tbody></table>{_sizes_html(facts.sizes)}{_loss_html(facts.loss)}</div>{notes}"
    )


def rows_text(head: Sequence[str], rows: Sequence[Sequence[object]], more: int) -> str:
    """Return the first rows of a table as text."""
    return "\n".join([repr(_table(head, rows)), *([f"… and {more:,} more rows"] if more else [])])


def rows_html(head: Sequence[str], rows: Sequence[Sequence[object]], more: int) -> str:
    """Return the first rows of a table as HTML, which folds away."""
    told = f"the first {len(rows)} of {len(rows) + more:,} rows" if more else f"{len(rows)} rows"
    return literal(_table(head, rows).folded_html(told, is_open=True))


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    return Table(head, [[clip(str(cell), _CELL) for cell in row] for row in rows])


def _sizes_html(sizes: Sequence[int]) -> str:
    drawn = bars(sizes)
    most, step = max(bar.classes for bar in drawn), _WIDTH / len(drawn)
    rects = "".join(
        f'<rect x="{i * step:.1f}" y="{_HEIGHT - bar.classes / most * _HEIGHT:.1f}" width="{max(1.0, step - 1):.1f}" '
        f'height="{bar.classes / most * _HEIGHT:.1f}" fill="{PALETTE[0]}"><title>{_told(bar)}</title></rect>'
        for i, bar in enumerate(drawn)
    )
    ends = f"<tspan>{sizes[0]:,}</tspan><tspan> to {sizes[-1]:,} rows</tspan>"
    return (
        f'<svg role="img" aria-label="sizes of classes" viewBox="0 -4 {_WIDTH} {_HEIGHT + 22}" width="{_WIDTH}" '
        f'style="overflow:visible">{rects}<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}" stroke="{_LINE}"/>'
        f'<text y="{_HEIGHT + 14}" font-size="11" fill="{_QUIET}">classes of {ends}</text></svg>'
    )


def _told(bar: Bar) -> str:
    span = f"{bar.low:,}" if bar.low == bar.high else f"{bar.low:,} to {bar.high:,}"
    return f"{bar.classes:,} classes of {span} rows"


def _loss_html(loss: Sequence[tuple[str, float]]) -> str:
    rows = "".join(
        f'<tr><td style="text-align:left">{escape(name)}</td><td style="text-align:right">{share:.1%}</td>'
        f'<td style="min-width:8em"><span style="display:block;height:8px;border-radius:2px;background:{_LINE}">'
        f'<span style="display:block;height:8px;border-radius:2px;background:{PALETTE[1]};width:{share:.1%}"></span>'
        "</span></td></tr>"
        for name, share in loss
    )
    head = '<thead><tr><th style="text-align:left">lost of</th><th></th><th></th></tr></thead>'
    return f"<table>{head}<tbody>{rows}</tbody></table>"
