"""From the event loop to the log: events are appended in order, in batches, on a thread of their own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from agentpool_jupyter.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentpool_jupyter.pool import Event, Pool

_ROOM = 5_000  # events that may wait while the log is slow or away, before agents are held back


class Signal:
    """``wait()`` returns at the next ``notify()``, for any number of tasks; belongs to one event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wake all who wait now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the next notification."""
        await self._event.wait()


class Outbox:
    """Appends events to a pool in the order of ``put``; while one batch is on its way the next one gathers.

    Belongs to one event loop. Once the log has failed for good, ``put`` drops what it is given, and ``stored``
    and ``room`` raise the log's error.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[Event] = []
        self._due: list[Callable[[], object]] = []
        self._wake = asyncio.Event()
        self._written = Signal()
        self.error: LogError | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="agentpool-outbox")
        self._task = asyncio.create_task(self._work())

    def put(self, event: Event) -> None:
        """Queue an event; returns at once."""
        if self.error is None:
            self._waiting.append(event)
            self._wake.set()

    def soon(self, act: Callable[[], object], seconds: float) -> None:
        """Let something that puts events happen in so many seconds, or sooner: when what another has asked for does.

        What many agents say at the same time is then stored together, which takes less of everything.
        """
        if not self._due:
            asyncio.get_running_loop().call_later(seconds, self._act)
        self._due.append(act)

    async def room(self) -> None:
        """Wait while too much is queued; raises the log's error."""
        while len(self._waiting) > _ROOM and self.error is None:
            await self._written.wait()
        if self.error:
            raise self.error

    async def stored(self, event: Event) -> int:
        """Wait until an event that was put is durable and return its offset; raises the log's error."""
        while event.offset < 0:
            if self.error:
                raise self.error
            await self._written.wait()
        return event.offset

    async def close(self) -> None:
        """Stop the worker; what is still queued is not written (see ``stored``)."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _act(self) -> None:
        due, self._due = self._due, []
        for act in due:
            act()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            try:
                await loop.run_in_executor(self._executor, self._pool.append, batch)
            except Exception as error:  # noqa: BLE001 - whatever stops this task, who waits for it must be told
                self.error = error if isinstance(error, LogError) else LogError(f"{type(error).__name__}: {error}")
                self._waiting.clear()
            self._written.notify()
