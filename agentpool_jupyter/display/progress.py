"""A progress bar for long work that is done in a cell: HTML in a notebook, one line a step elsewhere."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Any, Self

from IPython.display import display

if TYPE_CHECKING:
    from agentpool_jupyter.jobs import Progress

_EVERY_SECONDS = 0.2


class ProgressBar:
    """Shows how far a job is, until the block around it ends."""

    def __init__(self, title: str, *, shown: bool) -> None:
        self._title = title
        self._shown = shown
        self._handle: Any = None
        self._share = 0.0
        self._note = "starting"
        self._told = 0.0

    def tell(self, now: Progress) -> None:
        """Show how far the job is now."""
        part = now.done / now.total if now.total else 0.0
        half = {"map": 0.0, "reduce": 0.5}.get(now.phase)  # the two halves of a step; other phases are whole steps
        part = part if half is None else half + part / 2
        self._share = max(self._share, (now.step - 1 + part) / max(1, now.steps))
        note = f"step {now.step} of {now.steps}" + (f", {now.phase} {now.done}/{now.total}" if now.total else "")
        changed, self._note = note.partition(",")[0] != self._note.partition(",")[0], note
        if self._shown:
            if time.monotonic() - self._told > _EVERY_SECONDS:
                self._told = time.monotonic()
                self._handle.update(self)
        elif changed:
            print(f"{self._title}: {note}")  # noqa: T201 - what a terminal shows of a bar

    def __enter__(self) -> Self:
        if self._shown:
            self._handle = display(self, display_id=True)
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        self._note = "done" if kind is None else "broken off"
        self._share = 1.0 if kind is None else self._share
        if self._shown:
            self._handle.update(self)

    def __repr__(self) -> str:
        return f"{self._title}: {self._share:.0%}, {self._note}"

    def _repr_html_(self) -> str:
        bar = f'<progress max="1" value="{self._share:.3f}" style="width:16em;vertical-align:middle"></progress>'
        return f"<div>{escape(self._title)} {bar} {self._share:.0%}, {escape(self._note)}</div>"
