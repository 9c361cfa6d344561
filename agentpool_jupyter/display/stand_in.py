"""What stands in for a widget where it cannot be shown: on a page without its kernel, in an export, in a viewer.

A saved notebook has both, one output below the other, and a mark ties them. While the widget lives, a style of its own
hides what stands in; where it cannot be shown, the other's style hides what the front end says about that.
"""

from __future__ import annotations


def hiding_css(mark: str) -> str:
    """Return the style that hides what stands in, for the widget."""
    return f".jp-OutputArea-child:has(.{mark}), .{mark} {{display: none}}"


def hiding_html(mark: str) -> str:
    """Return the same as HTML, for a widget that is made of HTML."""
    return f"<style>{hiding_css(mark)}</style>"


def stand_in_html(mark: str, widget: str, html: str) -> str:
    """Return what stands in with its mark, and with the style that hides an output in which nothing of a class is."""
    lost = f".jp-OutputArea-child:not(:has(.{widget})):has(+ .jp-OutputArea-child .{mark})"
    return f'<style>{lost} {{display: none}}</style><div class="{mark}">{html}</div>'
