"""Hits as a table of widgets: one row a hit, and a button in each that puts it into the pool."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Button, HBox, Layout, VBox

from agentpool_jupyter.display.fallback import CLASS, hide_plain
from agentpool_jupyter.display.hits import head_html, notes_html, row_html
from agentpool_jupyter.errors import AgentPoolError
from agentpool_jupyter.jupyter.live.wire import hear_at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentpool_jupyter.recall import Matches

_WIDGET = "application/vnd.jupyter.widget-view+json"


class MatchesWidget:
    """Shows hits until it is closed. Texts are escaped; they never become markup."""

    def __init__(
        self, hits: Matches, inserted: Mapping[int, int], insert: Callable[[int], object], *, mark: str
    ) -> None:
        """Show hits, of which some are in the pool at an offset; a click calls ``insert`` with the hit's number."""
        self._hits = hits
        self._insert = insert
        wide, button = (
            Layout(flex="1 1 auto", width="auto", margin="0"),
            Layout(width="8.5em", flex="none", margin="3px 0 3px .8em"),
        )
        line = Layout(align_items="flex-start", border_top="1px solid var(--jp-border-color2, rgba(128, 128, 128, .3))")
        self._texts = [HTML(row_html(hit), layout=wide) for hit in hits.hits]
        self._buttons = [Button(description="Insert", icon="plus", layout=button) for _ in hits]
        rows = [HBox([text, push], layout=line) for text, push in zip(self._texts, self._buttons, strict=True)]
        head = HTML(hide_plain(mark) + head_html(len(hits), hits.about), layout=wide)
        self._box = VBox([head, *rows, HTML(notes_html(hits.notes), layout=wide)])
        self._box.add_class(CLASS)
        for number, push in enumerate(self._buttons):
            push.tooltip = "Post this into the pool as a message of yours"
            hear_at_once(push)
            push.on_click(partial(self._clicked, number))
        for number, offset in inserted.items():
            self.show_inserted(number, offset)

    def view(self) -> dict[str, Any]:
        """Return a new view of it, as a front end takes it."""
        return {_WIDGET: self._box._repr_mimebundle_()[_WIDGET]}

    def _clicked(self, number: int, button: Button) -> None:
        """Put a hit into the pool; an error is told in its row, and the button may be pressed again."""
        button.disabled = True
        button.description = "Inserting…"
        try:
            self._insert(number)  # which shows that it was
        except AgentPoolError as error:
            self._texts[number].value = row_html(self._hits[number].hit, f"{error}")
            button.description = "Try again"
            button.disabled = False

    def show_inserted(self, number: int, offset: int) -> None:
        """Say where in the pool a hit is now; it goes in once."""
        button = self._buttons[number]
        button.disabled = True
        button.icon = "check"
        button.description = f"Inserted at {offset}"
        self._texts[number].value = row_html(self._hits[number].hit)

    def close(self) -> None:
        """Take it from the page and let go of all its widgets."""
        for widget in (*self._texts, *self._buttons, *self._box.children, self._box):
            widget.close()
