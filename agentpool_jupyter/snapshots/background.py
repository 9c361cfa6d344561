"""Snapshots that are taken by themselves: after a run, and every so many events.

What a run has said is summed up by a thread in less time than a process takes to start; for more than that there is a
process of its own.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import SnapshotsBusyError
from agentpool_jupyter.pool.events import RunFinished

from .summary import SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agentpool_jupyter.pool import Event, Pool

    Build = Callable[[Pool, threading.Event, bool], object]
    """Gets the pool, an event that is set when it is to be broken off, and whether to verify what is there."""

_JOIN_SECONDS = 5.0


class Background:
    """Starts a build when it is time, one at a time; a writer of the pool never waits for it."""

    def __init__(self, every: int, build: Build) -> None:
        self._every = every
        self._make = build
        self._lock = threading.Lock()
        self.reached = 0
        """Where snapshots end, and what is new begins."""
        self._worker: threading.Thread | None = None
        self._again = False
        self.distrusted = False
        """Whether something was damaged, so that the next build looks at all that is there."""
        self._cancel = threading.Event()
        self.problem: Exception | None = None
        """Why the last build did not succeed; it is tried again when as much again is new."""

    def heed(self, pool: Pool, events: Sequence[Event]) -> None:
        """Start a build if what was stored makes it worth while; never raises, for it is stored."""
        if not (self._every and events) or self._cancel.is_set():
            return
        end = events[-1].offset + 1
        ended = any(isinstance(event, RunFinished) for event in events)
        with self._lock:
            if end - self.reached < (SCALE.window if ended else self._every):
                return
            self.reached = end
            self._again = self._worker is not None
            if self._worker is None:
                name = f"agentpool-snapshots-{pool.name}"
                worker = threading.Thread(target=self._work, args=(pool,), name=name, daemon=True)
                try:
                    worker.start()
                    self._worker = worker
                except RuntimeError as error:  # no more threads
                    self.problem = error

    def _work(self, pool: Pool) -> None:
        while True:
            self._build(pool)
            with self._lock:
                if not self._again or self._cancel.is_set():
                    self._worker = None
                    return
                self._again = False

    def _build(self, pool: Pool) -> None:
        distrusted, self.distrusted = self.distrusted, False
        try:
            self._make(pool, self._cancel, distrusted)
        except SnapshotsBusyError:
            pass  # another process does it
        except Exception as error:  # noqa: BLE001 - whatever it is, such as a pool that is deleted meanwhile, is kept
            self.problem = error
            self.distrusted |= distrusted
        else:
            self.problem = None

    def close(self) -> None:
        """Break off what would take long, and wait for what is soon done: a short script leaves its snapshots, too."""
        self._cancel.set()
        worker = self._worker
        if worker is not None and worker is not threading.current_thread():
            with contextlib.suppress(RuntimeError):
                worker.join(_JOIN_SECONDS)
