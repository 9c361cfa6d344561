"""A progress bar for long work that is done in a cell: HTML in a notebook, a line in a terminal, else one a step."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Self

from .console import Console
from .foreign import literal, printable

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY_SECONDS = 0.2


class ProgressBar:
    """Shows how far something is, until the block around it ends.

    ``show`` puts the bar on the page and returns what draws it again there; without, it is written.
    """

    def __init__(self, title: str, show: Callable[[ProgressBar], Callable[[ProgressBar], object]] | None) -> None:
        self._title = title
        self._show = show
        self._redraw: Callable[[ProgressBar], object] = lambda _: None
        self._share = 0.0
        self._note = "starting"
        self._told = 0.0
        self._console = Console(status=True)

    def tell(self, share: float, note: str) -> None:
        """Show how far it is now, from 0 to 1, and what it is at: a step, and after a comma what changes often."""
        self._share = max(self._share, share)
        changed, self._note = note.partition(",")[0] != self._note.partition(",")[0], note
        if self._show or self._console.redraws:
            if time.monotonic() - self._told > _EVERY_SECONDS:
                self._told = time.monotonic()
                self._redraw(self)
        elif changed:
            self._console.line(f"{self._title}: {note}")

    def __enter__(self) -> Self:
        if self._show:
            self._redraw = self._show(self)
        elif self._console.redraws:
            self._redraw = lambda bar: self._console.status(repr(bar))
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        self._note = "done" if kind is None else "broken off"
        self._share = 1.0 if kind is None else self._share
        self._redraw(self)
        if not self._show and self._console.redraws:
            self._console.status("")
            self._console.line(repr(self))

    def __repr__(self) -> str:
        return printable(f"{self._title}: {self._share:.0%}, {self._note}")

    def _repr_html_(self) -> str:
        bar = f'<progress max="1" value="{self._share:.3f}" style="width:16em;vertical-align:middle"></progress>'
        return literal(f"{escape(self._title)} {bar} {self._share:.0%}, {escape(self._note)}")
