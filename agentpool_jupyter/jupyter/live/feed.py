"""From the pool to the eyes: one feed a shown run, coalesced to some fifteen updates a second."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING

from agentpool_jupyter.display.screen import State
from agentpool_jupyter.errors import LogError, LogMovedError

from .view.past import Past
from .view.view import TeamView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentpool_jupyter.display.screen import RunStatus, Screen
    from agentpool_jupyter.pool import Event, Pool

INTERVAL = 1 / 15
"""Seconds between two updates: quick to the eye, far below what a notebook's message channel can carry."""
_AT_ONCE = 5_000
"""Events, about, that are taken in before what came of them is shown: a long history is seen on its way."""
_BREATH = 0.001
"""Seconds between two such parts: a page that has opened would not get its turn otherwise before all was taken in."""
_UNGREETED = 2.0
"""Seconds between two whole states until a first view has asked for one. Where the front end has no subshells, no
question comes through while a cell blocks, and a view that opened then would stay empty until the run has ended."""


class Feed:
    """Follows a pool's log for one run and shows it on a screen until the run ends, or :meth:`close`."""

    def __init__(self, pool: Pool, run: str, screen: Screen) -> None:
        record = pool.runs[run]
        self._name = pool.name
        self._screen = screen
        self._lock = threading.RLock()  # guards the view and the order of what is shown
        self._pool = pool
        self._view = TeamView.before(pool, record)
        self._past = Past(self._view, record.start, self._view.line)
        self._stored = pool.end  # what the log holds already is history: an end in it may have been resumed from
        self._shown = 0
        self._greeted = False
        self._due = time.monotonic() + _UNGREETED
        self._follower = pool.follow(record.start)
        self._arrived: SimpleQueue[Sequence[Event]] = SimpleQueue()
        self._wake = threading.Event()
        self._closed = False
        self.ended = threading.Event()
        """Set once the run's end was shown, or the feed was closed."""
        self._reader = threading.Thread(target=self._read, name=f"agentpool-feed-{run}", daemon=True)
        # In the caller's context, by which a kernel knows the cell that what is printed belongs to.
        self._painter = threading.Thread(
            target=copy_context().run, args=(self._paint,), name=f"agentpool-paint-{run}", daemon=True
        )
        self._reader.start()
        self._painter.start()

    def state(self) -> State:
        """Return what a notebook is to keep of what is shown now."""
        with self._lock:
            return self._view.kept()

    @property
    def said(self) -> int:
        """Characters of all that was said so far."""
        with self._lock:
            return self._view.said

    def then(self, at: int) -> tuple[int, State, list[str]]:
        """Return the last offset before a moment (milliseconds since the epoch), and what was shown then.

        Turns that are now as they were then are not part of it: of those there are the ids.
        """
        with self._lock:
            moment = self._past.moment(at)
        view = moment.view.copy()
        for event in self._pool.events(moment.begin, moment.stop):
            view.absorb(event)
        with self._lock:
            return moment.at, *view.then(self._view)

    def show_again(self) -> None:
        """Show everything afresh: a view has opened or missed something."""
        with self._lock:
            self._greeted = True
            for told in self._view.opening():
                if isinstance(told, State):
                    self._screen.show_state(told)
                else:
                    self._screen.show_patch(told)

    def look_again(self) -> None:
        """Show what was done to the history of a run that has ended: nothing is followed any more."""
        if not self.ended.is_set():
            return
        with self._lock, suppress(LogError):  # of a pool that was compacted or deleted meanwhile
            for event in self._pool.events(self._shown):
                self._take_in(event)
            if (patch := self._view.patch()) is not None:
                self._screen.show_patch(patch)
                self._screen.show_state(self._view.kept(), keep=True)

    def stopping(self) -> None:
        """Show at once that the run is being stopped."""
        with self._lock:
            self._view.mark("stopping")
        self._wake.set()

    def close(self) -> None:
        """Show what is left and end both threads; twice is fine."""
        self._closed = True
        self._follower.close()
        self._wake.set()
        if threading.current_thread() is not self._painter:
            self._painter.join()
            self._reader.join()

    def _read(self) -> None:
        try:
            for batch in self._follower.batches():
                self._arrived.put(batch)
                self._wake.set()
            if not self._closed:
                self._break_off("lost", "its pool was closed")
        except LogMovedError:
            self._break_off("lost", f"its pool was compacted or deleted: `%agents attach {self._name}` shows it again")
        except LogError as error:
            self._break_off("failed", str(error))
        self._closed = True
        self._wake.set()

    def _take_in(self, event: Event) -> None:
        self._view.absorb(event)
        self._past.note(event, self._view)
        self._shown = event.offset + 1

    def _break_off(self, status: RunStatus, reason: str) -> None:
        """Show that nothing more will be shown, though the run has not ended."""
        with self._lock:
            if self._view.run.finished is None:
                self._view.run.reason = reason
                self._view.mark(status)

    def _paint(self) -> None:
        pause = threading.Event()
        try:
            while not self._closed and (self._view.run.finished is None or self._shown < self._stored):
                self._wake.wait(None if self._greeted else _UNGREETED)
                self._wake.clear()
                while self._show():
                    time.sleep(_BREATH)
                pause.wait(INTERVAL)
            while self._show():
                time.sleep(_BREATH)
            with self._lock:
                self._screen.show_state(self._view.kept(), keep=True)
        finally:
            self._follower.close()
            self.ended.set()

    def _show(self) -> bool:
        """Show what has arrived; returns whether there is more."""
        with self._lock:
            taken = 0
            while taken < _AT_ONCE and not self._arrived.empty():
                for event in (batch := self._arrived.get()):
                    self._take_in(event)
                taken += len(batch)
            patch = self._view.patch()
            if patch is not None:
                self._screen.show_patch(patch)
            if not self._greeted and time.monotonic() >= self._due:
                self._due = time.monotonic() + _UNGREETED
                self._screen.show_state(self._view.kept())
        return taken >= _AT_ONCE
