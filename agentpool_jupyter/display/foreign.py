"""Texts that models, people and files wrote, made fit for a terminal and for a page: text there, and no more."""

from __future__ import annotations

import re

# Control characters but tab and newline, by which a text could set a terminal's title or clipboard or rub out lines;
# those that turn the direction of what follows; and halves of characters, which cannot be written.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Return a text in which what a terminal would obey stands as people write it, such as ``\x1b``."""
    return _UNFIT.sub(lambda found: found[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n"))


def literal(html: str) -> str:
    """Return HTML in which two amounts of dollars are no formula: by these classes MathJax 3 and 2 pass over it."""
    return f'<div class="mathjax_ignore tex2jax_ignore">{html}</div>'
