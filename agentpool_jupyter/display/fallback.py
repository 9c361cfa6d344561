"""A table of widgets, and the plain table that takes its place where no kernel is.

A saved notebook has both, one output below the other, and a mark ties them. While the widget lives, its style hides
the plain table; where it cannot be shown, the plain table's style hides what the front end says about that.
"""

from __future__ import annotations

CLASS = "agentpool-hits"
"""The class that the table of widgets has."""


def hide_plain(mark: str) -> str:
    """Return the style that hides the plain table, for the widget."""
    return f"<style>.jp-OutputArea-child:has(.{mark}), .{mark} {{display: none}}</style>"


def plain(mark: str, inner: str) -> str:
    """Return the HTML of the plain table, with the style that hides a widget that cannot be shown."""
    lost = f".jp-OutputArea-child:not(:has(.{CLASS})):has(+ .jp-OutputArea-child .{mark})"
    return f'<style>{lost} {{display: none}}</style><div class="{mark}">{inner}</div>'
