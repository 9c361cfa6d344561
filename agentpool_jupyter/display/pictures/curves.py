"""Speed-ups against the size of a team, drawn beside what bounds them: a picture, a table and sentences."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from agentpool_jupyter.display.colours import PALETTE
from agentpool_jupyter.display.foreign import literal, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentpool_jupyter.display.table import Table

_WIDTH, _HEIGHT = 420, 260
_LEFT, _TOP, _RIGHT, _BOTTOM = 42, 10, 12, 36
_TICKS = 6  # at most, on each axis
_LEGEND = "speed-up: dots measured, line fitted, dashes Amdahl's bound, dotted n times as fast"
_INK = "var(--jp-content-font-color1, currentColor)"
_QUIET = "var(--jp-content-font-color2, GrayText)"
_LINE = "var(--jp-border-color2, rgba(128, 128, 128, .3))"


class Point(NamedTuple):
    """A size and its speed-up, with the ends of its interval; NaN where there is none."""

    n: float
    value: float
    low: float
    high: float


class Curve(NamedTuple):
    """One group: what was measured, and the lines beside it, each a list of ``(n, speed-up)``."""

    name: str
    points: Sequence[Point]
    law: Sequence[tuple[float, float]]
    bound: Sequence[tuple[float, float]]
    best: float
    """The size that is marked; infinite for none."""


class _Scale:
    """From sizes and speed-ups to places in the picture."""

    def __init__(self, curves: Sequence[Curve]) -> None:
        points = [point for curve in curves for point in curve.points]
        self.most = max(point.n for point in points)
        highest = [max(point.value, 0 if math.isnan(point.high) else point.high) for point in points]
        drawn = [value for curve in curves for _, value in (*curve.law, *curve.bound)]
        self.top = 1.08 * max(1.0, *highest, *drawn)

    def x(self, n: float) -> float:
        return _LEFT + (n - 1) / max(self.most - 1, 1) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - value / self.top * (_HEIGHT - _TOP - _BOTTOM)


def curves_text(table: Table, told: Sequence[str]) -> str:
    """Return the table and what was found, as text."""
    return "\n\n".join([repr(table), printable("\n".join(told))])


def curves_html(curves: Sequence[Curve], table: Table, told: Sequence[str]) -> str:
    """Return the picture, the table and what was found, as HTML that needs no kernel."""
    lines = "".join(f"<div>{escape(line)}</div>" for line in told)
    return literal(
        '<div style="display:flex;flex-wrap:wrap;gap:1.5em;align-items:flex-start">'
        f"<div>{_picture(curves)}<div><small>{_LEGEND}</small></div></div><div>{table._repr_html_()}</div></div>{lines}"
    )


def _picture(curves: Sequence[Curve]) -> str:
    scale = _Scale(curves)
    many = len(curves) > 1
    drawn = "".join(_curve(curve, PALETTE[i % len(PALETTE)], scale) for i, curve in enumerate(curves))
    names = "".join(_name(curve, PALETTE[i % len(PALETTE)], i) for i, curve in enumerate(curves)) if many else ""
    height = _HEIGHT + (16 * len(curves) if many else 0)
    return (
        f'<svg role="img" aria-label="speed-up against team size" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'font-size="11" fill="{_QUIET}">{_axes(scale)}{drawn}{names}</svg>'
    )


def _axes(scale: _Scale) -> str:
    low = f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{scale.y(0):.1f}" y2="{scale.y(0):.1f}" stroke="{_LINE}"/>'
    ticks = "".join(
        f'<text x="{scale.x(n):.1f}" y="{scale.y(0) + 14:.1f}" text-anchor="middle">{n:g}</text>'
        for n in _ticks(1, scale.most)
    ) + "".join(
        f'<text x="{_LEFT - 6}" y="{scale.y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{scale.y(value):.1f}" y2="{scale.y(value):.1f}" '
        f'stroke="{_LINE}" stroke-width=".5"/>'
        for value in _ticks(0, scale.top)
    )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    told = f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">team size</text>'
    ideal = min(scale.most, scale.top)
    return (
        f"{low}{ticks}{told}"
        f'<line x1="{scale.x(1):.1f}" y1="{scale.y(1):.1f}" x2="{scale.x(ideal):.1f}" y2="{scale.y(ideal):.1f}" '
        f'stroke="{_QUIET}" stroke-dasharray="1 4"><title>n times as fast</title></line>'
    )


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers from low to high, few enough to be read."""
    step = 1.0
    while (high - low) / step > _TICKS:
        step *= 2 if str(step)[0] in "15" else 2.5
    first = math.ceil(low / step) * step
    found = [first + i * step for i in range(int((high - first) / step) + 1)]
    return found if low in found or low == 0 else [low, *found]


def _curve(curve: Curve, colour: str, scale: _Scale) -> str:
    parts = [_path(curve.bound, colour, scale, "4 4", "Amdahl's bound"), _path(curve.law, colour, scale, "", "fitted")]
    if math.isfinite(curve.best) and curve.best <= scale.most:
        x = scale.x(curve.best)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{scale.y(0):.1f}" stroke="{colour}" '
            f'stroke-width=".7"><title>{escape(curve.name)} best size {curve.best:.1f}</title></line>'
        )
    for point in curve.points:
        x, spread = scale.x(point.n), ""
        if not math.isnan(point.low):
            spread = (
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{scale.y(point.low):.1f}" y2="{scale.y(point.high):.1f}" '
                f'stroke="{colour}" stroke-width="1.5"/>'
            )
        told = f"{curve.name} {point.n:g}: {point.value:.2f}".strip()
        dot = f'<circle cx="{x:.1f}" cy="{scale.y(point.value):.1f}" r="3.5" fill="{colour}">'
        parts.append(f"{spread}{dot}<title>{escape(told)}</title></circle>")
    return "".join(parts)


def _path(line: Sequence[tuple[float, float]], colour: str, scale: _Scale, dashes: str, told: str) -> str:
    points = " ".join(f"{scale.x(n):.1f},{scale.y(value):.1f}" for n, value in line)
    how = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{points}" fill="none" stroke="{colour}"{how}><title>{told}</title></polyline>'


def _name(curve: Curve, colour: str, place: int) -> str:
    y = _HEIGHT + 16 * place + 6
    return (
        f'<circle cx="{_LEFT}" cy="{y}" r="3.5" fill="{colour}"/>'
        f'<text x="{_LEFT + 10}" y="{y + 4}" fill="{_INK}">{escape(printable(curve.name))}</text>'
    )
