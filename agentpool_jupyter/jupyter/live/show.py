"""One shown run: its feed, its screen, and what the screen's buttons do."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from agentpool_jupyter.agents.runs.claims import ask_to_stop
from agentpool_jupyter.display.still import Still
from agentpool_jupyter.display.terminal import TextScreen
from agentpool_jupyter.errors import AgentPoolError

from .answers import Answers
from .feed import Feed
from .wire import Ask, Hello, Look, Resolve, Say, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.agents import Run
    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.recall import RecallIndex

    from .widget import FrontEnd, TeamWidget
    from .wire import ToKernel


class Show:
    """Shows a run, of this process (``run``) or of another one, until it ends.

    In a notebook that is a widget, which stays as it is at the end, and below it, out of sight while the widget can be
    shown, a still picture: the saved notebook shows the result without a kernel. Elsewhere, without a ``front_end``, it
    is text.
    """

    def __init__(
        self,
        pool: Pool,
        run_id: str,
        run: Run | None,
        front_end: FrontEnd | None,
        index: Callable[[Pool], RecallIndex] | None = None,
    ) -> None:
        """``index`` gives the index of a pool's store, where one is held open."""
        self.pool = pool
        self.run = run
        self.run_id = run_id
        self._widget: TeamWidget | None = None
        self._handle = None
        self._done = threading.Lock()
        if front_end is not None:
            from IPython.display import display  # noqa: PLC0415

            from .widget import TeamWidget  # noqa: PLC0415

            self._widget = TeamWidget(front_end)
            self._feed = Feed(pool, run_id, self._widget)
            self._answers = Answers(run_id, self._widget.show_answer, index)
            self._widget.on_view_message(partial(self._hear, self._widget))
            display(self._widget.view, raw=True)
            self._handle = display(self._widget.stand_in(Still(self._feed.state())), raw=True, display_id=True)
        else:
            self._feed = Feed(pool, run_id, TextScreen())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the end was shown; returns whether it was."""
        return self._feed.ended.wait(timeout)

    def finish(self) -> None:
        """Leave the still picture of the end; the widget lives on, also for pages that are opened again."""
        if self._widget is not None and self._handle is not None and self._done.acquire(blocking=False):
            self._handle.update(self._widget.stand_in(Still(self._feed.state())), raw=True)

    def finish_later(self) -> None:
        """Do the same once the run has ended, without holding up the caller."""

        def work() -> None:
            self.wait()
            self.finish()

        threading.Thread(target=work, name=f"agentpool-show-{self.run_id}", daemon=True).start()

    def go_on_with(self, pool: Pool) -> None:
        """Take another pool from now on: the same one, opened again."""
        self.pool = pool
        if self.run is not None:
            self.run.pool = pool

    def close(self) -> None:
        """End the feed and let go of the widget; the picture takes its place in the page."""
        self._feed.close()
        self.finish()
        if self._widget is not None:
            self._answers.close()
            self._widget.close()

    def _hear(self, widget: TeamWidget, message: ToKernel) -> None:
        """Do what a view asks for; runs on whichever thread takes the kernel's comm messages."""
        match message:
            case Hello():
                self._feed.show_again()
            case Stop() if self.run is not None:
                self._feed.stopping()
                self.run.stop(timeout=0)
            case Stop():  # of another process
                self._feed.stopping()
                self._or_tell(widget, lambda: ask_to_stop(self.pool, self.pool.runs[self.run_id]))
            case Say(text=text):
                self._or_tell(widget, lambda: self.pool.post(text))
            case Look(view=view, at=at):
                self._or_tell(widget, lambda: widget.show_then(view, at, *self._feed.then(at)))
            case Ask():
                self._answers.ask(self.pool, message)
            case Resolve(id=proposal, accept=accept, text=text, seen=seen, more=more):
                self._or_tell(widget, lambda: self.pool.vote_all({proposal: seen, **more}, text, accept=accept))

    def _or_tell(self, widget: TeamWidget, do: Callable[[], object]) -> None:
        """Do it, or show in the view why it cannot be done."""
        try:
            do()
        except AgentPoolError as error:
            widget.show_problem(str(error))
