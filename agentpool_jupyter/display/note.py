"""An answer in a sentence, and what may stand below one: a warning, remarks."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MAGIC = re.compile(r"%\w+ [-\w]+")


class Note(str):
    """A text that displays as itself, without the quotes of a string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def answer_html(told: str, warning: str, about: Sequence[str]) -> str:
    """Return an answer as HTML, the magics in it as code; a warning follows where it is about something."""
    items = "".join(f"<li>{escape(item)}</li>" for item in about)
    below = f"<p>⚠ {escape(warning)}</p><ul>{items}</ul>" if items else ""
    told = _MAGIC.sub(r"<code>\g<0></code>", escape(told))
    return f"<p>{told}</p>{below}"


def remarks_html(remarks: Iterable[str]) -> str:
    """Return remarks as HTML, each a paragraph."""
    return "".join(f"<p><em>{escape(remark)}</em></p>" for remark in remarks)
