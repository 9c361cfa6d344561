"""A list of the turns that a trace names: whoever picks one sees it explained below, without another cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from agentpool_jupyter.display.hits import WIDGETS
from agentpool_jupyter.display.note import remarks_html
from agentpool_jupyter.display.still import stand_in_html
from agentpool_jupyter.errors import AgentPoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_VIEW = "application/vnd.jupyter.widget-view+json"
_FIRST = "pick a turn …"


class TurnPicker:
    """A list of widgets; ``explain`` returns a turn's explanation as HTML, everything in it escaped, by its id."""

    def __init__(self, turns: Sequence[tuple[str, str]], explain: Callable[[str], str]) -> None:
        """``turns`` are labels and ids."""
        from ipywidgets import HTML, Dropdown, Layout, VBox  # noqa: PLC0415 - only where it is shown

        from agentpool_jupyter.jupyter.comms import hear_at_once  # noqa: PLC0415

        self._explain = explain
        self._list = Dropdown(options=[(_FIRST, ""), *turns], description="Explain", layout=Layout(width="24em"))
        self._shown = HTML()
        self.box = VBox([self._list, self._shown])
        self.box.add_class(WIDGETS)
        hear_at_once(self._list)
        self._list.observe(self._picked, names="value")

    def _picked(self, change: dict[str, Any]) -> None:
        """Show what was picked; what cannot be read is told in its place."""
        try:
            self._shown.value = self._explain(change["new"]) if change["new"] else ""
        except AgentPoolError as error:
            self._shown.value = remarks_html([f"{error}"])

    def display(self) -> None:
        """Show it; where widgets cannot be shown, nothing is to be seen of it."""
        from IPython.display import display  # noqa: PLC0415 - only where it is shown

        view = self.box._repr_mimebundle_()
        display({_VIEW: view[_VIEW], "text/plain": ""}, raw=True)
        mark = f"agentpool-picker-{uuid4().hex[:12]}"
        display({"text/html": stand_in_html(mark, WIDGETS, ""), "text/plain": ""}, raw=True)

    def close(self) -> None:
        """Take it from the page and let go of its widgets."""
        for widget in (self._list, self._shown, self.box):
            widget.close()
