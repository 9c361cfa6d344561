"""One shown run: its feed, its screen, and what the screen's buttons do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from agentpool_jupyter.agents.runs.claims import ask_to_stop
from agentpool_jupyter.display.console import Console
from agentpool_jupyter.display.terminal import TextScreen
from agentpool_jupyter.jupyter import faults

from .answers import Answers
from .feed import Feed
from .kept import KeptPicture
from .wire import ActAt, Ask, Hello, Look, Resolve, Say, Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agentpool_jupyter.agents import Run
    from agentpool_jupyter.display.screen import State
    from agentpool_jupyter.pool import Pool
    from agentpool_jupyter.recall import RecallIndex

    from .widget import FrontEnd, TeamWidget
    from .wire import ToKernel


class Show:
    """Shows a run, of this process (``run``) or of another one, until it ends.

    In a notebook that is a widget, which stays as it is at the end, and below it, out of sight while the widget can be
    shown, a still picture, kept up while the run goes on: a notebook that is saved shows without a kernel how it stood.
    Elsewhere, without a ``front_end``, it is text, below which a terminal says who does what, if somebody ``waits``.
    """

    def __init__(
        self,
        pool: Pool,
        run_id: str,
        run: Run | None,
        front_end: FrontEnd | None,
        running: Callable[[], Iterable[Run]] = tuple,
        *,
        index: Callable[[Pool], RecallIndex] | None = None,
        waits: bool = False,
    ) -> None:
        """Show it at once; ``running`` are the runs of this kernel, of which one may be left by a rollback.

        ``index`` gives the index of a pool's store, where one is held open.
        """
        self.pool = pool
        self.run = run
        self.run_id = run_id
        self.seen = False
        """Whether a page has drawn it. Its Hello may wait until the cell has ended, and other messages come before."""
        self._widget: TeamWidget | None = None
        self._picture: KeptPicture | None = None
        self._running = running
        # A rollback waits for the team's streams to stop: meanwhile the page is answered.
        self._deeds = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"agentpool-act-{run_id}")
        if front_end is not None:
            from IPython.display import display  # noqa: PLC0415 - only where there is a notebook

            from .widget import TeamWidget  # noqa: PLC0415

            self._widget = TeamWidget(front_end)
            self._feed = Feed(pool, run_id, self._widget)
            self._answers = Answers(run_id, self._widget.show_answer, index)
            self._widget.on_view_message(partial(self._hear, self._widget))
            display(self._widget.view, raw=True)
            self._picture = KeptPicture(self._widget, self._feed)
        else:
            self._feed = Feed(pool, run_id, TextScreen(Console(status=waits)))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the end was shown; returns whether it was."""
        return self._feed.ended.wait(timeout)

    def finish(self) -> None:
        """Have the still picture show how it stands now; the widget lives on, also for pages that are opened again."""
        if self._picture is not None:
            self._picture.update()

    @property
    def state(self) -> State:
        """What is shown now."""
        return self._feed.state()

    def go_on_with(self, pool: Pool) -> None:
        """Take another pool from now on: the same one, opened again."""
        self.pool = pool
        if self.run is not None:
            self.run.pool = pool

    def close(self) -> None:
        """End the feed and let go of the widget; the picture takes its place in the page."""
        self._deeds.shutdown()
        self._feed.close()
        self.finish()
        if self._widget is not None:
            self._answers.close()
            self._widget.close()

    def _hear(self, widget: TeamWidget, message: ToKernel) -> None:
        """Do what a view asks for; runs on whichever thread takes the kernel's comm messages."""
        self.seen = True
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
            case ActAt():
                self._deeds.submit(self._act, widget, message)
            case Resolve(id=proposal, accept=accept, text=text, seen=seen, more=more):
                self._or_tell(widget, lambda: self.pool.vote_all({proposal: seen, **more}, text, accept=accept))

    def _act(self, widget: TeamWidget, act: ActAt) -> None:
        from .acting import carry_out  # noqa: PLC0415 - most runs are only looked at

        outcome = carry_out(self.pool, act, self._running())
        self._feed.look_again()
        widget.show_outcome(outcome)

    def _or_tell(self, widget: TeamWidget, do: Callable[[], object]) -> None:
        """Do it, or show in the view why it cannot be done."""
        try:
            do()
        except Exception as error:  # noqa: BLE001 - the page waits for an answer
            widget.show_problem(faults.told(error))
