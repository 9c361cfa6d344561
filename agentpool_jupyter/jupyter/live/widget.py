"""The live widget, kernel side; its front end, ``labextension/src``, is bundled into ``static/`` by the build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets
import msgspec
import traitlets

from agentpool_jupyter.display.screen import Then
from agentpool_jupyter.display.still import hiding_css, new_mark, stand_in_html
from agentpool_jupyter.errors import ServiceError
from agentpool_jupyter.jupyter.comms import hear_at_once

from .wire import Problem, ToKernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.display.screen import Patch, State
    from agentpool_jupyter.display.still import Still

    from .cards import Alike, Card, Spread, Untold
    from .wire import ActOutcome


def _bundled(name: str) -> Path:
    """Return the path of a built file of the front end; raises ServiceError where it was not built."""
    path = Path(__file__).parent / "static" / name
    if not path.is_file():
        message = f"the widget's front end was not built: {path} is missing; `pip install -e .` builds it"
        raise ServiceError(message)
    return path


def stand_in(mark: str, picture: Still) -> dict[str, Any]:
    """Return a picture that stands in for the widget of a mark; one of a run that goes on says which that is.

    By that the JupyterLab extension puts the result in its place, in a page that was not there when it came.
    """
    run = picture.state.run
    data = {} if picture.ended else {"pool": run.pool, "run": run.run}
    html = stand_in_html(mark, "agentpool-widget", picture._repr_html_(), data)
    return {"text/html": html, "text/plain": repr(picture)}


class FrontEnd(ipywidgets.Widget):  # type: ignore[misc]  # its types are not followed
    """What draws the widgets of a notebook: one model for all, since each model's state is saved with it."""

    code = traitlets.Unicode().tag(sync=True)
    style = traitlets.Unicode().tag(sync=True)

    def __init__(self) -> None:
        super().__init__(code=_bundled("widget.js").read_text(), style=_bundled("widget.css").read_text())
        hear_at_once(self)

    def leave_out(self) -> None:
        """Take the code out of what others know, where nobody has drawn anything with it yet.

        Who runs a notebook without a page (nbclient) writes the state of all widgets into it. A page that needs the
        code after all asks for the state.
        """
        self.comm.send(data={"method": "update", "state": {"code": "", "style": ""}, "buffer_paths": []})


class TeamWidget(anywidget.AnyWidget):  # type: ignore[misc]  # its types are not followed
    """Shows one run in any number of views, by messages of :mod:`.wire`; keeps no thread, no state but the snapshot.

    Whatever is sent goes to every open view, from any thread; views that open later say Hello and are answered
    with a State.
    """

    _esm = _bundled("loader.js")

    front_end = traitlets.Unicode().tag(sync=True)
    """The id of the FrontEnd's model."""
    snapshot = traitlets.Unicode("").tag(sync=True)
    """The last State that was kept, as JSON: what a page without a kernel shows."""
    hides = traitlets.Unicode().tag(sync=True)
    """The style by which it hides what stands in for it."""

    def __init__(self, front_end: FrontEnd) -> None:
        self.mark = new_mark()
        self._opened = False
        super().__init__(front_end=front_end.model_id, hides=hiding_css(self.mark))
        hear_at_once(self)

    @property
    def view(self) -> dict[str, Any]:
        """What is displayed: without words of its own where widgets are not known, as what stands in for it follows."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, "text/plain": ""}

    def stand_in(self, picture: Still) -> dict[str, Any]:
        """Return what is displayed below, for where the widget cannot be shown."""
        return stand_in(self.mark, picture)

    def show_state(self, state: State, *, keep: bool = False) -> None:
        """Show a state in every view; with ``keep`` the notebook keeps it too (rarely: it is sent twice)."""
        if keep:
            self.snapshot = msgspec.json.encode(state).decode()
        self._opened = True
        self.send(msgspec.to_builtins(state))

    def show_patch(self, patch: Patch) -> None:
        """Send what changed; ``patch.seq`` is one more than that of the state or patch before.

        Before the first state there is no view that could take it.
        """
        if self._opened:
            self.send(msgspec.to_builtins(patch))

    def show_then(self, view: str, at: int, offset: int, state: State, same: list[str]) -> None:
        """Answer a view that asked how everything stood at a moment."""
        self.send(msgspec.to_builtins(Then(view=view, at=at, offset=offset, state=state, same=same)))

    def show_outcome(self, outcome: ActOutcome) -> None:
        """Answer a view that asked for something to be done."""
        self.send(msgspec.to_builtins(outcome))

    def show_answer(self, answer: Card | Alike | Spread | Untold) -> None:
        """Answer a view that asked about a turn."""
        self.send(msgspec.to_builtins(answer))

    def show_problem(self, text: str) -> None:
        """Show for a while that something a view asked for could not be done."""
        self.send(msgspec.to_builtins(Problem(text=text)))

    def on_view_message(self, listener: Callable[[ToKernel], None]) -> None:
        """Call ``listener`` with each message of a view, on the thread that takes the kernel's comm messages.

        Messages that this version does not know are ignored: the page may be newer than the kernel.
        """

        def receive(_widget: TeamWidget, content: object, _buffers: object) -> None:
            try:
                message: ToKernel = msgspec.convert(content, ToKernel)
            except msgspec.ValidationError:
                return
            listener(message)

        self.on_msg(receive)

    def __repr__(self) -> str:
        return "TeamWidget()"
