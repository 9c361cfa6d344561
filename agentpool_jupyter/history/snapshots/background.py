"""Snapshots that are taken by themselves: after a run, and every so many events, in a process of their own."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import AgentPoolError
from agentpool_jupyter.pool.events import RunFinished
from agentpool_jupyter.pool.summary import SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentpool_jupyter.pool import Event, Pool

_JOIN_SECONDS = 5.0


class Background:
    """Starts a build when it is time, one at a time; a writer of the pool never waits for it."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._reached = 0
        self._worker: threading.Thread | None = None
        self._cancel = threading.Event()
        self.problem: AgentPoolError | OSError | None = None
        """Why the last build did not succeed; it is tried again when as much again is new."""

    def heed(self, pool: Pool, events: Sequence[Event]) -> None:
        """Start a build if what was stored makes it worth while."""
        if not (self._every and events) or self._cancel.is_set():
            return
        new = events[-1].offset + 1 - self._reached
        ended = new >= SCALE.window and any(isinstance(event, RunFinished) for event in events)
        if (ended or new >= self._every) and (self._worker is None or not self._worker.is_alive()):
            self._reached = events[-1].offset + 1
            self._worker = threading.Thread(
                target=self._build, args=(pool,), name=f"agentpool-snapshots-{pool.name}", daemon=True
            )
            self._worker.start()

    def _build(self, pool: Pool) -> None:
        from .build import snapshot  # noqa: PLC0415 - not before there is something to do

        try:
            snapshot(pool, engine="inline", cancel=self._cancel, patience=0)
            self.problem = None
        except (AgentPoolError, OSError) as error:  # such as a pool that is deleted meanwhile
            self.problem = error

    def close(self) -> None:
        """Break off what is under way."""
        self._cancel.set()
        if self._worker is not None and self._worker is not threading.current_thread():
            with contextlib.suppress(RuntimeError):
                self._worker.join(_JOIN_SECONDS)
