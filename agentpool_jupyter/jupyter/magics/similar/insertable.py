"""What ``%similar`` found: matches that can be put into the pool, by a click where there are widgets."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from uuid import uuid4

from agentpool_jupyter.display.fallback import plain
from agentpool_jupyter.recall import Matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.pool.events import Message

    from .widget import MatchesWidget


class InsertableMatches(Matches):
    """Matches, and how one of them gets into the pool that was asked."""

    def __init__(self, found: Matches, about: str, post: Callable[[str], Message]) -> None:
        super().__init__(list(found), found.notes, about=about)
        self._post = post
        self.inserted: dict[int, int] = {}
        """The offsets of those that were put into the pool, by their number."""
        self._lock = threading.Lock()  # clicks come on the threads of subshells

    def insert(self, number: int = 0) -> int:
        """Post a match into the pool as a message of yours, with its source in front, and return the offset.

        Each goes in once: asked again, the offset is the same. Raises IndexError, and what ``Pool.post`` raises.
        """
        number = range(len(self))[number]
        with self._lock:
            if number not in self.inserted:
                self.inserted[number] = self._post(self[number].quote).offset
            return self.inserted[number]


class ClickableMatches(InsertableMatches):
    """Matches in a notebook: a table of widgets, and the plain table for where no kernel is.

    A saved notebook has both; see :mod:`.display.fallback`.
    """

    def __init__(self, found: Matches, about: str, post: Callable[[str], Message]) -> None:
        super().__init__(found, about, post)
        self._mark = f"agentpool-matches-{uuid4().hex[:12]}"
        self._widget: MatchesWidget | None = None

    def insert(self, number: int = 0) -> int:
        """See :meth:`InsertableMatches.insert`; the table shows it."""
        number = range(len(self))[number]
        offset = super().insert(number)
        if self._widget is not None:
            self._widget.show_inserted(number, offset)
        return offset

    def _ipython_display_(self) -> None:
        from IPython.display import display  # noqa: PLC0415 - only where it is shown

        from .widget import MatchesWidget  # noqa: PLC0415

        if self._widget is None:
            self._widget = MatchesWidget(self, self.inserted, self.insert, mark=self._mark)
        # No words of its own where widgets are not known: the plain table follows.
        display({**self._widget.view(), "text/plain": ""}, raw=True)
        display({"text/html": self._repr_html_(), "text/plain": repr(self)}, raw=True)

    def _repr_html_(self) -> str:
        return plain(self._mark, super()._repr_html_())

    def close(self) -> None:
        """Let go of the widget; the plain table takes its place in the page."""
        if self._widget is not None:
            self._widget.close()
            self._widget = None
