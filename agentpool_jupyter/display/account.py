"""An account of something in parts, each below a title: plain text that is complete, and HTML that folds away."""

from __future__ import annotations

from abc import ABC, abstractmethod
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from .foreign import literal, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .table import Table

_PRE = "white-space:pre-wrap;overflow-wrap:anywhere;margin:.2em 0 .6em 1em;word-break:normal"


class Part(NamedTuple):
    """One part of an account."""

    title: str
    body: str | Table = ""
    """What is said of it; a part without is its title alone."""
    drawn: str = ""
    """HTML that shows the same better than the body; it has been escaped."""
    shut: bool = False
    """Folded away in a page, where it is opened by a click."""


class Account(ABC):
    """Something that is told in parts below a head; all texts of its HTML are escaped, and no script is needed."""

    @property
    @abstractmethod
    def head(self) -> str:
        """What it is about, in a line."""

    @abstractmethod
    def _parts(self) -> Sequence[Part]: ...

    def __str__(self) -> str:
        return printable("\n\n".join([self.head, *map(_text, self._parts())]))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return literal(
            '<div class="agentpool-trace" style="line-height:1.4">'
            f"<p><strong>{escape(printable(self.head))}</strong></p>{''.join(map(_html, self._parts()))}</div>"
        )


def _text(part: Part) -> str:
    body = part.body if isinstance(part.body, str) else repr(part.body)
    return "\n".join([part.title, *(f"    {line}".rstrip() for line in body.splitlines())])


def _html(part: Part) -> str:
    if not (part.body or part.drawn):
        return f"<p>{escape(printable(part.title))}</p>"
    if part.drawn:
        inner = part.drawn
    elif isinstance(part.body, str):
        inner = f'<pre style="{_PRE}">{escape(printable(part.body))}</pre>'
    else:
        inner = part.body._repr_html_()
    return f"<details{'' if part.shut else ' open'}><summary>{escape(printable(part.title))}</summary>{inner}</details>"
