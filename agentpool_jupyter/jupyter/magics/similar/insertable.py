"""What ``%similar`` found: matches that can be put into the pool, by a click where there are widgets."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from agentpool_jupyter.display.hits import WIDGETS, head_html, notes_html, row_html
from agentpool_jupyter.display.still import hiding_html, stand_in_html
from agentpool_jupyter.errors import AgentPoolError
from agentpool_jupyter.recall import Matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from ipywidgets import Button

    from agentpool_jupyter.pool.events import Message


_VIEW = "application/vnd.jupyter.widget-view+json"


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
    """Matches in a notebook: a table of widgets, and the plain table for where no kernel is."""

    def __init__(self, found: Matches, about: str, post: Callable[[str], Message]) -> None:
        super().__init__(found, about, post)
        self._mark = f"agentpool-matches-{uuid4().hex[:12]}"  # ties the two, see :mod:`.display.still`
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

        if self._widget is None:
            self._widget = MatchesWidget(self, self._mark)
        view = self._widget.box._repr_mimebundle_()
        # No words of its own where widgets are not known: the plain table follows.
        display({_VIEW: view[_VIEW], "text/plain": ""}, raw=True)
        display({"text/html": self._repr_html_(), "text/plain": repr(self)}, raw=True)

    def _repr_html_(self) -> str:
        return stand_in_html(self._mark, WIDGETS, super()._repr_html_())

    def close(self) -> None:
        """Let go of the widget; the plain table takes its place in the page."""
        if self._widget is not None:
            self._widget.close()
            self._widget = None


class MatchesWidget:
    """A table of widgets, a row a hit, with a button in each; texts are escaped, and never become markup."""

    def __init__(self, matches: ClickableMatches, mark: str) -> None:
        from ipywidgets import HTML, Button, HBox, Layout, VBox  # noqa: PLC0415 - only where it is shown

        from agentpool_jupyter.jupyter.comms import hear_at_once  # noqa: PLC0415

        self._matches = matches
        wide = Layout(flex="1 1 auto", width="auto", margin="0")
        narrow = Layout(width="8.5em", flex="none", margin="3px 0 3px .8em")
        line = Layout(align_items="flex-start", border_top="1px solid var(--jp-border-color2, rgba(128, 128, 128, .3))")
        self._texts = [HTML(row_html(hit), layout=wide) for hit in matches.hits]
        self._buttons = [Button(description="Insert", icon="plus", layout=narrow) for _ in matches]
        rows = [HBox([text, push], layout=line) for text, push in zip(self._texts, self._buttons, strict=True)]
        head = HTML(hiding_html(mark) + head_html(len(matches), matches.about), layout=wide)
        self.box = VBox([head, *rows, HTML(notes_html(matches.notes), layout=wide)])
        self.box.add_class(WIDGETS)
        for number, push in enumerate(self._buttons):
            push.tooltip = "Post this into the pool as a message of yours"
            hear_at_once(push)
            push.on_click(partial(self._clicked, number))
        for number, offset in matches.inserted.items():
            self.show_inserted(number, offset)

    def _clicked(self, number: int, button: Button) -> None:
        """Put a hit into the pool; an error is told in its row, and the button may be pressed again."""
        button.disabled = True
        button.description = "Inserting…"
        try:
            self._matches.insert(number)  # which shows that it was
        except AgentPoolError as error:
            self._texts[number].value = row_html(self._matches[number].hit, f"{error}")
            button.description = "Try again"
            button.disabled = False

    def show_inserted(self, number: int, offset: int) -> None:
        """Say where in the pool a hit is now; it goes in once."""
        button = self._buttons[number]
        button.disabled = True
        button.icon = "check"
        button.description = f"Inserted at {offset}"
        self._texts[number].value = row_html(self._matches[number].hit)

    def close(self) -> None:
        """Take it from the page and let go of all its widgets."""
        for widget in (*self._texts, *self._buttons, *self.box.children, self.box):
            widget.close()
