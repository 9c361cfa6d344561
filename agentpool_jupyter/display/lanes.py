"""Who spoke when and what came from what: a lane for each agent, drawn as SVG and as lines of text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from .foreign import literal, printable
from .table import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH = 900
_LANE, _BAR = 44, 18
_LEFT, _RIGHT, _TOP = 110, 20, 12
_LEAST = 6  # pixels of a bar, however short
_MOST = 150  # bars that are drawn, those about the one that it is about, else the last
_CAUSES = 12  # of a bar that are named in its line
_INK = "var(--jp-content-font-color1, currentColor)"
_QUIET = "var(--jp-content-font-color2, GrayText)"
_CRITICAL, _SLOW = "#D55E00", "#CC79A7"
_LEGEND = "thick edge and arrows: critical path; dashed: straggler"


class LaneBar(NamedTuple):
    """A turn, from when to when."""

    name: str
    lane: str
    offset: int
    start: int
    """Milliseconds since the epoch."""
    stop: int
    colour: str
    marks: tuple[str, ...] = ()
    """``this``, ``critical``, ``straggler``: what is said of it."""
    remark: str = ""
    causes: tuple[str, ...] = ()
    """The names of those that it came from."""


class Arrow(NamedTuple):
    """From the end of one bar to the beginning of another."""

    source: str
    target: str
    critical: bool = False
    label: str = ""


def lanes_text(bars: Sequence[LaneBar]) -> str:
    """Return bars as lines: a column for each lane, offset, time from the first, length, name, marks, causes."""
    if not bars:
        return "nothing was said"
    whole, bars = len(bars), _near(bars)
    lanes = list(dict.fromkeys(bar.lane for bar in bars))
    first = min(bar.start for bar in bars)
    width = max(len(str(bar.offset)) for bar in bars)
    more = f"; {len(bars)} of {whole:,} turns" if len(bars) < whole else ""
    lines = [f"{' | '.join(lanes)}   (* critical path, ! straggler{more})"]
    for bar in bars:
        drawn = " ".join("o" if lane == bar.lane else "." for lane in lanes)
        sign = ("*" if "critical" in bar.marks else " ") + ("!" if "straggler" in bar.marks else " ")
        this = " ←" if "this" in bar.marks else ""
        causes = [*bar.causes[-_CAUSES:], *([f"{len(bar.causes) - _CAUSES} more"] if len(bar.causes) > _CAUSES else [])]
        came = f"  from {', '.join(causes)}" if causes else ""
        remark = f" ({bar.remark})" if bar.remark else ""
        times = f"{(bar.start - first) / 1000:>8.2f} s {(bar.stop - bar.start) / 1000:>7.2f} s"
        lines.append(f"{drawn}  {bar.offset:>{width}} {times} {sign} {bar.name}{this}{remark}{came}")
    return printable("\n".join(lines))


def lanes_svg(bars: Sequence[LaneBar], arrows: Sequence[Arrow], legend: str = _LEGEND) -> str:
    """Return bars and arrows as SVG in HTML that needs no script; everything in it is escaped."""
    if not bars:
        return literal("<em>nothing was said</em>")
    more = f" {_MOST:,} of {len(bars):,} turns are drawn." if len(bars) > _MOST else ""
    bars = _near(bars)
    lanes = {lane: number for number, lane in enumerate(dict.fromkeys(bar.lane for bar in bars))}
    first, last = min(bar.start for bar in bars), max(bar.stop for bar in bars)
    scale = (_WIDTH - _LEFT - _RIGHT - _LEAST) / max(1, last - first)
    height = _TOP + _LANE * len(lanes) + 4
    spots: dict[str, tuple[float, float, float]] = {}
    ends: dict[str, float] = {}
    drawn = [_lane(lane, number) for lane, number in lanes.items()]
    boxes = []
    for bar in bars:
        x = max(_LEFT + (bar.start - first) * scale, ends.get(bar.lane, 0))
        length = max(_LEAST, (bar.stop - bar.start) * scale)
        y = _TOP + _LANE * lanes[bar.lane] + (_LANE - _BAR) / 2
        ends[bar.lane] = x + 1  # those that begin at one moment stand beside each other
        spots[bar.name] = (x, x + length, y + _BAR / 2)
        boxes.append(_box(bar, x, y, length))
    drawn += [_arrow(arrow, spots) for arrow in arrows if arrow.source in spots and arrow.target in spots]
    body = "".join([*drawn, *boxes])
    frame = f'viewBox="0 0 {_WIDTH} {height}" style="max-width:100%;height:auto;font:11px sans-serif" role="img"'
    title = f"<title>{counted(len(bars), 'turn')} of {counted(len(lanes), 'agent')}</title>"
    note = f'<div style="opacity:.7;font-size:.9em">{escape(legend)}.{more}</div>'
    return literal(f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" {frame}>{title}{body}</svg>{note}')


def _near(bars: Sequence[LaneBar]) -> Sequence[LaneBar]:
    """Return the bars about the first that it is about, as many as are drawn; where it is about none, the last."""
    about = next((place for place, bar in enumerate(bars) if "this" in bar.marks), len(bars))
    start = max(0, min(about - _MOST // 2, len(bars) - _MOST))
    return bars[start : start + _MOST]


def _lane(lane: str, number: int) -> str:
    y = _TOP + _LANE * number + _LANE / 2
    shown = lane if len(lane) <= 15 else f"{lane[:14]}…"  # noqa: PLR2004 - what fits to the left
    line = f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="{_QUIET}" stroke-opacity=".3"/>'
    return f'<text x="4" y="{y + 4}" fill="{_INK}">{escape(printable(shown))}</text>{line}'


def _box(bar: LaneBar, x: float, y: float, length: float) -> str:
    edge = _CRITICAL if "critical" in bar.marks else _SLOW if "straggler" in bar.marks else bar.colour
    width = 2.5 if "critical" in bar.marks or "this" in bar.marks else 1
    dashes = ' stroke-dasharray="4 2"' if "straggler" in bar.marks else ""
    fill = ".9" if "this" in bar.marks else ".45"
    told = f"{bar.name}, offset {bar.offset}, {(bar.stop - bar.start) / 1000:.2f} s"
    told += "".join(f", {mark}" for mark in bar.marks if mark != "this")
    told += f": {bar.remark}" if bar.remark else ""
    number = bar.name.rpartition("#")[2]
    label = f'<text x="{x + 2:.1f}" y="{y + 13:.1f}" fill="{_INK}" font-size="9">{escape(printable(number))}</text>'
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{length:.1f}" height="{_BAR}" rx="3" fill="{bar.colour}" '
        f'fill-opacity="{fill}" stroke="{edge}" stroke-width="{width}"{dashes}>'
        f"<title>{escape(printable(told))}</title></rect>{label}"
    )


def _arrow(arrow: Arrow, spots: dict[str, tuple[float, float, float]]) -> str:
    begun, x1, y1 = spots[arrow.source]
    x2, _, y2 = spots[arrow.target]
    x1 = min(x1, max(begun, x2))  # what was read while it was spoken goes straight over
    tint, width, alpha = (_CRITICAL, 2, 1) if arrow.critical else (_QUIET, 1, 0.5)
    bend = max(12.0, abs(x2 - x1) / 2)
    curve = f"M{x1:.1f},{y1:.1f} C{x1 + bend:.1f},{y1:.1f} {x2 - bend:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
    title = f"<title>{escape(printable(arrow.label))}</title>" if arrow.label else ""
    return (
        f'<path d="{curve}" fill="none" stroke="{tint}" stroke-width="{width}" stroke-opacity="{alpha}">{title}</path>'
    )
