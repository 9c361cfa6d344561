"""A table of widgets, and the plain table that takes its place where no kernel is.

A saved notebook has both, one output below the other, and a mark ties them. While the widget lives, its style hides
the plain table; where it cannot be shown, the plain table's style hides what the front end says about that.
"""

from __future__ import annotations

from html import escape

CLASS = "agentpool-hits"
"""The class that the table of widgets has."""
_ROW = "display:grid;grid-template-columns:7em minmax(7em, 11em) 1fr;gap:.2em 1em;line-height:1.4;padding:.3em 0"
_BAD = "var(--jp-error-color1, #d32f2f)"


def hide_plain(mark: str) -> str:
    """Return the style that hides the plain table, for the widget."""
    return f"<style>.jp-OutputArea-child:has(.{mark}), .{mark} {{display: none}}</style>"


def plain(mark: str, inner: str) -> str:
    """Return the HTML of the plain table, with the style that hides a widget that cannot be shown."""
    lost = f".jp-OutputArea-child:not(:has(.{CLASS})):has(+ .jp-OutputArea-child .{mark})"
    return f'<style>{lost} {{display: none}}</style><div class="{mark}">{inner}</div>'


def row(score: str, source: str, passage: str, error: str = "") -> str:
    """Return a row of HTML cells as HTML; what went wrong stands below them, escaped."""
    told = f'<div role="alert" style="grid-column:1/-1;color:{_BAD}">{escape(error)}</div>' if error else ""
    cells = f'<div>{score}</div><div style="overflow-wrap:anywhere">{source}</div><div>{passage}</div>'
    return f'<div style="{_ROW}">{cells}{told}</div>'
