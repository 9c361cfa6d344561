"""Who read whom: agents on a circle and arrows between them, as an image of its own, and in words.

Pages that show notebooks of others (GitHub, JupyterLab where a notebook is not trusted) drop SVG that stands in HTML,
and leave an image; where that goes, too, its words stay.
"""

from __future__ import annotations

import math
from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.display.foreign import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SIZE, _RADIUS, _NODE = 300, 105, 26
_WORDS = 90  # pixels to each side, for names
_CROWDED = 12  # agents; a circle of more is drawn smaller
_INK = "#767676"  # read on white and on black: an image does not know the page's colours
_UPRIGHT = 0.1  # how far beside the middle a name stands above or below its circle
_DRAWN = 80  # arrows: the widest
_TOLD = 8  # flows that are told in words: the widest


class Flow(NamedTuple):
    """How much text of one agent went into prompts of another."""

    source: str
    target: str
    chars: int


def flows_text(flows: Sequence[Flow]) -> str:
    """Return flows in a line, the widest first; empty where nothing flowed."""
    widest = sorted((flow for flow in flows if flow.chars), key=lambda flow: -flow.chars)
    told = [f"{flow.source} → {flow.target} {flow.chars:,}" for flow in widest[:_TOLD]]
    if len(widest) > _TOLD:
        told.append(f"{len(widest) - _TOLD:,} more")
    return printable(f"who read whom, in characters: {', '.join(told)}") if told else ""


def flows_html(colours: Mapping[str, str], flows: Sequence[Flow]) -> str:
    """Return agents, each in its colour, and an arrow for all text that flowed, the wider the more, as an image."""
    count = len(colours)
    centre, node = _SIZE / 2, _NODE if count <= _CROWDED else max(4.0, _NODE * _CROWDED / count)
    places = {
        name: (
            centre + _RADIUS * math.sin(2 * math.pi * number / count),
            centre - _RADIUS * math.cos(2 * math.pi * number / count),
        )
        for number, name in enumerate(colours)
    }
    known = [flow for flow in flows if flow.chars and flow.source in places and flow.target in places]
    known = sorted(known, key=lambda flow: -flow.chars)[:_DRAWN]
    most = max((flow.chars for flow in known), default=0) or 1
    lines = "".join(
        _arrow(places[flow.source], places[flow.target], 1 + 5 * flow.chars / most, colours[flow.source], node)
        for flow in reversed(known)
    )
    nodes = "".join(_node(name, *places[name], tint, node) for name, tint in colours.items())
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-_WORDS} 0 {_SIZE + 2 * _WORDS} {_SIZE}" '
        f'font-family="sans-serif" font-size="{13 if count <= _CROWDED else 8}" fill="{_INK}">{lines}{nodes}</svg>'
    )
    told = escape(flows_text(flows) or "nobody has read anybody")
    source = f"data:image/svg+xml;base64,{b64encode(drawn.encode()).decode()}"
    return f'<img width="{_SIZE + 2 * _WORDS}" height="{_SIZE}" alt="{told}" src="{source}"/>'


def _node(name: str, x: float, y: float, tint: str, size: float) -> str:
    """Return a circle and its name, which stands outside of the ring, and points there where many are crowded."""
    shown = printable(name if len(name) <= 16 else f"{name[:15]}…")  # noqa: PLR2004 - what fits beside another
    ux, uy = (x - _SIZE / 2) / _RADIUS, (y - _SIZE / 2) / _RADIUS
    circle = f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{size:.0f}" fill="{tint}"/>'
    left = ux < -_UPRIGHT
    if size < _NODE:
        turned = math.degrees(math.atan2(uy, ux)) + (180 if left else 0)
        at = f'transform="translate({x + ux * (size + 3):.0f},{y + uy * (size + 3):.0f}) rotate({turned:.0f})" dy="3"'
    else:
        below = (12 if uy > 0 else -3) if abs(ux) <= _UPRIGHT else 4
        at = f'x="{x + ux * (size + 5):.0f}" y="{y + uy * (size + 5) + below:.0f}"'
    anchor = "end" if left else "start" if ux > _UPRIGHT or size < _NODE else "middle"
    return f'{circle}<text {at} text-anchor="{anchor}">{escape(shown)}</text>'


def _arrow(source: tuple[float, float], target: tuple[float, float], width: float, tint: str, node: float) -> str:
    dx, dy = target[0] - source[0], target[1] - source[1]
    length = math.hypot(dx, dy) or 1.0
    ux, uy = dx / length, dy / length
    side = 5 * node / _NODE  # the two directions run side by side
    x1, y1 = source[0] + ux * node - uy * side, source[1] + uy * node + ux * side
    x2, y2 = target[0] - ux * (node + 8) - uy * side, target[1] - uy * (node + 8) + ux * side
    tip = (
        f"M{x2 + ux * 8:.0f},{y2 + uy * 8:.0f} {x2 - uy * 5:.0f},{y2 + ux * 5:.0f} {x2 + uy * 5:.0f},{y2 - ux * 5:.0f}z"
    )
    return (
        f'<path d="M{x1:.0f},{y1:.0f} {x2:.0f},{y2:.0f}" stroke="{tint}" stroke-width="{width:.1f}" opacity=".7"/>'
        f'<path d="{tip}" fill="{tint}"/>'
    )
